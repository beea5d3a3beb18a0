/* upkeep: what a balance says, which orders drift, what a recall makes of a ledger, and when what failed comes again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/durations.h"
#include "gateway/issue/upkeep/upkeep.h"

#include "reply.h"

static const uint64_t NOW_MS = 1800000000000;

/* ---- credit ---- */

static const struct {
    const char *what, *body;
    bool known;
    int64_t cents;
    const char *why;
} BALANCES[] = {
    {"credit", "errorCode=0&balance=123.45", true, 12345, ""},
    {"a debt", "errorCode=0&balance=-7.50", true, -750, ""},
    {"lost", NULL, false, 0, "the reply was lost"},
    {"never left", "-", false, 0, "the login rests"},
    {"HTML", "<html>Bad gateway</html>", false, 0, "the reply is no answer of this API"},
    {"refused", "errorCode=-16&errorMessage=Permission+denied", false, 0, "Permission denied"},
};

static void test_balance(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BALANCES / sizeof *BALANCES; i++) {
        struct upstream_reply reply = reply_of(BALANCES[i].body);
        char why[LEDGER_NOTE_MAX];
        int64_t cents = 0;
        print_message("%s\n", BALANCES[i].what);
        assert_int_equal(balance_decide(&reply, &cents, why), BALANCES[i].known);
        assert_int_equal(cents, BALANCES[i].cents);
        assert_true(BALANCES[i].known || strcmp(why, BALANCES[i].why) == 0);
    }
}

static void test_low_credit(void **state)
{
    struct config_login login = {.low_credit_cents = 1000}, billed_afterwards = {.low_credit_cents = 0};
    (void)state;
    assert_true(upkeep_is_low(&login, 999));
    assert_false(upkeep_is_low(&login, 1000));
    assert_true(upkeep_is_low(&login, -1));
    assert_false(upkeep_is_low(&billed_afterwards, -100000));
}

/* ---- drift ---- */

static void test_drift_span(void **state)
{
    static const struct {
        uint64_t compared_ms, from_ms; /* before now */
    } spans[] = {{0, 8}, {1, 8}, {6, 8}, {7, 9}, {30, 32}};
    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        struct report report = {0};
        drift_span(&report, spans[i].compared_ms ? NOW_MS - spans[i].compared_ms * DAY_MS : 0, NOW_MS);
        assert_int_equal(report.to_ms, NOW_MS);
        assert_int_equal(report.from_ms, NOW_MS - spans[i].from_ms * DAY_MS);
    }
}

static const struct {
    const char *what;
    uint64_t age_ms;
    const char *line, *login, *number;
    bool missing;
} LINES[] = {
    {"in the report", 2ull * 24 * HOUR_MS, "purchase", "main", "1002", false},
    {"not in it", 2ull * 24 * HOUR_MS, "purchase", "main", "1003", true},
    {"a replacement costs nothing", 2ull * 24 * HOUR_MS, "replacement", "main", "1003", false},
    {"of another login", 2ull * 24 * HOUR_MS, "purchase", "other", "1003", false},
    {"too young", MINUTE_MS - 1, "purchase", "main", "1003", false},
    {"old enough", MINUTE_MS + 1, "purchase", "main", "1003", true},
    {"just young enough", 8ull * 24 * HOUR_MS - MINUTE_MS, "purchase", "main", "1003", true},
    {"too old", 8ull * 24 * HOUR_MS - MINUTE_MS + 1, "purchase", "main", "1003", false},
};

static void test_drift_lines(void **state)
{
    struct report_row rows[] = {{.order_number = "1001"}, {.order_number = "1002"}, {.order_number = "1004"}};
    struct report report = {.from_ms = NOW_MS - 8 * DAY_MS, .to_ms = NOW_MS}, full = report;
    (void)state;
    full.rows = rows;
    full.count = sizeof rows / sizeof *rows;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        json_t *line = json_pack("{s:s, s:s, s:s, s:I}", "what", LINES[i].line, "login", LINES[i].login, "order_number",
                                 LINES[i].number, "time_ms", (json_int_t)(NOW_MS - LINES[i].age_ms));
        print_message("%s\n", LINES[i].what);
        assert_int_equal(drift_is_missing(line, "main", &full, MINUTE_MS), LINES[i].missing);
        json_decref(line);
    }
    json_t *line = json_pack("{s:s, s:s, s:s, s:I}", "what", "purchase", "login", "main", "order_number", "1002",
                             "time_ms", (json_int_t)(NOW_MS - DAY_MS));
    assert_true(drift_is_missing(line, "main", &report, MINUTE_MS)); /* an empty report */
    json_decref(line);
}

