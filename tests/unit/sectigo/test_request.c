/* The check of an order: every parameter of the reference (missing, too long, a bad value, the wrong product). */
#include "orders.h"

static void test_bases_fit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BASES; i++)
        expect((enum base)i, NULL, NULL, 0, "");
}

/* One row for each parameter of reference 1. */
static const struct {
    const char *name;
    size_t max;       /* 0: none given */
    enum base base;   /* an order that may have it */
    bool required;    /* by that order */
    const char *good; /* NULL: letters */
    const char *bad;  /* NULL: anything goes */
    int wrong;        /* an order that may not have it; -1: all may */
} rows[] = {
    {"loginName", 64, DV, false, NULL, NULL, -1},
    {"loginPassword", 128, DV, false, NULL, NULL, -1},
    {"product", 64, DV, true, "287", "ten", -1},
    {"days", 0, DV, true, "90", "a year", -1},
    {"serverSoftware", 0, DV, true, "36", "3", WEB},
    {"domainNames", 32767, DV_MULTI, false, "sectigo.com", "sectigo.com,b!", -1},
    {"primaryDomainName", 64, DV_MULTI, false, "www.sectigo.com", "other.com", -1},
    {"maxSubjectCNS", 0, DV_MULTI, false, "0", "2", -1},
    {"csr", 32767, DV, true, "@bare", "MAA", GUARDIAN},
    {"uniqueValue", 20, DV, false, "abc123", "abc-123", WEB},
    {"prioritiseCSRValues", 1, DV, false, "N", "X", WEB},
    {"organizationName", 64, EV, true, NULL, NULL, WEB},
    {"organizationalUnitName", 64, EV, false, NULL, NULL, WEB},
    {"postOfficeBox", 40, EV, false, NULL, NULL, WEB},
    {"streetAddress1", 128, EV, true, NULL, NULL, WEB},
    {"streetAddress2", 128, EV, false, NULL, NULL, WEB},
    {"streetAddress3", 128, EV, false, NULL, NULL, WEB},
    {"localityName", 128, EV, true, NULL, NULL, WEB},
    {"stateOrProvinceName", 128, EV, true, NULL, NULL, WEB},
    {"postalCode", 40, EV, true, NULL, NULL, WEB},
    {"countryName", 2, EV, true, "de", "XX", WEB},
    {"dunsNumber", 20, EV, false, NULL, NULL, DV},
    {"companyNumber", 25, EV, false, NULL, NULL, DV},
    {"joiLocalityName", 128, EV, false, NULL, NULL, OV_MULTI},
    {"joiStateOrProvinceName", 128, EV, false, NULL, NULL, OV_MULTI},
    {"joiCountryName", 2, EV, true, "GB", "UK", OV_MULTI},
    {"dateOfIncorporation", 10, EV, false, "1899-12-31", "1899-13-31", OV_MULTI},
    {"assumedName", 64, EV, false, NULL, NULL, OV_MULTI},
    {"businessCategory", 1, EV, false, "b", "a", OV_MULTI},
    {"emailAddress", 255, DV, false, "none", "nobody", WEB},
    {"validationEmailAddress", 255, DV, false, "a@sectigo.com", "a@b", WEB},
    {"contactEmailAddress", 255, DV, false, "a@sectigo.com", "@sectigo.com", WEB},
    {"dcvMethod", 32, DV, false, "HTTP_CSR_HASH", "DNS", WEB},
    {"dcvEmailAddress", 255, DV, true, "admin@sectigo.com", "admin@sectigo.com,b@c.de", -1},
    {"dcvEmailAddresses", 32767, DV, false, "HTTPCSRHASH", "HTTPCSRHASHES", -1},
    {"dcvTemplateID", 0, DV, false, "17", "-17", WEB},
    {"validationTokens", 32767, DV_MULTI, true, "HTTPCSRHASH CNAMECSRHASH,admin@sectigo.com", "ALLCNAMECRSHASH", -1},
    {"caCertificateID", 0, DV, false, "17", "x", WEB},
    {"isCustomerValidated", 1, DV, true, "N", "1", -1},
    {"showCertificateID", 1, DV, false, "Y", "true", -1},
    {"foreignOrderNumber", 64, DV, false, NULL, NULL, -1},
    {"checkFONIsUnique", 1, DV, false, "Y", "0", -1},
    {"responseFormat", 1, DV, false, "1", "2", -1},
    {"test", 1, DV, false, "y", "T", -1},
    {"idaEmailAddress", 255, LOGO, false, "a@sectigo.com", "a", DV},
    {"idaTelephoneNumber", 32, LOGO, false, NULL, NULL, DV},
    {"idaFaxNumber", 32, LOGO, false, NULL, NULL, DV},
    {"appRepForename", 64, EV, false, NULL, NULL, -1},
    {"appRepSurname", 64, EV, false, NULL, NULL, -1},
    {"appRepEmailAddress", 255, EV, true, "a@sectigo.com", "a b@sectigo.com", -1},
    {"appRepTelephone", 32, EV, false, NULL, NULL, -1},
    {"appRepTitle", 64, EV, false, NULL, NULL, -1},
    {"appRepFax", 32, EV, false, NULL, NULL, -1},
    {"appRepOrganizationName", 255, EV, false, NULL, NULL, -1},
    {"appRepOrganizationalUnitName", 64, EV, false, NULL, NULL, -1},
    {"appRepStreetAddress1", 128, EV, false, NULL, NULL, -1},
    {"appRepStreetAddress2", 128, EV, false, NULL, NULL, -1},
    {"appRepStreetAddress3", 128, EV, false, NULL, NULL, -1},
    {"appRepPostOfficeBox", 128, EV, false, NULL, NULL, -1},
    {"appRepLocalityName", 128, EV, false, NULL, NULL, -1},
    {"appRepStateOrProvinceName", 128, EV, false, NULL, NULL, -1},
    {"appRepPostalCode", 40, EV, false, NULL, NULL, -1},
    {"appRepCountryName", 2, EV, false, "FR", "F1", -1},
    {"callbackMethod", 1, EV, false, "L", "E", -1},
    {"isAppRepValidated", 1, EV, false, "Y", "J", -1},
    {"isCallbackCompleted", 1, EV, false, "N", "J", -1},
    {"showCertificateState", 1, DV, false, "Y", "J", -1},
    {"omitAdditionalFQDN", 1, DV, false, "Y", "J", -1},
    {"appRepLoginName", 50, GUARDIAN, true, NULL, NULL, DV},
    {"appRepLoginPassword", 0, HACKERPROOF, true, NULL, NULL, DV},
    {"IP Addresses", 0, PACK, true, "1000", "11", DV},
    {"previousOrderNumber", 0, SITE_ADDON, true, "1234567", "!", DV},
    {"includeIndividual", 1, SIGNING, false, "Y", "1", DV},
    {"offerType", 0, SIGNING, false, "23", "25", DV},
    {"domainName", 32767, SITE, true, "www.sectigo.com", "a b", WEB},
    {"enableAutoRenew", 1, SITE, false, "N", "X", WEB},
};

