/* copied: a backup says of itself that it is one, so that whoever restores it may know that time has passed since. */
#include "store/internal.h"
#include "store/record.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { META_RECORD = 1, META_RECORD_MAX = 16 };

static const char copied_key[] = "copied";

static MDB_val record_value(const struct record_writer *w)
{
    return (MDB_val){.mv_size = w->len, .mv_data = w->data};
}

uint64_t copied_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int put_mark(MDB_env *env, uint64_t copied_ms)
{
    struct record_writer w;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_val key = {.mv_size = sizeof copied_key - 1, .mv_data = (void *)(uintptr_t)copied_key};

    record_begin(&w, META_RECORD, META_RECORD_MAX);
    record_put_u64(&w, copied_ms);
    int code = w.failed ? ENOMEM : mdb_txn_begin(env, NULL, 0, &txn);
    if (code == 0)
        code = mdb_dbi_open(txn, table_own_name(TABLE_META), 0, &dbi);
    MDB_val value = record_value(&w);
    if (code == 0)
        code = mdb_put(txn, dbi, &key, &value, 0);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else if (txn)
        mdb_txn_abort(txn);
    record_free(&w);
    return code;
}

int copied_mark(const char *folder, uint64_t copied_ms)
{
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code == 0)
        code = mdb_env_set_maxdbs(env, 1);
    if (code == 0)
        code = mdb_env_open(env, folder, MDB_NOLOCK, 0600);
    if (code == 0)
        code = put_mark(env, copied_ms);
    if (env)
        mdb_env_close(env);
    return code;
}

uint64_t store_copied_ms(struct store_txn *txn)
{
    struct store_slice value;
    struct record_reader r;
    if (store_get(txn, table_own(txn->store, TABLE_META), copied_key, sizeof copied_key - 1, &value) != STORE_OK)
        return 0;
    uint8_t version = record_open(&r, value);
    uint64_t copied_ms = record_get_u64(&r);
    return version == META_RECORD && record_complete(&r) ? copied_ms : 1; /* a mark all the same */
}

enum store_status store_copied_settle(struct store_txn *txn)
{
    enum store_status status = store_delete(txn, table_own(txn->store, TABLE_META), copied_key, sizeof copied_key - 1);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}
