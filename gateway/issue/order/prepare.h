/* prepare: an issuance in state prepared has a unique value, the answer to Sectigo's domain control, and a job. */
#ifndef GATEWAY_ISSUE_ORDER_PREPARE_H
#define GATEWAY_ISSUE_ORDER_PREPARE_H

#include "gateway/dcv/files.h"
#include "gateway/issue/record/issuance.h"
#include "store/store.h"

/* How it answers domain control, by its unique value as it is now; borrows its id. */
struct dcv_answer prepare_answer(const struct issuance *is);
/* Inside a store_fn: gives the issuance its unique value and DCV answer, makes its job due. From any state that may
 * move to prepared; also for a new one. The caller saves it. */
enum store_status prepare_issuance(struct store_txn *txn, struct issuance *is, uint64_t now_ms);

#endif
