/* cancel: an order that waits for its client ends. One that has been finalized is given up instead (decide.c). */
#include <string.h>

#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "gateway/operate/view.h"

struct cancelling {
    struct acme_id order;
    const char *text;
    const struct audit_by *by;
    uint64_t now_ms;
    enum acme_order_status was;
};

/* In memory. */
static enum store_status end_order(struct acme_order *order, uint64_t now_s)
{
    struct acme_problem problem = {0};
    acme_problem_set(&problem, ACME_UNAUTHORIZED, "The operator of this server has cancelled the order.");
    bool ended = acme_order_invalidate(order, &problem, now_s);
    acme_problem_clear(&problem);
    return ended ? STORE_OK : STORE_IO;
}

static enum store_status cancel(struct store_txn *txn, void *arg)
{
    struct cancelling *c = arg;
    struct acme_order order;
    enum store_status status = acme_order_load(txn, &c->order, &order);
    if (status == STORE_OK)
        status = acme_order_refresh(txn, &order, c->now_ms / 1000);
    c->was = order.status;
    if (status == STORE_OK && c->was != ACME_ORDER_PENDING && c->was != ACME_ORDER_READY)
        status = STORE_REFUSED;
    if (status == STORE_OK)
        status = end_order(&order, c->now_ms / 1000);
    if (status == STORE_OK)
        status = acme_order_save(txn, &order);
    if (status == STORE_OK)
        status = audit_note(txn, "order cancelled", c->text, NULL, c->by, c->now_ms);
    acme_order_clear(&order);
    return status;
}

void order_cancel(struct request *request)
{
    struct cancelling c = {.text = request->argument, .by = &request->by, .now_ms = clock_ms()};
    enum store_status status = acme_id_parse(request->argument, strlen(request->argument), &c.order)
                                   ? store_call(request->admin->store, cancel, &c)
                                   : STORE_NOT_FOUND;
    if (status == STORE_REFUSED && c.was == ACME_ORDER_PROCESSING) {
        answer_error(request->answer, 409,
                     "the order has been finalized: acmegatectl order drop gives it up, and says what follows");
    } else if (status == STORE_REFUSED) {
        answer_error(request->answer, 409, "the order is %s: it has ended", acme_order_status_text(c.was));
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "order");
    } else {
        struct object o;
        log_info("the operator cancels an order", "order", request->argument);
        object_begin(&o);
        object_text(&o, "order", request->argument);
        object_text(&o, "status", acme_order_status_text(ACME_ORDER_INVALID));
        answer_json(request->answer, 200, object_end(&o));
    }
}
