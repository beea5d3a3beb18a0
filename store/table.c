/* table: snapshots, and what may be done with a table inside one; checked here, done by the engine. */
#include "store/engine.h"

#include <stdlib.h>
#include <string.h>

unsigned table_own(const struct store *store, unsigned ours)
{
    return store->table_count + ours;
}

/* ---- snapshots ---- */

/* An idle one, or NULL where none is; the caller is one user more in any case. */
static struct store_txn *reader_take(struct store *store)
{
    pthread_mutex_lock(&store->readers_lock);
    while (store->shut)
        pthread_cond_wait(&store->users_changed, &store->readers_lock);
    store->users++;
    struct store_txn *txn = store->idle_readers;
    if (txn != NULL)
        store->idle_readers = txn->next;
    pthread_mutex_unlock(&store->readers_lock);
    return txn;
}

static void reader_free(struct store_txn *txn)
{
    if (txn->handle != NULL)
        txn->engine->read_free(txn);
    free(txn);
}

enum store_status store_read(struct store *store, struct store_txn **out)
{
    struct store_txn *txn = reader_take(store);
    *out = NULL;
    if (txn == NULL) {
        txn = calloc(1, sizeof *txn);
        if (txn == NULL) {
            users_leave(store);
            return STORE_IO;
        }
        txn->engine = store->engine;
        txn->store = store;
    }
    txn->failed = STORE_OK;
    enum store_status status = txn->engine->read(txn);
    if (status != STORE_OK) {
        reader_free(txn);
        users_leave(store);
        return status;
    }
    *out = txn;
    return STORE_OK;
}

void store_read_end(struct store_txn *txn)
{
    if (txn == NULL)
        return;
    struct store *store = txn->store;
    txn->engine->read_end(txn);
    pthread_mutex_lock(&store->readers_lock);
    txn->next = store->idle_readers;
    store->idle_readers = txn;
    store->users--;
    if (store->shut)
        pthread_cond_broadcast(&store->users_changed);
    pthread_mutex_unlock(&store->readers_lock);
}

void readers_free(struct store *store)
{
    pthread_mutex_lock(&store->readers_lock);
    struct store_txn *txn = store->idle_readers;
    store->idle_readers = NULL;
    pthread_mutex_unlock(&store->readers_lock);
    for (struct store_txn *next; txn != NULL; txn = next) {
        next = txn->next;
        reader_free(txn);
    }
}

/* ---- one record ---- */

static bool is_table(const struct store_txn *txn, unsigned table)
{
    return table < txn->store->table_count + OWN_TABLES;
}

static bool fits_key(const struct store_txn *txn, unsigned table, size_t key_len)
{
    return is_table(txn, table) && key_len > 0 && key_len <= STORE_KEY_MAX;
}

static struct store_slice octets(const void *data, size_t len)
{
    return (struct store_slice){.data = data, .len = len};
}

enum store_status store_get(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                            struct store_slice *value)
{
    *value = (struct store_slice){0};
    return fits_key(txn, table, key_len) ? txn->engine->get(txn, table, octets(key, key_len), value) : STORE_INVALID;
}

enum store_status store_put(struct store_txn *txn, unsigned table, const void *key, size_t key_len, const void *value,
                            size_t value_len)
{
    if (!txn->writable || !fits_key(txn, table, key_len))
        return STORE_INVALID;
    txn->changed = true;
    return txn->engine->put(txn, table, octets(key, key_len), octets(value, value_len), true);
}

enum store_status store_insert(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                               const void *value, size_t value_len)
{
    if (!txn->writable || !fits_key(txn, table, key_len))
        return STORE_INVALID;
    txn->changed = true;
    return txn->engine->put(txn, table, octets(key, key_len), octets(value, value_len), false);
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
    txn->changed = true;
    return txn->engine->delete (txn, table, octets(key, key_len));
}

/* ---- many records ---- */

static enum store_status insert_each(struct store_txn *txn, unsigned table, const struct row *rows, unsigned count)
{
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < count; i++)
        status = txn->engine->put(txn, table, rows[i].key, rows[i].value, false);
    return status;
}

enum store_status table_insert_all(struct store_txn *txn, unsigned table, const struct row *rows, unsigned count)
{
    bool fits = txn->writable && count <= ROWS_MAX;
    for (unsigned i = 0; fits && i < count; i++)
        fits = fits_key(txn, table, rows[i].key.len);
    if (!fits || count == 0)
        return fits ? STORE_OK : STORE_INVALID;
    txn->changed = true;
    return txn->engine->insert_all != NULL ? txn->engine->insert_all(txn, table, rows, count)
                                           : insert_each(txn, table, rows, count);
}

static enum store_status visit_range(struct store_txn *txn, unsigned table, struct range range, store_visit_fn *visit,
                                     void *ctx)
{
    if (!is_table(txn, table) || range.from.len > STORE_KEY_MAX)
        return STORE_INVALID;
    return txn->engine->visit(txn, table, &range, visit, ctx);
}

enum store_status store_visit(struct store_txn *txn, unsigned table, const void *from, size_t from_len,
                              store_visit_fn *visit, void *ctx)
{
    return visit_range(txn, table, (struct range){octets(from, from_len), 0}, visit, ctx);
}

enum store_status store_visit_prefix(struct store_txn *txn, unsigned table, const void *prefix, size_t prefix_len,
                                     store_visit_fn *visit, void *ctx)
{
    return visit_range(txn, table, (struct range){octets(prefix, prefix_len), prefix_len}, visit, ctx);
}

enum store_status store_visit_back(struct store_txn *txn, unsigned table, const void *before, size_t before_len,
                                   store_visit_fn *visit, void *ctx)
{
    if (!is_table(txn, table) || before_len > STORE_KEY_MAX)
        return STORE_INVALID;
    return txn->engine->visit_back(txn, table, octets(before, before_len), visit, ctx);
}

uint64_t store_count(struct store_txn *txn, unsigned table)
{
    uint64_t count;
    return is_table(txn, table) && txn->engine->count(txn, table, &count) == STORE_OK ? count : 0;
}
