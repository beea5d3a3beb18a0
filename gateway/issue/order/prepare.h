/* prepare: an issuance whose turn it is has a unique value, the answer to Sectigo's domain control, and a job. */
#ifndef GATEWAY_ISSUE_ORDER_PREPARE_H
#define GATEWAY_ISSUE_ORDER_PREPARE_H

#include "gateway/config/config.h"
#include "gateway/dcv/files.h"
#include "gateway/issue/record/issuance.h"
#include "store/store.h"

/* How it answers domain control, by its unique value as it is now; borrows its id. */
struct dcv_answer prepare_answer(const struct issuance *is);
/* Where it begins under these rules: prepared where a name is proved by a CNAME record, which has to be published
 * first; else published, for files are served from the commit on that makes it. */
enum issuance_state prepare_state(const struct config_dcv *dcv, const struct acme_names *names);
/* Inside a store_fn: gives the issuance its unique value and DCV answer, makes its job due. For a new
 * one, and from any state that may move to prepared. The caller saves it. */
enum store_status prepare_issuance(struct store_txn *txn, struct issuance *is, uint64_t now_ms);

#endif
