/* limiter: token buckets that hold a minute's worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "acme/limiter.h"

enum { NOW = 1000 * 1000 };

static uint32_t take(struct limiter *limiter, const char *who, unsigned per_minute, uint64_t now_ms)
{
    return limiter_take(limiter, LIMITER_ACCOUNT, who, 1, per_minute, now_ms);
}

static void a_minutes_worth_then_evenly(void **state)
{
    (void)state;
    struct limiter *limiter = limiter_make();
    for (int i = 0; i < 6; i++)
        assert_int_equal(take(limiter, "a", 6, NOW), 0);
    assert_int_equal(take(limiter, "a", 6, NOW), 10);
    assert_int_equal(take(limiter, "a", 6, NOW + 1),
                     10); /* what was refused costs nothing; whole seconds, rounded up */
    assert_int_equal(take(limiter, "a", 6, NOW + 9001), 1);
    assert_int_equal(take(limiter, "b", 6, NOW), 0);
    assert_int_equal(take(limiter, "a", 6, NOW + 10000), 0);
    assert_int_equal(take(limiter, "a", 6, NOW + 10000), 10);
    for (int i = 0; i < 6; i++)
        assert_int_equal(take(limiter, "a", 6, NOW + 600000), 0); /* never more than a minute's worth */
    assert_int_equal(take(limiter, "a", 6, NOW + 600000), 10);
    limiter_free(limiter);
}

static void kinds_and_limits(void **state)
{
    (void)state;
    struct limiter *limiter = limiter_make();
    assert_int_equal(limiter_take(limiter, LIMITER_ACCOUNT, "a", 1, 1, NOW), 0);
    assert_int_equal(limiter_take(limiter, LIMITER_ACCOUNT, "a", 1, 1, NOW), 60);
    assert_int_equal(limiter_take(limiter, LIMITER_EXTERNAL_KEY, "a", 1, 1, NOW), 0);
    assert_int_equal(limiter_take(limiter, LIMITER_ACCOUNT, "a", 1, 0, NOW), 0);        /* 0: no limit */
    assert_in_range(limiter_take(limiter, LIMITER_ACCOUNT, "a", 1, 1, NOW / 2), 1, 60); /* the clock went back */
    limiter_free(limiter);
}

static void addresses(void **state)
{
    (void)state;
    struct limiter *limiter = limiter_make();
    assert_int_equal(limiter_wait_address(limiter, "192.0.2.1", 1, NOW), 0);
    assert_int_equal(limiter_take_address(limiter, "192.0.2.1", 1, NOW), 0);
    assert_int_equal(limiter_wait_address(limiter, "192.0.2.1", 1, NOW), 60);
    assert_int_equal(limiter_take_address(limiter, "192.0.2.1", 1, NOW), 60);
    assert_int_equal(limiter_take_address(limiter, "192.0.2.2", 1, NOW), 0);
    assert_int_equal(limiter_take_address(limiter, "2001:db8::1", 1, NOW), 0);
    assert_int_equal(limiter_take_address(limiter, "2001:db8::2:0:0:1", 1, NOW), 60); /* the same /64 */
    assert_int_equal(limiter_take_address(limiter, "2001:db8:0:1::1", 1, NOW), 0);
    assert_int_equal(limiter_take_address(limiter, "", 1, NOW), 0);
    limiter_free(limiter);
}

/* Whoever is busy is not forgotten for those who come once. */
static void is_bounded(void **state)
{
    (void)state;
    struct limiter *limiter = limiter_make();
    for (int i = 0; i < 60; i++)
        assert_int_equal(take(limiter, "a", 60, NOW), 0);
    for (unsigned i = 0; i < 200000; i++)
        limiter_take(limiter, LIMITER_ADDRESS, &i, sizeof i, 60, NOW);
    assert_int_equal(take(limiter, "a", 60, NOW), 1);
    limiter_free(limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_minutes_worth_then_evenly),
                                       cmocka_unit_test(kinds_and_limits), cmocka_unit_test(addresses),
                                       cmocka_unit_test(is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
