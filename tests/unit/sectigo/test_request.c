/* The check of an order: every parameter of the reference (missing, too long, a bad value, the wrong product), and the
 * examples 5.1 to 5.6 as they stand. */
#include "cases.h"

#include "sectigo/parameter.h"

static char *csr, *wildcard_csr, *bare_csr, *full_csr;

static int make_requests(void **state)
{
    const char *single[] = {"CN", "sectigo.com", NULL}, *wildcard[] = {"CN", "*.sectigo.com", NULL};
    const char *full[] = {"CN", "sectigo.com", "O",  "Sectigo", "street",     "5 Becker Farm Road",
                          "L",  "Roseland",    "ST", "NJ",      "postalCode", "07068",
                          "C",  "US",          NULL};
    size_t len;
    (void)state;

    uint8_t *der = make_csr(single, "DNS:sectigo.com", &len);
    csr = base64_of(der, len);
    der = make_csr(wildcard, "DNS:*.sectigo.com", &len);
    wildcard_csr = base64_of(der, len);
    der = make_csr(NULL, NULL, &len);
    bare_csr = base64_of(der, len);
    der = make_csr(full, "DNS:sectigo.com", &len);
    full_csr = base64_of(der, len);
    return 0;
}

static int drop_requests(void **state)
{
    (void)state;
    free(csr);
    free(wildcard_csr);
    free(bare_csr);
    free(full_csr);
    return 0;
}

/* Orders that fit, from which each case departs. "@csr" stands for a request. */
enum base { DV, WILDCARD, DV_MULTI, OV_MULTI, EV, GUARDIAN, HACKERPROOF, PACK, CODEGUARD, WEB, SIGNING, LOGO, BASES };

#define LOGIN "loginName", "mypartnerusername", "loginPassword", "th15ISNOTas3ns!blePassW0rd!"
#define SSL LOGIN, "isCustomerValidated", "N", "serverSoftware", "-1"
#define COMPANY                                                                                                        \
    "appRepEmailAddress", "seniorstaffmember@sectigo.com", "organizationName", "Sectigo", "streetAddress1",            \
        "5 Becker Farm Road", "localityName", "Roseland", "countryName", "US"
#define NAMES                                                                                                          \
    "domainNames", "sectigo.com,www.sectigo.com,secure.sectigo.com", "primaryDomainName", "sectigo.com",               \
        "validationTokens", "ALLCNAMECSRHASH"
#define REPRESENTATIVE "appRepLoginName", "myhackerguardianusername", "appRepForename", "John", "appRepSurname", "Smith"

static const char *const bases[BASES][64] = {
    [DV] = {SSL, "days", "365", "product", "488", "csr", "@csr", "dcvEmailAddress", "admin@sectigo.com"},
    [WILDCARD] = {SSL, "days", "365", "product", "489", "csr", "@wildcard", "dcvMethod", "CNAME_CSR_HASH"},
    [DV_MULTI] = {SSL, "days", "90", "product", "279", "csr", "@csr", NAMES},
    [OV_MULTI] = {SSL, "days", "730", "product", "583", COMPANY, "stateOrProvinceName", "NJ", "postalCode", "07068",
                  "csr", "@csr", NAMES},
    [EV] = {SSL, "days", "365", "product", "562", COMPANY, "stateOrProvinceName", "NJ", "postalCode", "07068",
            "appRepForename", "John", "appRepSurname", "Smith", "joiCountryName", "US", "csr", "@csr", NAMES},
    [GUARDIAN] = {LOGIN, "days", "365", "product", "586,587", COMPANY, REPRESENTATIVE},
    [HACKERPROOF] = {LOGIN, "days", "365", "product", "357", COMPANY, REPRESENTATIVE, "appRepLoginPassword", "secret"},
    [PACK] = {LOGIN, "days", "365", "product", "586, 587, 356", COMPANY, REPRESENTATIVE, "IP Addresses", "10"},
    [CODEGUARD] = {LOGIN, "days", "365", "product", "700", "appRepEmailAddress", "a@sectigo.com"},
    [WEB] = {LOGIN, "days", "365", "product", "1000", "appRepEmailAddress", "a@sectigo.com"},
    [SIGNING] = {LOGIN, "days", "365", "product", "706,577,163", "appRepEmailAddress", "a@sectigo.com"},
    [LOGO] = {SSL, "days", "365", "product", "316,36", COMPANY, "stateOrProvinceName", "NJ", "postalCode", "07068",
              "csr", "@csr", "dcvMethod", "HTTP_CSR_HASH"},
};

