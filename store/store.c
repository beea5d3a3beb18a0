/* store: opening and closing; the other files hold what happens between. */
#include "store/engine.h"

#include <stdlib.h>
#include <string.h>

enum { WRITERS_DEFAULT = 4 };

static const struct engine *const engines[] = {
    [STORE_LMDB] = &engine_lmdb,
    [STORE_MEMORY] = &engine_memory,
    [STORE_POSTGRESQL] = &engine_postgres,
};

static enum store_status check_config(const struct store_config *config, char reason[static STORE_REASON_SIZE])
{
    if (config->path == NULL || config->path[0] == '\0')
        return status_explain(STORE_INVALID, reason, "the store has no path");
    if (config->schema == 0)
        return status_explain(STORE_INVALID, reason, "%s: a schema number begins at 1", config->path);
    for (unsigned i = 0; i < config->table_count; i++)
        if (config->tables[i] == NULL || config->tables[i][0] == '\0' || config->tables[i][0] == '@')
            return status_explain(STORE_INVALID, reason, "%s: table %u has no name, or one that begins with @",
                                  config->path, i);
    return STORE_OK;
}

const char *table_own_name(unsigned ours)
{
    static const char *const names[OWN_TABLES] = {
        [TABLE_META] = "@meta",
        [TABLE_JOBS_BY_DUE] = "@jobs_by_due",
        [TABLE_JOBS_BY_SUBJECT] = "@jobs_by_subject",
    };
    return names[ours];
}

const char *table_name(const struct store_config *config, unsigned table)
{
    return table < config->table_count ? config->tables[table] : table_own_name(table - config->table_count);
}

static unsigned writers_of(const struct store_config *config)
{
    unsigned writers = config->writers > 0 ? config->writers : WRITERS_DEFAULT;
    return writers < WRITERS_MAX ? writers : WRITERS_MAX;
}

static struct store *allocate(const struct store_config *config)
{
    const struct engine *engine = engines[config->engine];
    struct store *store = calloc(1, engine->size);
    if (store == NULL)
        return NULL;
    store->path = strdup(config->path);
    if (store->path == NULL) {
        free(store);
        return NULL;
    }
    store->engine = engine;
    store->table_count = config->table_count;
    store->stepped = config->stepped;
    store->writers_wanted = config->stepped ? 0 : engine->waits ? writers_of(config) : 1;
    store->tail = &store->head;
    store->report = config->report;
    store->report_ctx = config->report_ctx;
    store->broken = config->broken;
    store->broken_ctx = config->broken_ctx;
    pthread_mutex_init(&store->readers_lock, NULL);
    pthread_mutex_init(&store->lock, NULL);
    wake_init(&store->wake);
    pthread_cond_init(&store->users_changed, NULL);
    return store;
}

static enum store_status check_and_allocate(const struct store_config *config, struct store **out,
                                            char reason[static STORE_REASON_SIZE])
{
    *out = NULL;
    enum store_status status = check_config(config, reason);
    if (status != STORE_OK)
        return status;
    *out = allocate(config);
    return *out != NULL ? STORE_OK : status_explain(STORE_IO, reason, "%s: out of memory", config->path);
}

/* Hands over a store that is good, closes one that is not. */
static enum store_status hand_over(enum store_status status, struct store *store, struct store **out)
{
    *out = status == STORE_OK ? store : NULL;
    if (status != STORE_OK)
        store_close(store);
    return status;
}

/* What the steps above changed is not the caller's. */
static void begin_figures(struct store *store, const struct store_config *config)
{
    atomic_store(&store->commits, 0);
    atomic_store(&store->operations, 0);
    atomic_store(&store->failed, 0);
    store_on_jobs(store, config->jobs_changed, config->jobs_ctx);
    store->fault = config->fault;
    store->fault_ctx = config->fault_ctx;
}

