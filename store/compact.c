/* compact: a store that has shrunk, written anew and put in its own place while it is open. */
#include "store/engine.h"

#include <time.h>

/* How long those who read may take to end. Meanwhile nobody begins to: it is short. */
enum { DRAIN_MS = 1000 };

/* ---- who uses the engine's files ---- */

void users_enter(struct store *store)
{
    pthread_mutex_lock(&store->readers_lock);
    while (store->shut)
        pthread_cond_wait(&store->users_changed, &store->readers_lock);
    store->users++;
    pthread_mutex_unlock(&store->readers_lock);
}

void users_leave(struct store *store)
{
    pthread_mutex_lock(&store->readers_lock);
    store->users--;
    if (store->shut)
        pthread_cond_broadcast(&store->users_changed);
    pthread_mutex_unlock(&store->readers_lock);
}

/* False, and nothing is shut: somebody reads for longer. */
static bool shut_out(struct store *store)
{
    struct timespec until;
    int waited = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DRAIN_MS / 1000;
    pthread_mutex_lock(&store->readers_lock);
    store->shut = true;
    while (store->users > 0 && waited == 0)
        waited = pthread_cond_clockwait(&store->users_changed, &store->readers_lock, CLOCK_MONOTONIC, &until);
    store->shut = store->users == 0;
    if (!store->shut)
        pthread_cond_broadcast(&store->users_changed);
    bool empty = store->shut;
    pthread_mutex_unlock(&store->readers_lock);
    return empty;
}

static void let_in(struct store *store)
{
    pthread_mutex_lock(&store->readers_lock);
    store->shut = false;
    pthread_cond_broadcast(&store->users_changed);
    pthread_mutex_unlock(&store->readers_lock);
}

/* ---- on the writer's thread, between two batches ---- */

struct compaction {
    uint64_t *before, *after;
    char *reason; /* STORE_REASON_SIZE octets */
};

static uint64_t used_by(struct store *store)
{
    struct store_stats stats;
    store->engine->measure(store, &stats);
    return stats.used;
}

static enum store_status exchange(struct store *store, char reason[static STORE_REASON_SIZE])
{
    const struct engine *engine = store->engine;
    if (!shut_out(store)) {
        engine->drop_rewritten(store);
        return status_explain(STORE_REFUSED, reason,
                              "%s: somebody reads the store for longer than a second (a backup is being written?); "
                              "nothing was changed, try again later",
                              store->path);
    }
    readers_free(store);
    enum store_status status = engine->exchange(store, reason);
    let_in(store);
    return status;
}

enum store_status compact_run(struct store *store, void *arg)
{
    const struct compaction *compaction = arg;
    *compaction->before = used_by(store);
    enum store_status status = store->engine->rewrite(store, compaction->reason);
    if (status == STORE_OK)
        status = exchange(store, compaction->reason);
    if (status == STORE_OK)
        *compaction->after = used_by(store);
    return status;
}

/* ---- asked for ---- */

enum store_status compact_alone(struct store_txn *txn, void *arg)
{
    (void)txn, (void)arg;
    return STORE_INVALID; /* which the writer never calls */
}

enum store_status store_compact(struct store *store, uint64_t *before, uint64_t *after,
                                char reason[static STORE_REASON_SIZE])
{
    struct compaction compaction = {before, after, reason};
    *before = *after = 0;
    if (store->engine->rewrite == NULL)
        return status_explain(STORE_REFUSED, reason,
                              "%s: this kind of store keeps itself small (of a database: autovacuum, or VACUUM FULL)",
                              store->path);
    status_explain(STORE_IO, reason, "%s: %s", store->path, store_status_text(STORE_CLOSED));
    return store_call(store, compact_alone, &compaction);
}
