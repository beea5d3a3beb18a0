/* marks: what a store says of itself when it was moved to another engine (transfer.h): that it is not the one that goes
 * on, or that it is not whole yet. */
#include "store/engine.h"

#include <string.h>
#include <time.h>

enum { MARK_RECORD = 1, MARK_RECORD_MAX = 16 };

static const char moved_key[] = "moved", importing_key[] = "importing";

bool meta_is_own(struct store_slice key)
{
    static const char *const own[] = {schema_key, identity_key, moved_key, importing_key};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (key.len == strlen(own[i]) && memcmp(key.data, own[i], key.len) == 0)
            return true;
    return false;
}

static unsigned meta_of(const struct store_txn *txn)
{
    return table_own(txn->store, TABLE_META);
}

/* When it was set, 1 where that cannot be read; 0: it is not set. */
static enum store_status mark_get(struct store_txn *txn, const char *key, uint64_t *ms)
{
    struct store_slice value;
    struct record_reader r;
    enum store_status status = store_get(txn, meta_of(txn), key, strlen(key), &value);
    *ms = 0;
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    uint8_t version = record_open(&r, value);
    *ms = record_get_u64(&r);
    if (version != MARK_RECORD || !record_complete(&r) || *ms == 0)
        *ms = 1;
    return STORE_OK;
}

static enum store_status mark_put(struct store_txn *txn, const char *key, uint64_t ms)
{
    struct record_writer w;
    record_begin(&w, MARK_RECORD, MARK_RECORD_MAX);
    record_put_u64(&w, ms);
    enum store_status status = w.failed ? STORE_IO : store_put(txn, meta_of(txn), key, strlen(key), w.data, w.len);
    record_free(&w);
    return status;
}

static enum store_status mark_clear(struct store_txn *txn, const char *key)
{
    enum store_status status = store_delete(txn, meta_of(txn), key, strlen(key));
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* ---- at the open ---- */

static void write_time(uint64_t ms, char text[static 32])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        text[0] = '\0';
}

enum store_status marks_check(struct store *store, const struct store_config *config,
                              char reason[static STORE_REASON_SIZE])
{
    struct store_txn *txn;
    uint64_t moved_ms = 0, importing_ms = 0;
    char when[32];
    enum store_status status = store_read(store, &txn);
    if (status == STORE_OK) {
        status = mark_get(txn, moved_key, &moved_ms);
        if (status == STORE_OK)
            status = mark_get(txn, importing_key, &importing_ms);
        store_read_end(txn);
    }
    if (status != STORE_OK)
        return status_explain(status, reason, "%s: cannot be read: %s", store->path, store_status_text(status));
    if (importing_ms != 0 && !config->half_too)
        return status_explain(STORE_REFUSED, reason,
                              "%s: an import into this store has not ended, so that it is not whole: import again",
                              store->path);
    write_time(moved_ms, when);
    if (moved_ms != 0 && !config->moved_too)
        return status_explain(STORE_REFUSED, reason,
                              "%s: this store was exported at %s, to go on in another place, and would buy again what "
                              "that one has paid for: let the configuration name the other place; where this one is to "
                              "go on after all, and the other one never will, say so by acmegate --init",
                              store->path, when);
    return STORE_OK;
}

/* ---- moved ---- */

static enum store_status set_moved(struct store_txn *txn, void *arg)
{
    (void)arg;
    return mark_put(txn, moved_key, copied_now_ms());
}

enum store_status mark_moved(struct store *store)
{
    return store_call(store, set_moved, NULL);
}

/* The oldest time counts: from then on others may know more. */
static enum store_status make_copy(struct store_txn *txn, uint64_t since_ms)
{
    return store_copied_ms(txn) != 0 ? STORE_OK : mark_put(txn, copied_key, since_ms);
}

enum store_status store_moved_settle(struct store_txn *txn)
{
    uint64_t moved_ms;
    enum store_status status = mark_get(txn, moved_key, &moved_ms);
    if (status != STORE_OK || moved_ms == 0)
        return status;
    status = make_copy(txn, moved_ms);
    return status == STORE_OK ? mark_clear(txn, moved_key) : status;
}

/* ---- imported ---- */

static enum store_status begin_import(struct store_txn *txn, void *arg)
{
    bool *begun = arg;
    uint64_t since_ms;
    enum store_status status = mark_get(txn, importing_key, &since_ms);
    *begun = since_ms != 0;
    return status == STORE_OK ? mark_put(txn, importing_key, copied_now_ms()) : status;
}

enum store_status mark_importing(struct store *store, bool *begun)
{
    return store_call(store, begin_import, begun);
}

static enum store_status end_import(struct store_txn *txn, void *arg)
{
    const struct import_end *end = arg;
    enum store_status status = mark_clear(txn, importing_key);
    if (end == NULL || status != STORE_OK)
        return status;
    status = schema_write(txn, end->schema);
    if (status == STORE_OK)
        status = identity_write(txn, end->identity);
    return status == STORE_OK && end->copied_ms != 0 ? make_copy(txn, end->copied_ms) : status;
}

enum store_status mark_import_over(struct store *store, const struct import_end *end)
{
    return store_call(store, end_import, (void *)(uintptr_t)end);
}
