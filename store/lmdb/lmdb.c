/* lmdb: the engine of one machine. LMDB maps a file into memory, so that reading costs no system call. */
#include "store/lmdb/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READERS_DEFAULT = 126,
    READERS_SPARE = 2, /* a backup, and an operator's mdb_stat */
    BATCH_MAX = 1024,  /* bounds what one commit may keep dirty and how long the first of a batch waits for the last */
};

static const uint64_t map_size_default = (uint64_t)16 << 30;

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

static enum store_status open_environment(struct lmdb *lmdb, const struct store_config *config,
                                          char reason[static STORE_REASON_SIZE])
{
    /* NOTLS: a reader belongs to its transaction, not to its thread, so idle ones can be kept and shared. */
    unsigned flags = MDB_NOTLS | (config->nosync ? MDB_NOSYNC : 0);
    int code = mdb_env_create(&lmdb->env);
    if (code == 0)
        code = mdb_env_set_mapsize(lmdb->env, config->map_size > 0 ? config->map_size : map_size_default);
    if (code == 0)
        code = mdb_env_set_maxdbs(lmdb->env, config->table_count + OWN_TABLES);
    if (code == 0)
        code = mdb_env_set_maxreaders(lmdb->env, readers_of(config));
    if (code == 0)
        code = mdb_env_open(lmdb->env, config->path, flags, 0600);
    if (code == 0)
        code = mdb_reader_check(lmdb->env, NULL); /* of processes that were killed */
    if (code == 0 && !config->nosync)
        code = sync_path(config->path);
    if (code != 0)
        return status_explain(status_of(code), reason, "%s: cannot open the store: %s", config->path,
                              mdb_strerror(code));
    return STORE_OK;
}

/* Tables from up to, not with, to. */
static int open_each(struct lmdb *lmdb, const struct store_config *config, MDB_txn *txn, unsigned from, unsigned to,
                     unsigned flags)
{
    int code = 0;
    for (unsigned i = from; code == 0 && i < to; i++)
        code = mdb_dbi_open(txn, table_name(config, i), flags, &lmdb->tables[i]);
    return code;
}

