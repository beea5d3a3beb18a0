/* decide: what the operator says about an order that waits for its payment, about a paid order that died (its money is
 * asked back, or its names are free again without), and about an issuance (it is given up). issuance.md sections 2
 * and 4. Each answer follows the commit. */
#include <stdio.h>
#include <string.h>

#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/money/refund.h"
#include "gateway/issue/record/story.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "gateway/operate/view.h"
#include "gateway/tables.h"

struct decision {
    struct acme_id id;
    const char *id_text;
    const struct audit_by *by;
    uint64_t now_ms;
    bool refund; /* otherwise: release */
    const char *conflict;
};

/* Why it cannot be decided so; NULL: it can. */
static const char *conflict_of(struct store_txn *txn, const struct decision *d, const struct subscription *sub)
{
    if (sub->state != SUBSCRIPTION_DEAD)
        return "the subscription is not dead: nothing is to be decided about it";
    if (!d->refund)
        return NULL;
    if (!sub->order_number[0])
        return "its order number is not known: look for its foreignOrderNumber in the account, then release it";
    if (refund_is_ours(txn, sub) == STORE_EXISTS)
        return "its order number belongs to another order, which is not to be refunded: look in the account, then "
               "release "
               "it";
    return refund_is_served(sub)
               ? NULL
               : "AutoRefund serves single-domain and wildcard products only: ask Sectigo's people for "
                 "the money, then release it";
}

static enum store_status decide(struct store_txn *txn, void *arg)
{
    struct decision *d = arg;
    struct subscription sub;
    enum store_status status = subscription_load(txn, &d->id, &sub);
    d->conflict = status == STORE_OK ? conflict_of(txn, d, &sub) : NULL;
    if (d->conflict)
        status = STORE_REFUSED;
    if (status == STORE_OK && d->refund)
        status = refund_begin(txn, &sub, d->now_ms);
    else if (status == STORE_OK)
        sub.state = SUBSCRIPTION_ENDED;
    if (status == STORE_OK)
        status = subscription_save(txn, &sub);
    if (status == STORE_OK)
        status = audit_note(txn, d->refund ? "refund asked for" : "names released", d->id_text, NULL, d->by, d->now_ms);
    subscription_clear(&sub);
    return status;
}

static void answer_decision(struct request *request, bool refund)
{
    struct decision d = {.id_text = request->argument, .by = &request->by, .now_ms = clock_ms(), .refund = refund};
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
    answer_decision(request, true);
}

void subscription_release(struct request *request)
{
    answer_decision(request, false);
}

/* ---- an issuance that is given up ---- */

struct giving_up {
    struct acme_id order;
    const char *order_text;
    const struct audit_by *by;
    uint64_t now_ms;
    char issuance[ISSUANCE_ID_MAX + 1];
    enum issuance_state state; /* 0: the order has none */
    const char *decided;
};

/* What follows, which life.c and ending.c do. */
static const char *what_follows(const struct issuance *is, const struct subscription *sub)
{
    if (is->sends == 0)
        return "given up: nothing was sent to Sectigo for it, so its orders end";
    if (is->kind == ISSUANCE_REPLACEMENT)
        return "given up: its orders end, nothing is called, and the paid subscription stays";
    if (is->state == ISSUANCE_CANCELLING)
        return "given up: AutoReject is not asked any more, its orders end, and AutoRefund is asked for its money";
    if (issuance_is_refused_by_number(is))
        return "given up, once Sectigo's report has been read twice: what it knows is collected once more, then "
               "cancelled and refunded where AutoRefund serves the product; where it knows nothing its orders end, and "
               "its names stay blocked, since Sectigo refused the repeat by its number and so has the order: look for "
               "it in the account, then subscription release";
    if (is->state == ISSUANCE_UNKNOWN || is->state == ISSUANCE_HELD)
        return "given up, once Sectigo's report knows nothing of it; what it knows is collected once more, then "
               "cancelled "
               "and refunded where AutoRefund serves the product, else kept for the next order of these names";
    return refund_is_served(sub) ? "given up: it is collected once more, and unless that brings its certificate it is "
                                   "cancelled (AutoReject) and refunded (AutoRefund)"
                                 : "given up: it is collected once more, and unless that brings its certificate its "
                                   "orders end; the paid subscription stays for the next order of these names";
}

static int32_t given_up_as(const struct issuance *is)
{
    return is->state == ISSUANCE_CANCELLING     ? ISSUANCE_ABANDONED
           : issuance_is_refused_by_number(is) ? ISSUANCE_GIVEN_UP_AS_PLACED
                                                : ISSUANCE_GIVEN_UP;
}

static enum store_status mark_given_up(struct store_txn *txn, struct issuance *is, uint64_t now_ms)
{
    char note[1024];
    snprintf(note, sizeof note, "given up by the operator; it was %s: %.900s", issuance_state_text(is->state),
             is->note ? is->note : "");
    is->refusal = given_up_as(is);
    is->revision++; /* a look at it may be under way */
    enum store_status status = issuance_set_note(is, note) ? issuance_save(txn, is) : STORE_IO;
    if (status == STORE_OK)
        status = story_add(txn, is, STORY_OPERATOR, "order drop", now_ms);
    return status == STORE_OK ? store_job_set(txn, JOB_ISSUANCE, is->id, strlen(is->id), now_ms) : status;
}

