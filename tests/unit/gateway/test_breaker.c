/* The breaker of a login's calls: when it opens, what it counts, who may ask again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/issue/upstream/breaker.h"

enum { FIRST_REST_MS = 1000, OPENS_AFTER = 10 };

static uint64_t again_ms;

static enum breaker_change fail_at(struct breaker *b, uint64_t left_ms, uint64_t now_ms)
{
    return breaker_tell(b, BREAKER_FAILED, false, left_ms, now_ms);
}

/* Opened at 100 by calls that had left at 1 to 10. */
static struct breaker opened(void)
{
    struct breaker b = {.first_rest_ms = FIRST_REST_MS};
    for (uint64_t i = 1; i < OPENS_AFTER; i++)
        assert_int_equal(fail_at(&b, i, 100), BREAKER_AS_BEFORE);
    assert_int_equal(breaker_ask(&b, false, 100, &again_ms), BREAKER_GO);
    assert_int_equal(fail_at(&b, OPENS_AFTER, 100), BREAKER_OPENED);
    return b;
}

static void test_rests_then_asks_by_one_call(void **state)
{
    struct breaker b = opened();
    (void)state;
    assert_int_equal(breaker_ask(&b, false, 101, &again_ms), BREAKER_REST);
    assert_int_equal(again_ms, 100 + FIRST_REST_MS);
    assert_int_equal(breaker_ask(&b, false, 1100, &again_ms), BREAKER_PROBE);
    assert_int_equal(breaker_ask(&b, false, 1101, &again_ms), BREAKER_REST);
    assert_int_equal(breaker_tell(&b, BREAKER_FAILED, true, 1100, 1200), BREAKER_AS_BEFORE);
    assert_int_equal(breaker_ask(&b, false, 3199, &again_ms), BREAKER_REST); /* twice as long */
    assert_int_equal(breaker_ask(&b, false, 3200, &again_ms), BREAKER_PROBE);
    assert_int_equal(breaker_tell(&b, BREAKER_ANSWERED, true, 3200, 3300), BREAKER_CLOSED);
    assert_int_equal(breaker_ask(&b, false, 3301, &again_ms), BREAKER_GO);
}

static void test_what_was_on_the_wire_counts_once(void **state)
{
    struct breaker b = opened();
    (void)state;
    for (uint64_t i = 0; i < 20; i++)
        fail_at(&b, 20 + i, 101 + i);
    assert_int_equal(breaker_ask(&b, false, 1100, &again_ms), BREAKER_PROBE);
    fail_at(&b, 50, 1150); /* still one of them: the one that asks is the other */
    assert_int_equal(breaker_ask(&b, false, 1151, &again_ms), BREAKER_REST);
    assert_int_equal(breaker_tell(&b, BREAKER_ANSWERED, true, 1100, 1200), BREAKER_CLOSED);
    for (uint64_t i = 0; i < 2 * OPENS_AFTER; i++) /* those whose time-out came later */
        assert_int_equal(fail_at(&b, 90, 1300), BREAKER_AS_BEFORE);
    assert_int_equal(breaker_ask(&b, false, 1400, &again_ms), BREAKER_GO);
}

static void test_late_ones_do_not_double_the_rest(void **state)
{
    struct breaker b = opened();
    (void)state;
    assert_int_equal(breaker_ask(&b, false, 1100, &again_ms), BREAKER_PROBE);
    for (uint64_t i = 0; i < 20; i++)
        fail_at(&b, 50, 1110 + i);
    breaker_tell(&b, BREAKER_FAILED, true, 1100, 1200);
    assert_int_equal(breaker_ask(&b, false, 1201, &again_ms), BREAKER_REST);
    assert_int_equal(again_ms, 1200 + 2 * FIRST_REST_MS);
}

static void test_urgent_calls_wait_for_two_seconds_at_most(void **state)
{
    struct breaker b = opened();
    (void)state;
    for (unsigned i = 0; i < 40; i++) { /* an outage of a minute and more */
        uint64_t now_ms = 100 + i * 2000ull;
        if (i > 0)
            assert_int_equal(breaker_ask(&b, true, now_ms, &again_ms), BREAKER_PROBE);
        if (i > 0)
            breaker_tell(&b, BREAKER_FAILED, true, now_ms, now_ms);
        assert_int_equal(breaker_ask(&b, true, now_ms + 1, &again_ms), BREAKER_WAIT);
        assert_in_range(again_ms, now_ms + 1, now_ms + 2000);
    }
    assert_in_range(b.rest_ms, FIRST_REST_MS, 64 * 1000); /* doubled by those only that came after its end */
}

static void test_nothing_is_urgent_for_a_login_that_is_refused(void **state)
{
    struct breaker b = {.first_rest_ms = FIRST_REST_MS};
    (void)state;
    assert_int_equal(breaker_tell(&b, BREAKER_REFUSED, false, 1, 2), BREAKER_LOGIN_REFUSED);
    assert_int_equal(breaker_ask(&b, true, 10000, &again_ms), BREAKER_REST);
    assert_int_equal(again_ms, 2 + 5 * 60 * 1000);
    breaker_reopen(&b);
    assert_int_equal(breaker_ask(&b, false, 10001, &again_ms), BREAKER_PROBE);
    assert_int_equal(breaker_ask(&b, true, 10002, &again_ms), BREAKER_REST);
    assert_int_equal(breaker_tell(&b, BREAKER_ANSWERED, true, 10001, 10003), BREAKER_LOGIN_TAKEN);
    assert_int_equal(breaker_ask(&b, true, 10004, &again_ms), BREAKER_GO);
}

static void test_a_want_of_ours_counts_for_nothing(void **state)
{
    struct breaker b = opened();
    (void)state;
    assert_int_equal(breaker_ask(&b, false, 1100, &again_ms), BREAKER_PROBE);
    assert_int_equal(breaker_tell(&b, BREAKER_OURS, true, 1100, 1101), BREAKER_AS_BEFORE);
    assert_int_equal(breaker_ask(&b, false, 1102, &again_ms), BREAKER_PROBE); /* at once, it has not asked */
    struct breaker fresh = {.first_rest_ms = FIRST_REST_MS};
    for (uint64_t i = 1; i < 100; i++)
        assert_int_equal(breaker_tell(&fresh, BREAKER_OURS, false, i, i), BREAKER_AS_BEFORE);
    assert_int_equal(breaker_ask(&fresh, false, 101, &again_ms), BREAKER_GO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rests_then_asks_by_one_call),
        cmocka_unit_test(test_what_was_on_the_wire_counts_once),
        cmocka_unit_test(test_late_ones_do_not_double_the_rest),
        cmocka_unit_test(test_urgent_calls_wait_for_two_seconds_at_most),
        cmocka_unit_test(test_nothing_is_urgent_for_a_login_that_is_refused),
        cmocka_unit_test(test_a_want_of_ours_counts_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