/* count characters of three octets each: the limits count characters. */
static void euros(char *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out = stpcpy(out, "\xe2\x82\xac");
    *out = '\0';
}

static void test_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].required) {
            expect(rows[i].base, rows[i].name, NULL, -3, rows[i].name);
            expect(rows[i].base, rows[i].name, "", -3, rows[i].name);
        }
    }
}

static void test_too_long(void **state)
{
    char *text = malloc(3 * 40000);
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!rows[i].max)
            continue;
        if (!rows[i].good && !rows[i].bad) {
            euros(text, rows[i].max);
            expect(rows[i].base, rows[i].name, text, 0, "");
        }
        struct sectigo_verdict verdict;
        const struct sectigo_parameter *parameter = sectigo_parameter_find(rows[i].name);
        euros(text, rows[i].max + 1);
        assert_false(sectigo_parameter_check(parameter, text, false, &verdict));
        assert_int_equal(verdict.code, -4);
        assert_non_null(strstr(verdict.reason, "characters"));
        assert_int_equal(parameter->max, rows[i].max);
        if (strcmp(rows[i].name, "product") != 0)
            expect(rows[i].base, rows[i].name, text, -4, rows[i].name);
    }
    free(text);
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool country = strstr(rows[i].name, "CountryName") || strcmp(rows[i].name, "countryName") == 0;
        bool request = strcmp(rows[i].name, "csr") == 0;

        expect(rows[i].base, rows[i].name, rows[i].good ? rows[i].good : "letters", 0, "");
        if (rows[i].bad)
            expect(rows[i].base, rows[i].name, rows[i].bad, country ? -7 : request ? -9 : -4, rows[i].name);
    }
    expect(DV, "csr", "MAMCAQE=", -10, "csr");
    expect(DV, "foreignOrderNumber", "\xff", -4, "foreignOrderNumber");
}

