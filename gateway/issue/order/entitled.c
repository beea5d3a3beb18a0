#include "gateway/issue/order/entitled.h"

#include <stdlib.h>
#include <string.h>

#include "acme/entitlement.h"
#include "acme/order.h"
#include "store/shortage.h"

static enum store_status detach(struct store_txn *txn, struct issuance *is, uint32_t at, bool key_required,
                                uint64_t now_ms)
{
    struct acme_problem problem = {0};
    struct acme_id order = is->orders[at];
    enum store_status status = acme_still_entitled(txn, &order, key_required, &problem);
    if (status == STORE_REFUSED)
        status = acme_order_fail(txn, &order, &problem, now_ms);
    acme_problem_clear(&problem);
    if (status != STORE_OK && status != STORE_REFUSED)
        return status;
    memmove(&is->orders[at], &is->orders[at + 1], (is->order_count - at - 1) * sizeof *is->orders);
    is->order_count--;
    return STORE_OK;
}

enum store_status entitled_keep(struct store_txn *txn, struct issuance *is, bool key_required, uint64_t now_ms,
                                struct acme_problem *problem)
{
    uint32_t refused = 0;
    enum store_status status = STORE_OK;
    bool *may = shortage_calloc(is->order_count + 1, sizeof *may);
    if (!may)
        return STORE_IO;
    for (uint32_t i = 0; i < is->order_count && (status == STORE_OK || status == STORE_REFUSED); i++) {
        status = acme_still_entitled(txn, &is->orders[i], key_required, problem);
        may[i] = status == STORE_OK;
        refused += status == STORE_REFUSED;
    }
    if (status != STORE_OK && status != STORE_REFUSED)
        goto out;
    status = refused > 0 && refused == is->order_count ? STORE_REFUSED : STORE_OK;
    for (uint32_t i = is->order_count; status == STORE_OK && i-- > 0;) {
        if (!may[i])
            status = detach(txn, is, i, key_required, now_ms);
    }
out:
    free(may);
    return status;
}
