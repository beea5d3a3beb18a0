#include "store/lmdb/internal.h"

#include <errno.h>

enum store_status status_of(int code)
{
    switch (code) {
    case MDB_SUCCESS:
        return STORE_OK;
    case MDB_NOTFOUND:
        return STORE_NOT_FOUND;
    case MDB_KEYEXIST:
        return STORE_EXISTS;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
        return STORE_FULL;
    case MDB_BAD_VALSIZE:
        return STORE_INVALID;
    default:
        return STORE_IO;
    }
}

enum store_status code_report(struct store *store, const char *doing, int code)
{
    if (code == MDB_PANIC)
        status_broken(store, mdb_strerror(code));
    return code == 0 ? STORE_OK : status_report(store, doing, status_of(code), mdb_strerror(code));
}