static void test_wrong_product(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool licence = strcmp(rows[i].name, "previousOrderNumber") == 0;

        if (rows[i].wrong >= 0)
            expect((enum base)rows[i].wrong, rows[i].name, rows[i].good ? rows[i].good : "letters", licence ? -68 : -4,
                   rows[i].name);
    }
}

/* "Only relevant for ..." is no ban: what may come with every order does come with each. */
static void test_only_relevant_is_no_ban(void **state)
{
    static const char *const relevant[][2] = {{"appRepForename", "John"},       {"appRepTelephone", "+1 202 555 0100"},
                                              {"appRepFax", "+1 202 555 0101"}, {"callbackMethod", "L"},
                                              {"isAppRepValidated", "N"},       {"omitAdditionalFQDN", "Y"}};
    (void)state;

    for (unsigned base = 0; base < BASES; base++)
        for (size_t i = 0; i < COUNT(relevant); i++)
            if (base != OV_MULTI && base != LOGO && base != SIGNING) /* of which a callback asks more */
                expect((enum base)base, relevant[i][0], relevant[i][1], 0, "");
    expect(GUARDIAN, "domainNames", "sectigo.com", 0, "");
    expect(DV, "maxSubjectCNS", "0", 0, "");
}

static void test_every_parameter_has_a_row(void **state)
{
    size_t count;
    const struct sectigo_parameter *parameters = sectigo_parameters(&count);
    (void)state;

    assert_int_equal(count, COUNT(rows));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(parameters[i].name, rows[i].name);
}

/* Reference 4.2 and 4.3: limits of 50 and 128 characters there. */
static void test_limits_of_guardian(void **state)
{
    static const char *const fifty[] = {"appRepLoginName", "organizationName", "appRepForename", "appRepSurname"};
    static const enum base guardians[] = {GUARDIAN, HACKERPROOF, PACK};
    char text[400];
    (void)state;

    for (size_t i = 0; i < COUNT(guardians); i++) {
        for (size_t j = 0; j < COUNT(fifty); j++) {
            euros(text, 50);
            expect(guardians[i], fifty[j], text, 0, "");
            euros(text, 51);
            expect(guardians[i], fifty[j], text, -4, fifty[j]);
        }
        memset(text, 'a', sizeof text);
        strcpy(text + 128 - strlen("@sectigo.com"), "@sectigo.com");
        expect(guardians[i], "appRepEmailAddress", text, 0, "");
        strcpy(text + 129 - strlen("@sectigo.com") - 1, "a@sectigo.com");
        expect(guardians[i], "appRepEmailAddress", text, -4, "appRepEmailAddress");
    }
    euros(text, 64);
    expect(EV, "organizationName", text, 0, "");
}

