/* renewals: when a set of names is renewed, which renewals are free, and when a term's end makes one a purchase. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/durations.h"
#include "gateway/operate/renewals.h"

/* All terms begin here, so that "at day 100" is a number. */
#define BEGIN ((uint64_t)20000 * DAY_MS)
#define AT(days) (BEGIN + (uint64_t)((days) * (double)DAY_MS))

enum { SEEN_MAX = 4000 };

struct seen {
    unsigned count, purchases;
    struct {
        bool purchase;
        uint64_t at_ms;
    } all[SEEN_MAX];
};

static void note(void *ctx, bool purchase, uint64_t at_ms)
{
    struct seen *seen = ctx;
    assert_true(seen->count < SEEN_MAX);
    assert_true(seen->count == 0 || at_ms >= seen->all[seen->count - 1].at_ms + 12 * HOUR_MS);
    seen->purchases += purchase;
    seen->all[seen->count].purchase = purchase;
    seen->all[seen->count++].at_ms = at_ms;
}

/* Bought for a year at its beginning, with a certificate for 200 days. */
static const struct renewals YEAR = {.bought_ms = BEGIN,
                                     .days = 365,
                                     .not_before_ms = BEGIN,
                                     .not_after_ms = BEGIN + 200 * DAY_MS,
                                     .next_days = 365,
                                     .renew_before_ms = 60 * DAY_MS};

static void assert_seen(const struct seen *seen, unsigned i, bool purchase, double day)
{
    assert_true(i < seen->count);
    assert_int_equal(seen->all[i].purchase, purchase);
    assert_in_range(seen->all[i].at_ms, AT(day) - 100, AT(day) + 100);
}

/* The middle of the window: 200 days end with a third of 66.67 days, 12.5 of which pass. */
static void test_due(void **state)
{
    (void)state;
    assert_in_range(renewals_due_ms(AT(0), AT(200)), AT(145.8333333) - 100, AT(145.8333333) + 100);
    assert_int_equal(renewals_due_ms(AT(10), AT(10)), AT(10));
    assert_int_equal(renewals_due_ms(AT(11), AT(10)), AT(10));
}

static void test_a_year_is_replaced_until_its_term_ends(void **state)
{
    struct seen seen = {0};
    (void)state;
    renewals_walk(&YEAR, 200, AT(1), AT(365 + 146), note, &seen);
    assert_int_equal(seen.count, 4);
    assert_seen(&seen, 0, false, 145.8333333);
    assert_seen(&seen, 1, false, 291.6666667); /* until day 365, where the term ends */
    assert_seen(&seen, 2, true, 345.1388889);  /* 20 days of the term are left, and 60 are wanted */
    assert_seen(&seen, 3, false, 345.1388889 + 145.8333333);
}

/* As often as the certificates are shorter, and bought no more often than before. */
static void test_shorter_certificates_are_replaced_more_often(void **state)
{
    static const struct {
        uint32_t lifetime_days;
        unsigned replacements, purchases;
    } wanted[] = {{200, 4, 2}, {100, 7, 2}, {47, 16, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct seen seen = {0};
        renewals_walk(&YEAR, wanted[i].lifetime_days, AT(1), AT(2 * 365), note, &seen);
        assert_int_equal(seen.purchases, wanted[i].purchases);
        assert_int_equal(seen.count - seen.purchases, wanted[i].replacements);
        assert_seen(&seen, 0, false, 145.8333333); /* the certificate that is there keeps its dates */
    }
}

static void test_what_is_overdue_is_renewed_at_once(void **state)
{
    struct seen seen = {0};
    (void)state;
    renewals_walk(&YEAR, 200, AT(199), AT(200), note, &seen);
    assert_int_equal(seen.count, 1);
    assert_seen(&seen, 0, false, 199);
}

/* Sectigo has announced that it will be revoked. */
static void test_what_is_to_be_renewed_early(void **state)
{
    struct renewals set = YEAR;
    struct seen seen = {0};
    (void)state;
    set.renew_from_ms = AT(5);
    renewals_walk(&set, 200, AT(1), AT(6), note, &seen);
    assert_int_equal(seen.count, 1);
    assert_seen(&seen, 0, false, 5);
}

static void test_what_is_over_is_bought(void **state)
{
    struct renewals set = YEAR;
    struct seen seen = {0};
    (void)state;
    set.over = true;
    set.next_days = 730;
    renewals_walk(&set, 200, AT(1), AT(145 + 600), note, &seen);
    assert_int_equal(seen.purchases, 1); /* the next term is two years */
    assert_seen(&seen, 0, true, 145.8333333);
}

static void test_a_term_that_has_ended_is_bought(void **state)
{
    struct renewals set = YEAR;
    struct seen seen = {0};
    (void)state;
    set.not_before_ms = AT(200);
    set.not_after_ms = AT(400);
    renewals_walk(&set, 200, AT(366), AT(367), note, &seen);
    assert_int_equal(seen.count, 1);
    assert_seen(&seen, 0, true, 366);
}

static void test_nothing_at_the_end_or_behind_it(void **state)
{
    struct seen seen = {0};
    uint64_t due_ms = renewals_due_ms(YEAR.not_before_ms, YEAR.not_after_ms);
    (void)state;
    renewals_walk(&YEAR, 200, AT(1), due_ms, note, &seen);
    assert_int_equal(seen.count, 0);
    renewals_walk(&YEAR, 200, AT(1), due_ms + 1, note, &seen);
    assert_int_equal(seen.count, 1);
}

/* Each step goes on by half a day at least, however short certificate and term are. */
static void test_terms_of_a_day(void **state)
{
    struct renewals set = YEAR;
    struct seen seen = {0};
    (void)state;
    set.days = set.next_days = 1;
    set.not_after_ms = AT(1);
    set.renew_before_ms = 0;
    renewals_walk(&set, 1, AT(0), AT(365), note, &seen);
    assert_in_range(seen.count, 365, 730);
    assert_in_range(seen.purchases, 182, 730);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_a_year_is_replaced_until_its_term_ends),
        cmocka_unit_test(test_shorter_certificates_are_replaced_more_often),
        cmocka_unit_test(test_what_is_overdue_is_renewed_at_once),
        cmocka_unit_test(test_what_is_to_be_renewed_early),
        cmocka_unit_test(test_what_is_over_is_bought),
        cmocka_unit_test(test_a_term_that_has_ended_is_bought),
        cmocka_unit_test(test_nothing_at_the_end_or_behind_it),
        cmocka_unit_test(test_terms_of_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
