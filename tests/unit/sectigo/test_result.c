#include "cases.h"

#include "sectigo/result.h"

static bool parse(enum sectigo_call_kind call, const char *body, struct sectigo_result *result)
{
    return sectigo_parse_result(call, body, strlen(body), result);
}

static void test_results(void **state)
{
    static const struct {
        enum sectigo_call_kind call;
        const char *body;
        int code;
        const char *message;
    } cases[] = {
        {SECTIGO_AUTO_REVOKE_SSL, "errorCode=0", 0, ""},
        {SECTIGO_AUTO_REVOKE_SSL, "0", 0, ""},
        {SECTIGO_AUTO_REVOKE_SSL, "0\n", 0, ""},
        {SECTIGO_AUTO_REVOKE_SSL, "-21\nalready revoked\n", -21, "already revoked"},
        {SECTIGO_AUTO_REVOKE_SSL, "-26", -26, "The certificate is currently being issued"},
        {SECTIGO_AUTO_REJECT, "errorCode=-20", -20, "The order has already been canceled"},
        {SECTIGO_AUTO_UPDATE_DCV, "errorCode=-47&errorMessage=a.example+is+already+validated%21", -47,
         "a.example is already validated!"},
        {SECTIGO_AUTO_REFUND, "errorCode=-18&errorMessage=Too+late", -18, "Too late"},
        {SECTIGO_AUTO_REFUND, "errorCode=-18", -18, "Text explaining why the refund was unsuccessful."},
        {SECTIGO_RETRY_CAA_CHECK, "errorCode=0&errorMessage=CAA+Check+successfully+relaunched", 0,
         "CAA Check successfully relaunched"},
        {SECTIGO_RETRY_CAA_CHECK, "errorCode=-296&errorMessage=Wrong+certificate+state", -296,
         "Wrong certificate state"},
        {SECTIGO_RESEND_DCV_EMAIL, "errorCode=0", 0, ""},
        {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "errorCode=0", 0, ""},
        {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "errorCode=-20", -20, "The order has already been canceled"},
        {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "errorCode=-18", -18, "This order has already been refunded"},
        {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "errorCode=-4&errorMessage=no+such+product", -4, "no such product"},
    };
    struct sectigo_result result;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        if (!parse(cases[i].call, cases[i].body, &result) || result.code != cases[i].code ||
            strcmp(result.message, cases[i].message) != 0)
            fail_msg("case %zu: %d %s", i, result.code, result.message);
}

static void test_no_result(void **state)
{
    static const char *const bodies[] = {"", "OK", "<html>", "errorMessage=x", "0\na\nb", "errorCode=", "0 "};
    struct sectigo_result result;
    (void)state;

    for (size_t i = 0; i < COUNT(bodies); i++)
        if (parse(SECTIGO_AUTO_REVOKE_SSL, bodies[i], &result))
            fail_msg("\"%s\" was taken for an answer", bodies[i]);
}

