/* request: which product gives exactly which names, at what price, and what of a CSR it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/issue/upstream/request.h"

enum { SINGLE = 488, WILDCARD = 489, MULTI = 492, OV_SINGLE = 316 };

static char *http[] = {(char *)(uintptr_t) "http", NULL};
static struct config_dcv_zone zones[] = {{.zone = (char *)(uintptr_t) "example.com"},
                                         {.zone = (char *)(uintptr_t) "www.example.org"}};
static const struct config_dcv by_http = {.methods = {http, 1}, .zones = zones, .zone_count = 1};

static struct config_profile profile_of(unsigned single, unsigned wildcard, unsigned multi)
{
    return (struct config_profile){.product_single = single,
                                   .product_wildcard = wildcard,
                                   .product_multi = multi,
                                   .accept_base_of_wildcard = true,
                                   .wildcards_in_multi = true};
}

/* Names separated by blanks. */
static unsigned choose(const struct config_profile *profile, const struct config_dcv *dcv, const char *list, bool cn)
{
    struct acme_names names = {0};
    struct acme_problem problem = {0};
    char text[256], *save = NULL;
    snprintf(text, sizeof text, "%s", list);
    for (char *at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        struct acme_identifier name = {.type =
                                           strpbrk(at, "abcdefghijklmnopqrstuvwxyz") ? ACME_DNS_NAME : ACME_IP_ADDRESS};
        snprintf(name.value, sizeof name.value, "%s", at);
        assert_true(names_add(&names, &name));
    }
    unsigned product = request_product(profile, dcv, &names, cn, &problem);
    assert_true((product != 0) == (problem.detail[0] == 0));
    if (product == 0)
        assert_int_equal(problem.type, cn ? ACME_REJECTED_IDENTIFIER : ACME_BAD_CSR);
    acme_problem_clear(&problem);
    names_clear(&names);
    return product;
}

static void test_shapes(void **state)
{
    static const struct {
        const char *names;
        unsigned all, no_multi, no_single, no_wildcard;
    } cases[] = {
        {"example.com", SINGLE, SINGLE, MULTI, SINGLE},
        {"www.example.com", SINGLE, SINGLE, MULTI, SINGLE},
        {"192.0.2.1", MULTI, 0, MULTI, MULTI}, /* addresses stand in domainNames */
        {"192.0.2.1 example.com", MULTI, 0, MULTI, MULTI},
        {"example.com www.example.com", SINGLE, SINGLE, MULTI, SINGLE},
        {"www.example.com www.www.example.com", MULTI, 0, MULTI, MULTI}, /* not registrable */
        {"co.uk www.co.uk", MULTI, 0, MULTI, MULTI},                     /* above it */
        {"example.co.uk www.example.co.uk", SINGLE, SINGLE, MULTI, SINGLE},
        {"example.com www.example.net", MULTI, 0, MULTI, MULTI},
        {"example.com a.example.com", MULTI, 0, MULTI, MULTI},
        {"example.com www.example.com x.example.com", MULTI, 0, MULTI, MULTI},
        {"*.example.com", WILDCARD, WILDCARD, WILDCARD, MULTI},
        {"*.example.com example.com", WILDCARD, WILDCARD, WILDCARD, MULTI},
        {"*.example.com www.example.com", MULTI, 0, MULTI, MULTI},
        {"*.example.com *.example.net", MULTI, 0, MULTI, MULTI},
    };
    const struct config_profile all = profile_of(SINGLE, WILDCARD, MULTI), no_multi = profile_of(SINGLE, WILDCARD, 0),
                                no_single = profile_of(0, WILDCARD, MULTI), no_wildcard = profile_of(SINGLE, 0, MULTI);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(choose(&all, &by_http, cases[i].names, true), cases[i].all);
        assert_int_equal(choose(&no_multi, &by_http, cases[i].names, true), cases[i].no_multi);
        assert_int_equal(choose(&no_single, &by_http, cases[i].names, true), cases[i].no_single);
        assert_int_equal(choose(&no_wildcard, &by_http, cases[i].names, true), cases[i].no_wildcard);
    }
    struct config_profile bare = all;
    bare.accept_base_of_wildcard = false;
    assert_int_equal(choose(&bare, &by_http, "*.example.com", true), WILDCARD);
    assert_int_equal(choose(&bare, &by_http, "*.example.com example.com", true), MULTI);
}

