/* refund: the money of a purchase that died, asked back of Sectigo until it is confirmed. issuance.md section 7.
 *
 * A dead subscription blocks new purchases for its names until its refund is confirmed or the operator releases it. The
 * job (JOB_REFUND) is stored in the transaction that cancels it, or that the operator asks for; AutoRefund may be
 * repeated, since -20 the second time is a success.
 */
#ifndef GATEWAY_ISSUE_MONEY_REFUND_H
#define GATEWAY_ISSUE_MONEY_REFUND_H

#include <stdbool.h>

#include "gateway/issue/context.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/work.h"
#include "store/store.h"

/* Whether AutoRefund serves it: single-domain and wildcard products. */
bool refund_is_served(const struct subscription *subscription);
/* Whether the purchase's order number is known as that subscription's and no other's: STORE_OK, STORE_EXISTS where it
 * belongs to another, STORE_NOT_FOUND, or what else the store says. Reading. */
enum store_status refund_is_ours(struct store_txn *txn, const struct subscription *subscription);
/* Inside a store_fn: a dead subscription's refund is to be asked for. One of a test login cost nothing and has ended at
 * once. The caller saves it. */
enum store_status refund_begin(struct store_txn *txn, struct subscription *subscription, uint64_t now_ms);
/* What an answer to AutoRefund means. Pure. */
struct refund_outcome {
    bool confirmed;    /* the subscription ends */
    uint64_t again_ms; /* otherwise: when it is asked again */
    struct work_line line;
};
struct refund_outcome refund_decide(const struct upstream_reply *reply, uint64_t later_ms, uint64_t now_ms);

/* JOB_REFUND; its owner is the issuer. */
extern const struct work_kind refund_work;

#endif
