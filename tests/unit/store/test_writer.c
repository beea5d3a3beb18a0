/* The writer: batches, what happens when there is no more room, and many threads at once. */
#include "fixture.h"

#include <time.h>

#include "store/shortage.h"

static uint64_t commits(struct fixture *f)
{
    struct store_stats stats;
    store_stats(f->store, &stats);
    return stats.commits;
}

/* ---- batches ---- */

static void test_waiting_operations_share_a_commit(void **state)
{
    enum { N = 100 };
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    static struct tracked ops[N];
    static struct pair pairs[N];
    static char keys[N][8];
    uint64_t before = commits(f);
    gate_close(f, &gate, &done);
    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        pairs[i] = (struct pair){FRUIT, keys[i], "v"};
        tracked_submit(f, &ops[i], pair_put, &pairs[i], &done);
    }
    gate_open(&gate);
    event_wait(&done, N + 1);
    assert_int_equal(commits(f) - before, 2); /* the gate's, and one for all the others */
    for (int i = 0; i < N; i++) {
        assert_int_equal(ops[i].status, STORE_OK);
        assert_record(f, FRUIT, keys[i], "v");
    }
}

static enum store_status put_and_refuse(struct store_txn *txn, void *arg)
{
    enum store_status status = pair_put(txn, arg);
    return status == STORE_OK ? STORE_REFUSED : status;
}

static enum store_status put_short_of_memory(struct store_txn *txn, void *arg)
{
    shortage_note();
    return pair_put(txn, arg);
}

/* It may have passed over a record that it had no memory to decode. */
static void test_what_met_a_shortage_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct pair pair = {FRUIT, "a", "1"};
    assert_int_equal(store_call(f->store, put_short_of_memory, &pair), STORE_SHORT);
    assert_no_record(f, FRUIT, "a");
    assert_int_equal(store_call(f->store, pair_put, &pair), STORE_OK);
    assert_record(f, FRUIT, "a", "1");
}

static void test_one_failure_spares_the_batch(void **state)
{
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    struct tracked ops[4];
    struct pair pairs[4] = {{FRUIT, "a", "1"}, {FRUIT, "b", "2"}, {FRUIT, "a", "3"}, {FRUIT, "c", "4"}};
    gate_close(f, &gate, &done);
    tracked_submit(f, &ops[0], pair_put, &pairs[0], &done);
    tracked_submit(f, &ops[1], put_and_refuse, &pairs[1], &done);
    tracked_submit(f, &ops[2], pair_insert, &pairs[2], &done); /* taken by the first of this batch */
    tracked_submit(f, &ops[3], pair_put, &pairs[3], &done);
    gate_open(&gate);
    event_wait(&done, 5);
    assert_int_equal(ops[0].status, STORE_OK);
    assert_int_equal(ops[1].status, STORE_REFUSED);
    assert_int_equal(ops[2].status, STORE_EXISTS);
    assert_int_equal(ops[3].status, STORE_OK);
    assert_record(f, FRUIT, "a", "1");
    assert_no_record(f, FRUIT, "b");
    assert_record(f, FRUIT, "c", "4");
}

static void test_what_was_undone_is_not_there_for_the_next(void **state)
{
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    struct tracked ops[2];
    struct pair pairs[2] = {{FRUIT, "b", "undone"}, {FRUIT, "b", "2"}};
    gate_close(f, &gate, &done);
    tracked_submit(f, &ops[0], put_and_refuse, &pairs[0], &done);
    tracked_submit(f, &ops[1], pair_insert, &pairs[1], &done);
    gate_open(&gate);
    event_wait(&done, 3);
    assert_int_equal(ops[0].status, STORE_REFUSED);
    assert_int_equal(ops[1].status, STORE_OK);
    assert_record(f, FRUIT, "b", "2");
}

struct counted {
    struct pair pair;
    store_fn *fn;
    unsigned runs;
};

static enum store_status counted_run(struct store_txn *txn, void *arg)
{
    struct counted *counted = arg;
    counted->runs++;
    return counted->fn(txn, &counted->pair);
}

static enum store_status refuse(struct store_txn *txn, void *arg)
{
    (void)txn, (void)arg;
    return STORE_REFUSED;
}