/* Not every product for several names takes a wildcard, and none of EV. */
static void test_wildcards_in_multi(void **state)
{
    struct config_profile profile = profile_of(SINGLE, 0, MULTI);
    (void)state;
    assert_int_equal(choose(&profile, &by_http, "*.example.com a.example.net", true), MULTI);
    profile.wildcards_in_multi = false;
    assert_int_equal(choose(&profile, &by_http, "*.example.com a.example.net", true), 0);
    assert_int_equal(choose(&profile, &by_http, "*.example.com", true), 0);
    assert_int_equal(choose(&profile, &by_http, "a.example.com a.example.net", true), MULTI);
    profile = profile_of(337, 0, 410);
    assert_int_equal(choose(&profile, &by_http, "*.example.com", true), 0);
    assert_int_equal(choose(&profile, &by_http, "a.example.com a.example.net", true), 410);
}

static void test_one_method_for_a_pair(void **state)
{
    char *both[] = {(char *)(uintptr_t) "cname", http[0], NULL};
    const struct config_dcv cname = {.methods = {both, 2}, .zones = zones, .zone_count = 2};
    const struct config_profile all = profile_of(SINGLE, WILDCARD, MULTI);
    (void)state;
    assert_int_equal(choose(&all, &cname, "example.com www.example.com", true), SINGLE);
    assert_int_equal(choose(&all, &cname, "example.org www.example.org", true), MULTI); /* a zone for one of them */
}

static void test_prices(void **state)
{
    struct config_profile profile = profile_of(SINGLE, WILDCARD, MULTI);
    (void)state;
    profile.prices = (struct config_prices){3500, 10500, 7000, 1000};
    assert_int_equal(request_price(&profile, SINGLE, 1), 3500);
    assert_int_equal(request_price(&profile, SINGLE, 2), 3500);
    assert_int_equal(request_price(&profile, WILDCARD, 2), 10500);
    assert_int_equal(request_price(&profile, MULTI, 1), 7000);
    assert_int_equal(request_price(&profile, MULTI, 4), 10000);
    assert_int_equal(request_price(&profile, 287, 1), 3500); /* bought before the table was edited */
    assert_int_equal(request_price(&profile, 289, 1), 10500);
    assert_int_equal(request_price(&profile, 279, 2), 8000);
    profile.prices.multi_cents = 2000;
    assert_int_equal(choose(&profile, &by_http, "example.com", true), MULTI);
    assert_int_equal(choose(&profile, &by_http, "example.com www.example.com", true), MULTI);
    profile.prices.extra_name_cents = 1500;
    assert_int_equal(choose(&profile, &by_http, "example.com www.example.com", true), SINGLE);
    profile.prices.single_cents = 2000;
    assert_int_equal(choose(&profile, &by_http, "example.com", true), SINGLE);
}

static void test_csr_without_cn(void **state)
{
    struct config_profile profile = profile_of(SINGLE, WILDCARD, MULTI);
    struct acme_problem problem = {0};
    (void)state;
    for (int as = CONFIG_CN_AS_IS; as <= CONFIG_CN_REFUSE; as++) {
        profile.csr_without_cn = (enum config_csr_without_cn)as;
        unsigned expected = as == CONFIG_CN_REFUSE ? 0 : as == CONFIG_CN_MULTI_DOMAIN ? MULTI : SINGLE;
        assert_int_equal(choose(&profile, &by_http, "example.com", false), expected);
        assert_int_equal(choose(&profile, &by_http, "example.com", true), SINGLE);
        assert_int_equal(choose(&profile, &by_http, "a.example.com b.example.com", false), MULTI);
        assert_true(request_accepts_cn(&profile, MULTI, false, &problem));
    }
    assert_false(request_accepts_cn(&profile, WILDCARD, false, &problem));
    acme_problem_clear(&problem);
}

