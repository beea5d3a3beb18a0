/* table: snapshots, and what may be done with a table inside one. */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

unsigned table_own(const struct store *store, unsigned ours)
{
    return store->table_count + ours;
}

/* ---- snapshots ---- */

static struct store_txn *reader_take(struct store *store)
{
    pthread_mutex_lock(&store->readers_lock);
    struct store_txn *txn = store->idle_readers;
    if (txn != NULL)
        store->idle_readers = txn->next;
    pthread_mutex_unlock(&store->readers_lock);
    return txn;
}

static void reader_free(struct store_txn *txn)
{
    if (txn->mdb != NULL)
        mdb_txn_abort(txn->mdb);
    free(txn);
}

static int reader_begin(struct store_txn *txn)
{
    int code = mdb_txn_begin(txn->store->env, NULL, MDB_RDONLY, &txn->mdb);
    if (code != MDB_READERS_FULL)
        return code;
    /* Slots may be held by processes that were killed. */
    code = mdb_reader_check(txn->store->env, NULL);
    return code != 0 ? code : mdb_txn_begin(txn->store->env, NULL, MDB_RDONLY, &txn->mdb);
}

enum store_status store_read(struct store *store, struct store_txn **out)
{
    struct store_txn *txn = reader_take(store);
    *out = NULL;
    if (txn == NULL) {
        txn = calloc(1, sizeof *txn);
        if (txn == NULL)
            return STORE_IO;
        txn->store = store;
    }
    int code = txn->mdb != NULL ? mdb_txn_renew(txn->mdb) : reader_begin(txn);
    if (code != 0) {
        reader_free(txn);
        return status_report(store, "beginning to read", code);
    }
    txn->failed = STORE_OK;
    *out = txn;
    return STORE_OK;
}

void store_read_end(struct store_txn *txn)
{
    if (txn == NULL)
        return;
    struct store *store = txn->store;
    mdb_txn_reset(txn->mdb); /* keeps the slot, lets the pages go */
    pthread_mutex_lock(&store->readers_lock);
    txn->next = store->idle_readers;
    store->idle_readers = txn;
    pthread_mutex_unlock(&store->readers_lock);
}

void readers_free(struct store *store)
{
    struct store_txn *txn;
    while ((txn = reader_take(store)) != NULL)
        reader_free(txn);
}

/* ---- one record ---- */

static bool fits_key(const struct store_txn *txn, unsigned table, size_t key_len)
{
    return table < txn->store->table_count + OWN_TABLES && key_len > 0 && key_len <= STORE_KEY_MAX;
}

/* Remembers what makes the transaction useless, so that a function that overlooks it is not acknowledged, and what
 * follows from it is not reported as another fault. */
static enum store_status note_fault(struct store_txn *txn, const char *doing, int code)
{
    if (code != 0 && txn->failed != STORE_OK)
        return txn->failed;
    enum store_status status = status_report(txn->store, doing, code);
    if (status == STORE_FULL || status == STORE_IO)
        txn->failed = status;
    return status;
}

static MDB_val octets(const void *data, size_t len)
{
    return (MDB_val){.mv_size = len, .mv_data = (void *)(uintptr_t)data}; /* LMDB's type has no const */
}

static struct store_slice slice(MDB_val value)
{
    return (struct store_slice){.data = value.mv_data, .len = value.mv_size};
}

enum store_status store_get(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                            struct store_slice *value)
{
    *value = (struct store_slice){0};
    if (!fits_key(txn, table, key_len))
        return STORE_INVALID;
    MDB_val k = octets(key, key_len), v;
    int code = mdb_get(txn->mdb, txn->store->tables[table], &k, &v);
    if (code == 0)
        *value = slice(v);
    return note_fault(txn, "reading a record", code);
}

static enum store_status put_value(struct store_txn *txn, unsigned table, MDB_val key, MDB_val value, unsigned flags)
{
    if (!txn->writable || !fits_key(txn, table, key.mv_size))
        return STORE_INVALID;
    return note_fault(txn, "writing a record", mdb_put(txn->mdb, txn->store->tables[table], &key, &value, flags));
}