static enum store_status give_up_issuance(struct store_txn *txn, struct giving_up *g, struct issuance *is)
{
    struct subscription sub;
    g->state = is->state;
    memcpy(g->issuance, is->id, sizeof g->issuance);
    if (issuance_ended(is->state) || is->state == ISSUANCE_SUBMITTING)
        return STORE_REFUSED;
    enum store_status status = subscription_load(txn, &is->subscription, &sub);
    if (status == STORE_OK)
        g->decided = what_follows(is, &sub);
    subscription_clear(&sub);
    return status == STORE_OK ? mark_given_up(txn, is, g->now_ms) : status;
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
    if (status == STORE_OK)
        status = give_up_issuance(txn, g, &is);
    else if (status == STORE_NOT_FOUND)
        status = STORE_REFUSED;
    if (status == STORE_OK)
        status = audit_note(txn, "order given up", g->order_text, NULL, g->by, g->now_ms);
    issuance_clear(&is);
    return status;
}

void order_drop(struct request *request)
{
    struct giving_up g = {.order_text = request->argument, .by = &request->by, .now_ms = clock_ms()};
    enum store_status status = acme_id_parse(request->argument, strlen(request->argument), &g.order)
                                   ? store_call(request->admin->store, give_up, &g)
                                   : STORE_NOT_FOUND;
    if (status == STORE_REFUSED && g.state == 0) {
        answer_error(request->answer, 409,
                     "the order has not been finalized: it waits for its client, and expires by itself");
    } else if (status == STORE_REFUSED && g.state == ISSUANCE_SUBMITTING) {
        answer_error(
            request->answer, 409,
            "the order's request is on its way to Sectigo; drop it when that has ended, in two minutes at most");
    } else if (status == STORE_REFUSED) {
        answer_error(request->answer, 409, "the order's issuance is %s: it has ended, and nothing is left to give up",
                     issuance_state_text(g.state));
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "order");
    } else {
        struct object o;
        scheduler_wake(request->admin->scheduler, JOB_ISSUANCE, g.issuance, strlen(g.issuance));
        log_info("the operator gives up an order", "order", request->argument, "issuance", g.issuance);
        object_begin(&o);
        object_text(&o, "issuance", g.issuance);
        object_text(&o, "decided", g.decided);
        answer_json(request->answer, 200, object_end(&o));
    }
}

/* ---- an order that waits for its payment ---- */

struct paying {
    const char *order_text;
    struct acme_id order;
    const struct audit_by *by;
    uint64_t now_ms;
    char issuance[ISSUANCE_ID_MAX + 1];
    enum payment_state state; /* 0: it does not wait for payment */
};

static enum store_status authorize(struct store_txn *txn, void *arg)
{
    struct paying *p = arg;
    struct acme_order order;
    struct issuance is = {0};
    p->state = 0;
    enum store_status status = acme_order_load(txn, &p->order, &order);
    acme_order_clear(&order);
    if (status != STORE_OK)
        return status;
    status = view_issuance_of(txn, &p->order, &is);
    memcpy(p->issuance, is.id, sizeof p->issuance);
    issuance_clear(&is);
    if (status == STORE_OK)
        status = payment_ask(txn, p->issuance, p->now_ms, &p->state);
    if (status == STORE_NOT_FOUND)
        return STORE_REFUSED;
    return status == STORE_OK ? audit_note(txn, "payment authorized", p->order_text, NULL, p->by, p->now_ms) : status;
}

static const char *why_not_paid(enum payment_state state)
{
    switch (state) {
    case PAYMENT_SENDING:
    case PAYMENT_UNKNOWN:
        return "the order's payment is on its way; acmegatectl order show says how far it is";
    case PAYMENT_DONE:
        return "the order's payment has been authorized";
    default:
        return "the order does not wait for its payment";
    }
}

void order_authorize(struct request *request)
{
    struct paying p = {.order_text = request->argument, .by = &request->by, .now_ms = clock_ms()};
    enum store_status status = acme_id_parse(request->argument, strlen(request->argument), &p.order)
                                   ? store_call(request->admin->store, authorize, &p)
                                   : STORE_NOT_FOUND;
    if (status == STORE_REFUSED) {
        answer_error(request->answer, 409, "%s", why_not_paid(p.state));
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "order");
    } else {
        struct object o;
        scheduler_wake(request->admin->scheduler, JOB_AUTHORIZE, p.issuance, strlen(p.issuance));
        log_info("the operator has an order paid", "order", request->argument, "issuance", p.issuance);
        object_begin(&o);
        object_text(&o, "issuance", p.issuance);
        object_text(&o, "decided", "paid, as far as the limits allow");
        answer_json(request->answer, 200, object_end(&o));
    }
}
