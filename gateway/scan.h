/* scan: a whole table, however large, in short snapshots. What is stored meanwhile may be seen or not. */
#ifndef GATEWAY_SCAN_H
#define GATEWAY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

/* Return false to stop. txn is the snapshot that key and value are of. */
typedef bool scan_fn(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value);

enum { SCAN_KEY_MAX = 256 };

struct scan_from {
    uint8_t key[SCAN_KEY_MAX];
    size_t len;
    bool back; /* descending, from the last key < key (len 0: the last) */
};

/* All keys >= from, ascending, or back. STORE_INVALID for a longer key than SCAN_KEY_MAX. May take long: not on a loop.
 */
enum store_status scan(struct store *store, unsigned table, const struct scan_from *from, scan_fn *fn, void *ctx);
/* All keys, ascending, with a rest between one snapshot and the next. Return false to stop: STORE_CLOSED. */
typedef bool scan_rest_fn(void *ctx);
enum store_status scan_slowly(struct store *store, unsigned table, scan_fn *fn, void *ctx, scan_rest_fn *rest,
                              void *rest_ctx);
/* The least key that is greater than this one; false where it does not fit. */
bool scan_behind(struct scan_from *from, const void *key, size_t len);

#endif
