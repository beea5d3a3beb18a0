/* The status codes: each number of both documents and the notes, by call. */
#include "cases.h"

#include "sectigo/code.h"

#define APPLY SECTIGO_AUTO_APPLY_ORDER
#define REPLACE SECTIGO_AUTO_REPLACE_SSL
#define MODIFY SECTIGO_MODIFY_THIRD_PARTY_DETAILS
#define COST SECTIGO_SL_GET_UPGRADE_COST
#define AUTHORIZE SECTIGO_AUTO_AUTHORIZE

static const struct {
    enum sectigo_call_kind call;
    int code;
    unsigned families;
    enum sectigo_class meaning;
    const char *text;
} rows[] = {
    /* reference 2.1 */
    {APPLY, 1, 0, SECTIGO_PLACED, "Successful, Payment Required"},
    {APPLY, 0, 0, SECTIGO_PLACED, "Successful"},
    {APPLY, -1, 0, SECTIGO_CONFIGURATION, "Request was not made over https!"},
    {APPLY, -2, 0, SECTIGO_CONFIGURATION, "'xxxx' is an unrecognised argument!"},
    {APPLY, -3, 0, SECTIGO_CONFIGURATION, "The 'xxxx' argument is missing!"},
    {APPLY, -4, 0, SECTIGO_CONFIGURATION, "The value of the 'xxxx' argument is invalid!"},
    {APPLY, -5, 0, SECTIGO_CSR_REFUSED, "The CSR's Common Name may NOT contain a wildcard!"},
    {APPLY, -6, 0, SECTIGO_CSR_REFUSED, "The CSR's Common Name MUST contain ONE wildcard!"},
    {APPLY, -7, 0, SECTIGO_CONFIGURATION, "'xx' is not a valid ISO-3166 country!"},
    {APPLY, -8, 0, SECTIGO_CONFIGURATION, "The CSR is missing a required field!"},
    {APPLY, -9, 0, SECTIGO_CSR_REFUSED, "The CSR is not valid Base-64 data!"},
    {APPLY, -10, 0, SECTIGO_CSR_REFUSED, "The CSR cannot be decoded!"},
    {APPLY, -11, 0, SECTIGO_CSR_REFUSED, "The CSR uses an unsupported algorithm!"},
    {APPLY, -12, 0, SECTIGO_CSR_REFUSED, "The CSR has an invalid signature!"},
    {APPLY, -13, 0, SECTIGO_CSR_REFUSED, "The CSR uses an unsupported key size!"},
    {APPLY, -14, 0, SECTIGO_UNKNOWN, "An unknown error occurred!"},
    {APPLY, -15, 0, SECTIGO_NO_CREDIT, "Not enough credit!"},
    {APPLY, -16, 0, SECTIGO_LOGIN_REFUSED, "Permission denied! Contact Sectigo Support"},
    {APPLY, -17, 0, SECTIGO_CONFIGURATION, "Request used GET rather than POST!"},
    {APPLY, -18, 0, SECTIGO_CSR_REFUSED, "The CSR's Common Name may not be a Fully-Qualified Domain Name!"},
    {APPLY, -18, SECTIGO_POSITIVESSL, SECTIGO_CSR_REFUSED, "may not be a Fully-Qualified Domain Name!"},
    {APPLY, -19, 0, SECTIGO_CSR_REFUSED, "The CSR's Common Name may not be an Internet-accessible IP Address!"},
    {APPLY, -35, 0, SECTIGO_CSR_REFUSED, "The CSR's Common Name may not be an IP Address!"},
    {APPLY, -40, 0, SECTIGO_CSR_REFUSED, "The CSR uses a key that is believed to have been compromised!"},
    {APPLY, -45, 0, SECTIGO_CONFIGURATION, "You can not renew trial license!"},
    {APPLY, -47, 0, SECTIGO_CONFIGURATION, "domainName is already validated!"},
    {APPLY, -53, 0, SECTIGO_CONFIGURATION, "Incorrect duration for main HG license"},
    {APPLY, -54, 0, SECTIGO_CONFIGURATION, "The order can have one main license only!"},
    {APPLY, -55, 0, SECTIGO_PERHAPS_PLACED_EARLIER, "This Request Token is not unique!"},
    {APPLY, -56, 0, SECTIGO_CONFIGURATION, "Your current license expires on <EXPIRATION_DATE>"},
    {APPLY, -57, 0, SECTIGO_CONFIGURATION, "The company name already exists in the service Qualys!"},
    {APPLY, -58, 0, SECTIGO_CONFIGURATION, "Additional IP Addresses pack is not available for trial license!"},
    {APPLY, -59, 0, SECTIGO_CONFIGURATION, "Additional IP Address Packs may only be purchased for an existing"},
    {APPLY, -60, 0, SECTIGO_CONFIGURATION, "To renew your access to the PCI portal"},
    {APPLY, -63, 0, SECTIGO_CONFIGURATION, "The e-mail already exists in the service CodeGuard"},
    {APPLY, -64, 0, SECTIGO_CONFIGURATION, "Unknown partner for the service CodeGuard"},
    {APPLY, -65, 0, SECTIGO_CONFIGURATION, "PlanID for this product not found."},
    {APPLY, -66, 0, SECTIGO_CONFIGURATION, "CodeGuard partner is not activated."},
    {APPLY, -67, 0, SECTIGO_CONFIGURATION, "The order can have one CodeGuard license only!"},
    {APPLY, -68, 0, SECTIGO_CONFIGURATION, "Argument 'xxxx' can be used just with License products!"},
    {APPLY, -69, 0, SECTIGO_CONFIGURATION, "CodeGuard sync service disabled!"},
    {APPLY, -70, 0, SECTIGO_CONFIGURATION, "Invalid Email Address!"},
    {APPLY, -71, 0, SECTIGO_CONFIGURATION, "The previous order must have a license of the same type!"},
    {APPLY, -81, 0, SECTIGO_CONFIGURATION, "The order must have a Document-Signing Certificate!"},
    {APPLY, -82, 0, SECTIGO_CONFIGURATION, "The order must have only one Web Package product!"},
    /* the response parameters */
    {APPLY, -18, SECTIGO_SITELOCK, SECTIGO_CONFIGURATION, "This order has already been refunded"},
    {APPLY, -20, 0, SECTIGO_CONFIGURATION, "The order has already been canceled"},
    {APPLY, -42, 0, SECTIGO_LATER, "Call limit reached, please try again later"},
    {APPLY, -76, 0, SECTIGO_CONFIGURATION, "SiteLock partner account isn't activated."},
    {APPLY, -115, 0, SECTIGO_CONFIGURATION, "No price found for product X"},
    {APPLY, -121, SECTIGO_SITELOCK_ADDON, SECTIGO_CONFIGURATION, "You cannot buy a lower tier add-on for this product"},
    {APPLY, -121, SECTIGO_SITELOCK, SECTIGO_CONFIGURATION, "Renew must be within the renewal period"},
    {APPLY, -121, SECTIGO_CODEGUARD, SECTIGO_CONFIGURATION, "Renew must be within the renewal period"},
    {APPLY, -121, SECTIGO_HACKERGUARDIAN, SECTIGO_CONFIGURATION, "Renew must be within the renewal period"},
    {APPLY, -122, 0, SECTIGO_CONFIGURATION, "Such domain or account (email) already exists"},
    {APPLY, -124, 0, SECTIGO_CONFIGURATION, "SSL PLUS SiteLock Bundle can only be ordered together"},
    /* reference 7 and 8 */
    {SECTIGO_AUTO_REFUND, 0, 0, SECTIGO_PLACED, "Successful"},
    {SECTIGO_AUTO_REFUND, -16, 0, SECTIGO_LOGIN_REFUSED, "Permission denied!"},
    {SECTIGO_AUTO_REFUND, -18, 0, SECTIGO_CONFIGURATION, "Text explaining why the refund was unsuccessful."},
    {SECTIGO_AUTO_REFUND, -20, 0, SECTIGO_PLACED, "The order has already been canceled"},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, 0, 0, SECTIGO_PLACED, "Successful"},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, -4, 0, SECTIGO_CONFIGURATION, "The value of the 'xxxx' argument is invalid!"},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, -14, 0, SECTIGO_UNKNOWN, "An unknown error occurred!"},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, -17, 0, SECTIGO_CONFIGURATION, "Request used GET rather than POST!"},
    /* the notes */
    {SECTIGO_COLLECT_SSL, 2, 0, SECTIGO_PLACED, "Certificates attached"},
    {SECTIGO_COLLECT_SSL, 1, 0, SECTIGO_PLACED, "Certificates available"},
    {SECTIGO_COLLECT_SSL, 0, 0, SECTIGO_PENDING, "Being processed by Sectigo"},
    {SECTIGO_COLLECT_SSL, -14, 0, SECTIGO_UNKNOWN, "An unknown error occurred!"},
    {SECTIGO_COLLECT_SSL, -16, 0, SECTIGO_LOGIN_REFUSED, "Incorrect login details, account is locked"},
    {SECTIGO_COLLECT_SSL, -20, 0, SECTIGO_REJECTED, "rejected"},
    {SECTIGO_COLLECT_SSL, -21, 0, SECTIGO_REVOKED, "revoked"},
    {SECTIGO_COLLECT_SSL, -22, 0, SECTIGO_PENDING, "awaiting payment"},
    {SECTIGO_COLLECT_SSL, -26, 0, SECTIGO_PENDING, "currently being issued"},
    {SECTIGO_COLLECT_SSL, -42, 0, SECTIGO_LATER, "Call limit reached"},
    {REPLACE, -20, 0, SECTIGO_SUBSCRIPTION_OVER, "rejected"},
    {REPLACE, -21, 0, SECTIGO_SUBSCRIPTION_OVER, "revoked"},
    {REPLACE, -26, 0, SECTIGO_LATER, "currently being issued"},
    {REPLACE, -36, 0, SECTIGO_SUBSCRIPTION_OVER, "expired"},
    {REPLACE, -55, 0, SECTIGO_PERHAPS_PLACED_EARLIER, "not unique"},
    {REPLACE, -162, 0, SECTIGO_CSR_REFUSED, "domain names that are not in the domainNames parameter"},
    {APPLY, -91, 0, SECTIGO_CONFIGURATION, "Permission denied in this context"},
    {APPLY, -160, 0, SECTIGO_CONFIGURATION, "General error"},
    {APPLY, -162, 0, SECTIGO_CSR_REFUSED, "domain names that are not in the domainNames parameter"},
    {SECTIGO_AUTO_REVOKE_SSL, -20, 0, SECTIGO_PLACED, "already been rejected"},
    {SECTIGO_AUTO_REVOKE_SSL, -21, 0, SECTIGO_PLACED, "already been revoked"},
    {SECTIGO_AUTO_REVOKE_SSL, -23, 0, SECTIGO_LATER, "being issued"},
    {SECTIGO_AUTO_REVOKE_SSL, -26, 0, SECTIGO_LATER, "being issued"},
    {SECTIGO_AUTO_REVOKE_SSL, -35, 0, SECTIGO_CONFIGURATION, "expired"},
    {SECTIGO_AUTO_REJECT, -20, 0, SECTIGO_PLACED, "already been canceled"},
    {SECTIGO_AUTO_UPDATE_DCV, -47, 0, SECTIGO_PLACED, "already validated"},
    {SECTIGO_AUTO_UPDATE_DCV, -90, 0, SECTIGO_CONFIGURATION, "refused"},
    {SECTIGO_AUTO_UPDATE_DCV, -126, 0, SECTIGO_CONFIGURATION, "refused"},
    {SECTIGO_AUTO_UPDATE_DCV, -139, 0, SECTIGO_CONFIGURATION, "refused"},
    {SECTIGO_AUTO_UPDATE_DCV, -160, 0, SECTIGO_CONFIGURATION, "General error"},
    {SECTIGO_RETRY_CAA_CHECK, -296, 0, SECTIGO_CONFIGURATION, "Wrong certificate state"},
    {SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST, -19, 0, SECTIGO_CONFIGURATION, "IP Address"},
    {SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST, -37, 0, SECTIGO_CONFIGURATION, "No address"},
    {SECTIGO_DECODE_CSR, -23, 0, SECTIGO_CSR_REFUSED, "refused"},
    {SECTIGO_DECODE_CSR, -24, 0, SECTIGO_CSR_REFUSED, "refused"},
    {SECTIGO_DECODE_CSR, -25, 0, SECTIGO_CSR_REFUSED, "refused"},
    {SECTIGO_DECODE_CSR, -40, 0, SECTIGO_CSR_REFUSED, "compromised"},
    {SECTIGO_DECODE_CSR, -41, 0, SECTIGO_CSR_REFUSED, "refused"},
    {MODIFY, 0, 0, SECTIGO_PLACED, "Successful"},
    {MODIFY, -4, 0, SECTIGO_CONFIGURATION, "argument is invalid"},
    {MODIFY, -16, 0, SECTIGO_LOGIN_REFUSED, "Incorrect login details"},
    {MODIFY, -18, 0, SECTIGO_CONFIGURATION, "This order has already been refunded"},
    {MODIFY, -20, 0, SECTIGO_PLACED, "The order has already been canceled"},
    {MODIFY, -42, 0, SECTIGO_LATER, "Call limit reached"},
    {MODIFY, -76, 0, SECTIGO_CONFIGURATION, "SiteLock partner account isn't activated."},
    {COST, 0, 0, SECTIGO_PLACED, "Successful"},
    {COST, -20, 0, SECTIGO_CONFIGURATION, "The order has already been canceled"},
    {COST, -76, 0, SECTIGO_CONFIGURATION, "SiteLock partner account isn't activated."},
    {COST, -115, 0, SECTIGO_CONFIGURATION, "No price found for product X"},
    {COST, -121, SECTIGO_SITELOCK_ADDON, SECTIGO_CONFIGURATION, "lower tier add-on"},
    {COST, -121, SECTIGO_SITELOCK, SECTIGO_CONFIGURATION, "Renew must be within the renewal period"},
    {AUTHORIZE, 0, 0, SECTIGO_PLACED, "Successful"},
    {AUTHORIZE, -14, 0, SECTIGO_UNKNOWN, "An unknown error occurred!"},
    {AUTHORIZE, -15, 0, SECTIGO_NO_CREDIT, "Not enough credit!"},
    {AUTHORIZE, -16, 0, SECTIGO_LOGIN_REFUSED, "Incorrect login details"},
    {AUTHORIZE, -20, 0, SECTIGO_REJECTED, "The order has already been canceled"},
    {AUTHORIZE, -42, 0, SECTIGO_LATER, "Call limit reached"},
};