static void test_subject(void **state)
{
    struct acme_csr plain = {0}, more = {.other_subject = true};
    struct acme_problem problem = {0};
    (void)state;
    assert_true(request_accepts_subject(SINGLE, &more, &problem));
    assert_true(request_accepts_subject(OV_SINGLE, &plain, &problem));
    assert_false(request_accepts_subject(OV_SINGLE, &more, &problem));
    assert_int_equal(problem.type, ACME_BAD_CSR);
    acme_problem_clear(&problem);
}

static void test_extensions(void **state)
{
    static char name[] = "dv";
    struct config_profile profile = {.name = name};
    struct acme_problem problem = {0};
    (void)state;
    assert_true(request_accepts_extensions(&profile, &(struct acme_csr){0}, &problem));
    for (unsigned i = 0; i < ACME_CSR_WISHES; i++) {
        struct acme_csr csr = {.wishes = {[0] = false}};
        csr.wishes[i] = true;
        memset(profile.csr_extensions, 0, sizeof profile.csr_extensions);
        assert_false(request_accepts_extensions(&profile, &csr, &problem));
        assert_int_equal(problem.type, ACME_BAD_CSR);
        acme_problem_clear(&problem);
        profile.csr_extensions[i] = true;
        assert_true(request_accepts_extensions(&profile, &csr, &problem));
    }
}

static void add(struct acme_policy *policy, char **member, const char *text)
{
    (void)policy;
    free(*member);
    *member = strdup(text);
    assert_non_null(*member);
}

static void test_organization(void **state)
{
    struct dcv_rules rules = {.dcv = by_http};
    struct sectigo_form form = {0};
    struct issuance is = {.kind = ISSUANCE_PURCHASE, .csr = (uint8_t[]){1, 2, 3}, .csr_len = 3, .csr_has_cn = true};
    struct acme_identifier name = {.type = ACME_DNS_NAME, .value = "example.com"};
    struct subscription sub = {.product = OV_SINGLE, .days = 365, .names = {&name, 1}};
    struct config_profile profile = profile_of(OV_SINGLE, 0, 0);
    struct config_login login = {0};
    (void)state;
    profile.contact_email = (char *)(uintptr_t) "profile@example.org";
    assert_true(acme_policy_make("p", &rules.policy));
    assert_true(request_needs_organization(OV_SINGLE));
    assert_false(request_needs_organization(SINGLE));
    assert_false(request_has_organization(&rules.policy));
    add(&rules.policy, &rules.policy.organization, "Example");
    add(&rules.policy, &rules.policy.street, "Street 1");
    add(&rules.policy, &rules.policy.locality, "Town");
    add(&rules.policy, &rules.policy.state, "State");
    add(&rules.policy, &rules.policy.postal_code, "12345");
    assert_false(request_has_organization(&rules.policy));
    add(&rules.policy, &rules.policy.country, "DE");
    assert_true(request_has_organization(&rules.policy));
    request_order(&form, &is, &sub, &login, &profile, &rules);
    assert_string_equal(sectigo_form_get(&form, "organizationName"), "Example");
    assert_string_equal(sectigo_form_get(&form, "streetAddress1"), "Street 1");
    assert_string_equal(sectigo_form_get(&form, "countryName"), "DE");
    assert_string_equal(sectigo_form_get(&form, "appRepEmailAddress"), "profile@example.org");
    assert_null(sectigo_form_get(&form, "organizationalUnitName"));
    assert_null(sectigo_form_get(&form, "joiCountryName"));
    sectigo_form_clear(&form);
    add(&rules.policy, &rules.policy.contact_email, "policy@example.org");
    sub.product = 337; /* EV */
    request_order(&form, &is, &sub, &login, &profile, &rules);
    assert_string_equal(sectigo_form_get(&form, "joiCountryName"), "DE");
    assert_string_equal(sectigo_form_get(&form, "appRepEmailAddress"), "policy@example.org");
    sectigo_form_clear(&form);
    sub.product = SINGLE;
    request_order(&form, &is, &sub, &login, &profile, &rules);
    assert_null(sectigo_form_get(&form, "organizationName"));
    sectigo_form_clear(&form);
    dcv_rules_clear(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_wildcards_in_multi),
        cmocka_unit_test(test_one_method_for_a_pair),
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_csr_without_cn),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_organization),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
