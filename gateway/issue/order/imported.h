/* imported: subscriptions that were found at Sectigo and belong to no profile yet. issuance.md section 8.5.
 *
 * The policy and profile that bought one are not known, its names and login are. It is stored without policy and
 * profile; the first order for its names with its login makes it its own, whatever its policy, so that no restored
 * backup buys anything anew. One that an operator adopts has its policy from the beginning, and the first order for its
 * names with its login under that policy makes it its own. Its term is the longest that the report says or a profile
 * of the login buys (any profile, where none has the login any more): where that is too long, Sectigo refuses a replacement as over, and a purchase follows then and not
 * before.
 */
#ifndef GATEWAY_ISSUE_ORDER_IMPORTED_H
#define GATEWAY_ISSUE_ORDER_IMPORTED_H

#include "gateway/config/config.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/issue/upstream/report.h"
#include "store/store.h"

/* What an operator says of an order that nobody placed here. */
struct imported_adoption {
    const char *policy;
    uint32_t days; /* of its term; 0: not said. The longest that anybody says counts */
};
/* Of the order in this row, in days: the longest that the report, the profiles of the login or an adoption (NULL: none)
 * say; without an adoption, where none of them says anything, the longest that any profile buys. */
uint32_t imported_term(const struct config *config, const struct config_login *login, const struct report_row *row,
                       const struct imported_adoption *adoption);
/* In a store_fn. adoption NULL: it was placed here, and belongs to no policy yet. STORE_REFUSED: the row names nothing
 * that could be ordered, or more names than an order has; STORE_EXISTS: its order number or certificate ID is another
 * subscription's. */
enum store_status imported_insert(struct store_txn *txn, const struct config *config, const struct config_login *login,
                                  const struct report_row *row, const struct imported_adoption *adoption,
                                  uint64_t now_ms);
/* In a store_fn: a replacement of an order that is known joins its family. STORE_NOT_FOUND: no subscription of this
 * endpoint has the base number; STORE_EXISTS: its number or certificate ID is another's. */
enum store_status imported_join(struct store_txn *txn, const char *endpoint, const struct report_row *row,
                                const char *base);

/* One that serves this scope but for policy and profile, into *out; STORE_NOT_FOUND. A wildcard's base name, which
 * Sectigo adds by itself, may stand in one set of names and not in the other. Clear *out in any case. */
enum store_status imported_for(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms,
                               struct subscription *out);
/* In a store_fn: it belongs to this scope from now on, with its names and this product. */
enum store_status imported_claim(struct store_txn *txn, struct subscription *sub,
                                 const struct subscription_scope *scope, uint32_t product);
/* In a store_fn: `first` is about to buy for `buying`, of this scope. Where an imported one serves instead, *buying
 * becomes that one (the unbought one is removed, its queue follows) and first a replacement of it, to be saved by the
 * caller. STORE_NOT_FOUND: none does. */
enum store_status imported_instead(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms,
                                   struct subscription *buying, struct issuance *first);

#endif