static void test_every_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct sectigo_code *found = sectigo_code_find(rows[i].call, rows[i].code, rows[i].families);

        if (!found || !strstr(found->text, rows[i].text) || found->meaning != rows[i].meaning)
            fail_msg("%s %d: %s", sectigo_call_info(rows[i].call)->name, rows[i].code, found ? found->text : "none");
        if (!rows[i].families)
            assert_int_equal(sectigo_classify(rows[i].call, rows[i].code, NULL), rows[i].meaning);
    }
}

/* Nothing in the table that no test names. */
static void test_no_other_codes(void **state)
{
    size_t count;
    const struct sectigo_code *codes = sectigo_codes(&count);
    (void)state;

    for (size_t i = 0; i < count; i++) {
        bool named = false;

        for (size_t j = 0; j < COUNT(rows); j++)
            named |= sectigo_code_find(rows[j].call, rows[j].code, rows[j].families) == &codes[i];
        if (!named)
            fail_msg("%d \"%s\" has no case", codes[i].code, codes[i].text);
    }
}

static void test_not_listed(void **state)
{
    (void)state;
    assert_null(sectigo_code_text(APPLY, -777));
    assert_int_equal(sectigo_classify(APPLY, -777, "new"), SECTIGO_PERHAPS_PLACED_EARLIER);
    assert_int_equal(sectigo_classify(APPLY, 5, NULL), SECTIGO_PERHAPS_PLACED_EARLIER);
    assert_int_equal(sectigo_classify(REPLACE, -777, NULL), SECTIGO_PERHAPS_PLACED_EARLIER);
    assert_int_equal(sectigo_classify(APPLY, -22, NULL), SECTIGO_PERHAPS_PLACED_EARLIER); /* another call's */
    assert_int_equal(sectigo_classify(SECTIGO_COLLECT_SSL, -777, NULL), SECTIGO_CONFIGURATION);
    assert_int_equal(sectigo_classify(SECTIGO_AUTO_REVOKE_SSL, -777, NULL), SECTIGO_CONFIGURATION);
    assert_null(sectigo_code_text(SECTIGO_COLLECT_SSL, -23));
}