static const char *value_of(const char *value)
{
    static const char *const names[] = {"@csr", "@wildcard", "@bare", "@full"};
    const char *const requests[] = {csr, wildcard_csr, bare_csr, full_csr};

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(value, names[i]) == 0)
            return requests[i];
    return value;
}

/* The base with one parameter put in its place: value NULL takes it away. */
static void fill(struct sectigo_form *form, enum base base, const char *name, const char *value)
{
    bool replaced = false;

    memset(form, 0, sizeof(*form));
    for (const char *const *at = bases[base]; *at; at += 2) {
        bool same = name && strcmp(at[0], name) == 0;

        replaced |= same;
        sectigo_form_add(form, at[0], same ? (value ? value_of(value) : NULL) : value_of(at[1]));
    }
    if (name && !replaced)
        sectigo_form_add(form, name, value ? value_of(value) : NULL);
}

static void expect(enum base base, const char *name, const char *value, int code, const char *about)
{
    struct sectigo_form form;
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    char reason[SECTIGO_MESSAGE_MAX] = "";

    fill(&form, base, name, value);
    bool ok = sectigo_order_examine(&form, &facts, &verdict);
    if (ok != (code == 0) || verdict.code != code || (!ok && strcmp(verdict.parameter, about) != 0) ||
        (!ok && !strstr(verdict.reason, about)))
        fail_msg("base %d, %s=%.40s: %d, %s, \"%s\"", (int)base, name ? name : "", value ? value : "(none)",
                 verdict.code, verdict.parameter, verdict.reason);
    assert_int_equal(sectigo_order_check(&form, reason), ok);
    assert_string_equal(reason, verdict.reason);
    sectigo_form_clear(&form);
}

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
    {"domainNames", 32767, DV_MULTI, false, "sectigo.com", "sectigo.com,b!", GUARDIAN},
    {"primaryDomainName", 64, DV_MULTI, false, "www.sectigo.com", "other.com", GUARDIAN},
    {"maxSubjectCNS", 0, DV_MULTI, false, "0", "2", DV},
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
    {"dcvEmailAddress", 255, DV, true, "admin@sectigo.com", "admin@sectigo.com,b@c.de", WEB},
    {"dcvEmailAddresses", 32767, DV, false, "HTTPCSRHASH", "HTTPCSRHASHES", WEB},
    {"dcvTemplateID", 0, DV, false, "17", "-17", WEB},
    {"validationTokens", 32767, DV_MULTI, true, "HTTPCSRHASH CNAMECSRHASH,a@sectigo.com", "ALLCNAMECRSHASH", WEB},
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
    {"appRepForename", 64, EV, false, NULL, NULL, DV},
    {"appRepSurname", 64, EV, false, NULL, NULL, DV},
    {"appRepEmailAddress", 255, EV, true, "a@sectigo.com", "a b@sectigo.com", -1},
    {"appRepTelephone", 32, EV, false, NULL, NULL, DV},
    {"appRepTitle", 64, EV, false, NULL, NULL, DV},
    {"appRepFax", 32, EV, false, NULL, NULL, DV},
    {"appRepOrganizationName", 255, EV, false, NULL, NULL, DV},
    {"appRepOrganizationalUnitName", 64, EV, false, NULL, NULL, DV},
    {"appRepStreetAddress1", 128, EV, false, NULL, NULL, DV},
    {"appRepStreetAddress2", 128, EV, false, NULL, NULL, DV},
    {"appRepStreetAddress3", 128, EV, false, NULL, NULL, DV},
    {"appRepPostOfficeBox", 128, EV, false, NULL, NULL, DV},
    {"appRepLocalityName", 128, EV, false, NULL, NULL, DV},
    {"appRepStateOrProvinceName", 128, EV, false, NULL, NULL, DV},
    {"appRepPostalCode", 40, EV, false, NULL, NULL, DV},
    {"appRepCountryName", 2, EV, false, "FR", "F1", DV},
    {"callbackMethod", 1, EV, false, "L", "E", DV},
    {"isAppRepValidated", 1, EV, false, "Y", "J", DV},
    {"isCallbackCompleted", 1, EV, false, "N", "J", DV},
    {"showCertificateState", 1, DV, false, "Y", "J", -1},
    {"omitAdditionalFQDN", 1, DV, false, "Y", "J", WEB},
    {"appRepLoginName", 50, GUARDIAN, true, NULL, NULL, DV},
    {"appRepLoginPassword", 0, HACKERPROOF, true, NULL, NULL, DV},
    {"IP Addresses", 0, PACK, true, "1000", "11", DV},
    {"previousOrderNumber", 0, GUARDIAN, false, "1234567", "!", DV},
    {"includeIndividual", 1, SIGNING, false, "Y", "1", DV},
    {"offerType", 0, SIGNING, false, "23", "25", DV},
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
        memset(text, 'a', sizeof(text));
        strcpy(text + 128 - strlen("@sectigo.com"), "@sectigo.com");
        expect(guardians[i], "appRepEmailAddress", text, 0, "");
        strcpy(text + 129 - strlen("@sectigo.com") - 1, "a@sectigo.com");
        expect(guardians[i], "appRepEmailAddress", text, -4, "appRepEmailAddress");
    }
    euros(text, 64);
    expect(EV, "organizationName", text, 0, "");
}

