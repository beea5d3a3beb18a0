/* spending: counters of day and month, reservations settled and given back, limits and when they end. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/money/spending.h"

/* 2026-11-30 12:00:00 UTC, the day and the month after it, and the next month but one. */
static const uint64_t NOON = 1796040000000, DAY = 86400000, DAY_END = 1796083200000, MONTH_END = 1796083200000,
                      DECEMBER_END = 1798761600000;

static struct config_spending overall, policy;
static struct spending_limits limits = {&overall, NULL, "p"};

enum what { RESERVE, SETTLE, RELEASE, COUNT, ASSIGN, REOPEN, MOVE, CLOSE };
struct move {
    enum what what;
    const char *issuance, *policy;
    int64_t cents, reserved_cents;
    uint64_t now_ms;
    struct spending_verdict verdict;
};

static enum store_status run(struct store_txn *txn, void *arg)
{
    struct move *m = arg;
    if (m->what == RESERVE)
        return spending_reserve(txn, &limits, m->issuance, m->cents, m->now_ms, &m->verdict);
    if (m->what == COUNT)
        return spending_count(txn, m->policy, m->now_ms, m->cents);
    if (m->what == REOPEN)
        return spending_reopen(txn, m->issuance, m->policy, m->cents, m->now_ms);
    if (m->what == MOVE)
        return spending_move(txn, &limits, m->issuance, m->now_ms, &m->verdict);
    if (m->what == CLOSE)
        return spending_close(txn, m->issuance);
    if (m->what == ASSIGN)
        return spending_assign(txn, m->policy, m->now_ms, m->cents);
    return m->what == SETTLE ? spending_settle(txn, m->issuance, m->cents, &m->reserved_cents)
                             : spending_release(txn, m->issuance);
}

static struct spending_verdict reserve(struct temp_store *temp, const char *issuance, int64_t cents, uint64_t now_ms)
{
    struct move move = {.what = RESERVE, .issuance = issuance, .cents = cents, .now_ms = now_ms};
    assert_int_equal(store_call(temp->store, run, &move), STORE_OK);
    return move.verdict;
}

static int64_t settle(struct temp_store *temp, const char *issuance, int64_t cents)
{
    struct move move = {.what = SETTLE, .issuance = issuance, .cents = cents};
    assert_int_equal(store_call(temp->store, run, &move), STORE_OK);
    return move.reserved_cents;
}

static void settle_unreserved(struct temp_store *temp, const char *issuance)
{
    struct move move = {.what = SETTLE, .issuance = issuance, .cents = 4000};
    assert_int_equal(store_call(temp->store, run, &move), STORE_NOT_FOUND);
}

static void release(struct temp_store *temp, const char *issuance)
{
    struct move move = {.what = RELEASE, .issuance = issuance};
    assert_int_equal(store_call(temp->store, run, &move), STORE_OK);
}

static void assert_sums(struct temp_store *temp, const char *of, uint64_t now_ms, struct spending_sums expected)
{
    struct store_txn *txn;
    struct spending_sums sums;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(spending_sums(txn, of, now_ms, &sums), STORE_OK);
    store_read_end(txn);
    assert_int_equal(sums.day_count, expected.day_count);
    assert_int_equal(sums.month_count, expected.month_count);
    assert_int_equal(sums.day_cents, expected.day_cents);
    assert_int_equal(sums.month_cents, expected.month_cents);
}

static int set_up(void **state)
{
    overall = policy = (struct config_spending){.currency = (char *)(uintptr_t) "EUR"};
    limits = (struct spending_limits){&overall, NULL, "p"};
    return temp_store_set_up(state);
}