static void test_refusals_that_name_the_order(void **state)
{
    static const char *const messages[] = {
        "The value of the 'foreignOrderNumber' argument is invalid!",
        "FOREIGNORDERNUMBER is not unique",
        "The value of the 'uniqueValue' argument is invalid!",
    };
    (void)state;

    for (size_t i = 0; i < COUNT(messages); i++) {
        assert_int_equal(sectigo_classify(APPLY, -4, messages[i]), SECTIGO_PERHAPS_PLACED_EARLIER);
        assert_int_equal(sectigo_classify(REPLACE, -4, messages[i]), SECTIGO_PERHAPS_PLACED_EARLIER);
        assert_int_equal(sectigo_classify(SECTIGO_COLLECT_SSL, -4, messages[i]), SECTIGO_CONFIGURATION);
        assert_int_equal(sectigo_classify(APPLY, 0, messages[i]), SECTIGO_PLACED);
        assert_true(sectigo_names_number(-4, messages[i]));
    }
    assert_true(sectigo_names_number(-55, NULL));
    assert_false(sectigo_names_number(-4, "The value of the 'csr' argument is invalid!"));
    assert_false(sectigo_names_number(-9, NULL));
    assert_int_equal(sectigo_classify(APPLY, -4, "The value of the 'csr' argument is invalid!"), SECTIGO_CONFIGURATION);
}