/* Notes 2.17: who may be named with SiteLock, and what a licence's order needs. */
static void test_sitelock(void **state)
{
    static const char *const optional[] = {
        "organizationName", "streetAddress1", "stateOrProvinceName", "postalCode",      "appRepTelephone",
        "appRepForename",   "appRepSurname",  "appRepTitle",         "appRepLoginName", "appRepLoginPassword"};
    static const char *const others[] = {"localityName", "streetAddress2", "organizationalUnitName"};
    static const enum base sites[] = {SITE, SITE_911, SITE_ADDON, SITE_BUNDLE};
    char text[64];
    (void)state;

    for (size_t i = 0; i < COUNT(sites); i++) {
        for (size_t j = 0; j < COUNT(optional); j++)
            expect(sites[i], optional[j], "letters", 0, "");
        expect(sites[i], "countryName", "US", 0, "");
        expect(sites[i], "callbackMethod", "T", 0, "");
        expect(sites[i], "appRepEmailAddress", NULL, -3, "appRepEmailAddress");
        memset(text, 'a', sizeof text);
        text[51] = '\0';
        expect(sites[i], "appRepLoginPassword", text, -4, "appRepLoginPassword");
        text[50] = '\0';
        expect(sites[i], "appRepLoginPassword", text, 0, "");
    }
    for (size_t j = 0; j < COUNT(others); j++)
        expect(SITE, others[j], "letters", -4, others[j]);
    expect(SITE, "previousOrderNumber", "3034881", 0, "");
    expect(SITE_911, "days", "30", -115, "days");
    expect(SITE, "days", NULL, -3, "days");
    expect(SITE, "days", "90", -115, "days");
    expect(SITE_ADDON, "days", "90", -115, "days");
    expect(SITE, "product", "1059", 0, "");
    expect(SITE_ADDON, "product", "1059", -115, "days");
    expect(SITE_BUNDLE, "domainName", "sectigo.com", 0, "");
    expect(SITE_ADDON, "domainName", NULL, -3, "domainName");
    expect(SITE, "product", "1061,1068", -121, "product");
    expect(SITE, "product", "1072", -124, "product");
    expect(SITE, "domainName", "a.example,b.example", -4, "domainName");
}

/* The example requests of the pages of notes 2.17, as they stand there. */
static void test_examples_of_sitelock(void **state)
{
    static const char *const examples[] = {
        "loginName=sectigo_reseller&loginPassword=reseller_sectigo&product=1059&days=365&domainName=mydomain.com"
        "&appRepEmailAddress=user%40mydomain.com",
        "loginName=sectigo_reseller&loginPassword=reseller_sectigo&product=1059&days=365&domainName=mydomain.com"
        "&appRepEmailAddress=user%40mydomain.com&previousOrderNumber=3034881",
        "loginName=sectigo_reseller&loginPassword=reseller_sectigo&product=1061&days=365&domainName=mydomain.com"
        "&appRepEmailAddress=user%40mydomain.com&previousOrderNumber=3034881&enableAutoRenew=N",
    };
    (void)state;

    for (size_t i = 0; i < COUNT(examples); i++) {
        struct sectigo_form form;
        char reason[SECTIGO_MESSAGE_MAX] = "";

        assert_true(sectigo_form_parse(examples[i], strlen(examples[i]), NULL, &form));
        if (!sectigo_order_check_known(&form, NULL, reason))
            fail_msg("example %zu: %s", i, reason);
        sectigo_form_clear(&form);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases_fit),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_product),
        cmocka_unit_test(test_only_relevant_is_no_ban),
        cmocka_unit_test(test_every_parameter_has_a_row),
        cmocka_unit_test(test_limits_of_guardian),
        cmocka_unit_test(test_sitelock),
        cmocka_unit_test(test_examples_of_sitelock),
    };
    return cmocka_run_group_tests(tests, make_requests, drop_requests);
}
