#include "gateway/issue/life/ending.h"

#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/step.h"
#include "gateway/issue/money/refund.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"
#include "sectigo/result.h"

/* After the deadline, for what Sectigo does not answer or does not let go. */
static const uint64_t GRACE_MS = 24ull * 3600 * 1000;

bool ending_is_given_up(const struct errand *e)
{
    return e->is.refusal == ISSUANCE_GIVEN_UP || e->is.refusal == ISSUANCE_ABANDONED;
}

bool ending_is_due(const struct errand *e)
{
    return ending_is_given_up(e) || (!clock_in_doubt() && clock_ms() >= step_deadline_ms(e));
}

bool ending_is_overdue(const struct errand *e)
{
    return !clock_in_doubt() && clock_ms() >= step_deadline_ms(e) + GRACE_MS;
}

/* why: "" for nothing to add. */
static enum step end(struct errand *e, enum issuance_state to, const char *why)
{
    const char *last = why && *why ? why : "";
    if (ending_is_given_up(e))
        acme_problem_set(&e->result.problem, ACME_SERVER_INTERNAL, "the operator has given the order up%s%s",
                         *last ? "; last: " : "", last);
    else
        acme_problem_set(&e->result.problem, ACME_SERVER_INTERNAL,
                         "Sectigo has not issued the certificate in the time that the profile gives it (%lu hours)%s%s",
                         (unsigned long)e->profile->deadline_s / 3600, *last ? "; last: " : "", last);
    step_note(e, "%.1000s", e->result.problem.detail);
    errand_log(e, ending_is_given_up(e) ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
               ending_is_given_up(e) ? "an issuance that was given up ends"
                                     : "an issuance ends at its deadline; see acmegatectl order show for what kept it",
               *last ? last : NULL);
    return step_go(e, to, 0);
}

enum step ending_begin(struct errand *e)
{
    if (e->is.kind == ISSUANCE_REPLACEMENT)
        return end(
            e, e->is.state == ISSUANCE_SUBMITTED || e->is.state == ISSUANCE_BLOCKED ? ISSUANCE_DEAD : ISSUANCE_REFUSED,
            e->is.note);
    if (refund_is_served(&e->sub)) {
        step_note(e, "%s", e->is.note ? e->is.note : ""); /* why it took so long */
        return step_go(e, ISSUANCE_CANCELLING, 0);
    }
    e->result.subscription_stays = true;
    return end(e, ISSUANCE_DEAD, e->is.note);
}

enum step ending_unsettled(struct errand *e, const char *why)
{
    errand_log(e, LOG_LEVEL_ERROR,
               "whether an order was placed cannot be found out; its names cannot be bought until the operator has "
               "looked for its foreignOrderNumber in the account: acmegatectl subscription release",
               e->is.id);
    return end(e, ISSUANCE_DEAD, why);
}

/* ---- whose order it is ---- */

/* Whether the order number of the subscription is known as one of it, and of no other: Sectigo is to end no order of
 * somebody else. */
static bool owns_number(const struct errand *e)
{
    struct store_txn *txn;
    bool owned = false;
    if (e->sub.order_number[0] && store_read(e->issuer->at.store, &txn) == STORE_OK) {
        owned = refund_is_ours(txn, &e->sub) == STORE_OK;
        store_read_end(txn);
    }
    return owned;
}

static enum step foreign(struct errand *e)
{
    errand_log(
        e, LOG_LEVEL_ERROR,
        "the number of an order belongs to another one, so it is neither cancelled nor refunded; its names cannot "
        "be bought until the operator has looked for its foreignOrderNumber in the account: acmegatectl "
        "subscription release",
        e->is.id);
    return end(e, ISSUANCE_DEAD, "the order number that Sectigo gave belongs to another order");
}

enum step ending_withheld(struct errand *e, const char *why)
{
    char last[NOTE_MAX];
    snprintf(last, sizeof last, "%.900s",
             why && *why ? why : "the certificate that came is not the one that was ordered");
    /* The order of a replacement serves others too: a refund would revoke what they use. */
    if (e->is.kind == ISSUANCE_REPLACEMENT || !refund_is_served(&e->sub)) {
        e->result.subscription_stays = true;
        return end(e, ISSUANCE_DEAD, last);
    }
    if (!owns_number(e))
        return foreign(e);
    e->result.refund = true;
    return end(e, ISSUANCE_DEAD, last);
}

/* ---- cancelling ---- */

/* It cannot be cancelled, so it may have been issued after all: a look will tell. */
static void look(struct errand *e, const struct sectigo_result *result)
{
    bool soon = result->code == -26 || result->code == -4;
    char why[NOTE_MAX];
    snprintf(why, sizeof why, "AutoReject answers %d: %s", result->code, result->message);
    step_note(e, "%s", why);
    errand_log(e, LOG_LEVEL_INFO, "Sectigo does not cancel an order whose time is over", why);
    if (ending_is_overdue(e)) {
        e->result.subscription_stays = true;
        end(e, ISSUANCE_DEAD, why);
    } else if (soon) {
        step_go(e, ISSUANCE_SUBMITTED, clock_ms() + e->issuer->at.config->issuance.later_ms);
    } else {
        step_look_again(e, ISSUANCE_SUBMITTED);
    }
}

/* Whether it is cancelled or not: AutoRefund ends it too, and is asked until it is confirmed. */
static enum step leave_to_refund(struct errand *e, const char *why)
{
    e->result.refund = true;
    return end(e, ISSUANCE_DEAD, why);
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
        e->result.cancelled = e->result.refund = true;
        end(e, ISSUANCE_DEAD, e->is.note);
    } else if (parsed && class != SECTIGO_LOGIN_REFUSED && result.code != -14 && result.code != -42) {
        look(e, &result);
    } else {
        char why[NOTE_MAX];
        snprintf(why, sizeof why, "AutoReject: %.900s",
                 parsed          ? result.message
                 : reply->reason ? reply->reason
                                 : "the reply is no answer of this API");
        /* Asking twice is harmless, so a lost answer needs no settling. */
        step_note(e, "%s", why);
        if (ending_is_overdue(e))
            leave_to_refund(e, why);
        else
            step_again_later(e, ISSUANCE_CANCELLING);
    }
    errand_commit(e);
}

enum step ending_cancel(struct errand *e)
{
    struct sectigo_form form = {0};
    if (!owns_number(e))
        return foreign(e);
    if (e->is.refusal == ISSUANCE_ABANDONED)
        return leave_to_refund(e, e->is.note);
    sectigo_form_add(&form, "orderNumber", e->sub.order_number);
    upstream_call(e->login, SECTIGO_AUTO_REJECT, &form, on_reply, e);
    return STEP_WAIT;
}