static void test_reserve_settle_release(void **state)
{
    struct temp_store *temp = *state;
    assert_false(reserve(temp, "a", 3500, NOON).over);
    assert_false(reserve(temp, "a", 9900, NOON + DAY).over); /* a request that leaves again is the same purchase */
    assert_false(reserve(temp, "b", 1000, NOON).over);
    assert_sums(temp, NULL, NOON, (struct spending_sums){2, 2, 4500, 4500});
    assert_sums(temp, "p", NOON, (struct spending_sums){2, 2, 4500, 4500});
    assert_sums(temp, "q", NOON, (struct spending_sums){0, 0, 0, 0});
    assert_int_equal(settle(temp, "a", 4000), 3500);
    assert_sums(temp, NULL, NOON, (struct spending_sums){2, 2, 5000, 5000});
    settle_unreserved(temp, "a"); /* once */
    assert_sums(temp, "p", NOON, (struct spending_sums){2, 2, 5000, 5000});
    release(temp, "b");
    release(temp, "b");
    assert_sums(temp, NULL, NOON, (struct spending_sums){1, 1, 4000, 4000});
    assert_false(reserve(temp, "c", 700, NOON - DAY).over);
    assert_int_equal(settle(temp, "c", -1), 700); /* Sectigo did not say: the expectation stands */
    assert_sums(temp, NULL, NOON, (struct spending_sums){1, 2, 4000, 4700});
    assert_sums(temp, NULL, NOON + DAY, (struct spending_sums){0, 0, 0, 0}); /* a new day and a new month */
}

static void test_limits_of_count(void **state)
{
    struct temp_store *temp = *state;
    overall.purchases_per_day = 2;
    overall.purchases_per_month = 3;
    assert_false(reserve(temp, "a", 0, NOON - DAY).over);
    assert_false(reserve(temp, "b", 0, NOON - DAY).over);
    struct spending_verdict verdict = reserve(temp, "c", 0, NOON - DAY);
    assert_true(verdict.over);
    assert_int_equal(verdict.reset_ms, DAY_END - DAY);
    assert_string_equal(
        verdict.why, "the spending limit of 2 purchases a day is reached; purchases go on when the day is over (UTC)");
    assert_sums(temp, NULL, NOON - DAY, (struct spending_sums){2, 2, 0, 0}); /* nothing of it is stored */
    assert_false(reserve(temp, "c", 0, NOON).over);
    verdict = reserve(temp, "d", 0, NOON);
    assert_true(verdict.over);
    assert_int_equal(verdict.reset_ms, MONTH_END);
    assert_non_null(strstr(verdict.why, "3 purchases a month"));
    assert_false(reserve(temp, "d", 0, NOON + DAY).over);
    release(temp, "d");
    assert_false(reserve(temp, "e", 0, DECEMBER_END - 1).over);
}

static void test_limits_of_money(void **state)
{
    struct temp_store *temp = *state;
    overall.amount_per_month_cents = 10000;
    assert_false(reserve(temp, "a", 6000, NOON).over);
    assert_true(reserve(temp, "b", 4001, NOON).over);
    assert_false(reserve(temp, "b", 4000, NOON).over);
    struct spending_verdict verdict = reserve(temp, "c", 1, NOON + DAY + 1);
    assert_false(verdict.over);
    settle(temp, "c", 10000);
    verdict = reserve(temp, "d", 1, NOON + 2 * DAY);
    assert_true(verdict.over);
    assert_int_equal(verdict.reset_ms, DECEMBER_END);
    assert_string_equal(verdict.why, "the spending limit of 100.00 EUR a month is reached; purchases go on when the "
                                     "month is over (UTC)");
}

static void test_limits_of_a_policy(void **state)
{
    struct temp_store *temp = *state;
    overall.purchases_per_day = 3;
    policy.purchases_per_month = 1;
    limits.policy = &policy;
    assert_false(reserve(temp, "a", 0, NOON).over);
    struct spending_verdict verdict = reserve(temp, "b", 0, NOON);
    assert_true(verdict.over);
    assert_non_null(strstr(verdict.why, "of the policy \"p\""));
    limits.policy_name = "q";
    assert_false(reserve(temp, "b", 0, NOON).over);
    assert_true(reserve(temp, "c", 0, NOON).over);
    limits.policy_name = "r";
    assert_false(reserve(temp, "c", 0, NOON).over);
    limits.policy_name = "s";
    verdict = reserve(temp, "d", 0, NOON);
    assert_true(verdict.over);
    assert_null(strstr(verdict.why, "policy")); /* all together */
}

