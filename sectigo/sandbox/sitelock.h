/* sitelock: licences of SiteLock and their add-ons (notes 2.17): who has which for a domain, what may be renewed,
 * upgraded or added when, what that costs, and how it ends. All functions want the sandbox's lock held. */
#ifndef SANDBOX_SITELOCK_H
#define SANDBOX_SITELOCK_H

#include "sectigo/sandbox/call.h"

/* Whether a cart has a product of the family. */
bool sitelock_in(const struct sectigo_cart *cart);
/* Of an AutoApplyOrder or a question for its price, whose products are in call->cart: sets domain, account, term and
 * price of the order. False: answered. */
bool sitelock_take(struct call *call, struct order *order);
/* The order is placed and paid: what it renews or upgrades ends. */
void sitelock_begin(struct sandbox *sandbox, struct order *order);
/* Ends one product of an order, and with a licence all its add-ons; a licence's price comes back where refund is set
 * and the refund period has not passed. */
void sitelock_end(struct sandbox *sandbox, struct order *order, int product, bool refund);
/* Whether that product of an order is in force. */
bool sitelock_lives(const struct order *order, int product);
/* The term is over: renewed where that is wanted and can be paid, else ended. False: not a licence in force. */
bool sitelock_expire(struct sandbox *sandbox, struct order *order);
/* AutoRefund of an order that has a licence or add-on and no certificate. */
void sitelock_refund(struct call *call, struct order *order);
/* User and site of the account, as the answers name them. */
void sitelock_name(const struct order *order, struct answer *answer);

#endif
