/* fixture: a store in a temporary folder, and the small operations that the tests of this folder share. STORE_ENGINE
 * says which engine it has, lmdb where it is not set. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

enum { FRUIT, COLOURS, TABLES };

static const char *const table_names[TABLES] = {"fruit", "colours"};

struct fixture {
    char folder[64];
    char path[128]; /* of the store, in folder */
    struct store_config config;
    struct store *store;
    char reason[STORE_REASON_SIZE];
    char reported[STORE_REASON_SIZE]; /* written on the writer thread, read after the operation ended */
};

static inline void fixture_report(void *ctx, const char *text)
{
    struct fixture *f = ctx;
    snprintf(f->reported, sizeof f->reported, "%s", text);
}

static inline enum store_status fixture_try_open(struct fixture *f)
{
    f->reason[0] = '\0';
    return store_open(&f->config, &f->store, f->reason);
}

static inline void fixture_open(struct fixture *f)
{
    enum store_status status = fixture_try_open(f);
    if (status != STORE_OK)
        print_error("%s\n", f->reason);
    assert_int_equal(status, STORE_OK);
}

static inline void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

static inline enum store_engine fixture_engine(void)
{
    static const char *const names[] = {
        [STORE_LMDB] = "lmdb", [STORE_MEMORY] = "memory", [STORE_POSTGRESQL] = "postgresql"};
    const char *name = getenv("STORE_ENGINE");
    for (unsigned i = 0; name != NULL && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return (enum store_engine)i;
    assert_null(name);
    return STORE_LMDB;
}

/* A folder and a configuration; the store is not opened. */
static inline int fixture_prepare(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->folder, sizeof f->folder, "/tmp/acmegate-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/store", f->folder);
    f->config = (struct store_config){
        .engine = fixture_engine(),
        .path = f->path,
        .connection = getenv("ACMEGATE_POSTGRESQL"),
        .writers = 1,
        .map_size = 64 << 20,
        .tables = table_names,
        .table_count = TABLES,
        .schema = 1,
        .nosync = true,
        .report = fixture_report,
        .report_ctx = f,
    };
    *state = f;
    return 0;
}

static inline int fixture_setup(void **state)
{
    fixture_prepare(state);
    fixture_open(*state);
    return 0;
}

static inline int fixture_unlink(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    nftw(f->folder, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* ---- one record, by text ---- */

struct pair {
    unsigned table;
    const char *key, *value;
};

static inline enum store_status pair_put(struct store_txn *txn, void *arg)
{
    const struct pair *p = arg;
    return store_put(txn, p->table, p->key, strlen(p->key), p->value, strlen(p->value));
}

static inline enum store_status pair_insert(struct store_txn *txn, void *arg)
{
    const struct pair *p = arg;
    return store_insert(txn, p->table, p->key, strlen(p->key), p->value, strlen(p->value));
}

static inline enum store_status pair_claim(struct store_txn *txn, void *arg)
{
    const struct pair *p = arg;
    return store_claim(txn, p->table, p->key, strlen(p->key), p->value, strlen(p->value));
}

static inline enum store_status pair_delete(struct store_txn *txn, void *arg)
{
    const struct pair *p = arg;
    return store_delete(txn, p->table, p->key, strlen(p->key));
}

static inline enum store_status put(struct fixture *f, unsigned table, const char *key, const char *value)
{
    return store_call(f->store, pair_put, &(struct pair){table, key, value});
}

/* Copies the value, "" where there is none. */
static inline enum store_status get(struct fixture *f, unsigned table, const char *key, char out[static 128])
{
    struct store_txn *txn;
    struct store_slice value;
    out[0] = '\0';
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    enum store_status status = store_get(txn, table, key, strlen(key), &value);
    if (status == STORE_OK) {
        assert_true(value.len < 128);
        memcpy(out, value.data, value.len);
        out[value.len] = '\0';
    }
    store_read_end(txn);
    return status;
}

#define assert_record(f, table, key, expected)                                                                         \
    do {                                                                                                               \
        char value_[128];                                                                                              \
        assert_int_equal(get(f, table, key, value_), STORE_OK);                                                        \
        assert_string_equal(value_, expected);                                                                         \
    } while (0)

#define assert_no_record(f, table, key)                                                                                \
    do {                                                                                                               \
        char value_[128];                                                                                              \
        assert_int_equal(get(f, table, key, value_), STORE_NOT_FOUND);                                                 \
    } while (0)

/* ---- waiting for something that another thread does ---- */

struct event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
};

#define EVENT_INITIALIZER                                                                                              \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                                         \
    }

static inline void event_add(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    event->count++;
    pthread_cond_broadcast(&event->changed);
    pthread_mutex_unlock(&event->lock);
}

static inline void event_wait(struct event *event, unsigned count)
{
    pthread_mutex_lock(&event->lock);
    while (event->count < count)
        pthread_cond_wait(&event->changed, &event->lock);
    pthread_mutex_unlock(&event->lock);
}

static inline unsigned event_count(struct event *event)
{
    pthread_mutex_lock(&event->lock);
    unsigned count = event->count;
    pthread_mutex_unlock(&event->lock);
    return count;
}

/* An operation that remembers its end. */
struct tracked {
    struct store_op op; /* first */
    struct event *done;
    enum store_status status;
};

static inline void tracked_done(struct store_op *op, enum store_status status)
{
    struct tracked *t = (struct tracked *)op;
    t->status = status;
    event_add(t->done);
}

static inline void tracked_submit(struct fixture *f, struct tracked *t, store_fn *fn, void *arg, struct event *done)
{
    *t = (struct tracked){.op = {.fn = fn, .arg = arg, .done = tracked_done}, .done = done};
    store_submit(f->store, &t->op);
}

/* An operation that holds the writer up until it is let go, so that what is submitted meanwhile is one batch. */
struct gate {
    struct event entered, released;
    struct tracked op;
};

#define GATE_INITIALIZER                                                                                               \
    {                                                                                                                  \
        EVENT_INITIALIZER, EVENT_INITIALIZER,                                                                          \
        {                                                                                                              \
            .status = STORE_OK                                                                                         \
        }                                                                                                              \
    }

static inline enum store_status gate_hold(struct store_txn *txn, void *arg)
{
    struct gate *gate = arg;
    (void)txn;
    event_add(&gate->entered);
    event_wait(&gate->released, 1);
    return STORE_OK;
}

static inline void gate_close(struct fixture *f, struct gate *gate, struct event *done)
{
    tracked_submit(f, &gate->op, gate_hold, gate, done);
    event_wait(&gate->entered, 1);
}

static inline void gate_open(struct gate *gate)
{
    event_add(&gate->released);
}

/* ---- a number that is counted up ---- */

static inline enum store_status count_up(struct store_txn *txn, void *arg)
{
    struct store_slice value;
    uint32_t n = 0;
    (void)arg;
    enum store_status status = store_get(txn, FRUIT, "n", 1, &value);
    if (status == STORE_OK)
        memcpy(&n, value.data, sizeof n);
    n++;
    return status == STORE_OK || status == STORE_NOT_FOUND ? store_put(txn, FRUIT, "n", 1, &n, sizeof n) : status;
}

static inline uint32_t counted(struct fixture *f)
{
    struct store_txn *txn;
    struct store_slice value;
    uint32_t n = 0;
    assert_int_equal(store_read(f->store, &txn), STORE_OK);
    assert_int_equal(store_get(txn, FRUIT, "n", 1, &value), STORE_OK);
    memcpy(&n, value.data, sizeof n);
    store_read_end(txn);
    return n;
}

#endif
