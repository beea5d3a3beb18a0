/* A store without a writer thread, as a simulation has it, and commits that fail because it wants them to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

struct world {
    struct store *store;
    enum store_status fault; /* of every commit from here on */
    unsigned done;
    enum store_status status;
};

static enum store_status fault(void *ctx)
{
    return ((struct world *)ctx)->fault;
}

static void open_world(struct world *w, const char *name)
{
    static const char *const tables[] = {"fruit"};
    char reason[STORE_REASON_SIZE];
    struct store_config config = {.engine = STORE_MEMORY,
                                  .path = name,
                                  .tables = tables,
                                  .table_count = 1,
                                  .schema = 1,
                                  .stepped = true,
                                  .fault = fault,
                                  .fault_ctx = w};
    assert_int_equal(store_open(&config, &w->store, reason), STORE_OK);
}

static enum store_status put(struct store_txn *txn, void *arg)
{
    return store_put(txn, 0, arg, 1, "v", 1);
}

static struct world *told;

static void tell(struct store_op *op, enum store_status status)
{
    (void)op;
    told->done++;
    told->status = status;
}

static bool has(struct world *w, const char *key)
{
    struct store_txn *txn;
    struct store_slice value;
    assert_int_equal(store_read(w->store, &txn), STORE_OK);
    enum store_status status = store_get(txn, 0, key, 1, &value);
    store_read_end(txn);
    return status == STORE_OK;
}

static void test_nothing_runs_before_the_step(void **state)
{
    (void)state;
    struct world w = {0};
    told = &w;
    open_world(&w, "stepped-a");
    struct store_op a = {.fn = put, .arg = "a", .done = tell}, b = {.fn = put, .arg = "b", .done = tell};
    store_submit(w.store, &a);
    store_submit(w.store, &b);
    assert_int_equal(w.done, 0);
    assert_false(has(&w, "a"));
    assert_true(store_step(w.store));
    assert_int_equal(w.done, 2);
    assert_true(has(&w, "a") && has(&w, "b"));
    assert_false(store_step(w.store));
    assert_int_equal(store_call(w.store, put, "c"), STORE_OK);
    store_close(w.store);
}

/* As a simulation ends a process: from some moment on nothing is stored, and whoever waits is told. */
static void test_a_commit_that_fails_leaves_nothing(void **state)
{
    (void)state;
    struct world w = {0};
    told = &w;
    open_world(&w, "stepped-b");
    struct store_op a = {.fn = put, .arg = "a", .done = tell}, b = {.fn = put, .arg = "b", .done = tell};
    store_submit(w.store, &a);
    assert_true(store_step(w.store));
    w.fault = STORE_FULL;
    assert_int_equal(store_call(w.store, put, "c"), STORE_FULL);
    store_submit(w.store, &b);
    store_close(w.store); /* runs what is queued */
    assert_int_equal(w.done, 2);
    assert_int_equal(w.status, STORE_FULL);
    w.fault = STORE_OK;
    open_world(&w, "stepped-b");
    assert_true(has(&w, "a"));
    assert_false(has(&w, "b") || has(&w, "c"));
    store_close(w.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_runs_before_the_step),
        cmocka_unit_test(test_a_commit_that_fails_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
