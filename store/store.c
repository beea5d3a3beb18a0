/* store: opening and closing; the other files hold what happens between. */
#include "store/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READERS_DEFAULT = 126, READERS_SPARE = 2 }; /* spare: a backup, and an operator's mdb_stat */

static const uint64_t map_size_default = (uint64_t)16 << 30;

static const char *const own_names[OWN_TABLES] = {
    [TABLE_META] = "@meta",
    [TABLE_JOBS_BY_DUE] = "@jobs_by_due",
    [TABLE_JOBS_BY_SUBJECT] = "@jobs_by_subject",
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

static enum store_status make_folder(const char *path, char reason[static STORE_REASON_SIZE])
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return status_explain(status_of(errno), reason, "%s: cannot make this folder: %s", path, strerror(errno));
    int code = sync_parent(path);
    if (code != 0)
        return status_explain(status_of(code), reason, "%s: cannot sync the folder that holds it: %s", path,
                              strerror(code));
    return STORE_OK;
}

static unsigned readers_of(const struct store_config *config)
{
    return (config->readers > 0 ? config->readers : READERS_DEFAULT) + READERS_SPARE;
}

static enum store_status open_environment(struct store *store, const struct store_config *config,
                                          char reason[static STORE_REASON_SIZE])
{
    /* NOTLS: a reader belongs to its transaction, not to its thread, so idle ones can be kept and shared. */
    unsigned flags = MDB_NOTLS | (config->nosync ? MDB_NOSYNC : 0);
    int code = mdb_env_create(&store->env);
    if (code == 0)
        code = mdb_env_set_mapsize(store->env, config->map_size > 0 ? config->map_size : map_size_default);
    if (code == 0)
        code = mdb_env_set_maxdbs(store->env, config->table_count + OWN_TABLES);
    if (code == 0)
        code = mdb_env_set_maxreaders(store->env, readers_of(config));
    if (code == 0)
        code = mdb_env_open(store->env, config->path, flags, 0600);
    if (code == 0)
        code = mdb_reader_check(store->env, NULL); /* of processes that were killed */
    if (code == 0 && !config->nosync)
        code = sync_path(config->path);
    if (code != 0)
        return status_explain(status_of(code), reason, "%s: cannot open the store: %s", config->path,
                              mdb_strerror(code));
    return STORE_OK;
}

const char *table_own_name(unsigned ours)
{
    return own_names[ours];
}

static int open_each(struct store *store, const struct store_config *config, MDB_txn *txn)
{
    int code = 0;
    for (unsigned i = 0; code == 0 && i < config->table_count; i++)
        code = mdb_dbi_open(txn, config->tables[i], MDB_CREATE, &store->tables[i]);
    for (unsigned i = 0; code == 0 && i < OWN_TABLES; i++)
        code = mdb_dbi_open(txn, own_names[i], MDB_CREATE, &store->tables[config->table_count + i]);
    return code;
}

/* Handles are opened once, here, and live as long as the environment. */
static enum store_status open_tables(struct store *store, const struct store_config *config,
                                     char reason[static STORE_REASON_SIZE])
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code == 0) {
        code = open_each(store, config, txn);
        if (code == 0)
            code = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    if (code != 0)
        return status_explain(status_of(code), reason, "%s: cannot open the tables: %s", config->path,
                              mdb_strerror(code));
    return STORE_OK;
}

static struct store *allocate(const struct store_config *config)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->tables = calloc(config->table_count + OWN_TABLES, sizeof *store->tables);
    store->path = strdup(config->path);
    if (store->tables == NULL || store->path == NULL) {
        free(store->tables);
        free(store->path);
        free(store);
        return NULL;
    }
    store->table_count = config->table_count;
    store->lock_fd = -1;
    store->tail = &store->head;
    store->jobs_changed = config->jobs_changed;
    store->jobs_ctx = config->jobs_ctx;
    store->report = config->report;
    store->report_ctx = config->report_ctx;
    pthread_mutex_init(&store->readers_lock, NULL);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->wake, NULL);
    return store;
}

enum store_status store_open(const struct store_config *config, struct store **out,
                             char reason[static STORE_REASON_SIZE])
{
    struct store *store = NULL;
    *out = NULL;
    enum store_status status = check_config(config, reason);
    if (status != STORE_OK)
        return status;
    store = allocate(config);
    if (store == NULL)
        return status_explain(STORE_IO, reason, "%s: out of memory", config->path);
    if (config->must_exist && !identity_has_data(config->path)) {
        status = status_explain(STORE_NOT_FOUND, reason, "%s: there is no store (data.mdb is missing, or empty)",
                                config->path);
        goto out;
    }
    if ((status = make_folder(config->path, reason)) != STORE_OK)
        goto out;
    if ((status = lock_take(config->path, &store->lock_fd, reason)) != STORE_OK)
        goto out;
    if ((status = open_environment(store, config, reason)) != STORE_OK)
        goto out;
    if (config->must_exist && !identity_was_made(store)) {
        status = status_explain(STORE_NOT_FOUND, reason, "%s: a store was begun here and nothing was ever stored in it",
                                config->path);
        goto out;
    }
    if ((status = open_tables(store, config, reason)) != STORE_OK)
        goto out;
    if ((status = schema_settle(store, config, reason)) != STORE_OK)
        goto out;
    int code = identity_settle(store);
    if (code != 0) {
        status = status_explain(status_of(code), reason, "%s: cannot store its identity: %s", config->path,
                                mdb_strerror(code));
        goto out;
    }
    if ((status = writer_start(store)) != STORE_OK) {
        status_explain(status, reason, "%s: cannot start the writer thread", config->path);
        goto out;
    }
    *out = store;
    return STORE_OK;
out:
    store_close(store);
    return status;
}

