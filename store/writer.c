/* writer: the thread that changes the store, or several where the engine waits for a network.
 *
 * Group commit: whatever has queued up while a batch was flushed is the next batch; where nobody waits for any of it,
 * and more is likely to come, it may wait a little longer. The operations of a batch share one transaction. Where one
 * of them fails, all are run again, each in a nested transaction, so that the one is undone alone. */
#include "store/engine.h"
#include "store/shortage.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* ---- the queue ---- */

enum { GAP_MAX_US = 100000, GAP_WEIGHT = 8 };

static uint64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* With the lock. Until when op may wait: no longer than now where nothing else is likely to come meanwhile, or where a
 * network is waited for anyhow. */
static uint64_t patience_of(struct store *store, const struct store_op *op)
{
    uint64_t now = monotonic_us(), gap = now - store->last_us, patience = op->patience_ms * UINT64_C(1000);
    store->last_us = now;
    store->gap_us = (store->gap_us * (GAP_WEIGHT - 1) + (gap < GAP_MAX_US ? gap : GAP_MAX_US)) / GAP_WEIGHT;
    return patience > store->gap_us && !store->engine->waits ? now + patience : 0;
}

void store_submit(struct store *store, struct store_op *op)
{
    bool sooner = false;
    op->next = NULL;
    pthread_mutex_lock(&store->lock);
    bool closed = store->closing;
    if (!closed) {
        uint64_t by_us = patience_of(store, op);
        sooner = store->head == NULL || by_us < store->by_us || store->engine->waits;
        *store->tail = op;
        store->tail = &op->next;
        if (sooner)
            store->by_us = by_us;
    }
    wake_unlock(&store->wake, &store->lock, sooner);
    if (closed)
        op->done(op, STORE_CLOSED);
}

bool store_turned(struct store *store)
{
    if (store->engine->waits)
        return true;
    pthread_mutex_lock(&store->lock);
    bool turned = !store->turning || store->compacting;
    store->turning = !store->closing;
    wake_unlock(&store->wake, &store->lock, true);
    return turned;
}

/* With the lock: until there is something that waits no longer, or the store closes. */
static void wait_for_work(struct store *store)
{
    for (store->turning = false; !store->closing; store->turning = false) {
        if (store->head != NULL && monotonic_us() >= store->by_us)
            break;
        wake_sleep(&store->wake, &store->lock, store->head == NULL ? UINT64_MAX : store->by_us);
    }
}

static bool is_alone(const struct store_op *op)
{
    return op->fn == compact_alone;
}

/* Waits for work where it may; NULL when the store closes and nothing is left to do, or nothing is there. */
static struct store_op *take_batch(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    if (!store->stepped)
        wait_for_work(store);
    struct store_op *batch = store->head, **end = &store->head;
    for (unsigned n = 0; n < store->engine->batch_max && *end != NULL && (n == 0 || !is_alone(*end)); n++) {
        bool alone = is_alone(*end);
        end = &(*end)->next;
        if (alone)
            break;
    }
    store->compacting = batch != NULL && is_alone(batch);
    store->head = *end;
    store->by_us = 0;
    if (store->head == NULL)
        store->tail = &store->head;
    if (batch != NULL)
        *end = NULL;
    pthread_mutex_unlock(&store->lock);
    return batch;
}

/* ---- a batch ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Runs op in txn and says whether its changes may stay. Where memory was short meanwhile, it may have taken a good
 * record for a damaged one, or for none: nothing that it says counts. */
static enum store_status run_op(struct store_txn *txn, struct store_op *op)
{
    unsigned before = shortage_count();
    enum store_status status = op->fn(txn, op->arg);
    if (txn->failed == STORE_OK && shortage_count() != before)
        return status_report(txn->store, "a change is dropped", STORE_SHORT, store_status_text(STORE_SHORT));
    return status == STORE_OK ? txn->failed : status;
}

