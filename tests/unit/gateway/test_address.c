/* address: prefixes as an operator writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/address.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prefixes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