/* ---- for reading alone ---- */

/* Without a lock file nobody has it open, and none is made: it would belong to whoever asks. */
static int open_to_read(struct store *store, const struct store_config *config)
{
    char lock[PATH_MAX];
    int len = snprintf(lock, sizeof lock, "%s/lock.mdb", config->path);
    unsigned flags = MDB_NOTLS | MDB_RDONLY;
    if (len < 0 || (size_t)len >= sizeof lock)
        return ENAMETOOLONG;
    if (access(lock, F_OK) != 0)
        flags |= MDB_NOLOCK;
    int code = mdb_env_create(&store->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(store->env, config->table_count + OWN_TABLES);
    if (code == 0) /* the first to open decides it for all */
        code = mdb_env_set_maxreaders(store->env, readers_of(config));
    return code == 0 ? mdb_env_open(store->env, config->path, flags, 0600) : code;
}

/* Tables from up to, not with, to: ours stand behind the program's. */
static int find_tables(struct store *store, const struct store_config *config, unsigned from, unsigned to)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    for (unsigned i = from; code == 0 && i < to; i++) {
        bool ours = i >= config->table_count;
        code = mdb_dbi_open(txn, ours ? own_names[i - config->table_count] : config->tables[i], 0, &store->tables[i]);
    }
    if (code == 0)
        return mdb_txn_commit(txn); /* which keeps the handles */
    if (txn)
        mdb_txn_abort(txn);
    return code;
}

enum store_status store_open_to_read(const struct store_config *config, struct store **out,
                                     char reason[static STORE_REASON_SIZE])
{
    *out = NULL;
    enum store_status status = check_config(config, reason);
    if (status != STORE_OK)
        return status;
    struct store *store = allocate(config);
    if (store == NULL)
        return status_explain(STORE_IO, reason, "%s: out of memory", config->path);
    unsigned own = config->table_count;
    int code = identity_has_data(config->path) ? open_to_read(store, config) : ENOENT;
    bool begun = code == 0 && !identity_was_made(store);
    if (code == 0 && !begun)
        code = find_tables(store, config, own, own + OWN_TABLES);
    if (code == 0 && !begun) { /* the schema first: a newer program's tables need not be ours */
        status = schema_check(store, config, reason);
        code = status == STORE_OK ? find_tables(store, config, 0, own) : 0;
    }
    if (code == ENOENT) {
        status = status_explain(STORE_NOT_FOUND, reason, "%s: there is no store (data.mdb is missing, or empty)",
                                config->path);
    } else if (begun) {
        status = status_explain(STORE_NOT_FOUND, reason, "%s: a store was begun here and nothing was ever stored in it",
                                config->path);
    } else if (code == MDB_NOTFOUND) {
        status = status_explain(STORE_INVALID, reason,
                                "%s: written by an older program; the next start brings it up to date", config->path);
    } else if (code != 0) {
        status =
            status_explain(status_of(code), reason, "%s: cannot read the store: %s", config->path, mdb_strerror(code));
    }
    if (status == STORE_OK)
        *out = store;
    else
        store_close(store);
    return status;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    writer_stop(store);
    readers_free(store);
    if (store->env != NULL)
        mdb_env_close(store->env);
    if (store->lock_fd >= 0)
        close(store->lock_fd); /* last: until here nobody else may open the store */
    pthread_mutex_destroy(&store->readers_lock);
    pthread_mutex_destroy(&store->lock);
    pthread_cond_destroy(&store->wake);
    free(store->tables);
    free(store->path);
    free(store);
}

void store_on_jobs(struct store *store, store_jobs_changed_fn *fn, void *ctx)
{
    store->jobs_changed = fn;
    store->jobs_ctx = ctx;
}

void store_stats(struct store *store, struct store_stats *out)
{
    MDB_envinfo info = {0};
    MDB_stat stat = {0};
    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat);
    *out = (struct store_stats){
        .commits = atomic_load(&store->commits),
        .operations = atomic_load(&store->operations),
        .failed = atomic_load(&store->failed),
        .used = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize,
        .map_size = info.me_mapsize,
    };
}