static struct store_txn txn_of(struct store *store, struct store_txn *parent)
{
    return (struct store_txn){
        .engine = store->engine, .store = store, .writable = true, .earliest_due_ms = UINT64_MAX, .parent = parent};
}

static enum store_status run_nested(struct store_txn *parent, struct store_op *op)
{
    struct store_txn child = txn_of(parent->store, parent);
    enum store_status status = child.engine->begin(&child, parent);
    if (status != STORE_OK)
        return status;
    status = run_op(&child, op);
    if (status == STORE_OK)
        status = child.engine->commit(&child);
    else
        child.engine->abort(&child);
    if (status == STORE_OK)
        parent->earliest_due_ms = earlier(parent->earliest_due_ms, child.earliest_due_ms);
    return status;
}

static void fail_all(struct store_op *batch, enum store_status status)
{
    for (struct store_op *op = batch; op != NULL; op = op->next)
        op->status = status;
}

enum run { RUN_NOTHING, RUN_COMMIT, RUN_APART };

/* All in the one transaction. RUN_APART: one of several failed whose changes, or whose failure, the others would share.
 */
static enum run run_together(struct store_txn *txn, struct store_op *batch)
{
    enum run run = RUN_NOTHING;
    for (struct store_op *op = batch; op != NULL; op = op->next) {
        txn->changed = false;
        op->status = run_op(txn, op);
        if (op->status == STORE_OK)
            run = RUN_COMMIT;
        else if (batch->next != NULL && (txn->changed || txn->failed != STORE_OK))
            return RUN_APART;
    }
    return run;
}

static enum run run_apart(struct store_txn *txn, struct store_op *batch)
{
    enum run run = RUN_NOTHING;
    for (struct store_op *op = batch; op != NULL; op = op->next) {
        op->status = run_nested(txn, op);
        if (op->status == STORE_OK)
            run = RUN_COMMIT;
    }
    return run;
}

static void commit_batch(struct store_txn *txn, struct store_op *batch)
{
    struct store *store = txn->store;
    enum store_status status = store->fault != NULL ? store->fault(store->fault_ctx) : STORE_OK;
    if (status == STORE_OK)
        status = txn->engine->commit(txn);
    else
        txn->engine->abort(txn);
    if (status != STORE_OK) {
        /* Also those that said no: they may have said so because of what another one was about to store. */
        fail_all(batch, status);
        return;
    }
    atomic_fetch_add(&store->commits, 1);
    atomic_store(&store->full_reported, false);
    if (txn->earliest_due_ms == UINT64_MAX)
        return;
    if (store->jobs_changed != NULL)
        store->jobs_changed(store->jobs_ctx, txn->earliest_due_ms);
    if (txn->engine->tell_jobs != NULL)
        txn->engine->tell_jobs(store, txn->earliest_due_ms);
}

/* Where none is run again, what was said counts, though nothing is kept. */
static void drop_batch(struct store_txn *txn, struct store_op *batch, enum run run)
{
    enum store_status status = STORE_OK;
    if (run == RUN_NOTHING && !txn->again && txn->engine->confirm != NULL)
        status = txn->engine->confirm(txn);
    if (status != STORE_OK)
        fail_all(batch, status);
    txn->engine->abort(txn);
}

void writer_hear_jobs(struct store *store, uint64_t earliest_due_ms)
{
    pthread_mutex_lock(&store->lock);
    store_jobs_changed_fn *fn = store->jobs_changed;
    void *ctx = store->jobs_ctx;
    pthread_mutex_unlock(&store->lock);
    if (fn != NULL)
        fn(ctx, earliest_due_ms);
}

static void finish_batch(struct store *store, struct store_op *batch)
{
    for (struct store_op *op = batch, *next; op != NULL; op = next) {
        next = op->next; /* done may free op */
        atomic_fetch_add(&store->operations, 1);
        if (op->status != STORE_OK)
            atomic_fetch_add(&store->failed, 1);
        op->done(op, op->status);
    }
}

