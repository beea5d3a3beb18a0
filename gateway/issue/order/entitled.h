/* entitled: which of an issuance's orders may still have its certificate, asked before money moves (issuance.md
 * section 3). */
#ifndef GATEWAY_ISSUE_ORDER_ENTITLED_H
#define GATEWAY_ISSUE_ORDER_ENTITLED_H

#include "acme/problem.h"
#include "gateway/issue/record/issuance.h"
#include "store/store.h"

/* Inside a store_fn. Fails each attached order whose account, key or policy allows it no longer, and detaches it.
 * STORE_REFUSED, all still attached and *problem set: none is left. Anything but STORE_OK and that: the store failed.
 * key_required: accounts need an external account key. */
enum store_status entitled_keep(struct store_txn *txn, struct issuance *is, bool key_required, uint64_t now_ms,
                                struct acme_problem *problem);

#endif
