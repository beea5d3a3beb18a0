/* guard: may this purchase leave now, by every spending limit and by the state of its login? What the transaction into
 * `submitting` asks, and what newOrder may promise. issuance.md section 8.
 *
 * Only purchases are held back; replacements, collection and revocation go on.
 */
#ifndef GATEWAY_ISSUE_MONEY_GUARD_H
#define GATEWAY_ISSUE_MONEY_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/record/login.h"
#include "store/store.h"

/* A purchase that is about to be made. */
struct guard_purchase {
    const struct config *config;
    const struct config_profile *profile;
    const char *policy, *login;
    bool test; /* a test login's: nothing is billed, so no limit counts it */
    unsigned product;
    size_t names;
};

struct guard_verdict {
    bool held;
    uint64_t due_ms; /* where held: when to ask again */
    char why[SPENDING_WHY_MAX];
};

/* Whether this login buys nothing now: paused, an older copy, restored, withheld again and again, or without credit.
 * spread_ms: how much later than the others this one asks again. Pure. */
struct guard_verdict guard_pause(const struct login_record *login, const struct ledger *ledger, uint64_t now_ms,
                                 uint64_t spread_ms);
/* newOrder, in a snapshot: do the spending limits leave room for it? */
enum store_status guard_foresee(struct store_txn *txn, const struct guard_purchase *purchase, uint64_t now_ms,
                                struct spending_verdict *verdict);
/* Inside the store_fn that moves the issuance to submitting: where it is not held, its price is reserved. */
enum store_status guard_decide(struct store_txn *txn, const struct guard_purchase *purchase, const char *issuance,
                               uint64_t now_ms, struct guard_verdict *verdict);

/* Inside the store_fn that is about to have a placed purchase paid (authorize.c): asks the same, by what the order
 * costs, and counts it from then on in the day of now_ms, no more in that of its order. profile, product and names are
 * not looked at. */
enum store_status guard_authorize(struct store_txn *txn, const struct guard_purchase *purchase, const char *issuance,
                                  uint64_t now_ms, struct guard_verdict *verdict);

#endif