/* Three in one batch, the middle one of which says no; how often the first of them was run. */
static unsigned runs_beside(struct fixture *f, store_fn *failing)
{
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    struct tracked ops[3];
    struct counted all[3] = {
        {{FRUIT, "a", "1"}, pair_put, 0}, {{FRUIT, "b", "2"}, failing, 0}, {{FRUIT, "c", "3"}, pair_put, 0}};
    uint64_t before = commits(f);
    gate_close(f, &gate, &done);
    for (unsigned i = 0; i < 3; i++)
        tracked_submit(f, &ops[i], counted_run, &all[i], &done);
    gate_open(&gate);
    event_wait(&done, 4);
    assert_int_equal(commits(f) - before, 2); /* the gate's, and theirs */
    assert_int_equal(ops[0].status, STORE_OK);
    assert_int_equal(ops[1].status, STORE_REFUSED);
    assert_int_equal(ops[2].status, STORE_OK);
    assert_record(f, FRUIT, "a", "1");
    assert_no_record(f, FRUIT, "b");
    assert_record(f, FRUIT, "c", "3");
    return all[0].runs;
}

/* One transaction does for all of a batch; only what is to be undone alone makes it run again. */
static void test_run_again_where_a_change_is_undone(void **state)
{
    assert_int_equal(runs_beside(*state, put_and_refuse), 2);
}

static void test_run_once_where_nothing_is_undone(void **state)
{
    assert_int_equal(runs_beside(*state, refuse), 1);
}

static void test_refused_alone_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t before = commits(f);
    assert_int_equal(store_call(f->store, put_and_refuse, &(struct pair){FRUIT, "b", "2"}), STORE_REFUSED);
    assert_no_record(f, FRUIT, "b");
    assert_int_equal(commits(f), before);
}

static void test_longest_queue(void **state)
{
    enum { N = 5000 }; /* several batches */
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    static struct tracked ops[N];
    static struct pair pair = {FRUIT, "k", "v"};
    gate_close(f, &gate, &done);
    for (int i = 0; i < N; i++)
        tracked_submit(f, &ops[i], pair_put, &pair, &done);
    gate_open(&gate);
    event_wait(&done, N + 1);
    for (int i = 0; i < N; i++)
        assert_int_equal(ops[i].status, STORE_OK);
}

static void test_close_runs_what_is_queued(void **state)
{
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct tracked ops[50];
    struct pair pair = {FRUIT, "last", "v"};
    for (int i = 0; i < 50; i++)
        tracked_submit(f, &ops[i], pair_put, &pair, &done);
    fixture_close(f);
    assert_int_equal(event_count(&done), 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ops[i].status, STORE_OK);
    fixture_open(f);
    assert_record(f, FRUIT, "last", "v");
}

/* ---- what may wait ---- */

enum { LONG_MS = 3600000, SHORT_MS = 20 };

static void patient_submit(struct fixture *f, struct tracked *tracked, struct pair *pair, unsigned patience_ms,
                           struct event *done)
{
    *tracked = (struct tracked){.op = {.fn = pair_put, .arg = pair, .patience_ms = patience_ms, .done = tracked_done},
                                .done = done};
    store_submit(f->store, &tracked->op);
}

/* Time for a writer that does not wait to be seen at it. */
static void give_it_time(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
}

static void test_who_cannot_wait_takes_along_who_can(void **state)
{
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct tracked ops[3];
    struct pair pairs[3] = {{FRUIT, "a", "1"}, {FRUIT, "b", "2"}, {FRUIT, "c", "3"}};
    uint64_t before = commits(f);
    patient_submit(f, &ops[0], &pairs[0], LONG_MS, &done);
    patient_submit(f, &ops[1], &pairs[1], LONG_MS, &done);
    give_it_time();
    patient_submit(f, &ops[2], &pairs[2], 0, &done);
    event_wait(&done, 3);
    assert_int_equal(commits(f) - before, 1);
    assert_record(f, FRUIT, "a", "1");
    assert_record(f, FRUIT, "c", "3");
}

static void test_the_least_patient_decides(void **state)
{
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct tracked ops[2];
    struct pair pairs[2] = {{FRUIT, "a", "1"}, {FRUIT, "b", "2"}};
    uint64_t before = commits(f);
    patient_submit(f, &ops[0], &pairs[0], LONG_MS, &done);
    patient_submit(f, &ops[1], &pairs[1], SHORT_MS, &done);
    event_wait(&done, 2);
    assert_int_equal(commits(f) - before, 1);
}

