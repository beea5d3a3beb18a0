/* counters: numbers that the store keeps so that nobody has to look at every record for them. They change in the
 * transaction that changes what they count.
 */
#ifndef GATEWAY_COUNTERS_H
#define GATEWAY_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { COUNTERS_MAX = 32 };

/* Of one key of ISSUE_COUNTERS: `count` numbers, at most COUNTERS_MAX; all 0 where nothing was counted yet. A record of
 * an older program may have fewer: the others are 0. STORE_OK or STORE_INVALID. Reading. */
enum store_status counters_get(struct store_txn *txn, const void *key, size_t key_len, int64_t *numbers,
                               unsigned count);
/* Adds by[i] to number i. Inside a store_fn. */
enum store_status counters_add(struct store_txn *txn, const void *key, size_t key_len, const int64_t *by,
                               unsigned count);
/* Forgets all whose key begins so. Inside a store_fn. */
enum store_status counters_drop(struct store_txn *txn, const void *prefix, size_t prefix_len);
/* As counters_get, of a record that was read. STORE_OK or STORE_INVALID. */
enum store_status counters_decode(struct store_slice record, int64_t *numbers, unsigned count);

#endif
