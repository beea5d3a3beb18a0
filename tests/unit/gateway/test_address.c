/* address: prefixes as an operator writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/address.h"
#include "gateway/egress/address.h"

static void test_prefixes(void **state)
{
    static const struct {
        const char *address, *prefix;
        bool inside;
    } cases[] = {
        {"91.199.212.132", "91.199.212.132", true},
        {"91.199.212.133", "91.199.212.132", false},
        {"10.1.2.3", "10.0.0.0/8", true},
        {"11.1.2.3", "10.0.0.0/8", false},
        {"10.0.0.128", "10.0.0.0/25", false},
        {"10.0.0.127", "10.0.0.0/25", true},
        {"1.2.3.4", "0.0.0.0/0", true},
        {"::1", "0.0.0.0/0", false},
        {"2001:db8::1", "2001:db8::/32", true},
        {"2001:db9::1", "2001:db8::/32", false},
        {"::ffff:10.1.2.3", "10.0.0.0/8", true},
        {"", "10.0.0.0/8", false},
        {"10.1.2.3", "10.0.0.0/33", false},
        {"10.1.2.3", "10.0.0.0/", false},
        {"10.1.2.3", "10.0.0.0/ 8", false},
        {"10.1.2.3", "10.0.0.0/8x", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(address_in_prefix(cases[i].address, cases[i].prefix), cases[i].inside);
    assert_true(address_is_prefix("10.0.0.0/8"));
    assert_false(address_is_prefix("ten"));
}

static void test_denied_addresses(void **state)
{
    static const char *const bad[] = {
        "127.0.0.1",     "127.8.8.8",       "0.0.0.0",          "169.254.169.254", "224.0.0.1",  "::1",
        "::127.0.0.1",   "2001::1",         "::ffff:127.0.0.1", "fe80::1",         "ff02::1",    "::",
        "fd00:ec2::254", "100.100.100.200", "168.63.129.16",    "2002:7f00:1::1",  "10.99.1.2",  "64:ff9b::1",
        "64:ff9b:1::1",  "::ffff:0:7f00:1", "fec0::1",          "fd20:ce::254",    "fd00:42::42"};
    static const char *const good[] = {"10.1.2.3",    "192.168.0.1", "172.16.0.1", "8.8.8.8",
                                       "2001:db8::1", "fd00::1",     "127.0.0.9"};
    static const char *const deny[] = {"10.99.0.0/16", NULL}, *const allow[] = {"127.0.0.9", NULL};
    struct egress_rules rules = {deny, allow, NULL};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (egress_address_allowed(&rules, "www.example.org", bad[i]))
            fail_msg("%s", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!egress_address_allowed(&rules, "www.example.org", good[i]))
            fail_msg("%s", good[i]);
}

static void test_private_addresses_are_of_their_zones(void **state)
{
    static const char *const zones[] = {"corp.example.org", "inner", NULL}, *const none[] = {NULL};
    static const char *const own[] = {"10.1.2.3",   "172.31.0.1", "192.168.0.1",
                                      "100.64.0.1", "fd00::1",    "::ffff:10.1.2.3"};
    static const char *const inside[] = {"corp.example.org", "www.CORP.example.org", "host.inner"};
    static const char *const outside[] = {"www.example.org", "xcorp.example.org", "10.1.2.3", "inner.example.org", ""};
    struct egress_rules rules = {none, none, zones};
    (void)state;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        assert_true(egress_address_private(own[i]));
        for (size_t k = 0; k < sizeof inside / sizeof *inside; k++)
            assert_true(egress_address_allowed(&rules, inside[k], own[i]));
        for (size_t k = 0; k < sizeof outside / sizeof *outside; k++)
            assert_false(egress_address_allowed(&rules, outside[k], own[i]));
    }
    assert_true(egress_address_allowed(&rules, "www.example.org", "8.8.8.8"));
    assert_false(egress_address_private("127.0.0.1"));
    assert_false(egress_address_allowed(&rules, "www.corp.example.org", "127.0.0.1"));
    rules.allow = own;
    assert_true(egress_address_allowed(&rules, "www.example.org", "10.1.2.3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prefixes), cmocka_unit_test(test_denied_addresses),
                                       cmocka_unit_test(test_private_addresses_are_of_their_zones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
