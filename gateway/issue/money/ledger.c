#include "gateway/issue/money/ledger.h"

#include <string.h>

#include "gateway/tables.h"
#include "store/record.h"

/* Version 2 has what was forgotten. */
enum { RECORD_VERSION = 2, RECORD_MAX = 1024 };

enum store_status ledger_load(struct store_txn *txn, const char *login, struct ledger *ledger)
{
    struct store_slice value;
    struct record_reader r;
    *ledger = (struct ledger){0};
    enum store_status status = store_get(txn, ISSUE_LEDGERS, login, strlen(login), &value);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    unsigned version = record_open(&r, value);
    if (version == 0 || version > RECORD_VERSION)
        return STORE_INVALID;
    ledger->restored_ms = record_get_u64(&r);
    ledger->reconcile_from_ms = record_get_u64(&r);
    ledger->reconciled_ms = record_get_u64(&r);
    ledger->imported = record_get_u32(&r);
    ledger->balance_ms = record_get_u64(&r);
    ledger->balance_cents = (int64_t)record_get_u64(&r);
    ledger->drift_ms = record_get_u64(&r);
    ledger->drift_from_ms = record_get_u64(&r);
    ledger->unknown = record_get_u32(&r);
    ledger->missing = record_get_u32(&r);
    record_get_string(&r, ledger->note, sizeof ledger->note);
    if (version >= 2) {
        ledger->forgotten = record_get_u32(&r);
        ledger->recall_ms = record_get_u64(&r);
        ledger->numbered = record_get_u8(&r) != 0;
    }
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

enum store_status ledger_save(struct store_txn *txn, const char *login, const struct ledger *ledger)
{
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u64(&w, ledger->restored_ms);
    record_put_u64(&w, ledger->reconcile_from_ms);
    record_put_u64(&w, ledger->reconciled_ms);
    record_put_u32(&w, ledger->imported);
    record_put_u64(&w, ledger->balance_ms);
    record_put_u64(&w, (uint64_t)ledger->balance_cents);
    record_put_u64(&w, ledger->drift_ms);
    record_put_u64(&w, ledger->drift_from_ms);
    record_put_u32(&w, ledger->unknown);
    record_put_u32(&w, ledger->missing);
    record_put_string(&w, ledger->note);
    record_put_u32(&w, ledger->forgotten);
    record_put_u64(&w, ledger->recall_ms);
    record_put_u8(&w, ledger->numbered);
    enum store_status status = w.failed ? STORE_IO : store_put(txn, ISSUE_LEDGERS, login, strlen(login), w.data, w.len);
    record_free(&w);
    return status;
}
