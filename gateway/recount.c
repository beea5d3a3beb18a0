#include "gateway/recount.h"

#include <stdio.h>

#include "acme/certificate.h"
#include "gateway/cost.h"
#include "gateway/days.h"
#include "gateway/issue/record/issuance.h"

enum store_status recount(struct store_txn *txn)
{
    enum store_status status = issuance_recount(txn);
    if (status == STORE_OK)
        status = cost_recount(txn);
    if (status == STORE_OK)
        status = days_recount(txn);
    return status == STORE_OK ? acme_unfetched_gather(txn) : status;
}

enum store_status recount_migrate(struct store_txn *txn, char reason[static STORE_REASON_SIZE])
{
    enum store_status status = recount(txn);
    if (status != STORE_OK)
        snprintf(reason, STORE_REASON_SIZE, "what the store holds cannot be counted: %s", store_status_text(status));
    return status;
}
