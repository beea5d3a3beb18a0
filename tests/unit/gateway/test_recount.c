/* recount: what the store counts as it changes is what a look at every record finds; a store of an older program is
 * counted once. */
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "acme/certificate.h"
#include "gateway/audit.h"
#include "gateway/days.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/recount.h"

enum { SEEN_MAX = 4096, DOWNLOADED_S = 7 };

/* All that is counted, as text. */
struct seen {
    char text[SEEN_MAX];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct seen *seen, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(seen->text + seen->len, sizeof seen->text - seen->len, format, args);
    va_end(args);
    assert_in_range(len, 0, sizeof seen->text - seen->len - 1);
    seen->len += (size_t)len;
}

static bool say_sum(void *ctx, const struct cost_key *key, const int64_t n[static COST_NUMBERS])
{
    say(ctx, "%s %s %s %s: %d %d %d %d\n", key->month, key->policy, key->profile, key->login, (int)n[COST_PURCHASES],
        (int)n[COST_REPLACEMENTS], (int)n[COST_REFUNDS], (int)n[COST_AMOUNT_CENTS]);
    return true;
}

static bool say_unfetched(void *ctx, const struct acme_id *id, uint64_t issued_ms)
{
    say(ctx, "unfetched %d since %d\n", id->octets[0], (int)issued_ms);
    return true;
}

static bool say_day(void *ctx, uint32_t day, const int64_t n[static DAY_NUMBERS])
{
    say(ctx, "day %u: %d %d %d %d %d\n", day, (int)n[DAY_CERTIFICATES], (int)n[COST_PURCHASES],
        (int)n[COST_REPLACEMENTS], (int)n[COST_REFUNDS], (int)n[COST_AMOUNT_CENTS]);
    return true;
}

static void look(struct temp_store *temp, struct seen *seen)
{
    struct store_txn *txn;
    int64_t counts[ISSUANCE_STATES];
    seen->len = 0;
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(issuance_counts(txn, counts), STORE_OK);
    for (int i = 0; i < ISSUANCE_STATES; i++)
        say(seen, "%s %d\n", issuance_state_text((enum issuance_state)i), (int)counts[i]);
    assert_int_equal(cost_visit(txn, say_sum, seen), STORE_OK);
    assert_int_equal(days_visit(txn, 0, say_day, seen), STORE_OK);
    assert_int_equal(acme_unfetched(txn, 0, say_unfetched, seen), STORE_OK);
    store_read_end(txn);
}

static enum store_status save_issuance(struct store_txn *txn, uint8_t number, enum issuance_state state)
{
    struct issuance is = {
        .kind = ISSUANCE_PURCHASE, .state = state, .csr = (uint8_t[]){1}, .csr_len = 1, .note = (char[]){""}};
    snprintf(is.id, sizeof is.id, "a%d", number);
    return issuance_save(txn, &is);
}

static enum store_status save_certificate(struct store_txn *txn, uint8_t number, uint64_t downloaded_s)
{
    const struct acme_certificate certificate = {.id = {{number}},
                                                 .serial = {number},
                                                 .serial_len = 1,
                                                 .issued_ms = 1000u + number,
                                                 .downloaded_s = downloaded_s,
                                                 .chain = (char[]){"x"},
                                                 .certificate_id = (char[]){""},
                                                 .issuance = (char[]){"i"}};
    return acme_certificate_save(txn, &certificate);
}

static enum store_status add_line(struct store_txn *txn, const char *what, const char *policy, int64_t cents,
                                  uint64_t ordered_ms)
{
    const struct acme_id account = {{1}};
    const struct acme_names names = {0};
    const struct audit_line line = {.what = what,
                                    .issuance = "a1",
                                    .policy = policy,
                                    .profile = "dv",
                                    .login = "main",
                                    .order_number = "",
                                    .certificate_id = "",
                                    .account = &account,
                                    .names = &names,
                                    .amount_cents = cents,
                                    .ordered_ms = ordered_ms};
    return audit_add(txn, &line, 1769904000000u); /* 2026-02-01 */
}

static enum store_status write_all(struct store_txn *txn, void *arg)
{
    (void)arg;
    const enum store_status all[] = {
        save_issuance(txn, 1, ISSUANCE_QUEUED),
        save_issuance(txn, 2, ISSUANCE_PREPARED),
        save_issuance(txn, 1, ISSUANCE_PREPARED), /* it moves on */
        save_issuance(txn, 1, ISSUANCE_PREPARED), /* and stays */
        save_issuance(txn, 3, ISSUANCE_QUEUED),
        save_issuance(txn, 3, ISSUANCE_REFUSED),
        add_line(txn, "purchase", "p", 100, 0),
        add_line(txn, "purchase", "p", 50, 1769903999000u), /* of the month before */
        add_line(txn, "refund", "p", -100, 0),
        add_line(txn, "replacement", "other", 0, 0),
        add_line(txn, "import", "", 7, 0),
        add_line(txn, "adoption", "", 8, 0),
        add_line(txn, "revocation", "p", 0, 0),
        save_certificate(txn, 1, 0),
        save_certificate(txn, 2, 0),
        save_certificate(txn, 2, DOWNLOADED_S),
        days_add_certificate(txn, 1001), /* as what stores them does */
        days_add_certificate(txn, 1002),
    };
    enum store_status status = STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < sizeof all / sizeof *all; i++)
        status = all[i];
    return status;
}

