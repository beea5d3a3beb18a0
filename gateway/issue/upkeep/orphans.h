/* orphans: subscriptions that are paid and, after an edit of the configuration or of policies, would serve no order any
 * more, so that their names would be bought anew. issuance.md section 8.6.
 */
#ifndef GATEWAY_ISSUE_UPKEEP_ORPHANS_H
#define GATEWAY_ISSUE_UPKEEP_ORPHANS_H

#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/scan.h"

struct orphans {
    uint64_t live;       /* paid subscriptions with term left, orphans included */
    uint64_t by_profile; /* the profile is configured no longer */
    uint64_t by_login;   /* the profile has another login, or the login another URL or test flag, or is gone */
    uint64_t by_policy;  /* the policy is stored no longer */
    uint64_t
        under_way; /* purchases that are being made, of which one of the first two holds: they would go no further */
    uint64_t unreadable; /* records that do not decode */
};

struct orphans_look {
    const struct config *config;
    struct orphans found;
};

/* Looks at all subscriptions once, each of them by every one of the configurations in the same moment, so that what is
 * found under two of them differs by the configurations alone. Each is counted under the first reason that holds.
 *
 * In short snapshots, with a rest between them (scan.h) where one is given: one long snapshot would keep the pages that
 * are freed meanwhile from being used again. So what is bought or ended meanwhile may be counted or not. Takes some
 * microseconds for each: not on a loop. STORE_CLOSED: rest said to stop. */
enum store_status orphans_count(struct store *store, struct orphans_look *looks, unsigned count, uint64_t now_ms,
                                scan_rest_fn *rest, void *ctx);

#endif
