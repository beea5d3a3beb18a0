/* queue: who has the turn on a subscription. issuance.md section 2, last part.
 *
 * All inside a store_fn. One issuance is under way on a subscription; the others wait.
 */
#ifndef GATEWAY_ISSUE_ORDER_QUEUE_H
#define GATEWAY_ISSUE_ORDER_QUEUE_H

#include "gateway/config/config.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "store/store.h"

/* The issuance under way has ended (it is already moved, not yet saved): gives the turn to a waiting one, as purchase
 * or replacement as the subscription's state wants. A subscription that was never bought and has no waiter is removed:
 * then sub->state is 0. The caller saves sub otherwise. renew_before_ms is the profile's,
 * dcv what holds under the policy (dcv_rules). */
enum store_status queue_hand_over(struct store_txn *txn, const struct config_dcv *dcv, struct subscription *sub,
                                  const struct issuance *ended, uint64_t renew_before_ms, uint64_t now_ms);

/* The subscription cannot serve any more: stores it in state `old` and makes *sub a new one of the same scope in state
 * buying, with the queue and with `first` under way. */
enum store_status queue_renew(struct store_txn *txn, struct subscription *sub, enum subscription_state old,
                              struct issuance *first, uint64_t now_ms);

/* `first` was about to buy for `buying`, and `serving`, with nothing under way, serves its names already: the unbought
 * one is removed, its queue follows, first becomes a replacement (the caller saves it), and the two change places:
 * *buying is the one that serves. The caller clears both. */
enum store_status queue_serve_instead(struct store_txn *txn, struct subscription *serving, struct subscription *buying,
                                      struct issuance *first);

#endif