static void test_close_waits_for_nobody(void **state)
{
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct tracked op;
    struct pair pair = {FRUIT, "patient", "v"};
    patient_submit(f, &op, &pair, LONG_MS, &done);
    fixture_close(f);
    assert_int_equal(event_count(&done), 1);
    assert_int_equal(op.status, STORE_OK);
    fixture_open(f);
    assert_record(f, FRUIT, "patient", "v");
}

/* ---- a full map ---- */

struct big {
    unsigned key;
    bool overlook; /* returns STORE_OK whatever happened */
};

static enum store_status put_big(struct store_txn *txn, void *arg)
{
    static const uint8_t data[60000];
    const struct big *big = arg;
    char key[16];
    snprintf(key, sizeof key, "big%06u", big->key);
    enum store_status status = store_put(txn, FRUIT, key, strlen(key), data, sizeof data);
    if (status == STORE_FULL)
        store_put(txn, FRUIT, "after", 5, "x", 1); /* what follows an error must not hide it */
    return big->overlook ? STORE_OK : status;
}

static enum store_status delete_big(struct store_txn *txn, void *arg)
{
    const struct big *big = arg;
    char key[16];
    snprintf(key, sizeof key, "big%06u", big->key);
    return store_delete(txn, FRUIT, key, strlen(key));
}

static unsigned fill_map(struct fixture *f)
{
    enum store_status status = STORE_OK;
    struct big big = {0};
    while ((status = store_call(f->store, put_big, &big)) == STORE_OK)
        assert_true(++big.key < 1000);
    assert_int_equal(status, STORE_FULL);
    return big.key;
}

static int setup_small(void **state)
{
    fixture_prepare(state);
    struct fixture *f = *state;
    f->config.map_size = 1 << 20;
    fixture_open(f);
    return 0;
}

static uint64_t count(struct fixture *f)
{
    struct store_txn *txn;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    uint64_t records = store_count(txn, FRUIT);
    store_read_end(txn);
    return records;
}

static void test_full_map(void **state)
{
    struct fixture *f = *state;
    unsigned stored = fill_map(f);
    assert_true(stored > 5);
    assert_int_equal(count(f), stored);
    assert_no_record(f, FRUIT, "after");
    assert_non_null(strstr(f->reported, f->path));
    assert_int_equal(store_call(f->store, put_big, &(struct big){stored, true}), STORE_FULL);
    fixture_reopen(f);
    assert_int_equal(count(f), stored);
}

static void test_room_after_deleting(void **state)
{
    struct fixture *f = *state;
    unsigned stored = fill_map(f);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(store_call(f->store, delete_big, &(struct big){.key = i}), STORE_OK);
    assert_int_equal(put(f, COLOURS, "room", "again"), STORE_OK);
    assert_int_equal(store_call(f->store, put_big, &(struct big){.key = stored}), STORE_OK);
    assert_record(f, COLOURS, "room", "again");
}

static void test_full_map_in_a_batch(void **state)
{
    enum { N = 6 }; /* more than the room that is made for them */
    struct fixture *f = *state;
    struct event done = EVENT_INITIALIZER;
    struct gate gate = GATE_INITIALIZER;
    struct tracked ops[N], last;
    struct big bigs[N];
    unsigned stored = fill_map(f), fit = 0;
    for (unsigned i = 0; i < N - 2; i++)
        store_call(f->store, delete_big, &(struct big){.key = i});
    put(f, COLOURS, "settle", "freed pages can be used two commits later");
    struct pair small = {COLOURS, "small", "fits"};
    gate_close(f, &gate, &done);
    for (unsigned i = 0; i < N; i++) {
        bigs[i] = (struct big){.key = stored + i};
        tracked_submit(f, &ops[i], put_big, &bigs[i], &done);
    }
    tracked_submit(f, &last, pair_put, &small, &done);
    gate_open(&gate);
    event_wait(&done, N + 2);
    for (unsigned i = 0; i < N; i++)
        fit += ops[i].status == STORE_OK;
    assert_in_range(fit, 1, N - 2);
    assert_int_equal(ops[N - 1].status, STORE_FULL);
    assert_int_equal(last.status, STORE_OK);
    assert_int_equal(count(f), stored - (N - 2) + fit);
    assert_record(f, COLOURS, "small", "fits");
}

