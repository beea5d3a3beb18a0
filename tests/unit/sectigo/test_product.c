/* The catalogue, row by row as the reference lists it. */
#include "cases.h"

#include "sectigo/product.h"

static const struct {
    int code, pair;
    const char *name;
    enum sectigo_family family;
    enum sectigo_validation validation;
    enum sectigo_shape shape;
} reference[] = {
    {291, 0, "PositiveSSL Trial DV (30 day)", SECTIGO_POSITIVESSL, SECTIGO_DV, SECTIGO_SINGLE},
    {287, 0, "PositiveSSL DV", SECTIGO_POSITIVESSL, SECTIGO_DV, SECTIGO_SINGLE},
    {289, 0, "PositiveSSL Wildcard DV", SECTIGO_POSITIVESSL, SECTIGO_DV, SECTIGO_WILDCARD},
    {279, 0, "PositiveSSL Multi-Domain DV", SECTIGO_POSITIVESSL, SECTIGO_DV, SECTIGO_MULTI_DOMAIN},
    {556, 0, "PositiveSSL EV", SECTIGO_POSITIVESSL, SECTIGO_EV, SECTIGO_SINGLE},
    {557, 0, "PositiveSSL EV Multi-Domain", SECTIGO_POSITIVESSL, SECTIGO_EV, SECTIGO_MULTI_DOMAIN},
    {330, 0, "InstantSSL DV", SECTIGO_INSTANTSSL, SECTIGO_DV, SECTIGO_SINGLE},
    {331, 0, "InstantSSL Wildcard DV", SECTIGO_INSTANTSSL, SECTIGO_DV, SECTIGO_WILDCARD},
    {7, 0, "InstantSSL OV", SECTIGO_INSTANTSSL, SECTIGO_OV, SECTIGO_SINGLE},
    {35, 0, "InstantSSL OV Wildcard", SECTIGO_INSTANTSSL, SECTIGO_OV, SECTIGO_WILDCARD},
    {361, 0, "InstantSSL UCC OV", SECTIGO_INSTANTSSL, SECTIGO_OV, SECTIGO_UCC},
    {567, 0, "InstantSSL EV", SECTIGO_INSTANTSSL, SECTIGO_EV, SECTIGO_SINGLE},
    {568, 0, "InstantSSL EV Multi-Domain", SECTIGO_INSTANTSSL, SECTIGO_EV, SECTIGO_MULTI_DOMAIN},
    {488, 0, "SectigoSSL DV", SECTIGO_SECTIGOSSL, SECTIGO_DV, SECTIGO_SINGLE},
    {489, 0, "SectigoSSL Wildcard DV", SECTIGO_SECTIGOSSL, SECTIGO_DV, SECTIGO_WILDCARD},
    {492, 0, "SectigoSSL UCC DV", SECTIGO_SECTIGOSSL, SECTIGO_DV, SECTIGO_UCC},
    {316, 0, "SectigoSSL OV", SECTIGO_SECTIGOSSL, SECTIGO_OV, SECTIGO_SINGLE},
    {322, 0, "SectigoSSL OV Wildcard", SECTIGO_SECTIGOSSL, SECTIGO_OV, SECTIGO_WILDCARD},
    {583, 0, "SectigoSSL OV Multi Domain", SECTIGO_SECTIGOSSL, SECTIGO_OV, SECTIGO_MULTI_DOMAIN},
    {337, 0, "SectigoSSL EV", SECTIGO_SECTIGOSSL, SECTIGO_EV, SECTIGO_SINGLE},
    {410, 0, "SectigoSSL EV Multi-Domain EV", SECTIGO_SECTIGOSSL, SECTIGO_EV, SECTIGO_MULTI_DOMAIN},
    {720, 0, "SectigoSSL Pro Trial DV", SECTIGO_PRO, SECTIGO_DV, SECTIGO_SINGLE},
    {721, 0, "SectigoSSL Pro DV", SECTIGO_PRO, SECTIGO_DV, SECTIGO_SINGLE},
    {722, 0, "SectigoSSL Pro Wildcard DV", SECTIGO_PRO, SECTIGO_DV, SECTIGO_WILDCARD},
    {723, 0, "SectigoSSL Pro Multi-Domain DV", SECTIGO_PRO, SECTIGO_DV, SECTIGO_MULTI_DOMAIN},
    {726, 0, "SectigoSSL Pro OV", SECTIGO_PRO, SECTIGO_OV, SECTIGO_SINGLE},
    {727, 0, "SectigoSSL Pro OV Wildcard", SECTIGO_PRO, SECTIGO_OV, SECTIGO_WILDCARD},
    {728, 0, "SectigoSSL Pro OV Multi-Domain", SECTIGO_PRO, SECTIGO_OV, SECTIGO_MULTI_DOMAIN},
    {731, 0, "SectigoSSL Pro EV", SECTIGO_PRO, SECTIGO_EV, SECTIGO_SINGLE},
    {732, 0, "SectigoSSL Pro EV Multi-Domain", SECTIGO_PRO, SECTIGO_EV, SECTIGO_MULTI_DOMAIN},
    {734, 0, "SectigoSSL Premium Trial DV", SECTIGO_PREMIUM, SECTIGO_DV, SECTIGO_SINGLE},
    {735, 0, "SectigoSSL Premium DV", SECTIGO_PREMIUM, SECTIGO_DV, SECTIGO_SINGLE},
    {736, 0, "SectigoSSL Premium Wildcard DV", SECTIGO_PREMIUM, SECTIGO_DV, SECTIGO_WILDCARD},
    {737, 0, "SectigoSSL Premium Multi-Domain DV", SECTIGO_PREMIUM, SECTIGO_DV, SECTIGO_MULTI_DOMAIN},
    {740, 0, "SectigoSSL Premium OV", SECTIGO_PREMIUM, SECTIGO_OV, SECTIGO_SINGLE},
    {741, 0, "SectigoSSL Premium OV Wildcard", SECTIGO_PREMIUM, SECTIGO_OV, SECTIGO_WILDCARD},
    {742, 0, "SectigoSSL Premium OV Multi-Domain", SECTIGO_PREMIUM, SECTIGO_OV, SECTIGO_MULTI_DOMAIN},
    {745, 0, "SectigoSSL Premium EV", SECTIGO_PREMIUM, SECTIGO_EV, SECTIGO_SINGLE},
    {746, 0, "SectigoSSL Premium EV Multi-Domain", SECTIGO_PREMIUM, SECTIGO_EV, SECTIGO_MULTI_DOMAIN},
    {748, 0, "SectigoSSL Enterprise Trial DV", SECTIGO_ENTERPRISE, SECTIGO_DV, SECTIGO_SINGLE},
    {749, 0, "SectigoSSL Enterprise DV", SECTIGO_ENTERPRISE, SECTIGO_DV, SECTIGO_SINGLE},
    {750, 0, "SectigoSSL Enterprise Wildcard DV", SECTIGO_ENTERPRISE, SECTIGO_DV, SECTIGO_WILDCARD},
    {751, 0, "SectigoSSL Enterprise Multi-Domain DV", SECTIGO_ENTERPRISE, SECTIGO_DV, SECTIGO_MULTI_DOMAIN},
    {63, 0, "SectigoSSL EnterpriseSSL OV", SECTIGO_ENTERPRISE, SECTIGO_OV, SECTIGO_SINGLE},
    {64, 0, "SectigoSSL EnterpriseSSL Pro OV", SECTIGO_ENTERPRISE, SECTIGO_OV, SECTIGO_SINGLE},
    {65, 0, "SectigoSSL EnterpriseSSL Pro Wildcard OV", SECTIGO_ENTERPRISE, SECTIGO_OV, SECTIGO_WILDCARD},
    {335, 0, "SectigoSSL EnterpriseSSL Pro Multi-Domain OV", SECTIGO_ENTERPRISE, SECTIGO_OV, SECTIGO_MULTI_DOMAIN},
    {562, 0, "SectigoSSL EnterpriseSSL Pro EV", SECTIGO_ENTERPRISE, SECTIGO_EV, SECTIGO_SINGLE},
    {563, 0, "SectigoSSL EnterpriseSSL Pro EV Multi-Domain", SECTIGO_ENTERPRISE, SECTIGO_EV, SECTIGO_MULTI_DOMAIN},
    {1000, 0, "Sectigo Web Monitor", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1001, 0, "Sectigo Web Remediate", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1002, 0, "Sectigo Web Perform", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1003, 0, "Sectigo Web Complete", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1004, 0, "Sectigo Web Remediate Partner", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1005, 0, "Sectigo Web Perform Partner", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1006, 0, "Sectigo Web Complete Partner", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1007, 0, "Sectigo Web One Time Remediate", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1008, 0, "Sectigo Web Accelerate", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1009, 0, "Sectigo Web Firewall", SECTIGO_WEB_SECURITY, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1072, 0, "SSL PLUS SiteLock Bundle", SECTIGO_SITELOCK, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1059, 0, "SiteLock Monitor", SECTIGO_SITELOCK, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1060, 0, "SiteLock Basic", SECTIGO_SITELOCK, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1061, 0, "SiteLock Pro", SECTIGO_SITELOCK, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1062, 0, "SiteLock Business", SECTIGO_SITELOCK, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1082, 0, "SiteLock 911", SECTIGO_SITELOCK, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1068, 0, "SiteLock 5 GB Backup", SECTIGO_SITELOCK_ADDON, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1069, 0, "SiteLock 10 GB Backup", SECTIGO_SITELOCK_ADDON, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1070, 0, "SiteLock 25 GB Backup", SECTIGO_SITELOCK_ADDON, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1071, 0, "SiteLock TrueShield", SECTIGO_SITELOCK_ADDON, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1078, 0, "SiteLock DNS Pro", SECTIGO_SITELOCK_ADDON, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {1076, 0, "SiteLock DNS Business", SECTIGO_SITELOCK_ADDON, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {36, 0, "EV or OV TrustLogo", SECTIGO_TRUSTLOGO, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {700, 0, "CodeGuard (Personal)", SECTIGO_CODEGUARD, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {701, 0, "CodeGuard (Professional)", SECTIGO_CODEGUARD, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {702, 0, "CodeGuard (Company)", SECTIGO_CODEGUARD, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {703, 0, "CodeGuard (Small Business)", SECTIGO_CODEGUARD, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {341, 0, "HackerGuardian Free PCI Scanning Service (45 days)", SECTIGO_HACKERGUARDIAN, SECTIGO_NO_VALIDATION,
     SECTIGO_NO_SHAPE},
    {586, 587, "HackerGuardian Lite (Retail Only)", SECTIGO_HACKERGUARDIAN, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {346, 329, "HackerGuardian Standard", SECTIGO_HACKERGUARDIAN, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {349, 259, "HackerGuardian Enterprise", SECTIGO_HACKERGUARDIAN, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {357, 0, "HackerGuardian HackerProof", SECTIGO_HACKERPROOF, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {356, 0, "HackerGuardian Additional IP Addresses Pack", SECTIGO_IP_PACK, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {706, 0, "Sectigo Document Signing Certificate (Organization)", SECTIGO_DOCUMENT_SIGNING, SECTIGO_OV,
     SECTIGO_NO_SHAPE},
    {577, 0, "eToken Cost", SECTIGO_ETOKEN, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
    {163, 0, "eToken Shipping Cost", SECTIGO_SHIPPING, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE},
};

static void test_every_product(void **state)
{
    size_t count;
    (void)state;

    for (size_t i = 0; i < COUNT(reference); i++) {
        const struct sectigo_product *product = sectigo_product_find(reference[i].code);

        if (!product)
            fail_msg("%d is missing", reference[i].code);
        assert_int_equal(product->code, reference[i].code);
        assert_int_equal(product->pair, reference[i].pair);
        assert_string_equal(product->name, reference[i].name);
        assert_int_equal(product->family, reference[i].family);
        assert_int_equal(product->validation, reference[i].validation);
        assert_int_equal(product->shape, reference[i].shape);
        assert_int_equal(product->trial, strstr(product->name, "Trial") || product->code == 341);
    }
    assert_non_null(sectigo_products(&count));
    assert_int_equal(count, COUNT(reference));
    assert_ptr_equal(sectigo_product_find(587), sectigo_product_find(586));
    assert_null(sectigo_product_find(0));
    assert_null(sectigo_product_find(-1));
    assert_null(sectigo_product_find(9999));
}

static void test_days(void **state)
{
    static const int terms[] = {30, 90, 365, 730, 1095, 1461, 1826};
    (void)state;

    for (size_t i = 0; i < COUNT(reference); i++) {
        const struct sectigo_product *product = sectigo_product_find(reference[i].code);
        bool certificate = (product->family & SECTIGO_CERTIFICATES) && !product->trial;

        for (size_t j = 0; certificate && j < COUNT(terms); j++)
            assert_true(sectigo_product_allows_days(product, terms[j]));
        if (product->family & SECTIGO_CERTIFICATES)
            assert_false(sectigo_product_allows_days(product, 398));
        assert_false(sectigo_product_allows_days(product, 0));
        assert_false(sectigo_product_allows_days(product, -365));
    }
    assert_true(sectigo_product_allows_days(sectigo_product_find(291), 30));
    assert_false(sectigo_product_allows_days(sectigo_product_find(291), 90));
    assert_true(sectigo_product_allows_days(sectigo_product_find(341), 45));
    assert_false(sectigo_product_allows_days(sectigo_product_find(341), 365));
    assert_true(sectigo_product_allows_days(sectigo_product_find(586), 365));
}

/* Notes 2.17: 30 or 365 days, Monitor a year, 911 no term, the bundle as long as its certificate. */
static void test_days_of_sitelock(void **state)
{
    static const int paid[] = {1060, 1061, 1062, 1068, 1069, 1070, 1071, 1076, 1078};
    static const int others[] = {1, 29, 31, 90, 364, 730};
    (void)state;

    for (size_t i = 0; i < COUNT(paid); i++) {
        const struct sectigo_product *product = sectigo_product_find(paid[i]);

        assert_true(sectigo_product_allows_days(product, 30));
        assert_true(sectigo_product_allows_days(product, 365));
        assert_false(sectigo_product_without_term(product));
        for (size_t j = 0; j < COUNT(others); j++)
            assert_false(sectigo_product_allows_days(product, others[j]));
    }
    assert_true(sectigo_product_allows_days(sectigo_product_find(1059), 365));
    assert_false(sectigo_product_allows_days(sectigo_product_find(1059), 30));
    assert_true(sectigo_product_allows_days(sectigo_product_find(1072), 730));
    assert_true(sectigo_product_without_term(sectigo_product_find(1082)));
    assert_false(sectigo_product_allows_days(sectigo_product_find(1082), 30));
    assert_false(sectigo_product_without_term(sectigo_product_find(1000)));
}

#define NO SECTIGO_TAKES_NOT
#define YES SECTIGO_TAKES
#define PERHAPS SECTIGO_TAKES_PERHAPS

/* Notes 2.17, the table of licences and add-ons, cell by cell. */
static void test_add_ons(void **state)
{
    static const int addons[] = {1068, 1069, 1070, 1071, 1078, 1076};
    static const struct {
        int licence, tier;
        enum sectigo_takes takes[COUNT(addons)];
    } cases[] = {
        {1072, 0, {NO, NO, NO, NO, NO, NO}},
        {1059, 0, {NO, NO, NO, NO, NO, NO}},
        {1060, 1, {YES, YES, YES, YES, YES, YES}},
        {1061, 2, {NO, YES, YES, YES, NO, YES}},
        {1062, 3, {PERHAPS, PERHAPS, PERHAPS, PERHAPS, PERHAPS, PERHAPS}},
        {1082, -1, {PERHAPS, PERHAPS, PERHAPS, PERHAPS, PERHAPS, PERHAPS}},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(sectigo_sitelock_tier(cases[i].licence), cases[i].tier);
        for (size_t j = 0; j < COUNT(addons); j++)
            if (sectigo_sitelock_takes(cases[i].licence, addons[j]) != cases[i].takes[j])
                fail_msg("%d with %d", cases[i].licence, addons[j]);
    }
}

struct cart_case {
    const char *product;
    int code;     /* 0: sold */
    size_t items; /* where sold */
};

static void check_carts(const struct cart_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sectigo_cart cart;
        char reason[SECTIGO_MESSAGE_MAX] = "";
        int code = 0;
        bool ok = sectigo_cart_parse(cases[i].product, &cart, &code, reason);

        if (ok != (cases[i].code == 0) || code != cases[i].code || (ok && cart.count != cases[i].items) ||
            (!ok && !strstr(reason, "product")))
            fail_msg("\"%s\": %d, %d, %s", cases[i].product, ok, code, reason);
    }
}

static void test_carts(void **state)
{
    static const struct cart_case cases[] = {
        {"287", 0, 1},
        {"316,36", 0, 2},
        {"562,36", 0, 2},
        {"586,587", 0, 1},
        {"587,586", 0, 1},
        {"346,329", 0, 1},
        {"349,259", 0, 1},
        {"341", 0, 1},
        {"357", 0, 1},
        {"356", 0, 1},
        {"586, 587, 356", 0, 2}, /* example 5.6 as it stands */
        {"706", 0, 1},
        {"706,577,163", 0, 3},
        {"287,700", 0, 2},
        {"287,1000", 0, 2},
        {"287,586,587,356,700", 0, 4},
        {"1003", 0, 1},
        {"1009", 0, 1},
        {"", -4, 0},
        {" ", -4, 0},
        {",", -4, 0},
        {"287,", -4, 0},
        {",287", -4, 0},
        {"287,,36", -4, 0},
        {"0287", -4, 0},
        {"-287", -4, 0},
        {"287x", -4, 0},
        {"287 289", -4, 0},
        {"9999", -4, 0},
        {"99999999999999999999", -4, 0},
        {"287,287", -4, 0},
        {"287,289", -4, 0},
        {"287,706", -4, 0},
        {"586", -4, 0},
        {"587", -4, 0},
        {"346,587", -4, 0},
        {"36", -4, 0},
        {"287,36", -4, 0}, /* TrustLogo wants OV or EV */
        {"586,587,346,329", -54, 0},
        {"341,357", -54, 0},
        {"341,356", -58, 0},
        {"700,701", -67, 0},
        {"577", -81, 0},
        {"287,163", -81, 0},
        {"1000,1001", -82, 0},
    };
    (void)state;

    check_carts(cases, COUNT(cases));
}

static void test_carts_of_sitelock(void **state)
{
    static const struct cart_case cases[] = {
        {"1060", 0, 1},           {"1060,1068,1069,1070,1071,1078,1076", 0, 7},
        {"1061,1069,1076", 0, 3}, {"1062,1070", 0, 2},
        {"287,1072", 0, 2},       {"287,1060,1071", 0, 3},
        {"1082", 0, 1},           {"1068", 0, 1}, /* with previousOrderNumber */
        {"1060,1061", -54, 0},    {"1072", -124, 0},
        {"1072,700", -124, 0},    {"287,1072,1071", -121, 0},
        {"1059,1068", -121, 0},   {"1061,1068", -121, 0},
        {"1061,1078", -121, 0},   {"1004,1009", -82, 0},
    };
    (void)state;

    check_carts(cases, COUNT(cases));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(sectigo_family_name(SECTIGO_POSITIVESSL), "PositiveSSL");
    assert_string_equal(sectigo_family_name(SECTIGO_SITELOCK), "SiteLock");
    assert_string_equal(sectigo_family_name(SECTIGO_SITELOCK_ADDON), "SiteLock add-on");
    assert_string_equal(sectigo_family_name(SECTIGO_CERTIFICATES), "several");
    assert_string_equal(sectigo_validation_name(SECTIGO_EV), "EV");
    assert_string_equal(sectigo_shape_name(SECTIGO_UCC), "UCC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_product), cmocka_unit_test(test_days),  cmocka_unit_test(test_days_of_sitelock),
        cmocka_unit_test(test_add_ons),       cmocka_unit_test(test_carts), cmocka_unit_test(test_carts_of_sitelock),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