/* ---- examples 5.1 to 5.6, word for word ---- */

static void test_examples_as_they_stand(void **state)
{
    static const struct {
        const char *params[64];
        int code;
        const char *about;
    } examples[] = {
        {{SSL, "days", "365", "product", "488", "csr", "@csr", "dcvEmailAddress", "admin@sectigo.com"}, 0, ""},
        {{SSL, "days", "730", "product", "583", COMPANY, "stateOrProvinceName", "NJ", "potsalCode", "07068", "csr",
          "@csr", NAMES},
         -2,
         "potsalCode"},
        {{SSL,
          "days",
          "365",
          "product",
          "562",
          COMPANY,
          "appRepForename",
          "John",
          "appRepSurname",
          "Smith",
          "stateOrProvinceName",
          "NJ",
          "potsalCode",
          "07068",
          "csr",
          "@csr",
          "domainNames",
          "sectigo.com,www.sectigo.com,secure.sectigo.com",
          "primaryDomainName",
          "sectigo.com",
          "validationTokens",
          "ALLCNAMECRSHASH"},
         -2,
         "potsalCode"},
        {{LOGIN, "days", "365", "product", "586,587", COMPANY, REPRESENTATIVE}, 0, ""},
        {{LOGIN, "days", "365", "product", "346,329", COMPANY, REPRESENTATIVE, "appRepLoginPassword",
          "myhackerguardianpassword"},
         0,
         ""},
        {{LOGIN, "days", "365", "product", "586, 587, 356", COMPANY, REPRESENTATIVE, "IP Addresses", "10"}, 0, ""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(examples); i++) {
        struct sectigo_form form = {0};
        struct sectigo_order_facts facts;
        struct sectigo_verdict verdict;

        for (const char *const *at = examples[i].params; *at; at += 2)
            sectigo_form_add(&form, at[0], value_of(at[1]));
        sectigo_order_examine(&form, &facts, &verdict);
        sectigo_form_clear(&form);
        if (verdict.code != examples[i].code || strcmp(verdict.parameter, examples[i].about) != 0)
            fail_msg("example 5.%zu: %d, %s", i + 1, verdict.code, verdict.reason);
    }
}

/* 5.3 with one misspelling after the other put right: what the checker says next. */
static void test_example_ev_put_right(void **state)
{
    (void)state;
    expect(EV, "validationTokens", "ALLCNAMECRSHASH", -4, "validationTokens");
    expect(EV, "joiCountryName", NULL, -3, "joiCountryName");
    expect(EV, NULL, NULL, 0, "");
}

/* ---- what goes together ---- */

static void test_names_do_not_matter_in_case(void **state)
{
    (void)state;
    expect(DV, "ISCUSTOMERVALIDATED", "N", -4, "ISCUSTOMERVALIDATED"); /* twice, in two spellings */
    expect(DV, "UNIQUEVALUE", "abc", 0, "");
}

static void test_unknown_parameter(void **state)
{
    (void)state;
    expect(DV, "years", "1", -2, "years");
    expect(DV, "showCertificate", "Y", -2, "showCertificate");
}

static void test_organization_in_the_csr(void **state)
{
    static const char *const fields[] = {"organizationName",    "streetAddress1", "localityName",
                                         "stateOrProvinceName", "postalCode",     "countryName"};
    (void)state;

    for (size_t i = 0; i < COUNT(fields); i++) {
        struct sectigo_form form;
        struct sectigo_order_facts facts;
        struct sectigo_verdict verdict;

        fill(&form, OV_MULTI, fields[i], NULL);
        for (size_t j = 0; j < form.count; j++) {
            if (strcmp(form.params[j].name, "csr") == 0) {
                free(form.params[j].value);
                form.params[j].value = strdup(full_csr);
            }
        }
        assert_true(sectigo_order_examine(&form, &facts, &verdict));
        sectigo_form_clear(&form);
        expect(OV_MULTI, fields[i], NULL, -3, fields[i]);
    }
}

static void test_names_in_the_csr(void **state)
{
    (void)state;
    expect(DV_MULTI, "primaryDomainName", NULL, 0, "");
    expect(DV_MULTI, "maxSubjectCNS", "1", 0, "");
    struct sectigo_form form;
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    fill(&form, DV_MULTI, "domainNames", NULL);
    assert_true(sectigo_order_examine(&form, &facts, &verdict)); /* the CSR has names */
    assert_int_equal(facts.csr_names, 1);
    sectigo_form_clear(&form);
    fill(&form, DV_MULTI, "csr", "@bare");
    free(form.params[7].value);
    form.params[7].value = strdup("");
    assert_string_equal(form.params[7].name, "domainNames");
    assert_false(sectigo_order_examine(&form, &facts, &verdict));
    assert_int_equal(verdict.code, -3);
    assert_string_equal(verdict.parameter, "domainNames");
    sectigo_form_clear(&form);
}

static void test_primary_name_needed(void **state)
{
    struct sectigo_form form;
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    (void)state;

    fill(&form, DV_MULTI, "primaryDomainName", NULL);
    sectigo_form_add(&form, "maxSubjectCNS", "1");
    assert_false(sectigo_order_examine(&form, &facts, &verdict));
    assert_int_equal(verdict.code, -3);
    assert_string_equal(verdict.parameter, "primaryDomainName");
    sectigo_form_clear(&form);
}

static void test_tokens(void **state)
{
    (void)state;
    expect(DV_MULTI, "validationTokens", "HTTPCSRHASH,CNAMECSRHASH", -4, "validationTokens"); /* three names */
    expect(DV_MULTI, "validationTokens", "HTTPCSRHASH,CNAMECSRHASH,IPADDRESSPRE", 0, "");
    expect(DV_MULTI, "validationTokens", "ALLHTTPCSRHASH", 0, "");
    expect(DV_MULTI, "validationTokens", "ALLIPADDRESSPRE", 0, "");
    expect(DV_MULTI, "validationTokens", "ALLHTTPCSRHASH,HTTPCSRHASH,HTTPCSRHASH", -4, "validationTokens");
    expect(DV_MULTI, "validationTokens", "HTTPCSRHASH,HTTPCSRHASH,ALLHTTPCSRHASH", -4, "validationTokens");
    expect(DV_MULTI, "dcvEmailAddresses", "ALLHTTPCSRHASH", -4, "validationTokens"); /* both */
    expect(OV_MULTI, "validationTokens", "", -3, "validationTokens");
}

static void test_wildcards(void **state)
{
    (void)state;
    expect(WILDCARD, "dcvMethod", "HTTP_CSR_HASH", -4, "dcvMethod");
    expect(WILDCARD, "dcvMethod", "HTTPS_CSR_HASH", -4, "dcvMethod");
    expect(WILDCARD, "csr", "@csr", -6, "csr");
    expect(WILDCARD, "csr", "@bare", 0, "");
    expect(DV, "csr", "@wildcard", -5, "csr");
    expect(DV_MULTI, "csr", "@wildcard", 0, "");
}

static void test_days(void **state)
{
    (void)state;
    expect(DV, "days", "366", -4, "days");
    expect(DV, "days", "0365", -4, "days");
    expect(DV, "days", "1826", 0, "");
    expect(GUARDIAN, "product", "341", -53, "days");
    expect(GUARDIAN, "days", "17", 0, "");
}

static void test_products(void **state)
{
    (void)state;
    expect(DV, "product", "488,489", -4, "product");
    expect(DV, "product", "488,36", -4, "product");
    expect(GUARDIAN, "product", "586,587,357", -54, "product");
}

static void test_callback(void **state)
{
    struct sectigo_form form;
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    (void)state;

    expect(EV, "isCallbackCompleted", "Y", -3, "isAppRepValidated");
    expect(EV, "callbackMethod", "T", -3, "appRepTelephone");
    expect(OV_MULTI, "callbackMethod", "L", -3, "appRepForename");
    fill(&form, EV, "isCallbackCompleted", "Y");
    sectigo_form_add(&form, "isAppRepValidated", "N");
    assert_false(sectigo_order_examine(&form, &facts, &verdict));
    assert_int_equal(verdict.code, -4);
    free(form.params[form.count - 1].value);
    form.params[form.count - 1].value = strdup("Y");
    assert_true(sectigo_order_examine(&form, &facts, &verdict));
    sectigo_form_clear(&form);
}

static void test_domain_names(void **state)
{
    static const char *const good[] = {"*.sectigo.com", "192.0.2.1", "2001:db8::1", "xn--bcher-kva.example",
                                       " a.example\tb.example , c.example "};
    static const char *const bad[] = {"a..b",
                                      ".a",
                                      "*",
                                      "a.*.b",
                                      "b\xc3\xbc"
                                      "cher.example",
                                      "a/b",
                                      "*."};
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    (void)state;

    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        struct sectigo_form form;
        const char *names = i < COUNT(good) ? good[i] : bad[i - COUNT(good)];

        fill(&form, DV_MULTI, "primaryDomainName", NULL);
        free(form.params[7].value);
        form.params[7].value = strdup(names);
        if (sectigo_order_examine(&form, &facts, &verdict) != (i < COUNT(good)))
            fail_msg("\"%s\": %s", names, verdict.reason);
        sectigo_form_clear(&form);
    }
    expect(DV, "domainNames", ",", -4, "domainNames");
}