/* ---- many threads ---- */

enum { THREADS = 4, ROUNDS = 300 };

static enum store_status increment(struct store_txn *txn, void *arg)
{
    struct store_slice value;
    uint32_t n = 0;
    (void)arg;
    enum store_status status = store_get(txn, FRUIT, "n", 1, &value);
    if (status == STORE_OK && value.len == sizeof n)
        memcpy(&n, value.data, sizeof n);
    n++;
    /* The same number in both tables: a snapshot between them would see a difference. */
    if ((status = store_put(txn, FRUIT, "n", 1, &n, sizeof n)) != STORE_OK)
        return status;
    return store_put(txn, COLOURS, "n", 1, &n, sizeof n);
}

static void *write_many(void *arg)
{
    struct fixture *f = arg;
    uintptr_t failures = 0;
    for (int i = 0; i < ROUNDS; i++)
        failures += store_call(f->store, increment, NULL) != STORE_OK;
    return (void *)failures; /* cmocka's assertions belong to the main thread */
}

static bool snapshot_agrees(struct fixture *f, uint32_t *last)
{
    struct store_txn *txn;
    struct store_slice a, b;
    if (store_read(f->store, &txn) != STORE_OK)
        return false;
    enum store_status first = store_get(txn, FRUIT, "n", 1, &a), second = store_get(txn, COLOURS, "n", 1, &b);
    uint32_t n = *last;
    bool agrees = first == second && a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
    if (agrees && a.len == sizeof n)
        memcpy(&n, a.data, sizeof n);
    store_read_end(txn);
    agrees = agrees && n >= *last;
    *last = n;
    return agrees;
}

static void *read_many(void *arg)
{
    struct fixture *f = arg;
    uintptr_t failures = 0;
    uint32_t last = 0;
    for (int i = 0; i < ROUNDS * 4; i++)
        failures += !snapshot_agrees(f, &last);
    return (void *)failures;
}

static int setup_writers(void **state)
{
    fixture_prepare(state);
    struct fixture *f = *state;
    f->config.writers = THREADS;
    fixture_open(f);
    return 0;
}

static void test_many_threads(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[2 * THREADS];
    for (int i = 0; i < 2 * THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < THREADS ? write_many : read_many, f), 0);
    for (int i = 0; i < 2 * THREADS; i++) {
        void *failures;
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_null(failures);
    }
    struct store_txn *txn;
    struct store_slice value;
    uint32_t n = 0;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_get(txn, FRUIT, "n", 1, &value), STORE_OK);
    memcpy(&n, value.data, sizeof n);
    store_read_end(txn);
    assert_int_equal(n, THREADS * ROUNDS);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define with_small_store(test) cmocka_unit_test_setup_teardown(test, setup_small, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(test_waiting_operations_share_a_commit),
        with_store(test_what_met_a_shortage_is_dropped),
        with_store(test_one_failure_spares_the_batch),
        with_store(test_what_was_undone_is_not_there_for_the_next),
        with_store(test_run_again_where_a_change_is_undone),
        with_store(test_run_once_where_nothing_is_undone),
        with_store(test_refused_alone_leaves_nothing),
        with_store(test_longest_queue),
        with_store(test_close_runs_what_is_queued),
        cmocka_unit_test_setup_teardown(test_many_threads, setup_writers, fixture_teardown),
    };
    /* How much a server may keep is its own affair. */
    const struct CMUnitTest bounded[] = {
        with_small_store(test_full_map),
        with_small_store(test_room_after_deleting),
        with_small_store(test_full_map_in_a_batch),
    };
    const struct CMUnitTest patient[] = {
        with_store(test_who_cannot_wait_takes_along_who_can),
        with_store(test_the_least_patient_decides),
        with_store(test_close_waits_for_nobody),
    };
    bool remote = fixture_engine() == STORE_POSTGRESQL; /* which waits for its network, and for nothing else */
    int failed = remote ? 0
                        : cmocka_run_group_tests_name("bounded", bounded, NULL, NULL) +
                              cmocka_run_group_tests_name("patient", patient, NULL, NULL);
    return failed + cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
