/* submitting: the one request that costs money (issuance.md sections 3 to 5). */
#include <stdio.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/commit.h"
#include "gateway/issue/life/life.h"
#include "gateway/issue/upstream/request.h"
#include "sectigo/code.h"

/* How long after the commit into submitting the request may leave. */
enum { LEAVE_WITHIN_MS = 30 * SECOND_MS };
/* How long a request may be on the wire beyond its own time-out before its job takes it for lost. */
static const uint64_t WIRE_MARGIN_MS = 30 * SECOND_MS;

/* ---- decisions ---- */

void submitting_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    (void)now_ms;
    if (!f->sending) /* left over by a kill: it may have been sent */
        outcome_unknown(out, 0, "the gateway ended while the request was on its way");
    else
        outcome_ask(out, ASK_ORDER);
}

/* The profile makes no order of it that Sectigo would take. */
static void unfit(const char *why, struct outcome *out)
{
    outcome_say(out, LOG_LEVEL_ERROR, "the order cannot be sent as the profile makes it; mend the profile", why);
    outcome_refuse(out, ACME_SERVER_INTERNAL, why);
}

void submitting_take_back(const struct facts *f, struct outcome *out)
{
    outcome_not_sent(f, 1, 0, out);
    out->due_ms = 0;
}

enum acme_problem_type submitting_problem(int code)
{
    char urn[128];
    const char *type = sectigo_code_acme_type(code);
    snprintf(urn, sizeof urn, "urn:ietf:params:acme:error:%s", type ? type : "serverInternal");
    return acme_problem_from_urn(urn);
}

void submitting_over(int code, const char *words, struct outcome *out)
{
    outcome_note(out, "the subscription is over: %s (%d)", words, code);
    out->kind = OUTCOME_OVER;
    out->due_ms = 0;
}

/* Of a repeat: Sectigo says that it has the number already. */
static bool is_by_number(const struct facts *f, const struct sectigo_order_answer *answer)
{
    return f->is->sends > 1 && sectigo_names_number(answer->code, answer->message);
}

/* A refusal. After an earlier send, or by a code that nobody documented, it may mean that the order stands: only a
 * report can tell. */
static void refused(const struct facts *f, enum acme_problem_type type, bool final,
                    const struct sectigo_order_answer *answer, struct outcome *out)
{
    char words[SECTIGO_MESSAGE_MAX + 64];
    snprintf(words, sizeof words, "Sectigo refuses the order: %s (%d)", answer->message, answer->code);
    if (!final || f->is->sends > 1) {
        outcome_unknown(out, is_by_number(f, answer) ? SECTIGO_NOT_UNIQUE : answer->code, words);
        return;
    }
    if (type == ACME_SERVER_INTERNAL)
        outcome_say(out, LOG_LEVEL_ERROR, "Sectigo refuses an order for a reason that configuration must mend", words);
    outcome_refuse(out, type, words);
}

static void placed(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    uint64_t poll_ms = f->profile->first_poll_ms, nudge_ms = f->dcv->nudge_after_ms;
    uint64_t wait_ms = poll_ms < nudge_ms ? poll_ms : nudge_ms;
    out->kind = OUTCOME_PLACED;
    out->due_ms = wait_ms ? now_ms + wait_ms : 0;
    out->placed = (struct outcome_placed){.answer = r->order, .said_ms = r->date_ms, .wait_ms = wait_ms};
}

