/* transaction: snapshots and changes as LMDB's transactions. */
#include "store/lmdb/internal.h"

#include <errno.h>

enum store_status lmdb_begin(struct store_txn *txn, struct store_txn *parent)
{
    MDB_txn *mdb = NULL;
    MDB_env *env = lmdb_of(txn->store)->env;
    int code = env != NULL ? mdb_txn_begin(env, parent != NULL ? parent->handle : NULL, 0, &mdb) : EIO;
    txn->handle = mdb;
    return code_report(txn->store, parent != NULL ? "beginning a nested transaction" : "beginning to write", code);
}

/* Where the meta page could not be written, LMDB does not know what of it is on the disk, and says so to the next
 * transaction only: which is this one. */
static void look_whether_broken(struct store *store)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(lmdb_of(store)->env, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        mdb_txn_abort(txn);
    else if (code == MDB_PANIC)
        status_broken(store, mdb_strerror(code));
}

enum store_status lmdb_commit(struct store_txn *txn)
{
    int code = mdb_txn_commit(txn->handle);
    enum store_status status =
        code_report(txn->store, txn->parent != NULL ? "ending a nested transaction" : "committing", code);
    if (code != 0 && txn->parent == NULL)
        look_whether_broken(txn->store);
    return status;
}

void lmdb_abort(struct store_txn *txn)
{
    mdb_txn_abort(txn->handle);
}

static int reader_begin(MDB_env *env, MDB_txn **mdb)
{
    if (env == NULL)
        return EIO;
    int code = mdb_txn_begin(env, NULL, MDB_RDONLY, mdb);
    if (code != MDB_READERS_FULL)
        return code;
    /* Slots may be held by processes that were killed. */
    code = mdb_reader_check(env, NULL);
    return code != 0 ? code : mdb_txn_begin(env, NULL, MDB_RDONLY, mdb);
}

enum store_status lmdb_read(struct store_txn *txn)
{
    MDB_txn *mdb = txn->handle;
    int code = mdb != NULL ? mdb_txn_renew(mdb) : reader_begin(lmdb_of(txn->store)->env, &mdb);
    txn->handle = mdb;
    return code_report(txn->store, "beginning to read", code);
}

void lmdb_read_end(struct store_txn *txn)
{
    mdb_txn_reset(txn->handle); /* keeps the slot, lets the pages go */
}

void lmdb_read_free(struct store_txn *txn)
{
    mdb_txn_abort(txn->handle);
}
