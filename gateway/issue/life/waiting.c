#include "gateway/issue/life/waiting.h"

#include "acme/order.h"
#include "gateway/clock.h"
#include "gateway/issue/life/ending.h"
#include "gateway/issue/life/step.h"
#include "gateway/log.h"

static const char SUPERSEDED[] = "superseded: nobody has asked for this order while it waited for others of the same "
                                 "names; order again";
static const char TOO_LATE[] =
    "the order's time is over, and others of the same names were always before it; order again";

/* Not one of the future, which a clock that was wrong has written. */
static void take_later(uint64_t *last_ms, uint64_t time_ms, uint64_t now_ms)
{
    if (time_ms > *last_ms && time_ms <= now_ms)
        *last_ms = time_ms;
}
/* After the store would not tell when they were read. */
static const uint64_t UNREAD_REST_MS = 10 * 1000;

/* When a client last asked for one of its orders: noted coarsely, as reading is not to cost a commit each time. */
static bool last_read_ms(const struct errand *e, uint64_t now_ms, uint64_t *last_ms)
{
    struct store_txn *txn;
    enum store_status status = store_read(e->issuer->at.store, &txn);
    if (status != STORE_OK)
        return false;
    *last_ms = e->is.created_ms;
    for (uint32_t i = 0; status == STORE_OK && i < e->is.order_count; i++) {
        struct acme_order order;
        status = acme_order_load(txn, &e->is.orders[i], &order);
        if (status == STORE_OK) {
            take_later(last_ms, order.read_s * 1000, now_ms);
            take_later(last_ms, order.finalized_ms, now_ms);
        }
        if (status == STORE_NOT_FOUND)
            status = STORE_OK;
        acme_order_clear(&order);
    }
    store_read_end(txn);
    return status == STORE_OK;
}

enum step waiting_step(struct errand *e)
{
    uint64_t now_ms = clock_ms(), after_ms = e->issuer->at.config->issuance.superseded_after_ms, last_ms;
    if (ending_is_given_up(e))
        return step_refused(e, ACME_SERVER_INTERNAL, e->is.note);
    if (ending_is_due(e))
        return step_refused(e, ACME_SERVER_INTERNAL, TOO_LATE);
    if (clock_in_doubt())
        return step_go(e, ISSUANCE_QUEUED, now_ms + after_ms);
    if (!last_read_ms(e, now_ms, &last_ms))
        return step_go(e, ISSUANCE_QUEUED, now_ms + UNREAD_REST_MS);
    if (now_ms >= last_ms + after_ms)
        return step_refused(e, ACME_SERVER_INTERNAL, SUPERSEDED);
    return step_go(e, ISSUANCE_QUEUED, last_ms + after_ms);
}