static void on_answer(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    const struct sectigo_order_answer *answer = &r->order;
    switch (sectigo_classify(ask_call(f->is, ASK_ORDER), answer->code, answer->message)) {
    case SECTIGO_PLACED:
        placed(f, r, now_ms, out);
        break;
    case SECTIGO_PERHAPS_PLACED_EARLIER:
        refused(f, ACME_SERVER_INTERNAL, false, answer, out);
        break;
    case SECTIGO_CSR_REFUSED:
        refused(f, submitting_problem(answer->code), true, answer, out);
        break;
    case SECTIGO_NO_CREDIT:
        outcome_hold(f, HELD_NO_CREDIT, now_ms, now_ms + HOUR_MS,
                     "the Sectigo account has not enough credit (-15): pay in, then acmegatectl upstream resume", out);
        break;
    case SECTIGO_LOGIN_REFUSED:
        outcome_hold(f, HELD_NOT_SENT, now_ms, now_ms + HOUR_MS / 12, "Sectigo refuses the login (-16)", out);
        break;
    case SECTIGO_LATER:
        outcome_note(out, "Sectigo asks to try again later: %s (%d)", answer->message, answer->code);
        outcome_not_sent(f, 0, now_ms, out);
        break;
    case SECTIGO_SUBSCRIPTION_OVER:
        if (f->is->sends > 1) /* of a repeat: the earlier one may have been placed */
            refused(f, ACME_SERVER_INTERNAL, true, answer, out);
        else
            submitting_over(answer->code, answer->message, out);
        break;
    case SECTIGO_UNKNOWN:
        outcome_unknown(out, 0, answer->message);
        break;
    default:
        refused(f, ACME_SERVER_INTERNAL, true, answer, out);
    }
}

void submitting_answered(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    if (r->outcome == UPSTREAM_NEVER_LEFT) {
        outcome_note(out, "not sent: %s", r->why);
        outcome_not_sent(f, r->again_ms, now_ms, out);
    } else if (!r->parsed) {
        outcome_unknown(out, 0, r->why);
    } else {
        on_answer(f, r, now_ms, out);
    }
}

/* ---- asking ---- */

/* The policy names the contact, and the organisation of OV and EV; one that was deleted names nothing. */
static bool fill_order(const struct step *s, struct sectigo_form *form)
{
    request_order(form, &s->is, &s->sub, s->account, s->profile, &s->rules);
    return !form->failed;
}

/* A request that leaves long after it was stored as on its way has been overtaken by what happened since: it is decided
 * anew. Asked at the last moment, on the egress thread. */
static const char *may_leave(void *ctx)
{
    const struct step *s = ctx;
    if (clock_boot_ms() - s->sending_boot_ms > LEAVE_WITHIN_MS)
        return "it did not leave within 30 seconds after it was stored as on its way, so it is decided anew";
    if (s->is.kind == ISSUANCE_PURCHASE && clock_in_doubt())
        return "nothing is bought while the clock is in doubt (acmegatectl status)";
    return NULL;
}

/* finalize has checked that the CSR's names are the order's. */
static bool is_fit(const struct step *s, const struct sectigo_form *form, char reason[static SECTIGO_MESSAGE_MAX])
{
    struct sectigo_csr_facts csr = {.common_name = s->is.csr_has_cn,
                                    .common_name_wildcard = s->is.csr_has_cn && request_is_wildcard(&s->sub),
                                    .names = s->sub.names.count};
    return s->is.kind != ISSUANCE_PURCHASE || s->is.sends > 1 || sectigo_order_check_known(form, &csr, reason);
}

void submitting_ask(struct step *s)
{
    static const struct upstream_reply unfilled = {.outcome = UPSTREAM_NEVER_LEFT, .reason = "memory is short"};
    struct sectigo_form form = {0};
    char reason[SECTIGO_MESSAGE_MAX];

    s->sending = false;
    if (!fill_order(s, &form)) {
        sectigo_form_clear(&form);
        asking_reply(s, &unfilled);
    } else if (!is_fit(s, &form, reason)) {
        sectigo_form_clear(&form);
        s->outcome = (struct outcome){0};
        unfit(reason, &s->outcome);
        work_go(&s->work, asking_follow(s));
    } else {
        issuer_debug_stop(s->issuer, "submitting-leaves");
        upstream_send(s->login, ask_call(&s->is, ASK_ORDER), &form, may_leave, LEAVE_WITHIN_MS, asking_reply, s);
    }
}

/* ---- entering ---- */

/* What is not answered by then is taken for lost. */
enum store_status submitting_enter(struct commit *c)
{
    c->step->sending_boot_ms = clock_boot_ms();
    c->is->sent_unconfirmed = !clock_is_confirmed();
    c->due_ms = c->now_ms + c->step->account->timeout_ms + WIRE_MARGIN_MS;
    return STORE_OK;
}