static void found(struct temp_store *temp, enum what what, const char *of, uint64_t ordered_ms, int64_t cents)
{
    struct move move = {.what = what, .policy = of, .now_ms = ordered_ms, .cents = cents};
    assert_int_equal(store_call(temp->store, run, &move), STORE_OK);
}

/* What a report knew of: in the day of the order, nobody's at first and then a policy's, and never twice for all. */
static void test_found_at_sectigo(void **state)
{
    struct temp_store *temp = *state;
    uint64_t before = NOON - DAY;
    found(temp, COUNT, "", before, 500);
    assert_sums(temp, NULL, before, (struct spending_sums){1, 1, 500, 500});
    assert_sums(temp, NULL, NOON, (struct spending_sums){0, 1, 0, 500});
    found(temp, ASSIGN, "p", before, 500);
    assert_sums(temp, NULL, before, (struct spending_sums){1, 1, 500, 500});
    assert_sums(temp, "p", before, (struct spending_sums){1, 1, 500, 500});
    found(temp, COUNT, "p", NOON, 700);
    assert_sums(temp, NULL, NOON, (struct spending_sums){1, 2, 700, 1200});
    assert_sums(temp, "p", NOON, (struct spending_sums){1, 2, 700, 1200});
}

/* An order that waits for its payment: counted once, in the day on which it is paid. */
static void test_paid_later(void **state)
{
    struct temp_store *temp = *state;
    struct move reopen = {.what = REOPEN, .issuance = "a", .policy = "p", .cents = 3500, .now_ms = NOON};
    struct move pay = {.what = MOVE, .issuance = "a", .now_ms = NOON + DAY}, other = pay;
    struct move closed = {.what = CLOSE, .issuance = "a"};
    overall = (struct config_spending){.currency = "EUR", .purchases_per_day = 1, .amount_per_day_cents = 3499};

    reserve(temp, "a", 3000, NOON);
    settle(temp, "a", 3500);
    assert_int_equal(store_call(temp->store, run, &reopen), STORE_OK);
    assert_sums(temp, "p", NOON, (struct spending_sums){1, 1, 3500, 3500});

    assert_int_equal(store_call(temp->store, run, &pay), STORE_OK); /* 35.00 is more than 34.99 */
    assert_true(pay.verdict.over);
    assert_sums(temp, NULL, NOON, (struct spending_sums){1, 1, 3500, 3500});
    overall.amount_per_day_cents = 3500;
    assert_int_equal(store_call(temp->store, run, &pay), STORE_OK);
    assert_false(pay.verdict.over);
    assert_sums(temp, NULL, NOON, (struct spending_sums){0, 0, 0, 0});
    assert_sums(temp, "p", NOON + DAY, (struct spending_sums){1, 1, 3500, 3500});

    assert_int_equal(store_call(temp->store, run, &pay), STORE_OK); /* its own place is not in its way */
    assert_false(pay.verdict.over);
    assert_true(reserve(temp, "b", 0, NOON + DAY).over);
    assert_int_equal(store_call(temp->store, run, &closed), STORE_OK);
    assert_int_equal(store_call(temp->store, run, &closed), STORE_OK);
    other.issuance = "none";
    assert_int_equal(store_call(temp->store, run, &other), STORE_OK);
    assert_sums(temp, NULL, NOON + DAY, (struct spending_sums){1, 1, 3500, 3500});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reserve_settle_release, set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_found_at_sectigo, set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_limits_of_count, set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_limits_of_money, set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_limits_of_a_policy, set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_paid_later, set_up, temp_store_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
