/* begun: whether there is a store here at all. */
#include "store/lmdb/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

bool has_data(const char *folder)
{
    char path[PATH_MAX];
    struct stat about;
    if (snprintf(path, sizeof path, "%s/data.mdb", folder) >= (int)sizeof path)
        return false;
    if (stat(path, &about) != 0)
        return errno != ENOENT && errno != ENOTDIR; /* what cannot be seen is no proof of nothing */
    return about.st_size > 0;
}

bool was_made(MDB_env *env, const char *meta)
{
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_stat about = {0};
    int code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        code = mdb_dbi_open(txn, meta, 0, &dbi);
    if (code == 0)
        code = mdb_stat(txn, dbi, &about);
    if (txn)
        mdb_txn_abort(txn);
    return code != MDB_NOTFOUND && (code != 0 || about.ms_entries > 0); /* likewise */
}
