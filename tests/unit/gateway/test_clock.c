/* The clock: what it follows, what it doubts, and what ends a doubt. A file moves the system clock, as in tests of the
 * whole program. The tests follow one another: each begins with a clock that Sectigo has confirmed, but for the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "acme/durations.h"
#include "gateway/clock.h"


static _Atomic int64_t *moved;

/* ---- helpers ---- */

static uint64_t machine_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Sectigo says a time that is so much ahead of the machine's own. */
static void hear(int64_t ahead_ms)
{
    uint64_t date_ms = machine_ms() + (uint64_t)ahead_ms;
    clock_heard(date_ms / 1000 * 1000, clock_boot_ms());
}

static void be_sure(void)
{
    atomic_store(moved, 0);
    hear(0);
    assert_false(clock_in_doubt());
}

/* The gateway's time, less the machine's. */
static int64_t ahead_ms(void)
{
    return (int64_t)clock_ms() - (int64_t)machine_ms();
}

static void assert_near(int64_t a_ms, int64_t b_ms)
{
    if (a_ms - b_ms > 5000 || b_ms - a_ms > 5000)
        fail_msg("%lld ms and %lld ms are not near", (long long)a_ms, (long long)b_ms);
}

static int set_up(void **state)
{
    char path[] = "/tmp/test_clock_XXXXXX";
    (void)state;
    int file = mkstemp(path);
    if (file < 0 || ftruncate(file, sizeof *moved) != 0)
        return -1;
    moved = mmap(NULL, sizeof *moved, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    setenv("ACMEGATE_DEBUG_CLOCK", path, 1);
    bool open = clock_open();
    unlink(path);
    return moved != MAP_FAILED && open ? 0 : -1;
}

/* ---- at the start ---- */

static void is_in_doubt_until_sectigo_confirms_it(void **state)
{
    struct clock_state clock;
    (void)state;
    assert_true(clock_in_doubt());
    assert_int_equal(clock_doubts(), 1);
    clock_state(&clock);
    assert_true(clock.heard_ago_ms == UINT64_MAX);
    hear(0);
    assert_false(clock_in_doubt());
    assert_int_equal(clock_jumps(), 0);
    clock_state(&clock);
    assert_string_equal(clock.why, "");
    assert_true(clock.heard_ago_ms < 5000);
}

/* ---- steps ---- */

static void does_not_follow_a_step(void **state)
{
    static const int64_t steps[] = {HOUR_MS, DAY_MS, 365 * DAY_MS};
    struct clock_state clock;
    (void)state;
    for (size_t i = 0; i < 2 * sizeof steps / sizeof *steps; i++) {
        int64_t step_ms = i % 2 ? -steps[i / 2] : steps[i / 2];
        be_sure();
        unsigned doubts = clock_doubts(), jumps = clock_jumps();
        atomic_store(moved, step_ms);
        assert_near(ahead_ms(), 0);
        assert_true(clock_in_doubt());
        assert_int_equal(clock_doubts(), doubts + 1);
        clock_state(&clock);
        assert_near(clock.ahead_ms, step_ms);
        atomic_store(moved, 0);
        assert_false(clock_in_doubt());
        assert_near(ahead_ms(), 0);
        assert_int_equal(clock_jumps(), jumps);
    }
}

static void follows_a_step_that_sectigo_agrees_with(void **state)
{
    (void)state;
    be_sure();
    unsigned jumps = clock_jumps();
    atomic_store(moved, HOUR_MS);
    assert_true(clock_in_doubt());
    hear(HOUR_MS);
    assert_false(clock_in_doubt());
    assert_near(ahead_ms(), HOUR_MS);
    assert_int_equal(clock_jumps(), jumps + 1);
}

static void keeps_a_step_in_doubt_that_sectigo_denies(void **state)
{
    (void)state;
    be_sure();
    atomic_store(moved, DAY_MS);
    hear(0);
    assert_true(clock_in_doubt());
    assert_near(ahead_ms(), 0);
}

static void follows_less_than_a_minute(void **state)
{
    (void)state;
    be_sure();
    atomic_store(moved, MINUTE_MS / 2);
    assert_false(clock_in_doubt());
    assert_near(ahead_ms(), MINUTE_MS / 2);
}

static void tells_how_long_it_is_in_doubt(void **state)
{
    (void)state;
    be_sure();
    assert_int_equal(clock_doubt_ms(), 0);
    atomic_store(moved, DAY_MS);
    uint64_t began_ms = clock_boot_ms();
    assert_true(clock_in_doubt());
    usleep(20000);
    assert_in_range(clock_doubt_ms(), 15, 1 + clock_boot_ms() - began_ms);
}

/* ---- Sectigo's word ---- */

static void doubts_where_sectigo_says_otherwise(void **state)
{
    struct clock_state clock;
    (void)state;
    be_sure();
    hear(-HOUR_MS);
    assert_true(clock_in_doubt());
    assert_near(ahead_ms(), 0); /* it has been confirmed before: no single Date moves it */
    clock_state(&clock);
    assert_near(clock.sectigo_ms, -HOUR_MS);
    hear(0);
    assert_false(clock_in_doubt());
}

/* A reply that took an hour may have said its time at any moment of it. */
static void takes_the_time_of_a_slow_reply(void **state)
{
    (void)state;
    be_sure();
    clock_heard(machine_ms() - (uint64_t)HOUR_MS / 2, clock_boot_ms() - (uint64_t)HOUR_MS);
    assert_false(clock_in_doubt());
    clock_heard(machine_ms() - 2 * (uint64_t)HOUR_MS, clock_boot_ms() - (uint64_t)HOUR_MS);
    assert_true(clock_in_doubt());
}

/* Its Date fits both clocks, and says nothing of which is right. */
static void is_not_moved_by_a_slow_reply_that_fits_both_clocks(void **state)
{
    (void)state;
    be_sure();
    atomic_store(moved, HOUR_MS / 2);
    assert_true(clock_in_doubt());
    clock_heard(machine_ms() - (uint64_t)HOUR_MS / 4, clock_boot_ms() - (uint64_t)HOUR_MS);
    assert_true(clock_in_doubt());
    assert_near(ahead_ms(), 0);
    hear(HOUR_MS / 2);
    assert_false(clock_in_doubt());
    assert_near(ahead_ms(), HOUR_MS / 2);
}

static void is_trusted_by_the_operator_until_it_is_set(void **state)
{
    (void)state;
    be_sure();
    atomic_store(moved, DAY_MS);
    assert_true(clock_in_doubt());
    clock_trust();
    assert_false(clock_in_doubt());
    assert_near(ahead_ms(), DAY_MS);
    hear(0);
    assert_false(clock_in_doubt());
    atomic_store(moved, 2 * DAY_MS);
    assert_true(clock_in_doubt());
    atomic_store(moved, DAY_MS);
    assert_false(clock_in_doubt());
    hear(0);
    assert_true(clock_in_doubt());
}

/* ---- times of records ---- */

static void has_no_time_since_the_future(void **state)
{
    (void)state;
    assert_int_equal(clock_since(1000, 1500), 500);
    assert_int_equal(clock_since(1500, 1000), 0);
    assert_false(clock_is_over(1000, 600, 1500));
    assert_true(clock_is_over(1000, 500, 1500));
    assert_true(clock_is_over(1501, 600, 1500)); /* nobody waits for a wait that begins in the future */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_in_doubt_until_sectigo_confirms_it),
        cmocka_unit_test(does_not_follow_a_step),
        cmocka_unit_test(follows_a_step_that_sectigo_agrees_with),
        cmocka_unit_test(keeps_a_step_in_doubt_that_sectigo_denies),
        cmocka_unit_test(follows_less_than_a_minute),
        cmocka_unit_test(tells_how_long_it_is_in_doubt),
        cmocka_unit_test(doubts_where_sectigo_says_otherwise),
        cmocka_unit_test(takes_the_time_of_a_slow_reply),
        cmocka_unit_test(is_not_moved_by_a_slow_reply_that_fits_both_clocks),
        cmocka_unit_test(is_trusted_by_the_operator_until_it_is_set),
        cmocka_unit_test(has_no_time_since_the_future),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
