#include "gateway/scan.h"

#include <string.h>

enum { AT_ONCE = 500 };

struct scan {
    struct store_txn *txn;
    scan_fn *fn;
    void *ctx;
    struct scan_from next;
    unsigned left; /* of this snapshot */
    bool more, bad;
};

bool scan_behind(struct scan_from *from, const void *key, size_t len)
{
    if (len >= sizeof from->key)
        return false;
    memcpy(from->key, key, len);
    from->key[len] = 0;
    from->len = len + 1;
    return true;
}

/* Where the next snapshot begins. */
static bool scan_on(struct scan_from *next, struct store_slice key)
{
    if (!next->back)
        return scan_behind(next, key.data, key.len);
    if (key.len > sizeof next->key)
        return false;
    memcpy(next->key, key.data, key.len);
    next->len = key.len;
    return true;
}

static bool visit_entry(void *ctx, struct store_slice key, struct store_slice value)
{
    struct scan *scan = ctx;
    scan->bad = !scan_on(&scan->next, key);
    if (scan->bad || !scan->fn(scan->ctx, scan->txn, key, value))
        return false;
    scan->more = --scan->left == 0;
    return !scan->more;
}

/* One snapshot of it. */
static enum store_status scan_some(struct store *store, unsigned table, struct scan *scan)
{
    struct scan_from at = scan->next;
    scan->more = false;
    scan->left = AT_ONCE;
    enum store_status status = store_read(store, &scan->txn);
    if (status != STORE_OK)
        return status;
    status = (at.back ? store_visit_back : store_visit)(scan->txn, table, at.key, at.len, visit_entry, scan);
    store_read_end(scan->txn);
    return scan->bad ? STORE_INVALID : status;
}

enum store_status scan(struct store *store, unsigned table, const struct scan_from *from, scan_fn *fn, void *ctx)
{
    struct scan scan = {.fn = fn, .ctx = ctx, .next = *from, .more = true};
    enum store_status status = STORE_OK;
    while (status == STORE_OK && scan.more)
        status = scan_some(store, table, &scan);
    return status;
}

enum store_status scan_slowly(struct store *store, unsigned table, scan_fn *fn, void *ctx, scan_rest_fn *rest,
                              void *rest_ctx)
{
    struct scan scan = {.fn = fn, .ctx = ctx};
    enum store_status status = scan_some(store, table, &scan);
    while (status == STORE_OK && scan.more)
        status = rest(rest_ctx) ? scan_some(store, table, &scan) : STORE_CLOSED;
    return status;
}
