/* table: what may be done with a table inside a transaction. */
#include "store/lmdb/internal.h"

#include <string.h>

static MDB_dbi dbi_of(const struct store_txn *txn, unsigned table)
{
    return lmdb_of(txn->store)->tables[table];
}

static enum store_status note_fault(struct store_txn *txn, const char *doing, int code)
{
    return code == 0 ? STORE_OK : txn_note(txn, doing, status_of(code), mdb_strerror(code));
}

static MDB_val octets(struct store_slice from)
{
    return (MDB_val){.mv_size = from.len, .mv_data = (void *)(uintptr_t)from.data}; /* LMDB's type has no const */
}

static struct store_slice slice(MDB_val value)
{
    return (struct store_slice){.data = value.mv_data, .len = value.mv_size};
}

enum store_status lmdb_get(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice *value)
{
    MDB_val k = octets(key), v;
    int code = mdb_get(txn->handle, dbi_of(txn, table), &k, &v);
    if (code == 0)
        *value = slice(v);
    return note_fault(txn, "reading a record", code);
}

/* Where a record goes behind the last of its table, LMDB begins a new page and moves the last one there, too, unless it
 * is told that nothing comes between. Of records of which few fit a page that leaves much of each free. */
enum { LARGE = 4096 / 8 };

static bool goes_last(const struct store_txn *txn, MDB_dbi dbi, const MDB_val *key)
{
    MDB_cursor *cursor;
    MDB_val last, value;
    if (mdb_cursor_open(txn->handle, dbi, &cursor) != 0)
        return false;
    bool behind = mdb_cursor_get(cursor, &last, &value, MDB_LAST) == 0 && mdb_cmp(txn->handle, dbi, key, &last) > 0;
    mdb_cursor_close(cursor);
    return behind;
}

enum store_status lmdb_put(struct store_txn *txn, unsigned table, struct store_slice key, struct store_slice value,
                           bool overwrite)
{
    MDB_val k = octets(key), v = octets(value);
    MDB_dbi dbi = dbi_of(txn, table);
    unsigned flags = overwrite ? 0 : MDB_NOOVERWRITE;
    if (value.len >= LARGE && goes_last(txn, dbi, &k))
        flags = MDB_APPEND;
    return note_fault(txn, "writing a record", mdb_put(txn->handle, dbi, &k, &v, flags));
}

enum store_status lmdb_delete(struct store_txn *txn, unsigned table, struct store_slice key)
{
    MDB_val k = octets(key);
    return note_fault(txn, "deleting a record", mdb_del(txn->handle, dbi_of(txn, table), &k, NULL));
}

/* ---- many records ---- */

static bool begins_with(MDB_val key, struct store_slice from, size_t len)
{
    return key.mv_size >= len && (len == 0 || memcmp(key.mv_data, from.data, len) == 0);
}

enum store_status lmdb_visit(struct store_txn *txn, unsigned table, const struct range *range, store_visit_fn *visit,
                             void *ctx)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = octets(range->from), value;
    int code = mdb_cursor_open(txn->handle, dbi_of(txn, table), &cursor);
    if (code == 0)
        code = mdb_cursor_get(cursor, &key, &value, key.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST);
    while (code == 0 && begins_with(key, range->from, range->prefix_len) && visit(ctx, slice(key), slice(value)))
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? STORE_OK : note_fault(txn, "visiting records", code);
}

/* Puts the cursor on the last key < before. */
static int seek_before(MDB_cursor *cursor, MDB_val before, MDB_val *key, MDB_val *value)
{
    *key = before;
    int code = before.mv_size > 0 ? mdb_cursor_get(cursor, key, value, MDB_SET_RANGE) : MDB_NOTFOUND;
    return mdb_cursor_get(cursor, key, value, code == 0 ? MDB_PREV : MDB_LAST);
}

enum store_status lmdb_visit_back(struct store_txn *txn, unsigned table, struct store_slice before,
                                  store_visit_fn *visit, void *ctx)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int code = mdb_cursor_open(txn->handle, dbi_of(txn, table), &cursor);
    if (code == 0)
        code = seek_before(cursor, octets(before), &key, &value);
    while (code == 0 && visit(ctx, slice(key), slice(value)))
        code = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? STORE_OK : note_fault(txn, "visiting records", code);
}

enum store_status lmdb_count(struct store_txn *txn, unsigned table, uint64_t *count)
{
    MDB_stat stat = {0};
    int code = mdb_stat(txn->handle, dbi_of(txn, table), &stat);
    *count = stat.ms_entries;
    return note_fault(txn, "counting records", code);
}
