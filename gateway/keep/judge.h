/* judge: what of the store has ended so long ago that nothing needs it any more, and its removal.
 *
 * An order, its issuance with all orders of it, and their certificate go together or stay together. Reading in a
 * snapshot or a store_fn; what is removed is judged again in the same store_fn. Sectigo's numbers and serial numbers
 * stay spent for ever (acme/spent.h): that keeps a purchase from being made or counted twice.
 */
#ifndef GATEWAY_KEEP_JUDGE_H
#define GATEWAY_KEEP_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/id.h"
#include "gateway/config/config.h"
#include "gateway/removed.h"
#include "store/store.h"

struct judge {
    const struct config_housekeeping *ages;
    uint64_t now_ms;
    uint64_t oldest_live_ms;         /* no issuance that is under way was made before it */
    uint64_t removed[REMOVED_KINDS]; /* added to by judge_remove */
};

/* Of the key of one table. may: it can go. STORE_NOT_FOUND: it is there no more. A record that cannot be read stays. */
typedef enum store_status judge_fn(struct store_txn *txn, const struct judge *judge, struct store_slice key, bool *may);
/* Inside a store_fn: of one that may go. */
typedef enum store_status remove_fn(struct store_txn *txn, struct judge *judge, struct store_slice key);

judge_fn judge_order, judge_issuance, judge_authorization, judge_account, judge_subscription;
remove_fn remove_order, remove_issuance, remove_authorization, remove_account, remove_subscription;

/* Finds oldest_live_ms, by the jobs. */
enum store_status judge_begin(struct store_txn *txn, struct judge *judge);

#endif
