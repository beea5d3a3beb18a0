/* authorize: an order that waits for its payment is authorized (AutoAuthorize, reference notes 2.19): by itself where
 * the login says `authorize: auto`, else once the operator has said so.
 *
 * It costs money, so it is as durable as a purchase: that the call is about to leave is committed first, in the same
 * transaction that asks the spending guard; an outcome that was not read is settled by what Sectigo says of the order
 * (GetDetailedOrderStatus, and CollectSSL -22) before anything leaves again. Before the first one, too, where this
 * process has not been told a moment ago that the order waits: the store may be a copy, or somebody may have clicked.
 */
#ifndef GATEWAY_ISSUE_MONEY_AUTHORIZE_H
#define GATEWAY_ISSUE_MONEY_AUTHORIZE_H

#include "gateway/work.h"

/* JOB_AUTHORIZE; its owner is the issuer. */
extern const struct work_kind authorize_work;

#endif