/* Handles are opened once, here, and live as long as the environment. */
static enum store_status open_tables(struct lmdb *lmdb, const struct store_config *config,
                                     char reason[static STORE_REASON_SIZE])
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(lmdb->env, NULL, 0, &txn);
    if (code == 0) {
        code = open_each(lmdb, config, txn, 0, config->table_count + OWN_TABLES, MDB_CREATE);
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

static enum store_status make_tables(struct lmdb *lmdb, const struct store_config *config,
                                     char reason[static STORE_REASON_SIZE])
{
    lmdb->tables = calloc(config->table_count + OWN_TABLES, sizeof *lmdb->tables);
    return lmdb->tables != NULL ? STORE_OK : status_explain(STORE_IO, reason, "%s: out of memory", config->path);
}

/* The caller's texts may go. */
static enum store_status keep_config(struct lmdb *lmdb, const struct store_config *config,
                                     char reason[static STORE_REASON_SIZE])
{
    lmdb->config = *config;
    lmdb->config.path = lmdb->store.path;
    lmdb->names = calloc(config->table_count + 1, sizeof *lmdb->names);
    bool good = lmdb->names != NULL;
    for (unsigned i = 0; good && i < config->table_count; i++)
        good = (lmdb->names[i] = strdup(config->tables[i])) != NULL;
    lmdb->config.tables = (const char *const *)lmdb->names;
    return good ? STORE_OK : status_explain(STORE_IO, reason, "%s: out of memory", config->path);
}

enum store_status lmdb_open_again(struct lmdb *lmdb, char reason[static STORE_REASON_SIZE])
{
    enum store_status status = open_environment(lmdb, &lmdb->config, reason);
    if (status == STORE_OK)
        status = open_tables(lmdb, &lmdb->config, reason);
    if (status != STORE_OK && lmdb->env != NULL) {
        mdb_env_close(lmdb->env);
        lmdb->env = NULL;
    }
    return status;
}

static enum store_status explain_nothing(const struct store_config *config, char reason[static STORE_REASON_SIZE])
{
    return status_explain(STORE_NOT_FOUND, reason, "%s: there is no store (data.mdb is missing, or empty)",
                          config->path);
}

static enum store_status explain_begun(const struct store_config *config, char reason[static STORE_REASON_SIZE])
{
    return status_explain(STORE_NOT_FOUND, reason, "%s: a store was begun here and nothing was ever stored in it",
                          config->path);
}

static enum store_status lmdb_open(struct store *store, const struct store_config *config,
                                   char reason[static STORE_REASON_SIZE])
{
    struct lmdb *lmdb = lmdb_of(store);
    enum store_status status = make_tables(lmdb, config, reason);
    if (status == STORE_OK)
        status = keep_config(lmdb, config, reason);
    if (status != STORE_OK)
        return status;
    if (config->must_exist && !has_data(config->path))
        return explain_nothing(config, reason);
    if ((status = make_folder(config->path, reason)) != STORE_OK)
        return status;
    if ((status = lock_take(config->path, &lmdb->lock_fd, reason)) != STORE_OK)
        return status;
    lmdb->locked = true;
    compact_clean(config->path);
    if ((status = open_environment(lmdb, config, reason)) != STORE_OK)
        return status;
    if (!is_whole(lmdb->env, config, reason))
        return STORE_INVALID;
    if (config->must_exist && !was_made(lmdb->env, table_own_name(TABLE_META)))
        return explain_begun(config, reason);
    return open_tables(lmdb, config, reason);
}

/* ---- for reading alone ---- */

/* Without a lock file nobody has it open, and none is made: it would belong to whoever asks. */
static int open_environment_to_read(struct lmdb *lmdb, const struct store_config *config)
{
    char lock[PATH_MAX];
    int len = snprintf(lock, sizeof lock, "%s/lock.mdb", config->path);
    unsigned flags = MDB_NOTLS | MDB_RDONLY;
    if (len < 0 || (size_t)len >= sizeof lock)
        return ENAMETOOLONG;
    if (access(lock, F_OK) != 0)
        flags |= MDB_NOLOCK;
    int code = mdb_env_create(&lmdb->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(lmdb->env, config->table_count + OWN_TABLES);
    if (code == 0) /* the first to open decides it for all */
        code = mdb_env_set_maxreaders(lmdb->env, readers_of(config));
    return code == 0 ? mdb_env_open(lmdb->env, config->path, flags, 0600) : code;
}

static enum store_status find_each(struct lmdb *lmdb, const struct store_config *config, unsigned from, unsigned to,
                                   char reason[static STORE_REASON_SIZE])
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        code = open_each(lmdb, config, txn, from, to, 0);
    if (code == 0)
        code = mdb_txn_commit(txn); /* which keeps the handles */
    else if (txn)
        mdb_txn_abort(txn);
    if (code == MDB_NOTFOUND)
        return status_explain(STORE_INVALID, reason,
                              "%s: written by an older program; the next start brings it up to date", config->path);
    if (code != 0)
        return status_explain(status_of(code), reason, "%s: cannot read the store: %s", config->path,
                              mdb_strerror(code));
    return STORE_OK;
}

static enum store_status lmdb_find_tables(struct store *store, const struct store_config *config,
                                          char reason[static STORE_REASON_SIZE])
{
    return find_each(lmdb_of(store), config, 0, config->table_count, reason);
}

static enum store_status lmdb_open_to_read(struct store *store, const struct store_config *config,
                                           char reason[static STORE_REASON_SIZE])
{
    struct lmdb *lmdb = lmdb_of(store);
    enum store_status status = make_tables(lmdb, config, reason);
    if (status != STORE_OK)
        return status;
    int code = has_data(config->path) ? open_environment_to_read(lmdb, config) : ENOENT;
    if (code == ENOENT)
        return explain_nothing(config, reason);
    if (code != 0)
        return status_explain(status_of(code), reason, "%s: cannot read the store: %s", config->path,
                              mdb_strerror(code));
    if (!is_whole(lmdb->env, config, reason))
        return STORE_INVALID;
    if (!was_made(lmdb->env, table_own_name(TABLE_META)))
        return explain_begun(config, reason);
    return find_each(lmdb, config, config->table_count, config->table_count + OWN_TABLES, reason);
}

/* ---- the end ---- */

static void lmdb_close(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    if (lmdb->env != NULL)
        mdb_env_close(lmdb->env);
    if (lmdb->locked)
        close(lmdb->lock_fd); /* last: until here nobody else may open the store */
    for (unsigned i = 0; lmdb->names != NULL && i < lmdb->config.table_count; i++)
        free(lmdb->names[i]);
    free(lmdb->names);
    free(lmdb->tables);
}

static void lmdb_measure(struct store *store, struct store_stats *out)
{
    MDB_envinfo info = {0};
    MDB_stat stat = {0};
    if (lmdb_of(store)->env != NULL) {
        mdb_env_info(lmdb_of(store)->env, &info);
        mdb_env_stat(lmdb_of(store)->env, &stat);
    }
    out->used = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
    out->map_size = info.me_mapsize;
}

const struct engine engine_lmdb = {
    .size = sizeof(struct lmdb),
    .batch_max = BATCH_MAX,
    .open = lmdb_open,
    .open_to_read = lmdb_open_to_read,
    .find_tables = lmdb_find_tables,
    .close = lmdb_close,
    .begin = lmdb_begin,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .read = lmdb_read,
    .read_end = lmdb_read_end,
    .read_free = lmdb_read_free,
    .get = lmdb_get,
    .put = lmdb_put,
    .delete = lmdb_delete,
    .visit = lmdb_visit,
    .visit_back = lmdb_visit_back,
    .count = lmdb_count,
    .backup = lmdb_backup,
    .measure = lmdb_measure,
    .rewrite = lmdb_rewrite,
    .exchange = lmdb_exchange,
    .drop_rewritten = lmdb_drop_rewritten,
};
