/* records: the job that makes DNS agree with the store about the CNAME records of an issuance: published while it
 * lives, removed once it has ended, also after a crash. Inside this room only.
 */
#ifndef GATEWAY_ISSUE_LIFE_RECORDS_H
#define GATEWAY_ISSUE_LIFE_RECORDS_H

#include "gateway/dcv/record.h"
#include "gateway/work.h"
#include "store/store.h"

/* JOB_DCV_RECORDS; its owner is the issuer. */
extern const struct work_kind records_work;

/* Inside the store_fn that ends the issuance: its records, if it has any, are to be removed; those of another that uses
 * the same CSR, whose place they may have taken, are to be published anew. */
enum store_status records_unpublish(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms);
/* Inside the store_fn that gives the issuance another unique value: its records, if any, are to be published anew. */
enum store_status records_retarget(struct store_txn *txn, const struct dcv_answer *answer, uint64_t now_ms);

#endif
