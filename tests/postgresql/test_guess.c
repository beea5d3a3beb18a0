/* What a change guesses from what its process remembers: another one that has the store open has changed it meanwhile,
 * and all ends as if nothing were remembered. */
#include "tests/postgresql/processes.h"

enum { MANY = 150, OFTEN = 3 };

/* Another one that has the store open, beside the fixture's. */
static struct fixture other;
static const struct store_share shared = {child_owned, child_hears, NULL, NULL};

static int both_setup(void **state)
{
    fixture_setup(state);
    other = *(struct fixture *)*state;
    other.config.share = &shared;
    other.config.wait = child_waits;
    other.config.report = NULL;
    fixture_open(&other);
    return store_owns(other.store) ? -1 : 0;
}

static int both_teardown(void **state)
{
    fixture_close(&other);
    return fixture_teardown(state);
}

static enum store_status delete_in(struct fixture *f, const char *key)
{
    return store_call(f->store, pair_delete, &(struct pair){FRUIT, key, NULL});
}

static enum store_status insert_in(struct fixture *f, const char *key, const char *value)
{
    return store_call(f->store, pair_insert, &(struct pair){FRUIT, key, value});
}

/* Says no to what the record is at first, and writes beside it what it saw. */
struct looking {
    const char *key, *refused;
    enum { LOOK_FIRST, WRITE_FIRST, COUNT_TOO } how;
    unsigned runs;
    struct fixture *meddler; /* changes the record in the first `often` runs, when it has been seen; NULL: nobody */
    unsigned often;
};

static enum store_status look_and_write(struct store_txn *txn, void *arg)
{
    struct looking *looking = arg;
    struct store_slice value;
    char seen[128] = "", changed[16];
    looking->runs++;
    if (looking->how == WRITE_FIRST)
        store_put(txn, COLOURS, "touched", 7, "", 0);
    enum store_status status = store_get(txn, FRUIT, looking->key, strlen(looking->key), &value);
    if (status == STORE_OK)
        memcpy(seen, value.data, value.len);
    snprintf(changed, sizeof changed, "run %u", looking->runs);
    if (looking->meddler != NULL && looking->runs <= looking->often)
        assert_int_equal(put(looking->meddler, FRUIT, looking->key, changed), STORE_OK);
    if (looking->how == COUNT_TOO)
        store_count(txn, COLOURS);
    if (strcmp(seen, looking->refused) == 0)
        return STORE_REFUSED;
    return store_put(txn, COLOURS, "seen", 4, seen, strlen(seen));
}

/* The one remembers `old`, and the other has written `now` since. */
static void outdate(struct fixture *f, const char *key, const char *old, const char *now)
{
    assert_int_equal(put(f, FRUIT, key, old), STORE_OK);
    assert_int_equal(put(&other, FRUIT, key, now), STORE_OK);
}

/* By what the other one has written, though `old` is remembered. */
static void assert_runs_again(struct fixture *f, struct looking *looking)
{
    outdate(f, "a", "old", "new");
    assert_int_equal(store_call(f->store, look_and_write, looking), STORE_OK);
    assert_int_equal(looking->runs, 2);
    assert_record(f, COLOURS, "seen", "new");
}

static void test_what_rests_on_an_old_record_is_not_stored(void **state)
{
    struct fixture *f = *state;
    struct looking looking = {"a", "", LOOK_FIRST, .runs = 0};
    assert_runs_again(f, &looking);
    assert_int_equal(store_call(f->store, look_and_write, &looking), STORE_OK);
    assert_int_equal(looking.runs, 3); /* now it is remembered */
    assert_int_equal(delete_in(&other, "a"), STORE_OK);
    assert_int_equal(store_call(f->store, look_and_write, &looking), STORE_REFUSED);
    assert_int_equal(looking.runs, 5);
}

static void test_what_was_said_by_an_old_record_does_not_count(void **state)
{
    struct fixture *f = *state;
    struct looking looking = {"a", "old", LOOK_FIRST, .runs = 0};
    assert_runs_again(f, &looking);
    outdate(f, "a", "new", "old");
    assert_int_equal(store_call(f->store, look_and_write, &looking), STORE_REFUSED);
}

static void test_before_a_count(void **state)
{
    struct fixture *f = *state;
    struct looking looking = {"a", "old", COUNT_TOO, .runs = 0};
    assert_runs_again(f, &looking);
}

/* Of one that nothing is known of, and of one that was there, or was not, when it was seen last. */
static void test_insertions(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(&other, FRUIT, "a", "theirs"), STORE_OK);
    assert_int_equal(insert_in(f, "a", "ours"), STORE_EXISTS);
    assert_record(&other, FRUIT, "a", "theirs");
    assert_no_record(f, FRUIT, "b");
    assert_int_equal(put(&other, FRUIT, "b", "theirs"), STORE_OK);
    assert_int_equal(insert_in(f, "b", "ours"), STORE_EXISTS);
    assert_record(&other, FRUIT, "b", "theirs");
    assert_int_equal(delete_in(&other, "b"), STORE_OK);
    assert_int_equal(insert_in(f, "b", "ours"), STORE_OK);
    assert_record(&other, FRUIT, "b", "ours");
    assert_int_equal(insert_in(f, "b", "again"), STORE_EXISTS);
    assert_int_equal(insert_in(&other, "b", "again"), STORE_EXISTS);
    assert_record(f, FRUIT, "b", "ours");
}

static void test_deletions(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(delete_in(f, "a"), STORE_NOT_FOUND);
    assert_int_equal(put(&other, FRUIT, "a", "theirs"), STORE_OK);
    assert_int_equal(delete_in(f, "a"), STORE_OK);
    assert_no_record(&other, FRUIT, "a");
    outdate(f, "a", "ours", "theirs");
    assert_int_equal(delete_in(&other, "a"), STORE_OK);
    assert_int_equal(delete_in(f, "a"), STORE_NOT_FOUND);
    outdate(f, "a", "ours", "theirs");
    assert_int_equal(delete_in(f, "a"), STORE_OK);
    assert_no_record(&other, FRUIT, "a");
}

