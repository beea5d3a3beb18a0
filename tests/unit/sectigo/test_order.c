/* Whole orders: what goes together, and the examples 5.1 to 5.6 of the reference as they stand. */
#include "orders.h"

/* The value of one that the form has. */
static void put(struct sectigo_form *form, const char *name, const char *value)
{
    for (size_t i = 0; i < form->count; i++) {
        if (strcmp(form->params[i].name, name) == 0) {
            free(form->params[i].value);
            form->params[i].value = strdup(value);
            return;
        }
    }
    fail_msg("the form has no %s", name);
}

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

/* 5.3 with one misspelling after the other put right: what the checker says next. That it names no joiCountryName is
 * one of them, since the table has it in bold for EV. */
static void test_example_ev_put_right(void **state)
{
    (void)state;
    expect(EV, "validationTokens", "ALLCNAMECRSHASH", -4, "validationTokens");
    expect(EV, "joiCountryName", NULL, -3, "joiCountryName");
    expect(EV, NULL, NULL, 0, "");
}

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
    expect(DV_MULTI, "validationTokens", "HTTPCSRHASH,CNAMECSRHASH,HTTPSCSRHASH", 0, "");
    expect(DV_MULTI, "validationTokens", "ALLHTTPCSRHASH", 0, "");
    expect(DV_MULTI, "validationTokens", "ALLHTTPCSRHASH,HTTPCSRHASH,HTTPCSRHASH", -4, "validationTokens");
    expect(DV_MULTI, "validationTokens", "HTTPCSRHASH,HTTPCSRHASH,ALLHTTPCSRHASH", -4, "validationTokens");
    expect(DV_MULTI, "dcvEmailAddresses", "ALLHTTPCSRHASH", -4, "validationTokens"); /* both */
    expect(OV_MULTI, "validationTokens", "", -3, "validationTokens");
}

/* Notes 3.2, 3.3, 3.7: what cannot prove a name is refused before it is bought. */
static void test_methods_fit_the_names(void **state)
{
    static const struct {
        const char *names, *tokens, *method, *email; /* NULL: not given */
        const char *about;                           /* NULL: fits */
    } cases[] = {
        {"192.0.2.1", NULL, "EMAIL", "admin@sectigo.com", "dcvMethod"},
        {"192.0.2.1", NULL, NULL, "admin@sectigo.com", "dcvEmailAddress"},
        {"2001:db8::1", NULL, "CNAME_CSR_HASH", NULL, "dcvMethod"},
        {"192.0.2.1,2001:db8::1", NULL, "IP_ADDRESS_PRE", NULL, NULL},
        {"192.0.2.1", NULL, "HTTP_CSR_HASH", NULL, NULL},
        {"192.0.2.1,sectigo.com", NULL, "ip_address_pre", NULL, "dcvMethod"},
        {"192.0.2.1,sectigo.com", "IPADDRESSPRE,CNAMECSRHASH", NULL, NULL, NULL},
        {"192.0.2.1,sectigo.com", "CNAMECSRHASH,IPADDRESSPRE", NULL, NULL, "validationTokens"},
        {"192.0.2.1,sectigo.com", "admin@sectigo.com,CNAMECSRHASH", NULL, NULL, "validationTokens"},
        {"192.0.2.1,sectigo.com", "ALLIPADDRESSPRE", NULL, NULL, "validationTokens"},
        {"192.0.2.1,sectigo.com", "ALLHTTPCSRHASH", NULL, NULL, NULL},
        {"*.sectigo.com,sectigo.com", "ALLHTTPCSRHASH", NULL, NULL, "validationTokens"},
        {"*.sectigo.com,sectigo.com", "CNAMECSRHASH,HTTPCSRHASH", NULL, NULL, NULL},
        {"a.sectigo.com,b.sectigo.com", "admin@a.sectigo.com,admin@a.sectigo.com", NULL, NULL, "validationTokens"},
        {"a.sectigo.com,b.sectigo.com", NULL, "EMAIL", "Admin@SECTIGO.com", NULL},
        {"a.sectigo.com", NULL, "EMAIL", "me@sectigo.com", "dcvEmailAddress"},
        {"a.sectigo.com", NULL, "EMAIL", "admin@ctigo.com", "dcvEmailAddress"},
        {"*.sectigo.com", NULL, "EMAIL", "postmaster@sectigo.com", NULL},
    };
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sectigo_form form;

        fill(&form, DV_MULTI, "primaryDomainName", "");
        put(&form, "domainNames", cases[i].names);
        put(&form, "validationTokens", cases[i].tokens ? cases[i].tokens : "");
        if (!cases[i].tokens && (!cases[i].method || strcmp(cases[i].method, "EMAIL") == 0)) {
            put(&form, "product", "488"); /* the others need tokens */
            put(&form, "csr", bare_csr);
        }
        if (cases[i].method)
            sectigo_form_add(&form, "dcvMethod", cases[i].method);
        if (cases[i].email)
            sectigo_form_add(&form, "dcvEmailAddress", cases[i].email);
        bool fits = sectigo_order_examine(&form, &facts, &verdict);
        if (fits != !cases[i].about || (!fits && (verdict.code != -4 || strcmp(verdict.parameter, cases[i].about))))
            fail_msg("case %zu: %d, %s, %s", i, verdict.code, verdict.parameter, verdict.reason);
        sectigo_form_clear(&form);
    }
    /* The name of the CSR, where none is listed. */
    expect(DV, "dcvEmailAddress", "webmaster@sectigo.com", 0, "");
    expect(DV, "dcvEmailAddress", "webmaster@www.sectigo.com", -4, "dcvEmailAddress");
    expect(DV, "dcvEmailAddress", "somebody@sectigo.com", -4, "dcvEmailAddress");
    expect(DV, "dcvMethod", "IP_ADDRESS_PRE", -4, "dcvMethod");
    expect(DV, "csr", "@address", -4, "dcvEmailAddress");
    expect(WILDCARD, "dcvMethod", "IP_ADDRESS_PRE", -4, "dcvMethod");
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
    static const char *const bad[] = {"a..b", ".a", "*", "a.*.b", "b\303\274cher.example", "a/b", "*."};
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    (void)state;

    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        struct sectigo_form form;
        const char *names = i < COUNT(good) ? good[i] : bad[i - COUNT(good)];

        fill(&form, DV_MULTI, "primaryDomainName", "");
        put(&form, "domainNames", names);
        put(&form, "validationTokens", strpbrk(names, "123") ? "ALLHTTPCSRHASH" : "ALLCNAMECSRHASH");
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

    memset(password, 'z', sizeof password - 1);
    password[sizeof password - 1] = '\0';
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
        cmocka_unit_test(test_examples_as_they_stand),
        cmocka_unit_test(test_example_ev_put_right),
        cmocka_unit_test(test_names_do_not_matter_in_case),
        cmocka_unit_test(test_unknown_parameter),
        cmocka_unit_test(test_organization_in_the_csr),
        cmocka_unit_test(test_names_in_the_csr),
        cmocka_unit_test(test_primary_name_needed),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_methods_fit_the_names),
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