enum tried { TRIED, TRY_AGAIN /* says the engine */, TRY_CORRECTED /* so it does, and knows better now */, TRY_APART };

/* How it was tried before. */
struct trying {
    unsigned attempt, mistakes;
    bool apart;
};

static enum tried try_batch(struct store *store, struct store_op *batch, const struct trying *trying)
{
    struct store_txn txn = txn_of(store, NULL);
    enum run run = RUN_NOTHING;
    txn.attempt = trying->attempt;
    txn.mistakes = trying->mistakes;
    enum store_status status = txn.engine->begin(&txn, NULL);
    if (status != STORE_OK)
        fail_all(batch, status);
    else if ((run = trying->apart ? run_apart(&txn, batch) : run_together(&txn, batch)) == RUN_COMMIT && !txn.again)
        commit_batch(&txn, batch);
    else
        drop_batch(&txn, batch, run);
    if (txn.again)
        return txn.mistaken ? TRY_CORRECTED : TRY_AGAIN;
    return run == RUN_APART ? TRY_APART : TRIED;
}

static void run_batch(struct store *store, struct store_op *batch)
{
    struct trying trying = {0};
    for (enum tried tried; (tried = try_batch(store, batch, &trying)) != TRIED;) {
        trying.apart = trying.apart || tried == TRY_APART;
        trying.attempt += tried == TRY_AGAIN;
        trying.mistakes += tried == TRY_CORRECTED;
    }
    finish_batch(store, batch);
}

/* ---- the thread ---- */

bool store_step(struct store *store)
{
    struct store_op *batch = take_batch(store);
    if (batch == NULL)
        return false;
    if (is_alone(batch)) {
        batch->status = compact_run(store, batch->arg);
        finish_batch(store, batch);
    } else {
        run_batch(store, batch);
    }
    return true;
}

static void *writer_main(void *arg)
{
    while (store_step(arg)) {
    }
    return NULL;
}

enum store_status writer_start(struct store *store)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are for the thread that waits for them */
    sigdelset(&all, SIGBUS); /* blocked, it would end the process without a word */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (store->writer_count < store->writers_wanted &&
           pthread_create(&store->writers[store->writer_count], NULL, writer_main, store) == 0)
        pthread_setname_np(store->writers[store->writer_count++], "store-writer");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return store->writer_count == store->writers_wanted ? STORE_OK : STORE_IO;
}

void writer_stop(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->closing = true;
    for (unsigned i = 0; i < store->writer_count; i++) {
        wake_unlock(&store->wake, &store->lock, true);
        pthread_mutex_lock(&store->lock);
    }
    pthread_mutex_unlock(&store->lock);
    while (store->writer_count > 0)
        pthread_join(store->writers[--store->writer_count], NULL);
    while (store->stepped && store_step(store)) {
    }
}

bool writer_is_closing(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    bool closing = store->closing;
    pthread_mutex_unlock(&store->lock);
    return closing;
}

/* ---- waiting for one's own ---- */

struct call {
    struct store_op op; /* first: done gets its address */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
    enum store_status status;
};

static void on_called(struct store_op *op, enum store_status status)
{
    struct call *call = (struct call *)op;
    pthread_mutex_lock(&call->lock);
    call->done = true;
    call->status = status;
    pthread_cond_signal(&call->ended);
    pthread_mutex_unlock(&call->lock);
}

enum store_status store_call(struct store *store, store_fn *fn, void *arg)
{
    struct call call = {
        .op = {.fn = fn, .arg = arg, .done = on_called},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .ended = PTHREAD_COND_INITIALIZER,
    };
    store_submit(store, &call.op);
    while (store->stepped && !call.done && store_step(store)) {
    }
    pthread_mutex_lock(&call.lock);
    while (!call.done)
        pthread_cond_wait(&call.ended, &call.lock);
    pthread_mutex_unlock(&call.lock);
    pthread_cond_destroy(&call.ended);
    pthread_mutex_destroy(&call.lock);
    return call.status;
}
