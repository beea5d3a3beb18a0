/* guard: what keeps a login from buying, and until when; and that a purchase is counted but once, and no test one. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/money/guard.h"
#include "sectigo/product.h"

static const uint64_t NOW_MS = 1796040000000, HOUR = 3600 * 1000, SPREAD_MS = 777;

/* ---- pauses ---- */

static const struct {
    const char *what;
    struct login_record login;
    struct ledger ledger;
    const char *why; /* NULL: it may buy */
    uint64_t due_ms; /* after NOW_MS, less than none: before it */
} PAUSES[] = {
    {"nothing is in the way", {0}, {0}, NULL, 0},
    {"a report is asked for, and a push came", {.pushed_ms = 5}, {.recall_ms = 5, .numbered = true}, NULL, 0},
    {"subscriptions serve one key each", {.unshared_ms = 5}, {0}, NULL, 0},
    {"two useless purchases", {.withheld = 2, .withheld_why = 1}, {0}, NULL, 0},
    {"the operator has paused it", {.paused_ms = 5}, {0}, "the operator has paused", HOUR},
    {"an older copy", {0}, {.forgotten = 1, .restored_ms = 5}, "an older copy", HOUR},
    {"a backup", {0}, {.restored_ms = 5}, "restored from a backup", HOUR},
    {"three useless purchases", {.withheld_ms = 5}, {0}, "three certificates in a row", HOUR},
    {"no credit, told just now", {.no_credit_ms = NOW_MS}, {0}, "not enough credit", HOUR + SPREAD_MS},
    {"no credit, told half an hour ago",
     {.no_credit_ms = NOW_MS - HOUR / 2},
     {0},
     "not enough credit",
     HOUR / 2 + SPREAD_MS},
    {"no credit, an hour ago: one may ask", {.no_credit_ms = NOW_MS - HOUR}, {0}, NULL, 0},
    {"no credit and paused", {.no_credit_ms = NOW_MS - HOUR / 2, .paused_ms = 5}, {0}, "the operator has paused", HOUR},
    {"no credit and restored", {.no_credit_ms = NOW_MS - HOUR / 2}, {.restored_ms = 5}, "restored from a backup", HOUR},
    {"no credit and withheld", {.no_credit_ms = NOW_MS - HOUR / 2, .withheld_ms = 5}, {0}, "three certificates", HOUR},
};

static void test_pauses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof PAUSES / sizeof *PAUSES; i++) {
        struct guard_verdict verdict = guard_pause(&PAUSES[i].login, &PAUSES[i].ledger, NOW_MS, SPREAD_MS);
        print_message("%s\n", PAUSES[i].what);
        assert_int_equal(verdict.held, PAUSES[i].why != NULL);
        if (verdict.held) {
            assert_non_null(strstr(verdict.why, PAUSES[i].why));
            assert_int_equal(verdict.due_ms, NOW_MS + PAUSES[i].due_ms);
        }
    }
}

/* ---- limits ---- */

struct ask {
    struct guard_purchase purchase;
    const char *issuance;
    struct guard_verdict verdict;
};

static enum store_status decide(struct store_txn *txn, void *arg)
{
    struct ask *ask = arg;
    return guard_decide(txn, &ask->purchase, ask->issuance, NOW_MS, &ask->verdict);
}

static enum store_status pause_login(struct store_txn *txn, void *arg)
{
    return login_set_paused(txn, "main", *(const uint64_t *)arg);
}

static bool held(struct temp_store *temp, const struct guard_purchase *purchase, const char *issuance)
{
    struct ask ask = {.purchase = *purchase, .issuance = issuance};
    assert_int_equal(store_call(temp->store, decide, &ask), STORE_OK);
    assert_true(!ask.verdict.held || ask.verdict.due_ms > NOW_MS);
    return ask.verdict.held;
}

static void test_limits(void **state)
{
    static const struct config_profile profile = {.name = "p"};
    struct config config = {.spending = {.purchases_per_day = 2}};
    struct guard_purchase purchase = {
        .config = &config, .profile = &profile, .policy = "default", .login = "main", .product = 488, .names = 1};
    struct guard_purchase test = purchase;
    struct temp_store temp;
    uint64_t paused_ms = NOW_MS;
    (void)state;
    test.test = true;
    temp_store_open(&temp);
    for (unsigned i = 0; i < 5; i++)
        assert_false(held(&temp, &test, "t")); /* nothing is billed, and nothing counted */
    assert_false(held(&temp, &purchase, "a"));
    assert_false(held(&temp, &purchase, "a")); /* the same one again: its place is kept */
    assert_int_equal(store_call(temp.store, pause_login, &paused_ms), STORE_OK);
    assert_true(held(&temp, &purchase, "b"));
    paused_ms = 0;
    assert_int_equal(store_call(temp.store, pause_login, &paused_ms), STORE_OK);
    assert_false(held(&temp, &purchase, "c")); /* what was held took no place */
    assert_true(held(&temp, &purchase, "b"));
    assert_false(held(&temp, &test, "t"));
    temp_store_close(&temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pauses), cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