static const char EXPECTED[] = "none 0\nqueued 0\nprepared 2\npublished 0\nsubmitting 0\nunknown 0\nsubmitted 0\n"
                               "blocked 0\nheld 0\ncollected 0\nrefused 1\ndead 0\ncancelling 0\n"
                               "2026-01 p dv main: 1 0 0 50\n"
                               "2026-02  dv main: 2 0 0 15\n"
                               "2026-02 other dv main: 0 1 0 0\n"
                               "2026-02 p dv main: 1 0 1 0\n"
                               "day 0: 2 0 0 0 0\n"
                               "day 20484: 0 1 0 0 50\n"
                               "day 20485: 0 3 1 1 15\n"
                               "unfetched 1 since 1001\n";

static void test_counted_as_it_changes(void **state)
{
    struct temp_store *temp = *state;
    struct seen seen;
    assert_int_equal(store_call(temp->store, write_all, NULL), STORE_OK);
    look(temp, &seen);
    assert_string_equal(seen.text, EXPECTED);
}

static bool note_key(void *ctx, struct store_slice key, struct store_slice value)
{
    struct store_slice *first = ctx;
    (void)value;
    *first = key;
    return false;
}

/* As an older program leaves it. */
static enum store_status forget(struct store_txn *txn, void *arg)
{
    static const unsigned tables[] = {ISSUE_COUNTERS, ACME_UNFETCHED};
    enum store_status status = STORE_OK;
    (void)arg;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        while (store_count(txn, tables[i]) > 0 && status == STORE_OK) {
            struct store_slice first;
            uint8_t key[STORE_KEY_MAX];
            assert_int_equal(store_visit(txn, tables[i], NULL, 0, note_key, &first), STORE_OK);
            memcpy(key, first.data, first.len);
            status = store_delete(txn, tables[i], key, first.len);
        }
    }
    return status;
}

static enum store_status migrate(struct store_txn *txn, void *arg)
{
    char reason[STORE_REASON_SIZE];
    (void)arg;
    return recount_migrate(txn, reason);
}

static enum store_status migrate_days(struct store_txn *txn, void *arg)
{
    char reason[STORE_REASON_SIZE];
    (void)arg;
    return days_migrate(txn, reason);
}

static bool is_first(void *ctx, uint32_t day, const int64_t n[static DAY_NUMBERS])
{
    *(uint32_t *)ctx = day;
    (void)n;
    return false;
}

/* The days alone, of a store of schema 4; asked from a day on. */
static void test_days_are_counted_once_and_found(void **state)
{
    struct temp_store *temp = *state;
    struct store_txn *txn;
    struct seen seen;
    uint32_t day = 0;
    assert_int_equal(store_call(temp->store, write_all, NULL), STORE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_call(temp->store, migrate_days, NULL), STORE_OK);
        look(temp, &seen);
        assert_string_equal(seen.text, EXPECTED);
    }
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(days_visit(txn, 20485, is_first, &day), STORE_OK);
    assert_int_equal(day, 20485);
    store_read_end(txn);
}

static void test_an_older_store_is_counted_once(void **state)
{
    struct temp_store *temp = *state;
    struct seen seen;
    assert_int_equal(store_call(temp->store, write_all, NULL), STORE_OK);
    assert_int_equal(store_call(temp->store, forget, NULL), STORE_OK);
    look(temp, &seen);
    assert_string_not_equal(seen.text, EXPECTED);
    for (int i = 0; i < 2; i++) { /* and again is the same */
        assert_int_equal(store_call(temp->store, migrate, NULL), STORE_OK);
        look(temp, &seen);
        assert_string_equal(seen.text, EXPECTED);
    }
}

static enum store_status spoil(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_put(txn, ISSUE_COUNTERS, "issuances", 9, "?", 1);
}

static enum store_status move_one(struct store_txn *txn, void *arg)
{
    (void)arg;
    return save_issuance(txn, 77, ISSUANCE_SUBMITTED);
}

/* What is only counted keeps no order from going on: it is counted anew from there. */
static void test_a_damaged_counter_stops_nothing(void **state)
{
    struct temp_store *temp = *state;
    int64_t counts[ISSUANCE_STATES];
    struct store_txn *txn;
    assert_int_equal(store_call(temp->store, spoil, NULL), STORE_OK);
    assert_int_equal(store_call(temp->store, move_one, NULL), STORE_OK);
    assert_int_equal(store_read(temp->store, &txn), STORE_OK);
    assert_int_equal(issuance_counts(txn, counts), STORE_OK);
    assert_int_equal(counts[ISSUANCE_SUBMITTED], 1);
    store_read_end(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counted_as_it_changes, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_days_are_counted_once_and_found, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_an_older_store_is_counted_once, temp_store_set_up, temp_store_tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_counter_stops_nothing, temp_store_set_up, temp_store_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