static void test_secrets_stay_out_of_reasons(void **state)
{
    char password[200];
    struct sectigo_verdict verdict;
    (void)state;

    memset(password, 'z', sizeof(password) - 1);
    password[sizeof(password) - 1] = '\0';
    assert_false(sectigo_parameter_check(sectigo_parameter_find("loginPassword"), password, false, &verdict));
    assert_null(strstr(verdict.reason, "zzz"));
}

static void test_countries(void **state)
{
    (void)state;
    assert_true(sectigo_country_known("AD"));
    assert_true(sectigo_country_known("zw"));
    assert_false(sectigo_country_known("UK"));
    assert_false(sectigo_country_known("D "));
    assert_false(sectigo_country_known("D"));
    assert_false(sectigo_country_known("DEU"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases_fit),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_product),
        cmocka_unit_test(test_every_parameter_has_a_row),
        cmocka_unit_test(test_limits_of_guardian),
        cmocka_unit_test(test_examples_as_they_stand),
        cmocka_unit_test(test_example_ev_put_right),
        cmocka_unit_test(test_names_do_not_matter_in_case),
        cmocka_unit_test(test_unknown_parameter),
        cmocka_unit_test(test_organization_in_the_csr),
        cmocka_unit_test(test_names_in_the_csr),
        cmocka_unit_test(test_primary_name_needed),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_callback),
        cmocka_unit_test(test_domain_names),
        cmocka_unit_test(test_secrets_stay_out_of_reasons),
        cmocka_unit_test(test_countries),
    };
    return cmocka_run_group_tests(tests, make_requests, drop_requests);
}
