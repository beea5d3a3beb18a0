/* copied: a backup says of itself that it is one, so that whoever restores it may know that time has passed since. */
#include "store/engine.h"

#include <string.h>
#include <time.h>

enum { META_RECORD = 1, META_RECORD_MAX = 16 };

const char copied_key[] = "copied";

uint64_t copied_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void copied_record(struct record_writer *w, uint64_t copied_ms)
{
    record_begin(w, META_RECORD, META_RECORD_MAX);
    record_put_u64(w, copied_ms);
}

uint64_t store_copied_ms(struct store_txn *txn)
{
    struct store_slice value;
    struct record_reader r;
    if (store_get(txn, table_own(txn->store, TABLE_META), copied_key, strlen(copied_key), &value) != STORE_OK)
        return 0;
    uint8_t version = record_open(&r, value);
    uint64_t copied_ms = record_get_u64(&r);
    return version == META_RECORD && record_complete(&r) ? copied_ms : 1; /* a mark all the same */
}

enum store_status store_copied_settle(struct store_txn *txn)
{
    enum store_status status = store_delete(txn, table_own(txn->store, TABLE_META), copied_key, strlen(copied_key));
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}
