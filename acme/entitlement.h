/* entitlement: may an order still have its certificate? Asked again before money moves (issuance.md section 3). */
#ifndef ACME_ENTITLEMENT_H
#define ACME_ENTITLEMENT_H

#include "acme/id.h"
#include "acme/problem.h"
#include "store/store.h"

/* STORE_OK: the order's account is valid, its external account key enabled, and its policy allows the names and the way
 * in which they were authorized. STORE_REFUSED: not, and *problem (unauthorized) says why. Anything else: the store
 * failed. key_required: accounts without an external account key are refused. In a snapshot or a store_fn. */
enum store_status acme_still_entitled(struct store_txn *txn, const struct acme_id *order, bool key_required,
                                      struct acme_problem *problem);

#endif