enum store_status store_put(struct store_txn *txn, unsigned table, const void *key, size_t key_len, const void *value,
                            size_t value_len)
{
    return put_value(txn, table, octets(key, key_len), octets(value, value_len), 0);
}

enum store_status store_insert(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                               const void *value, size_t value_len)
{
    return put_value(txn, table, octets(key, key_len), octets(value, value_len), MDB_NOOVERWRITE);
}

enum store_status store_claim(struct store_txn *txn, unsigned table, const void *key, size_t key_len, const void *value,
                              size_t value_len)
{
    struct store_slice owner;
    enum store_status status = store_get(txn, table, key, key_len, &owner);
    if (status == STORE_OK)
        return owner.len == value_len && memcmp(owner.data, value, value_len) == 0 ? STORE_OK : STORE_EXISTS;
    return status == STORE_NOT_FOUND ? store_put(txn, table, key, key_len, value, value_len) : status;
}

enum store_status store_delete(struct store_txn *txn, unsigned table, const void *key, size_t key_len)
{
    if (!txn->writable || !fits_key(txn, table, key_len))
        return STORE_INVALID;
    MDB_val k = octets(key, key_len);
    return note_fault(txn, "deleting a record", mdb_del(txn->mdb, txn->store->tables[table], &k, NULL));
}

/* ---- many records ---- */

static bool begins_with(MDB_val key, const void *prefix, size_t len)
{
    return key.mv_size >= len && (len == 0 || memcmp(key.mv_data, prefix, len) == 0);
}

/* Visits from `from` on, as long as keys begin with the first prefix_len octets of it. */
static enum store_status visit_range(struct store_txn *txn, unsigned table, MDB_val from, size_t prefix_len,
                                     store_visit_fn *visit, void *ctx)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = from, value;
    if (table >= txn->store->table_count + OWN_TABLES || from.mv_size > STORE_KEY_MAX)
        return STORE_INVALID;
    int code = mdb_cursor_open(txn->mdb, txn->store->tables[table], &cursor);
    if (code == 0)
        code = mdb_cursor_get(cursor, &key, &value, from.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST);
    while (code == 0 && begins_with(key, from.mv_data, prefix_len) && visit(ctx, slice(key), slice(value)))
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? STORE_OK : note_fault(txn, "visiting records", code);
}

enum store_status store_visit(struct store_txn *txn, unsigned table, const void *from, size_t from_len,
                              store_visit_fn *visit, void *ctx)
{
    return visit_range(txn, table, octets(from, from_len), 0, visit, ctx);
}

/* Puts the cursor on the last key < before. */
static int seek_before(MDB_cursor *cursor, MDB_val before, MDB_val *key, MDB_val *value)
{
    *key = before;
    int code = before.mv_size > 0 ? mdb_cursor_get(cursor, key, value, MDB_SET_RANGE) : MDB_NOTFOUND;
    return mdb_cursor_get(cursor, key, value, code == 0 ? MDB_PREV : MDB_LAST);
}

enum store_status store_visit_back(struct store_txn *txn, unsigned table, const void *before, size_t before_len,
                                   store_visit_fn *visit, void *ctx)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    if (table >= txn->store->table_count + OWN_TABLES || before_len > STORE_KEY_MAX)
        return STORE_INVALID;
    int code = mdb_cursor_open(txn->mdb, txn->store->tables[table], &cursor);
    if (code == 0)
        code = seek_before(cursor, octets(before, before_len), &key, &value);
    while (code == 0 && visit(ctx, slice(key), slice(value)))
        code = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? STORE_OK : note_fault(txn, "visiting records", code);
}

enum store_status store_visit_prefix(struct store_txn *txn, unsigned table, const void *prefix, size_t prefix_len,
                                     store_visit_fn *visit, void *ctx)
{
    return visit_range(txn, table, octets(prefix, prefix_len), prefix_len, visit, ctx);
}

uint64_t store_count(struct store_txn *txn, unsigned table)
{
    MDB_stat stat;
    if (table >= txn->store->table_count + OWN_TABLES)
        return 0;
    int code = mdb_stat(txn->mdb, txn->store->tables[table], &stat);
    return note_fault(txn, "counting records", code) == STORE_OK ? stat.ms_entries : 0;
}