/* Of a refund: what is done already is done (-20 says it by its code alone). */
static void test_refunds_done_already(void **state)
{
    (void)state;
    assert_int_equal(sectigo_classify(SECTIGO_AUTO_REFUND, -18, "This order has already been refunded"),
                     SECTIGO_PLACED);
    assert_int_equal(sectigo_classify(SECTIGO_AUTO_REFUND, -18, "Too late"), SECTIGO_CONFIGURATION);
    assert_int_equal(sectigo_classify(APPLY, -18, "This order has already been refunded"), SECTIGO_CSR_REFUSED);
}

static void test_acme_types(void **state)
{
    static const struct {
        int code;
        const char *type;
    } cases[] = {
        {-5, "rejectedIdentifier"},
        {-6, "rejectedIdentifier"},
        {-9, "badCSR"},
        {-10, "badCSR"},
        {-11, "badCSR"},
        {-12, "badCSR"},
        {-13, "badCSR"},
        {-18, "rejectedIdentifier"},
        {-19, "rejectedIdentifier"},
        {-35, "rejectedIdentifier"},
        {-40, "badCSR"},
        {-162, "badCSR"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(sectigo_code_acme_type(cases[i].code), cases[i].type);
        assert_int_equal(sectigo_classify(APPLY, cases[i].code, NULL), SECTIGO_CSR_REFUSED);
    }
    assert_string_equal(sectigo_code_problem(sectigo_code_find(APPLY, -5, 0)), "rejectedIdentifier");
    assert_string_equal(sectigo_code_problem(sectigo_code_find(APPLY, -4, 0)), "serverInternal");
    assert_null(sectigo_code_problem(sectigo_code_find(APPLY, -15, 0)));
    assert_null(sectigo_code_problem(sectigo_code_find(SECTIGO_AUTO_REVOKE_SSL, -35, 0)));
    assert_null(sectigo_code_acme_type(-4));
    assert_null(sectigo_code_acme_type(0));
    assert_null(sectigo_code_acme_type(-777));
}

static void test_calls(void **state)
{
    (void)state;
    assert_string_equal(sectigo_call_info(APPLY)->path, "/products/!AutoApplyOrder");
    assert_string_equal(sectigo_call_info(SECTIGO_COLLECT_SSL)->path, "/products/download/CollectSSL");
    assert_string_equal(sectigo_call_info(SECTIGO_GET_DETAILED_ORDER_STATUS)->path,
                        "/products/!GetDetailedOrderStatus");
    for (unsigned i = 0; i < SECTIGO_CALLS; i++) {
        const struct sectigo_call_info *info = sectigo_call_info((enum sectigo_call_kind)i);
        /* AutoUpdateDCV sets what it says: asked twice is asked once. */
        bool reads = i == SECTIGO_AUTO_UPDATE_DCV || strncmp(info->name, "Get", 3) == 0 ||
                     strncmp(info->name, "get", 3) == 0 || i == SECTIGO_COLLECT_SSL || i == SECTIGO_WEB_HOST_REPORT ||
                     i == SECTIGO_DECODE_CSR || i == COST;

        assert_int_equal(info->changes, !reads);
        assert_int_equal(info->login, i != SECTIGO_DECODE_CSR);
        assert_ptr_equal(strstr(info->path, "/products/"), info->path);
        assert_string_equal(info->path + strlen(info->path) - strlen(info->name), info->name);
    }
    assert_null(sectigo_call_info(SECTIGO_CALLS));
}

static void test_class_names(void **state)
{
    (void)state;
    for (int i = SECTIGO_PLACED; i <= SECTIGO_REVOKED; i++)
        assert_non_null(sectigo_class_name((enum sectigo_class)i));
}

static void test_refused_logins(void **state)
{
    static const struct {
        enum sectigo_call_kind call;
        const char *body;
        bool refused;
    } answers[] = {
        {APPLY, "errorCode=-16&errorMessage=Permission+denied", true},
        {APPLY, "errorCode=-16", true},
        {APPLY, "errorMessage=Permission+denied&errorCode=-16\r\n", true},
        {SECTIGO_WEB_HOST_REPORT, "error_code=-16&error_message=Permission+denied", true},
        {SECTIGO_COLLECT_SSL, "-16\nPermission denied\n", true},
        {SECTIGO_AUTO_REVOKE_SSL, "-16", true},
        {APPLY, "errorCode=-162&errorMessage=CN", false},
        {APPLY, "errorCode=-1&errorMessage=6", false},
        {APPLY, "errorCode=0&orderNumber=1&errorMessage=errorCode=-16", false},
        {APPLY, "0\n-16\n", false},
        {APPLY, "-160\n", false},
        {APPLY, "<html>errorCode=-16</html>", false},
        {APPLY, "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        print_message("%s\n", answers[i].body);
        assert_int_equal(sectigo_refuses_login(answers[i].call, answers[i].body, strlen(answers[i].body)),
                         answers[i].refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_logins),
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_no_other_codes),
        cmocka_unit_test(test_not_listed),
        cmocka_unit_test(test_refusals_that_name_the_order),
        cmocka_unit_test(test_refunds_done_already),
        cmocka_unit_test(test_acme_types),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_class_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
