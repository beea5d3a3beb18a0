#include "store/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const char *store_status_text(enum store_status status)
{
    static const char *const text[] = {
        [STORE_OK] = "done",
        [STORE_NOT_FOUND] = "there is no such record",
        [STORE_EXISTS] = "the record exists already",
        [STORE_REFUSED] = "the change was refused by its own check",
        [STORE_FULL] = "the store is full: free disk space or raise its map size",
        [STORE_INVALID] = "a key has a length the store cannot keep, or a record cannot be read",
        [STORE_LOCKED] = "another process owns this store",
        [STORE_NEWER] = "the store was written by a newer version of the program",
        [STORE_CLOSED] = "the store is being closed",
        [STORE_IO] = "the store cannot be read or written",
    };
    if ((unsigned)status >= sizeof text / sizeof *text)
        return "unknown status of the store";
    return text[status];
}

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

enum store_status status_report(struct store *store, const char *doing, int code)
{
    enum store_status status = status_of(code);
    bool tell = status == STORE_IO || (status == STORE_FULL && !atomic_exchange(&store->full_reported, true));
    if (tell && store->report != NULL) {
        char text[STORE_REASON_SIZE];
        snprintf(text, sizeof text, "store %s: %s: %s", store->path, doing, mdb_strerror(code));
        store->report(store->report_ctx, text);
    }
    return status;
}

enum store_status status_explain(enum store_status status, char reason[static STORE_REASON_SIZE], const char *format,
                                 ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, STORE_REASON_SIZE, format, args);
    va_end(args);
    return status;
}
