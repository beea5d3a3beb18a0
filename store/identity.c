/* identity: a store has a random name from its making on, which its copies share, so that another one in its place is
 * noticed. */
#include "store/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { RANDOM_LEN = 16 };

static const char identity_key[] = "identity";

bool identity_has_data(const char *folder)
{
    char path[PATH_MAX];
    struct stat about;
    if (snprintf(path, sizeof path, "%s/data.mdb", folder) >= (int)sizeof path)
        return false;
    if (stat(path, &about) != 0)
        return errno != ENOENT && errno != ENOTDIR; /* what cannot be seen is no proof of nothing */
    return about.st_size > 0;
}

bool identity_was_made(struct store *store)
{
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_stat about = {0};
    int code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        code = mdb_dbi_open(txn, table_own_name(TABLE_META), 0, &dbi);
    if (code == 0)
        code = mdb_stat(txn, dbi, &about);
    if (txn)
        mdb_txn_abort(txn);
    return code != MDB_NOTFOUND && (code != 0 || about.ms_entries > 0); /* likewise */
}

int identity_settle(struct store *store)
{
    uint8_t name[RANDOM_LEN];
    MDB_txn *txn = NULL;
    MDB_val key = {sizeof identity_key - 1, (void *)(uintptr_t)identity_key}, value = {sizeof name, name};
    if (getrandom(name, sizeof name, 0) != sizeof name)
        return EIO;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code == 0)
        code = mdb_put(txn, store->tables[table_own(store, TABLE_META)], &key, &value, MDB_NOOVERWRITE);
    if (code == 0)
        return mdb_txn_commit(txn);
    if (txn)
        mdb_txn_abort(txn);
    return code == MDB_KEYEXIST ? 0 : code;
}

enum store_status store_identity(struct store *store, char text[static STORE_IDENTITY_SIZE])
{
    struct store_txn *txn;
    struct store_slice value;
    enum store_status status = store_read(store, &txn);
    if (status != STORE_OK)
        return status;
    status = store_get(txn, table_own(store, TABLE_META), identity_key, sizeof identity_key - 1, &value);
    if (status == STORE_OK && value.len != RANDOM_LEN)
        status = STORE_INVALID;
    for (size_t i = 0; status == STORE_OK && i < RANDOM_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", value.data[i]);
    store_read_end(txn);
    return status;
}
