/* decide: what the operator says about a paid order that died (its money is asked back, or its names are free again
 * without), and about an issuance that is held (it is given up). issuance.md sections 2 and 4. Each answer follows the
 * commit. */
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/refund.h"
#include "gateway/issue/tables.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "gateway/operate/view.h"

struct decision {
    struct acme_id id;
    uint64_t now_ms;
    bool refund; /* otherwise: release */
    const char *conflict;
};

static enum store_status decide(struct store_txn *txn, void *arg)
{
    struct decision *d = arg;
    struct subscription sub;
    enum store_status status = subscription_load(txn, &d->id, &sub);
    d->conflict = NULL;
    if (status == STORE_OK && sub.state != SUBSCRIPTION_DEAD)
        d->conflict = "the subscription is not dead: nothing is to be decided about it";
    else if (status == STORE_OK && d->refund && !refund_is_served(&sub))
        d->conflict = "AutoRefund serves single-domain and wildcard products only: ask Sectigo's people for the money, "
                      "then release it";
    if (d->conflict)
        status = STORE_REFUSED;
    if (status == STORE_OK && d->refund)
        status = refund_begin(txn, &sub, d->now_ms);
    else if (status == STORE_OK)
        sub.state = SUBSCRIPTION_ENDED;
    if (status == STORE_OK)
        status = subscription_save(txn, &sub);
    subscription_clear(&sub);
    return status;
}

static void answer(struct request *request, bool refund)
{
    struct decision d = {.now_ms = clock_ms(), .refund = refund};
    enum store_status status = acme_id_parse(request->argument, strlen(request->argument), &d.id)
                                   ? store_call(request->admin->store, decide, &d)
                                   : STORE_NOT_FOUND;
    if (status == STORE_REFUSED) {
        answer_error(request->answer, 409, "%s", d.conflict);
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "subscription");
    } else {
        struct object o;
        log_info(refund ? "the operator asks for a refund" : "the operator releases the names of a dead order",
                 "subscription", request->argument);
        object_begin(&o);
        object_text(&o, "subscription", request->argument);
        object_text(&o, "decided", refund ? "refund asked for" : "released");
        answer_json(request->answer, 200, object_end(&o));
    }
}

void subscription_refund(struct request *request)
{
    answer(request, true);
}

void subscription_release(struct request *request)
{
    answer(request, false);
}

/* ---- an issuance that is held ---- */

struct giving_up {
    struct acme_id order;
    uint64_t now_ms;
    char issuance[ISSUANCE_ID_MAX + 1];
    enum issuance_state state; /* 0: the order has none */
};

static enum store_status mark_given_up(struct store_txn *txn, struct issuance *is, uint64_t now_ms)
{
    char note[1024];
    snprintf(note, sizeof note, "given up by the operator; it was held: %.900s", is->note ? is->note : "");
    is->refusal = ISSUANCE_GIVEN_UP;
    is->revision++; /* a look at it may be under way */
    enum store_status status = issuance_set_note(is, note) ? issuance_save(txn, is) : STORE_IO;
    return status == STORE_OK ? store_job_set(txn, JOB_ISSUANCE, is->id, strlen(is->id), now_ms) : status;
}

static enum store_status give_up(struct store_txn *txn, void *arg)
{
    struct giving_up *g = arg;
    struct acme_order order;
    struct issuance is = {0};
    g->state = 0;
    enum store_status status = acme_order_load(txn, &g->order, &order);
    acme_order_clear(&order);
    if (status != STORE_OK)
        return status;
    status = view_issuance_of(txn, &g->order, &is);
    if (status == STORE_OK) {
        g->state = is.state;
        memcpy(g->issuance, is.id, sizeof g->issuance);
        status = is.state == ISSUANCE_HELD ? mark_given_up(txn, &is, g->now_ms) : STORE_REFUSED;
    } else if (status == STORE_NOT_FOUND) {
        status = STORE_REFUSED;
    }
    issuance_clear(&is);
    return status;
}

void order_drop(struct request *request)
{
    struct giving_up g = {.now_ms = clock_ms()};
    enum store_status status = acme_id_parse(request->argument, strlen(request->argument), &g.order)
                                   ? store_call(request->admin->store, give_up, &g)
                                   : STORE_NOT_FOUND;
    if (status == STORE_REFUSED) {
        answer_error(request->answer, 409, "only an order whose issuance is held can be given up; it is %s",
                     issuance_state_text(g.state));
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "order");
    } else {
        struct object o;
        log_info("the operator gives up an order", "order", request->argument, "issuance", g.issuance);
        object_begin(&o);
        object_text(&o, "issuance", g.issuance);
        object_text(&o, "decided", "given up, once Sectigo's report knows nothing of it");
        answer_json(request->answer, 200, object_end(&o));
    }
}
