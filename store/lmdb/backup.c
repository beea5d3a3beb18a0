/* backup: a compact copy that appears under its name only when it is whole and on the disk. */
#include "store/lmdb/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct paths {
    const char *to;
    char folder[PATH_MAX]; /* where it grows */
    char data[PATH_MAX];
};

static int paths_make(struct paths *paths, const char *to)
{
    size_t len = strlen(to);
    while (len > 1 && to[len - 1] == '/')
        len--;
    paths->to = to;
    int folder = snprintf(paths->folder, sizeof paths->folder, "%.*s.partial", (int)len, to);
    int data = snprintf(paths->data, sizeof paths->data, "%.*s.partial/data.mdb", (int)len, to);
    return len == 0 || len > INT_MAX || folder < 0 || data < 0 || data >= PATH_MAX ? ENAMETOOLONG : 0;
}

/* What an interrupted backup left behind is replaced. */
static int folder_make(const struct paths *paths)
{
    struct stat info;
    if (lstat(paths->to, &info) == 0)
        return EEXIST;
    if (mkdir(paths->folder, 0700) == 0)
        return 0;
    if (errno != EEXIST)
        return errno;
    return unlink(paths->data) == 0 || errno == ENOENT ? 0 : errno;
}

static int copy_store(MDB_env *env, const struct paths *paths)
{
    int code = mdb_env_copy2(env, paths->folder, MDB_CP_COMPACT);
    if (code != MDB_INCOMPATIBLE)
        return code;
    /* Compacting refuses a file with a lost page, which a plain copy keeps. */
    if (unlink(paths->data) != 0 && errno != ENOENT)
        return errno;
    return mdb_env_copy2(env, paths->folder, 0);
}

static int put_mark(MDB_env *env, const char *meta, uint64_t copied_ms)
{
    struct record_writer w;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_val key = {.mv_size = strlen(copied_key), .mv_data = (void *)(uintptr_t)copied_key};

    copied_record(&w, copied_ms);
    int code = w.failed ? ENOMEM : mdb_txn_begin(env, NULL, 0, &txn);
    if (code == 0)
        code = mdb_dbi_open(txn, meta, 0, &dbi);
    MDB_val value = {.mv_size = w.len, .mv_data = w.data};
    if (code == 0)
        code = mdb_put(txn, dbi, &key, &value, 0);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else if (txn)
        mdb_txn_abort(txn);
    record_free(&w);
    return code;
}

/* Marks the store in this folder, which nobody has open, as a copy of what another held at that time. */
static int mark_copy(const char *folder, const char *meta, uint64_t copied_ms)
{
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code == 0)
        code = mdb_env_set_maxdbs(env, 1);
    if (code == 0)
        code = mdb_env_open(env, folder, MDB_NOLOCK, 0600);
    if (code == 0)
        code = put_mark(env, meta, copied_ms);
    if (env)
        mdb_env_close(env);
    return code;
}

/* LMDB does not sync its copy; the name may stand only for what is on the disk. */
static int settle_copy(const struct paths *paths)
{
    int code = sync_path(paths->data);
    if (code == 0)
        code = sync_path(paths->folder);
    if (code == 0 && renameat2(AT_FDCWD, paths->folder, AT_FDCWD, paths->to, RENAME_NOREPLACE) != 0)
        code = errno;
    return code != 0 ? code : sync_parent(paths->to);
}

enum store_status lmdb_backup(struct store *store, const char *to, char reason[static STORE_REASON_SIZE])
{
    struct paths paths;
    int code = paths_make(&paths, to);
    if (code == 0)
        code = folder_make(&paths);
    if (code != 0)
        return status_explain(code == EEXIST ? STORE_EXISTS : status_of(code), reason, "%s: cannot write here: %s", to,
                              strerror(code));
    uint64_t copied_ms = copied_now_ms();
    code = lmdb_of(store)->env == NULL ? EIO : copy_store(lmdb_of(store)->env, &paths);
    if (code == 0)
        code = mark_copy(paths.folder, table_own_name(TABLE_META), copied_ms);
    if (code == 0)
        code = settle_copy(&paths);
    if (code == 0)
        return STORE_OK;
    unlink(paths.data);
    rmdir(paths.folder);
    return status_explain(status_of(code), reason, "%s: the backup failed: %s", to, mdb_strerror(code));
}
