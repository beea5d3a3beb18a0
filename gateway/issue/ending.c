#include "gateway/issue/ending.h"

#include <stdio.h>

#include "gateway/clock.h"
#include "gateway/issue/refund.h"
#include "gateway/issue/request.h"
#include "gateway/issue/step.h"
#include "gateway/log.h"
#include "sectigo/result.h"

bool ending_is_due(const struct errand *e)
{
    return !clock_in_doubt() && clock_ms() >= step_deadline_ms(e);
}

static enum step end(struct errand *e, enum issuance_state to)
{
    acme_problem_set(&e->result.problem, ACME_SERVER_INTERNAL,
                     "Sectigo has not issued the certificate in the time that the profile gives it (%lu hours)%s%s",
                     (unsigned long)e->profile->deadline_s / 3600, e->is.note && *e->is.note ? "; last: " : "",
                     e->is.note ? e->is.note : "");
    step_note(e, "%.1000s", e->result.problem.detail);
    errand_log(e, LOG_LEVEL_ERROR, "an issuance ends at its deadline; see acmegatectl order show for what kept it",
               e->is.note);
    return step_go(e, to, 0);
}

enum step ending_begin(struct errand *e)
{
    if (e->is.kind == ISSUANCE_REPLACEMENT)
        return end(e, e->is.state == ISSUANCE_SUBMITTED || e->is.state == ISSUANCE_BLOCKED ? ISSUANCE_DEAD
                                                                                           : ISSUANCE_REFUSED);
    if (refund_is_served(&e->sub)) {
        step_note(e, "%s", e->is.note ? e->is.note : ""); /* why it took so long */
        return step_go(e, ISSUANCE_CANCELLING, 0);
    }
    e->result.subscription_stays = true;
    return end(e, ISSUANCE_DEAD);
}

/* ---- cancelling ---- */

/* It cannot be cancelled, so it may have been issued after all: a look will tell. */
static void look(struct errand *e, const struct sectigo_result *result)
{
    bool soon = result->code == -26 || result->code == -4;
    step_note(e, "AutoReject answers %d: %s", result->code, result->message);
    errand_log(e, LOG_LEVEL_INFO, "Sectigo does not cancel an order whose time is over", e->result.note);
    if (soon)
        step_go(e, ISSUANCE_SUBMITTED, clock_ms() + e->issuer->at.config->issuance.later_ms);
    else
        step_look_again(e, ISSUANCE_SUBMITTED);
}

static void on_reply(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct sectigo_result result;
    bool parsed = reply->outcome == UPSTREAM_ANSWERED &&
                  sectigo_parse_result(SECTIGO_AUTO_REJECT, reply->body, reply->body_len, &result);
    enum sectigo_class class =
        parsed ? sectigo_classify(SECTIGO_AUTO_REJECT, result.code, result.message) : SECTIGO_UNKNOWN;

    if (class == SECTIGO_PLACED) { /* 0, and -20 of one that was cancelled before */
        e->result.cancelled = true;
        end(e, ISSUANCE_DEAD);
    } else if (parsed && class != SECTIGO_LOGIN_REFUSED && result.code != -14 && result.code != -42) {
        look(e, &result);
    } else {
        /* Asking twice is harmless, so a lost answer needs no settling. */
        step_note(e, "AutoReject: %s",
                  parsed          ? result.message
                  : reply->reason ? reply->reason
                                  : "the reply is no answer of this API");
        step_again_later(e, ISSUANCE_CANCELLING);
    }
    errand_commit(e);
}

enum step ending_cancel(struct errand *e)
{
    struct sectigo_form form = {0};
    sectigo_form_add(&form, "orderNumber", e->sub.order_number);
    upstream_call(e->login, SECTIGO_AUTO_REJECT, &form, on_reply, e);
    return STEP_WAIT;
}
