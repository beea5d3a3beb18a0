#include "store/engine.h"

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
        [STORE_AWAY] = "the server that keeps the store does not answer",
        [STORE_SHORT] = "memory is short",
        [STORE_IO] = "the store cannot be read or written",
    };
    if ((unsigned)status >= sizeof text / sizeof *text)
        return "unknown status of the store";
    return text[status];
}

enum store_status status_report(struct store *store, const char *doing, enum store_status status, const char *why)
{
    bool tell = status == STORE_IO || status == STORE_AWAY || status == STORE_SHORT ||
                (status == STORE_FULL && !atomic_exchange(&store->full_reported, true));
    if (tell && store->report != NULL) {
        char text[STORE_REASON_SIZE];
        snprintf(text, sizeof text, "store %s: %s: %s", store->path, doing, why);
        store->report(store->report_ctx, text);
    }
    return status;
}

void status_broken(struct store *store, const char *why)
{
    if (atomic_exchange(&store->is_broken, true))
        return;
    status_report(store, "nothing can be read or stored any more until it is opened anew", STORE_IO, why);
    if (store->broken != NULL)
        store->broken(store->broken_ctx);
}

enum store_status txn_note(struct store_txn *txn, const char *doing, enum store_status status, const char *why)
{
    if (status != STORE_OK && txn->failed != STORE_OK)
        return txn->failed;
    if (status == STORE_FULL || status == STORE_IO || status == STORE_AWAY)
        txn->failed = status_report(txn->store, doing, status, why);
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
