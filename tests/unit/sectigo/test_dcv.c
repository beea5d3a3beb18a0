#include "cases.h"

#include "sectigo/dcv.h"

static void assert_tokens(const struct sectigo_dcv_choice *choices, size_t count, const char *expected)
{
    char *list = sectigo_validation_tokens(choices, count);

    if (!list != !expected || (list && strcmp(list, expected) != 0))
        fail_msg("%s instead of %s", list ? list : "nothing", expected ? expected : "nothing");
    free(list);
}

static void test_methods(void **state)
{
    static const struct {
        enum sectigo_dcv_method method;
        const char *name, *token, *all;
    } cases[] = {
        {SECTIGO_DCV_HTTP, "HTTP_CSR_HASH", "HTTPCSRHASH", "ALLHTTPCSRHASH"},
        {SECTIGO_DCV_HTTPS, "HTTPS_CSR_HASH", "HTTPSCSRHASH", "ALLHTTPSCSRHASH"},
        {SECTIGO_DCV_CNAME, "CNAME_CSR_HASH", "CNAMECSRHASH", "ALLCNAMECSRHASH"},
        {SECTIGO_DCV_IP_ADDRESS, "IP_ADDRESS_PRE", "IPADDRESSPRE", "ALLIPADDRESSPRE"},
    };
    enum sectigo_dcv_method method;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(sectigo_dcv_method_name(cases[i].method), cases[i].name);
        assert_tokens((struct sectigo_dcv_choice[]){{cases[i].method, NULL}}, 1, cases[i].all);
        assert_true(sectigo_dcv_method_read(cases[i].name, &method) && method == cases[i].method);
        assert_true(sectigo_dcv_method_read(cases[i].token, &method) && method == cases[i].method);
        assert_true(sectigo_dcv_method_read(cases[i].all, &method) && method == cases[i].method);
    }
    assert_true(sectigo_dcv_method_read("email", &method) && method == SECTIGO_DCV_EMAIL);
    assert_false(sectigo_dcv_method_read("ALLCNAMECRSHASH", &method)); /* as example 5.3 misspells it */
}

static void test_validation_tokens(void **state)
{
    static const struct {
        struct sectigo_dcv_choice choices[3];
        size_t count;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {{{SECTIGO_DCV_CNAME, NULL}, {SECTIGO_DCV_CNAME, NULL}, {SECTIGO_DCV_CNAME, NULL}}, 3, "ALLCNAMECSRHASH"},
        {{{SECTIGO_DCV_HTTP, NULL}, {SECTIGO_DCV_HTTP, NULL}}, 2, "ALLHTTPCSRHASH"},
        {{{SECTIGO_DCV_IP_ADDRESS, NULL}}, 1, "ALLIPADDRESSPRE"},
        {{{SECTIGO_DCV_HTTP, NULL}, {SECTIGO_DCV_CNAME, NULL}, {SECTIGO_DCV_IP_ADDRESS, NULL}},
         3,
         "HTTPCSRHASH,CNAMECSRHASH,IPADDRESSPRE"},
        {{{SECTIGO_DCV_EMAIL, "admin@a.example"}, {SECTIGO_DCV_HTTP, NULL}}, 2, "admin@a.example,HTTPCSRHASH"},
        {{{SECTIGO_DCV_HTTPS, NULL}, {SECTIGO_DCV_HTTP, NULL}}, 2, "HTTPSCSRHASH,HTTPCSRHASH"},
        {{{SECTIGO_DCV_EMAIL, "admin@a.example"}, {SECTIGO_DCV_EMAIL, "admin@b.example"}},
         2,
         "admin@a.example,admin@b.example"},
        {{{SECTIGO_DCV_EMAIL, NULL}}, 1, NULL},
        {{{SECTIGO_DCV_HTTP, NULL}}, 0, NULL},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_tokens(cases[i].choices, cases[i].count, cases[i].expected);
}

static void test_unique_values_differ(void **state)
{
    char values[64][SECTIGO_UNIQUE_VALUE_MAX + 1];
    (void)state;

    for (size_t i = 0; i < COUNT(values); i++) {
        assert_true(sectigo_unique_value_make(values[i]));
        assert_int_equal(strlen(values[i]), 20);
        assert_int_equal(strspn(values[i], "abcdefghijklmnopqrstuvwxyz0123456789"), 20);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(values[i], values[j]);
    }
}

static void test_authorization_names(void **state)
{
    static const struct {
        const char *name, *names; /* NULL: none */
    } cases[] = {
        {"example.com", "example.com"},
        {"Example.COM.", "example.com"},
        {"*.example.com", "example.com"},
        {"a.b.Example.co.uk", "a.b.example.co.uk b.example.co.uk example.co.uk"},
        {"x.y.github.io", "x.y.github.io y.github.io"},
        {"host.corp", "host.corp"},
        {"_x.example.com", "_x.example.com example.com"},
        {"co.uk", NULL},
        {"localhost", NULL},
        {"192.0.2.1", NULL},
        {"2001:db8::1", NULL},
        {"", NULL},
        {"a..b.com", NULL},
        {".example.com", NULL},
        {"exa mple.com", NULL},
        {"*.*.example.com", NULL},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sectigo_adn adn;
        char names[512] = "";
        bool ok = sectigo_adn_list(cases[i].name, &adn);

        for (size_t j = 0; ok && j < adn.count; j++)
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", j ? " " : "",
                     adn.name + adn.offset[j]);
        if (ok != (cases[i].names != NULL) || (ok && strcmp(names, cases[i].names) != 0))
            fail_msg("%s: %s", cases[i].name, names);
    }
}

