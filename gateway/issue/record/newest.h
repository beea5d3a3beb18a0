/* newest: the latest time that the store knows, to tell at the start whether the clock is behind it. Reading. */
#ifndef GATEWAY_ISSUE_RECORD_NEWEST_H
#define GATEWAY_ISSUE_RECORD_NEWEST_H

#include <stdint.h>

#include "gateway/issue/record/issuance.h"
#include "store/store.h"

/* The latest time after now_ms at which an account, an order or a certificate was made or an audit line written, or at
 * which a certificate begins; 0 where there is none. */
uint64_t newest_after(struct store_txn *txn, uint64_t now_ms);
/* The latest time of an issuance. */
uint64_t newest_of(const struct issuance *is);

#endif
