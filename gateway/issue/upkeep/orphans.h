/* orphans: subscriptions that are paid and, after an edit of the configuration or of policies, would serve no order any
 * more, so that their names would be bought anew. issuance.md section 8.6.
 */
#ifndef GATEWAY_ISSUE_UPKEEP_ORPHANS_H
#define GATEWAY_ISSUE_UPKEEP_ORPHANS_H

#include <stdint.h>

#include "gateway/config/config.h"
#include "store/store.h"

struct orphans {
    uint64_t live;       /* paid subscriptions with term left, orphans included */
    uint64_t by_profile; /* the profile is configured no longer */
    uint64_t by_login;   /* the profile has another login, or the login another URL or test flag, or is gone */
    uint64_t by_policy;  /* the policy is stored no longer */
    uint64_t
        under_way; /* purchases that are being made, of which one of the first two holds: they would go no further */
    uint64_t unreadable; /* records that do not decode */
};

/* In a snapshot; visits all subscriptions. Each is counted under the first reason that holds. */
enum store_status orphans_count(struct store_txn *txn, const struct config *config, uint64_t now_ms,
                                struct orphans *orphans);

#endif