/* Inserts, changes and deletes one record, which it must not find, and inserts it at the end. */
static enum store_status insert_and_more(struct store_txn *txn, void *arg)
{
    const struct pair *p = arg;
    enum store_status status = pair_insert(txn, arg);
    if (status != STORE_OK)
        return status;
    if (pair_insert(txn, arg) != STORE_EXISTS || pair_put(txn, &(struct pair){p->table, p->key, "twice"}) != STORE_OK ||
        pair_delete(txn, arg) != STORE_OK || pair_delete(txn, arg) != STORE_NOT_FOUND)
        return STORE_INVALID;
    return pair_insert(txn, arg);
}

static void test_much_of_one_record(void **state)
{
    struct fixture *f = *state;
    struct pair pair = {FRUIT, "a", "once"};
    assert_int_equal(store_call(f->store, insert_and_more, &pair), STORE_OK);
    assert_record(&other, FRUIT, "a", "once");
    assert_int_equal(store_call(f->store, insert_and_more, &pair), STORE_EXISTS);
    assert_int_equal(delete_in(&other, "a"), STORE_OK);
    assert_int_equal(store_call(f->store, insert_and_more, &pair), STORE_OK);
    assert_record(&other, FRUIT, "a", "once");
}

/* Nothing was there the last times: the next time it is. */
static void test_what_is_missing_as_a_rule(void **state)
{
    struct fixture *f = *state;
    struct looking looking = {"none", "x", LOOK_FIRST, .runs = 0};
    char key[16];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "none %u", i);
        looking.key = key;
        assert_int_equal(store_call(f->store, look_and_write, &looking), STORE_OK);
        assert_record(f, COLOURS, "seen", "");
    }
    assert_int_equal(looking.runs, 20);
    assert_int_equal(put(&other, FRUIT, "a", "new"), STORE_OK);
    looking.key = "a";
    assert_int_equal(store_call(f->store, look_and_write, &looking), STORE_OK);
    assert_int_equal(looking.runs, 22);
    assert_record(f, COLOURS, "seen", "new");
    assert_int_equal(put(&other, FRUIT, "b", "x"), STORE_OK); /* and is not the rule any more */
    looking.key = "b";
    assert_int_equal(store_call(f->store, look_and_write, &looking), STORE_REFUSED);
    assert_int_equal(looking.runs, 23);
}

/* Two of one batch, the second of which refuses when it has written: by an old record, or truly. */
static void run_two(struct fixture *f, struct looking *looking, enum store_status status)
{
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    struct tracked good, bad;
    gate_close(f, &gate, &done);
    tracked_submit(f, &good, pair_put, &(struct pair){FRUIT, "good", "stored"}, &done);
    tracked_submit(f, &bad, look_and_write, looking, &done);
    gate_open(&gate);
    event_wait(&done, 3);
    assert_int_equal(good.status, STORE_OK);
    assert_int_equal(bad.status, status);
}

static void test_beside_a_good_one(void **state)
{
    struct fixture *f = *state;
    struct looking looking = {"a", "old", WRITE_FIRST, .runs = 0};
    outdate(f, "a", "old", "new");
    run_two(f, &looking, STORE_OK);
    assert_record(&other, FRUIT, "good", "stored");
    assert_record(&other, COLOURS, "seen", "new");
    assert_int_equal(delete_in(f, "good"), STORE_OK);
    assert_int_equal(store_call(f->store, pair_delete, &(struct pair){COLOURS, "touched", NULL}), STORE_OK);
    outdate(f, "a", "new", "old");
    run_two(f, &looking, STORE_REFUSED);
    assert_record(&other, FRUIT, "good", "stored");
    assert_no_record(&other, COLOURS, "touched");
    looking.how = LOOK_FIRST;
    run_two(f, &looking, STORE_REFUSED);
}

/* Each time it is another record than it was: it is asked for in the end, and nobody is waited for meanwhile. */
static void test_guesses_that_go_wrong_again_and_again(void **state)
{
    struct fixture *f = *state;
    struct looking looking = {"a", "", LOOK_FIRST, .meddler = &other, .often = OFTEN};
    assert_int_equal(put(f, FRUIT, "a", "run 0"), STORE_OK);
    assert_int_equal(store_call(f->store, look_and_write, &looking), STORE_OK);
    assert_int_equal(looking.runs, OFTEN + 1);
    assert_record(f, COLOURS, "seen", "run 3");
}

/* ---- both at once ---- */

static void *count_many(void *arg)
{
    uintptr_t failures = 0;
    for (int i = 0; i < MANY; i++)
        failures += store_call(((struct fixture *)arg)->store, count_up, NULL) != STORE_OK;
    return (void *)failures;
}

static void test_both_count(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    void *failures;
    assert_int_equal(pthread_create(&thread, NULL, count_many, &other), 0);
    assert_null(count_many(f));
    pthread_join(thread, &failures);
    assert_null(failures);
    assert_int_equal(counted(f), 2 * MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_rests_on_an_old_record_is_not_stored, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_what_was_said_by_an_old_record_does_not_count, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_before_a_count, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_insertions, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_deletions, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_much_of_one_record, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_missing_as_a_rule, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_beside_a_good_one, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_guesses_that_go_wrong_again_and_again, both_setup, both_teardown),
        cmocka_unit_test_setup_teardown(test_both_count, both_setup, both_teardown),
    };
    return cmocka_run_group_tests_name("guess", tests, NULL, NULL);
}
