/* compact: the file written anew without its free pages, compared, and put in the old one's place.
 *
 * The new file grows under a name of its own, is on the disk before it is renamed, and the rename is on the disk before
 * anything is committed to it: a kill -9 or a power failure at any moment leaves one of two whole files that hold the
 * same. What an interrupted one left is removed at the next start. */
#include "store/lmdb/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char DATA[] = "data.mdb", REWRITTEN[] = "data.mdb.compact", LOCK[] = "lock.mdb";

static int path_of(const struct store *store, const char *name, char path[static PATH_MAX])
{
    int len = snprintf(path, PATH_MAX, "%s/%s", store->path, name);
    return len > 0 && len < PATH_MAX ? 0 : ENAMETOOLONG;
}

void compact_clean(const char *folder)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", folder, REWRITTEN);
    if (len > 0 && (size_t)len < sizeof path)
        unlink(path);
}

void lmdb_drop_rewritten(struct store *store)
{
    compact_clean(store->path);
}

/* ---- the same, octet by octet ---- */

struct pair {
    MDB_txn *old, *new;
};

static bool is_same(const MDB_val *a, const MDB_val *b)
{
    return a->mv_size == b->mv_size && memcmp(a->mv_data, b->mv_data, a->mv_size) == 0;
}

/* MDB_CORRUPTED where they differ. */
static int compare_records(MDB_cursor *old, MDB_cursor *new)
{
    MDB_val key, value, new_key, new_value;
    int code = 0;
    while (code == 0) {
        code = mdb_cursor_get(old, &key, &value, MDB_NEXT);
        int other = mdb_cursor_get(new, &new_key, &new_value, MDB_NEXT);
        if (code != other || (code == 0 && (!is_same(&key, &new_key) || !is_same(&value, &new_value))))
            return MDB_CORRUPTED;
    }
    return code == MDB_NOTFOUND ? 0 : code;
}

static int compare_table(const struct lmdb *lmdb, const struct pair *pair, unsigned table)
{
    MDB_cursor *old = NULL, *new = NULL;
    MDB_dbi dbi;
    int code = mdb_dbi_open(pair->new, table_name(&lmdb->config, table), 0, &dbi);
    if (code == 0)
        code = mdb_cursor_open(pair->old, lmdb->tables[table], &old);
    if (code == 0)
        code = mdb_cursor_open(pair->new, dbi, &new);
    if (code == 0)
        code = compare_records(old, new);
    if (old)
        mdb_cursor_close(old);
    if (new)
        mdb_cursor_close(new);
    return code;
}

static int compare_tables(const struct lmdb *lmdb, MDB_env *rewritten)
{
    struct pair pair = {NULL, NULL};
    int code = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &pair.old);
    if (code == 0)
        code = mdb_txn_begin(rewritten, NULL, MDB_RDONLY, &pair.new);
    for (unsigned i = 0; code == 0 && i < lmdb->config.table_count + OWN_TABLES; i++)
        code = compare_table(lmdb, &pair, i);
    if (pair.new)
        mdb_txn_abort(pair.new);
    if (pair.old)
        mdb_txn_abort(pair.old);
    return code;
}

static int compare_files(const struct lmdb *lmdb, const char *path)
{
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code == 0)
        code = mdb_env_set_maxdbs(env, lmdb->config.table_count + OWN_TABLES);
    if (code == 0)
        code = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600);
    if (code == 0)
        code = compare_tables(lmdb, env);
    if (env)
        mdb_env_close(env);
    return code;
}

/* ---- written ---- */

static int write_file(const struct lmdb *lmdb, const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return errno;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    int code = mdb_env_copyfd2(lmdb->env, fd, MDB_CP_COMPACT);
    if (code == 0 && fsync(fd) != 0)
        code = errno;
    close(fd);
    return code;
}

enum store_status lmdb_rewrite(struct store *store, char reason[static STORE_REASON_SIZE])
{
    const struct lmdb *lmdb = lmdb_of(store);
    char path[PATH_MAX];
    int code = lmdb->env ? path_of(store, REWRITTEN, path) : EIO;
    if (code == 0)
        code = write_file(lmdb, path);
    if (code == 0)
        code = compare_files(lmdb, path);
    if (code == 0)
        return STORE_OK;
    lmdb_drop_rewritten(store);
    if (code == MDB_INCOMPATIBLE)
        return status_explain(STORE_REFUSED, reason,
                              "%s: the file has pages that belong to nothing, which cannot be left out; it stays as it "
                              "is, whole",
                              store->path);
    return status_explain(status_of(code), reason, "%s: the store cannot be written anew, and stays as it is: %s",
                          store->path, mdb_strerror(code));
}

/* ---- exchanged ---- */

/* Readers of other processes keep the old file and the old lock file, which tells them of its pages alone. */
static int put_in_place(struct store *store, bool *renamed)
{
    char data[PATH_MAX], rewritten[PATH_MAX], lock[PATH_MAX];
    int code = path_of(store, DATA, data);
    if (code == 0)
        code = path_of(store, REWRITTEN, rewritten);
    if (code == 0)
        code = path_of(store, LOCK, lock);
    if (code == 0 && unlink(lock) != 0 && errno != ENOENT)
        code = errno;
    /* cppcheck-suppress uninitvar ; path_of has written it where it returned 0 */
    if (code == 0 && rename(rewritten, data) != 0)
        code = errno;
    *renamed = code == 0;
    return code == 0 && !lmdb_of(store)->config.nosync ? sync_path(store->path) : code;
}

/* A rename that is perhaps not on the disk would take along what is committed from here on: better nothing is. */
static enum store_status exchange(struct store *store, char reason[static STORE_REASON_SIZE])
{
    struct lmdb *lmdb = lmdb_of(store);
    bool renamed = false;
    mdb_env_close(lmdb->env);
    lmdb->env = NULL;
    int code = put_in_place(store, &renamed);
    if (code != 0 && renamed)
        return status_explain(
            status_of(code), reason,
            "%s: the store was written anew, and the disk does not vouch for it: nothing is stored any "
            "more until the next start: %s",
            store->path, strerror(code));
    enum store_status status = lmdb_open_again(lmdb, reason);
    if (status != STORE_OK || code == 0)
        return status;
    lmdb_drop_rewritten(store);
    return status_explain(status_of(code), reason, "%s: the store cannot be exchanged, and stays as it is: %s",
                          store->path, strerror(code));
}

enum store_status lmdb_exchange(struct store *store, char reason[static STORE_REASON_SIZE])
{
    enum store_status status = exchange(store, reason);
    if (lmdb_of(store)->env == NULL)
        status_broken(store, reason);
    return status;
}