static void test_deepest_name(void **state)
{
    struct sectigo_adn adn;
    char name[254];
    (void)state;

    for (size_t i = 0; i < 253; i++)
        name[i] = i % 2 ? '.' : 'a';
    name[253] = '\0';
    assert_true(sectigo_adn_list(name, &adn));
    assert_int_equal(adn.count, 126);
    assert_string_equal(adn.name + adn.offset[125], "a.a");
}

static void test_covers(void **state)
{
    static const struct {
        const char *adn, *name;
        bool covers;
    } cases[] = {
        {"example.com", "www.example.com", true},
        {"example.com", "*.example.com", true},
        {"www.example.com", "www.example.com.", true},
        {"EXAMPLE.com.", "a.b.example.com", true},
        {"com", "example.com", false},
        {"www.example.com", "example.com", false},
        {"ample.com", "example.com", false},
        {"example.org", "www.example.com", false},
        {"", "example.com", false},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        if (sectigo_adn_covers(cases[i].adn, cases[i].name) != cases[i].covers)
            fail_msg("%s covers %s", cases[i].adn, cases[i].name);
}

static bool parse_mdc(const char *body, struct sectigo_mdc_answer *answer)
{
    return sectigo_parse_mdc(body, strlen(body), answer);
}

static void test_mdc_details(void **state)
{
    struct sectigo_mdc_answer answer;
    (void)state;

    assert_true(parse_mdc("errorCode=0&1_domainName=test.com&1_dcvMethod=EMAIL&1_dcvStatus=Validated&2_domainName="
                          "www.test.com&2_dcvMethod=CNAME_CSR_HASH&2_dcvStatus=Awaiting+something&2_newer=x"
                          "&3_domainName=b.test.com&3_dcvStatus=VALIDATED",
                          &answer));
    assert_int_equal(answer.domain_count, 3);
    assert_string_equal(answer.domains[0].name, "test.com");
    assert_string_equal(answer.domains[0].method, "EMAIL");
    assert_true(answer.domains[0].validated);
    assert_string_equal(answer.domains[1].status, "Awaiting something");
    assert_false(answer.domains[1].validated);
    assert_true(answer.domains[2].validated);
    assert_null(answer.domains[2].method);
    sectigo_mdc_clear(&answer);
    assert_true(parse_mdc("errorCode=-16&errorMessage=Permission+denied%21", &answer));
    assert_int_equal(answer.code, -16);
    sectigo_mdc_clear(&answer);
    static const char *const none[] = {"",
                                       "errorCode=0",
                                       "errorCode=0&1_dcvStatus=Validated",
                                       "errorCode=0&2_domainName=a",
                                       "errorCode=0&0_domainName=a",
                                       "1_domainName=a"};
    for (size_t i = 0; i < COUNT(none); i++)
        if (parse_mdc(none[i], &answer))
            fail_msg("\"%s\" was taken for an answer", none[i]);
}

static bool parse_addresses(const char *body, struct sectigo_dcv_addresses *answer)
{
    return sectigo_parse_dcv_addresses(body, strlen(body), answer);
}

static void test_addresses(void **state)
{
    struct sectigo_dcv_addresses answer;
    (void)state;

    assert_true(parse_addresses("0\ndomain_name\twww.test-domain.org\nwhois_email\tnone\n"
                                "level2_email\tadmin@test-domain.org\nlevel2_email\tpostmaster@test-domain.org\n"
                                "level3_email\tadmin@www.test-domain.org\n",
                                &answer));
    assert_string_equal(answer.domain, "www.test-domain.org");
    assert_int_equal(answer.count, 3);
    assert_string_equal(answer.list[1].email, "postmaster@test-domain.org");
    assert_string_equal(answer.list[1].source, "level2");
    assert_string_equal(answer.list[2].source, "level3");
    sectigo_dcv_addresses_clear(&answer);
    assert_true(parse_addresses("-19\nNot this name\n", &answer));
    assert_int_equal(answer.code, -19);
    assert_string_equal(answer.message, "Not this name");
    static const char *const none[] = {"", "0\n", "<html>", "0\nlevel2_email", "domain_name\tx", "-19\na\nb"};
    for (size_t i = 0; i < COUNT(none); i++)
        if (parse_addresses(none[i], &answer))
            fail_msg("\"%s\" was taken for an answer", none[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_validation_tokens),
        cmocka_unit_test(test_unique_values_differ),
        cmocka_unit_test(test_authorization_names),
        cmocka_unit_test(test_deepest_name),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_mdc_details),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