static void test_balance(void **state)
{
    static const struct {
        const char *body;
        bool ok;
        int code;
        int64_t cents;
    } cases[] = {
        {"errorCode=0&balance=1234.50", true, 0, 123450},
        {"errorCode=0&accountBalance=12", true, 0, 1200},
        {"errorCode=0&availableBalance=-3.5", true, 0, -350},
        {"0\n1234.50\n", true, 0, 123450},
        {"0\n-1.00", true, 0, -100},
        {"errorCode=-16&errorMessage=x", true, -16, 0},
        {"-16\nPermission denied!", true, -16, 0},
        {"errorCode=0", false, 0, 0},
        {"errorCode=0&balance=lots", false, 0, 0},
        {"0\n", false, 0, 0},
        {"0\n1\n2", false, 0, 0},
        {"", false, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sectigo_balance balance;
        bool ok = sectigo_parse_balance(cases[i].body, strlen(cases[i].body), &balance);

        if (ok != cases[i].ok ||
            (ok && (balance.result.code != cases[i].code || balance.balance_cents != cases[i].cents)))
            fail_msg("\"%s\"", cases[i].body);
    }
}

static void test_decoded_csr(void **state)
{
    struct sectigo_decoded_csr answer;
    static const char body[] = "0\nCN=a.example\nO=M\xc3\xbcller\nKeySize=2048\nmd5=900150983CD24FB0D6963F7D28E17F72\n"
                               "sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
    (void)state;

    assert_true(sectigo_parse_decoded_csr(body, strlen(body), &answer));
    assert_string_equal(sectigo_form_get(&answer.fields, "CN"), "a.example");
    assert_string_equal(sectigo_form_get(&answer.fields, "O"), "M\xc3\xbcller");
    assert_string_equal(answer.md5, "900150983cd24fb0d6963f7d28e17f72");
    assert_string_equal(answer.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sectigo_decoded_csr_clear(&answer);
    assert_true(sectigo_parse_decoded_csr("0\nmd5=12\n", 9, &answer));
    assert_string_equal(answer.md5, "");
    sectigo_decoded_csr_clear(&answer);
    assert_true(sectigo_parse_decoded_csr("-40\n", 4, &answer));
    assert_int_equal(answer.result.code, -40);
    assert_string_equal(answer.result.message, "The CSR uses a key that is believed to have been compromised!");
    sectigo_decoded_csr_clear(&answer);
    assert_false(sectigo_parse_decoded_csr("CN=x", 4, &answer));
    assert_false(sectigo_parse_decoded_csr("", 0, &answer));
}

static void test_reasons(void **state)
{
    static const char *const refund[] = {
        "Unable to validate Certificate",
        "Domain or Organization no longer active",
        "Would like to get another type of certificate",
        "Failed Brand Validation",
        "Comodo rejected certificate request",
        "Certificate revoked due to malware",
        "Certificate revoked due to phishing",
        "Certificate revoked due to Google safe browsing",
        "Moving to another Certificate Authority",
        "Found the certificate for a better price",
        "Other",
    };
    (void)state;

    for (int i = 0; i < 11; i++)
        assert_string_equal(sectigo_refund_reason(i + 1), refund[i]);
    assert_null(sectigo_refund_reason(0));
    assert_null(sectigo_refund_reason(12));
    assert_string_equal(sectigo_revocation_reason(1), "keyCompromise");
    assert_string_equal(sectigo_revocation_reason(5), "cessationOfOperation");
    assert_null(sectigo_revocation_reason(2));
    assert_null(sectigo_revocation_reason(6));
    assert_null(sectigo_revocation_reason(-1));
}

static void test_upgrade_cost(void **state)
{
    static const struct {
        const char *body;
        bool ok;
        int code;
        int64_t cents;
    } cases[] = {
        {"errorCode=0&upgradeCost=50.00", true, 0, 5000},
        {"errorCode=0&cost=50", true, 0, 5000},
        {"errorCode=0&totalCost=0.00", true, 0, 0},
        {"errorCode=0&price=-12.50", true, 0, -1250},
        {"errorCode=0&amount=7.5", true, 0, 750},
        {"0\n50.00\n", true, 0, 5000},
        {"errorCode=-115", true, -115, 0},
        {"-121\nRenew must be within the renewal period", true, -121, 0},
        {"errorCode=0", false, 0, 0},
        {"errorCode=0&cost=fifty", false, 0, 0},
        {"0", false, 0, 0},
        {"0\n50.00\nmore", false, 0, 0},
        {"<html>", false, 0, 0},
        {"", false, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sectigo_upgrade_cost answer;
        bool ok = sectigo_parse_upgrade_cost(cases[i].body, strlen(cases[i].body), &answer);

        if (ok != cases[i].ok || (ok && (answer.result.code != cases[i].code || answer.cost_cents != cases[i].cents)))
            fail_msg("\"%s\": %d, %d, %lld", cases[i].body, ok, answer.result.code, (long long)answer.cost_cents);
    }
}

/* Notes 2.19: lines, and of a SiteLock licence its account. */
static void test_authorization(void **state)
{
    static const struct {
        const char *body;
        bool ok;
        int code;
        const char *message, *user_id, *site_id;
    } cases[] = {
        {"0", true, 0, "", "", ""},
        {"0\n", true, 0, "", "", ""},
        {"0\nAuthorized", true, 0, "Authorized", "", ""},
        {"0\n1234567890123456\nsite-1", true, 0, "", "1234567890123456", "site-1"},
        {"0\n\n42\nsite-1\n", true, 0, "", "42", "site-1"},
        {"0\nAuthorized\n42\nsite-1", true, 0, "Authorized", "42", "site-1"},
        {"errorCode=0", true, 0, "", "", ""},
        {"errorCode=-15", true, -15, "Not enough credit!", "", ""},
        {"-15", true, -15, "Not enough credit!", "", ""},
        {"-20\ncanceled long ago", true, -20, "canceled long ago", "", ""},
        {"-4\na\nb", false, 0, "", "", ""},
        {"0\na\n42\nsite-1\nmore", false, 0, "", "", ""},
        {"0\nuser\nsite-1", false, 0, "", "", ""},
        {"0\n12345678901234567\nsite-1", false, 0, "", "", ""},
        {"OK", false, 0, "", "", ""},
        {"<html>", false, 0, "", "", ""},
        {"", false, 0, "", "", ""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sectigo_authorization answer;
        bool ok = sectigo_parse_authorization(cases[i].body, strlen(cases[i].body), &answer);

        if (ok != cases[i].ok ||
            (ok && (answer.result.code != cases[i].code || strcmp(answer.result.message, cases[i].message) != 0 ||
                    strcmp(answer.site.user_id, cases[i].user_id) != 0 ||
                    strcmp(answer.site.site_id, cases[i].site_id) != 0)))
            fail_msg("\"%s\": %d, %d, \"%s\", \"%s\", \"%s\"", cases[i].body, ok, answer.result.code,
                     answer.result.message, answer.site.user_id, answer.site.site_id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),       cmocka_unit_test(test_no_result), cmocka_unit_test(test_balance),
        cmocka_unit_test(test_decoded_csr),   cmocka_unit_test(test_reasons),   cmocka_unit_test(test_upgrade_cost),
        cmocka_unit_test(test_authorization),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
