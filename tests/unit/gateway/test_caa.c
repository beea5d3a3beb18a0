/* caa: the record set that lets Sectigo issue, and the words about one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "gateway/dcv/caa.h"
#include "gateway/dcv/global.h"

struct record {
    unsigned flags;
    const char *tag, *value;
};

static const struct config_strings documented = {NULL, 0};

static void read(struct caa_set *set, const struct record *record, const struct config_strings *identities)
{
    uint8_t rdata[300] = {(uint8_t)record->flags, (uint8_t)strlen(record->tag)};
    size_t len = 2;
    memcpy(rdata + len, record->tag, strlen(record->tag));
    len += strlen(record->tag);
    memcpy(rdata + len, record->value, strlen(record->value));
    caa_read(set, rdata, len + strlen(record->value), identities);
}

/* Up to two records; words NULL: Sectigo may issue. */
static void assert_set(struct record a, struct record b, bool wildcard, const char *words)
{
    struct caa_set set = {0};
    char reason[CAA_REASON_MAX];
    read(&set, &a, &documented);
    if (b.tag)
        read(&set, &b, &documented);
    assert_int_equal(caa_judge(&set, "d.example", wildcard, reason), words == NULL);
    if (words && !strstr(reason, words))
        fail_msg("\"%s\" is not in \"%s\"", words, reason);
    if (!words)
        assert_string_equal(reason, "");
}

#define NONE ((struct record){0})
#define ISSUE(value) ((struct record){0, "issue", value})
#define WILD(value) ((struct record){0, "issuewild", value})

static void any_of_the_identities_will_do(void **state)
{
    (void)state;
    assert_set(ISSUE("sectigo.com"), NONE, false, NULL);
    assert_set(ISSUE(" Comodoca.com \t"), NONE, false, NULL);
    assert_set(ISSUE("other.example"), ISSUE("usertrust.com;"), false, NULL);
    assert_set(ISSUE("trust-provider.com; policy=ev"), NONE, false, NULL);
    assert_set((struct record){128, "ISSUE", "sectigo.com"}, NONE, false, NULL);
    assert_set(ISSUE("sectigo.com.example"), NONE, false, "issue \"sectigo.com.example\", does not let Sectigo");
    assert_set(ISSUE("notsectigo.com"), NONE, false, "does not let Sectigo");
    assert_set(ISSUE(";"), NONE, false, "issue \";\", does not let Sectigo issue: add issue \"sectigo.com\"");
    assert_set(ISSUE(""), NONE, false, "does not let Sectigo");
}

static void configured_identities_replace_the_documented(void **state)
{
    (void)state;
    char name[] = "ca.example";
    char *list[] = {name, NULL};
    struct config_strings identities = {list, 1};
    struct caa_set ours = {0}, theirs = {0};
    char reason[CAA_REASON_MAX];
    read(&ours, &ISSUE("ca.example"), &identities);
    read(&theirs, &ISSUE("sectigo.com"), &identities);
    assert_true(caa_judge(&ours, "d.example", false, reason));
    assert_false(caa_judge(&theirs, "d.example", false, reason));
}

static void issuewild_goes_before_issue_for_wildcards(void **state)
{
    (void)state;
    assert_set(ISSUE("sectigo.com"), NONE, true, NULL);
    assert_set(ISSUE("other.example"), WILD("sectigo.com"), true, NULL);
    assert_set(ISSUE("other.example"), WILD("sectigo.com"), false, "issue \"other.example\"");
    assert_set(ISSUE("sectigo.com"), WILD(";"), true, "issuewild \";\"");
    assert_set(ISSUE("sectigo.com"), WILD(";"), false, NULL);
    assert_set(WILD(";"), NONE, false, NULL);
}

static void parameters_are_sectigos_to_judge(void **state)
{
    (void)state;
    static const char *const words = "has accounturi or validationmethods, which only Sectigo can judge";
    assert_set(ISSUE("sectigo.com; accounturi=https://sectigo.com/7"), NONE, false, words);
    assert_set(ISSUE("sectigo.com;a=b;\tValidationMethods = dns"), NONE, false, words);
    assert_set(ISSUE("sectigo.com; accounturi=x"), ISSUE("sectigo.com"), false, NULL);
    assert_set(ISSUE("other.example"), ISSUE("sectigo.com; accounturi=x"), false,
               "issue \"sectigo.com; accounturi=x\"");
    assert_set(ISSUE("other.example; accounturi=x"), NONE, false, "does not let Sectigo issue");
}

static void only_unknown_critical_properties_forbid(void **state)
{
    (void)state;
    assert_set((struct record){0, "future", "x"}, NONE, false, NULL);
    assert_set((struct record){128, "iodef", "mailto:a@b.example"}, NONE, false, NULL);
    assert_set((struct record){128, "issuemail", ";"}, NONE, false, NULL);
    assert_set((struct record){128, "future\n", "x"}, ISSUE("sectigo.com"), false, "the critical property future?");
}

static void what_is_no_record_forbids(void **state)
{
    (void)state;
    static const uint8_t none[1] = {0}, no_tag[] = {0, 0, 'x'}, long_tag[] = {0, 6, 'i', 's', 's', 'u', 'e'};
    struct caa_set sets[3] = {0};
    char reason[CAA_REASON_MAX];
    caa_read(&sets[0], none, 1, &documented);
    caa_read(&sets[1], no_tag, sizeof no_tag, &documented);
    caa_read(&sets[2], long_tag, sizeof long_tag, &documented);
    for (size_t i = 0; i < 3; i++) {
        assert_false(caa_judge(&sets[i], "d.example", false, reason));
        assert_string_equal(reason, "a CAA record of d.example cannot be read");
    }
}

static void special_addresses_are_not_global(void **state)
{
    (void)state;
    static const char *const global[] = {"8.8.8.8", "172.32.0.1", "2600::1", "2a00:1450::1", NULL};
    static const char *const special[] = {
        "10.0.0.1", "127.0.0.1",   "100.64.0.1",    "169.254.169.254", "192.0.2.1", "::1", "fe80::1",
        "fd00::1",  "2001:db8::1", "2002:a00:1::1", "::ffff:8.8.8.8",  "224.0.0.1", NULL};
    char prefix[] = "10.0.0.0/8";
    char *list[] = {prefix, NULL};
    struct config_strings also = {list, 1};
    struct egress_address address;
    for (size_t i = 0; global[i]; i++) {
        assert_true(egress_address_parse(global[i], &address));
        assert_true(address_is_global(&address, &documented));
    }
    for (size_t i = 0; special[i]; i++) {
        assert_true(egress_address_parse(special[i], &address));
        assert_false(address_is_global(&address, &documented));
        assert_int_equal(address_is_global(&address, &also), i == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_of_the_identities_will_do),
        cmocka_unit_test(configured_identities_replace_the_documented),
        cmocka_unit_test(issuewild_goes_before_issue_for_wildcards),
        cmocka_unit_test(parameters_are_sectigos_to_judge),
        cmocka_unit_test(only_unknown_critical_properties_forbid),
        cmocka_unit_test(what_is_no_record_forbids),
        cmocka_unit_test(special_addresses_are_not_global),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