/* ---- recall ---- */

static const struct {
    const char *what;
    uint64_t restored_ms;
    uint32_t forgotten, found;
    uint64_t first_ms;
    uint64_t then_restored_ms;
    uint32_t then_forgotten;
} RECALLS[] = {
    {"it knows all", 0, 0, 0, 0, 0, 0},
    {"it is an older copy", 0, 0, 2, 500, 500, 2},
    {"a backup: its own time is earlier", 400, 0, 2, 500, 400, 0},
    {"a backup: an order is earlier", 600, 0, 2, 500, 500, 0},
    {"it was one at the last start, too", 500, 1, 3, 400, 400, 3},
    {"the operator has not looked yet", 500, 1, 0, 0, 500, 1},
};

static void test_recall(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof RECALLS / sizeof *RECALLS; i++) {
        struct ledger ledger = {
            .recall_ms = 1, .restored_ms = RECALLS[i].restored_ms, .forgotten = RECALLS[i].forgotten};
        print_message("%s\n", RECALLS[i].what);
        assert_true(recall_settle(&ledger, 0, RECALLS[i].found, RECALLS[i].first_ms, i % 2 == 0));
        assert_int_equal(ledger.recall_ms, 0);
        assert_int_equal(ledger.restored_ms, RECALLS[i].then_restored_ms);
        assert_int_equal(ledger.forgotten, RECALLS[i].then_forgotten);
        assert_int_equal(ledger.numbered, i % 2 == 0);
        recall_settle(&ledger, 0, 0, 0, false);
        assert_int_equal(ledger.numbered, i % 2 == 0); /* what was known once stays known */
    }
    /* The operator reconciled while it was asked: what it had not found then is in the store now. */
    struct ledger reconciled = {.recall_ms = 1, .reconciled_ms = 700};
    assert_false(recall_settle(&reconciled, 0, 2, 500, true));
    assert_int_equal(reconciled.recall_ms, 0);
    assert_int_equal(reconciled.restored_ms, 0);
    assert_int_equal(reconciled.forgotten, 0);
    assert_true(reconciled.numbered);
}

/* ---- what failed ---- */

static void test_later(void **state)
{
    (void)state;
    assert_int_equal(upkeep_later_ms(JOB_BALANCE, 0, MINUTE_MS, NOW_MS), 10 * MINUTE_MS);
    assert_int_equal(upkeep_later_ms(JOB_DRIFT, 0, MINUTE_MS, NOW_MS), 10 * MINUTE_MS);
    assert_int_equal(upkeep_later_ms(JOB_RECONCILE, 0, MINUTE_MS, NOW_MS), 10 * MINUTE_MS);
    assert_int_equal(upkeep_later_ms(JOB_RECALL, NOW_MS, MINUTE_MS, NOW_MS), MINUTE_MS);
    assert_int_equal(upkeep_later_ms(JOB_RECALL, NOW_MS - 5 * MINUTE_MS, MINUTE_MS, NOW_MS), 5 * MINUTE_MS);
    assert_int_equal(upkeep_later_ms(JOB_RECALL, NOW_MS - 2 * HOUR_MS, MINUTE_MS, NOW_MS), HOUR_MS);
    assert_int_equal(upkeep_later_ms(JOB_RECALL, NOW_MS + HOUR_MS, MINUTE_MS, NOW_MS), MINUTE_MS); /* a set clock */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_balance),    cmocka_unit_test(test_low_credit),
                                       cmocka_unit_test(test_drift_span), cmocka_unit_test(test_drift_lines),
                                       cmocka_unit_test(test_recall),     cmocka_unit_test(test_later)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