enum store_status store_open(const struct store_config *config, struct store **out,
                             char reason[static STORE_REASON_SIZE])
{
    struct store *store;
    enum store_status status = check_and_allocate(config, &store, reason);
    if (status == STORE_OK)
        status = store->engine->open(store, config, reason);
    if (status != STORE_OK)
        return hand_over(status, store, out);
    status = writer_start(store);
    if (status != STORE_OK)
        status_explain(status, reason, "%s: cannot start the writer thread", config->path);
    if (status == STORE_OK)
        status = marks_check(store, config, reason);
    if (status == STORE_OK)
        status = store_owns(store) ? schema_settle(store, config, reason) : schema_check(store, config, reason);
    if (status == STORE_OK && store_owns(store) && (status = identity_settle(store)) != STORE_OK)
        status_explain(status, reason, "%s: cannot store its identity: %s", config->path, store_status_text(status));
    if (status == STORE_OK)
        begin_figures(store, config);
    return hand_over(status, store, out);
}

enum store_status store_open_to_read(const struct store_config *config, struct store **out,
                                     char reason[static STORE_REASON_SIZE])
{
    struct store *store;
    enum store_status status = check_and_allocate(config, &store, reason);
    if (status == STORE_OK)
        status = store->engine->open_to_read(store, config, reason);
    if (status == STORE_OK) /* the schema first: a newer program's tables need not be ours */
        status = schema_check(store, config, reason);
    if (status == STORE_OK)
        status = marks_check(store, config, reason);
    if (status == STORE_OK)
        status = store->engine->find_tables(store, config, reason);
    return hand_over(status, store, out);
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    writer_stop(store);
    readers_free(store);
    store->engine->close(store);
    pthread_mutex_destroy(&store->readers_lock);
    pthread_mutex_destroy(&store->lock);
    wake_destroy(&store->wake);
    pthread_cond_destroy(&store->users_changed);
    free(store->path);
    free(store);
}

bool store_waits(const struct store *store)
{
    return store->engine->waits;
}

bool store_owns(const struct store *store)
{
    return store->engine->owns == NULL || store->engine->owns(store);
}

void store_on_jobs(struct store *store, store_jobs_changed_fn *fn, void *ctx)
{
    pthread_mutex_lock(&store->lock); /* a thread of the engine's may hear of others' jobs already */
    store->jobs_changed = fn;
    store->jobs_ctx = ctx;
    pthread_mutex_unlock(&store->lock);
}

void store_present(struct store *store, const char *address, const char *digest)
{
    if (store->engine->present != NULL)
        store->engine->present(store, address, digest);
}

void store_tell(struct store *store, const void *what, size_t len)
{
    if (store->engine->tell != NULL && len <= STORE_TOLD_MAX)
        store->engine->tell(store, what, len);
}

enum store_status store_once(struct store *store, uint64_t number, uint64_t below)
{
    return store->engine->once != NULL ? store->engine->once(store, number, below) : STORE_INVALID;
}

enum store_status store_backup(struct store *store, const char *to, char reason[static STORE_REASON_SIZE])
{
    users_enter(store);
    enum store_status status = store->engine->backup(store, to, reason);
    users_leave(store);
    return status;
}

bool store_advice(struct store *store, char text[static STORE_REASON_SIZE])
{
    return store->engine->advise != NULL && store->engine->advise(store, text);
}

enum store_status store_gateways(struct store *store, struct store_gateway list[static STORE_GATEWAYS_MAX],
                                 unsigned *count)
{
    *count = 0;
    return store->engine->gateways != NULL ? store->engine->gateways(store, list, count) : STORE_NOT_FOUND;
}

void store_stats(struct store *store, struct store_stats *out)
{
    *out = (struct store_stats){
        .commits = atomic_load(&store->commits),
        .operations = atomic_load(&store->operations),
        .failed = atomic_load(&store->failed),
    };
    users_enter(store);
    store->engine->measure(store, out);
    users_leave(store);
}
