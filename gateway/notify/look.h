/* look: what is to be told is found by looking at what the store and the logins say, every now and then, so that
 * nothing that matters waits for it, and nothing is lost where it was not told yet. On the notifier's thread.
 */
#ifndef GATEWAY_NOTIFY_LOOK_H
#define GATEWAY_NOTIFY_LOOK_H

#include "gateway/issue/upstream/upstream.h"
#include "gateway/notify/event.h"
#include "store/store.h"

struct look {
    const struct config *config;
    struct store *store;
    struct upstream *upstream;
    uint64_t now_ms;
};

/* Limits, and what the audit has had since the last look: purchases, revocations by Sectigo. */
void look_at_money(const struct look *look, struct store_txn *txn, struct events *events);
/* Refused, out of credit, drift, the first push. */
void look_at_logins(const struct look *look, struct store_txn *txn, struct events *events);
/* Issuances that are held, blocked, or wait for domain control. */
void look_at_issuances(const struct look *look, struct store_txn *txn, struct events *events);
/* What expires: certificates that nothing renews, and the listeners' own. Reads whole tables, in short snapshots of its
 * own: seldom. */
void look_at_ends(const struct look *look, struct events *events);

#endif
