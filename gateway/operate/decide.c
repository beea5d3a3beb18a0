/* decide: what the operator says about a paid order that died: its money is asked back, or its names are free again
 * without. issuance.md section 2. Each answer follows the commit. */
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/refund.h"
#include "gateway/issue/tables.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"

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
