/* The life of one issuance, state by state (issuance.md section 3). Each function looks at what is stored and finds out
 * what comes next; commit.c stores it. Whatever Sectigo may have accepted is never sent again before a report has
 * settled it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/adopt.h"
#include "gateway/issue/life/ending.h"
#include "gateway/issue/life/errand.h"
#include "gateway/issue/life/family.h"
#include "gateway/issue/life/nudge.h"
#include "gateway/issue/life/step.h"
#include "gateway/issue/life/waiting.h"
#include "gateway/issue/upstream/accept.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"
#include "sectigo/code.h"

/* How long after the commit into submitting the request may leave. */
enum { LEAVE_WITHIN_MS = 30 * 1000 };

static const struct upstream_reply NOT_SENT = {.outcome = UPSTREAM_NEVER_LEFT};

/* The request never left, or was turned away: sent later, unless an earlier one may have been accepted. */
static enum step send_later(struct errand *e, const struct upstream_reply *reply)
{
    e->result.not_placed = true;
    return step_unanswered(e, reply, e->is.sends > 1 ? ISSUANCE_UNKNOWN : ISSUANCE_PUBLISHED);
}

static void call(struct errand *e, enum sectigo_call_kind kind, struct sectigo_form *form, upstream_done_fn *done)
{
    upstream_call(e->login, kind, form, done, e);
}

static enum sectigo_call_kind order_call(const struct errand *e)
{
    return e->is.kind == ISSUANCE_PURCHASE ? SECTIGO_AUTO_APPLY_ORDER : SECTIGO_AUTO_REPLACE_SSL;
}

/* ---- submitting: the one request that costs money ---- */

static enum acme_problem_type csr_problem(int code)
{
    char urn[128];
    const char *type = sectigo_code_acme_type(code);
    snprintf(urn, sizeof urn, "urn:ietf:params:acme:error:%s", type ? type : "serverInternal");
    return acme_problem_from_urn(urn);
}

static enum step unknown(struct errand *e, const char *why)
{
    step_note(e, "the outcome is unknown: %s", why);
    errand_log(e, LOG_LEVEL_INFO,
               "Sectigo may have accepted a request whose answer was not read; asking before anything is sent again",
               why);
    return step_go(e, ISSUANCE_UNKNOWN, 0);
}

/* Of a repeat: Sectigo says that it has the number already. */
static bool is_by_number(const struct errand *e, const struct sectigo_order_answer *answer)
{
    return e->is.sends > 1 && sectigo_names_number(answer->code, answer->message);
}

/* A refusal. After an earlier send, or by a code that nobody documented, it may mean that the order stands: only a
 * report can tell. */
static enum step no(struct errand *e, enum acme_problem_type type, bool final,
                    const struct sectigo_order_answer *answer)
{
    char words[SECTIGO_MESSAGE_MAX + 64];
    snprintf(words, sizeof words, "Sectigo refuses the order: %s (%d)", answer->message, answer->code);
    if (!final || e->is.sends > 1) {
        e->result.refusal = is_by_number(e, answer) ? SECTIGO_NOT_UNIQUE : answer->code;
        return unknown(e, words);
    }
    if (type == ACME_SERVER_INTERNAL)
        errand_log(e, LOG_LEVEL_ERROR, "Sectigo refuses an order for a reason that configuration must mend", words);
    return step_refused(e, type, words);
}

/* AutoReplaceSSL says that there is nothing left to replace: the next request buys. */
static enum step over(struct errand *e, int code, const char *words)
{
    e->result.over = true;
    step_note(e, "the subscription is over: %s (%d)", words, code);
    return step_go(e, ISSUANCE_PREPARED, 0);
}

static enum step on_answer(struct errand *e, const struct sectigo_order_answer *answer)
{
    switch (sectigo_classify(order_call(e), answer->code, answer->message)) {
    case SECTIGO_PLACED:
        e->result.answer = *answer;
        return step_go(e, ISSUANCE_SUBMITTED, 0);
    case SECTIGO_PERHAPS_PLACED_EARLIER:
        return no(e, ACME_SERVER_INTERNAL, false, answer);
    case SECTIGO_CSR_REFUSED:
        return no(e, csr_problem(answer->code), true, answer);
    case SECTIGO_NO_CREDIT:
        e->result.not_placed = e->result.no_credit = true;
        return step_held(e, clock_ms() + HOUR_MS,
                         "the Sectigo account has not enough credit (-15): pay in, then acmegatectl upstream resume");
    case SECTIGO_LOGIN_REFUSED:
        e->result.not_placed = true;
        return step_held(e, clock_ms() + HOUR_MS / 12, "Sectigo refuses the login (-16)");
    case SECTIGO_LATER:
        step_note(e, "Sectigo asks to try again later: %s (%d)", answer->message, answer->code);
        return send_later(e, &NOT_SENT);
    case SECTIGO_SUBSCRIPTION_OVER:
        if (e->is.sends > 1) /* of a repeat: the earlier one may have been placed */
            return no(e, ACME_SERVER_INTERNAL, true, answer);
        e->result.not_placed = true;
        return over(e, answer->code, answer->message);
    case SECTIGO_UNKNOWN:
        return unknown(e, answer->message);
    default:
        return no(e, ACME_SERVER_INTERNAL, true, answer);
    }
}

static void on_order_reply(void *ctx, const struct upstream_reply *reply)
{
    static const struct sectigo_order_flags flags = {.url_encoded = true, .certificate_id = true};
    struct errand *e = ctx;
    struct sectigo_order_answer answer;

    issuer_debug_stop(e->issuer, "submitting-sent");
    e->result.said_ms = reply->date_ms;
    if (reply->outcome == UPSTREAM_NEVER_LEFT) {
        step_note(e, "not sent: %s", reply->reason);
        send_later(e, reply);
    } else if (reply->outcome == UPSTREAM_LOST) {
        unknown(e, reply->reason);
    } else if (!sectigo_parse_order(order_call(e), reply->body, reply->body_len, &flags, &answer)) {
        unknown(e, "the reply is no answer of this API");
    } else {
        on_answer(e, &answer);
    }
    errand_commit(e);
}

/* The policy is read as it is now: it names the contact, and the organisation of OV and EV. One that was deleted names
 * nothing. */
static bool fill_order(struct errand *e, struct sectigo_form *form)
{
    struct acme_policy policy;
    struct store_txn *txn;
    if (store_read(e->issuer->at.store, &txn) != STORE_OK)
        return false;
    enum store_status status = acme_policy_load(txn, e->sub.policy, &policy);
    store_read_end(txn);
    if (status == STORE_OK || status == STORE_NOT_FOUND)
        request_order(form, &e->is, &e->sub, upstream_login_config(e->login), e->profile, &e->rules.dcv, &policy);
    acme_policy_clear(&policy);
    return (status == STORE_OK || status == STORE_NOT_FOUND) && !form->failed;
}

/* A request that leaves long after it was stored as on its way has been overtaken by what happened since: it is decided
 * anew. Asked at the last moment, on the egress thread. */
static const char *may_leave(void *ctx)
{
    const struct errand *e = ctx;
    if (clock_boot_ms() - e->sending_boot_ms > LEAVE_WITHIN_MS)
        return "it did not leave within 30 seconds after it was stored as on its way, so it is decided anew";
    if (e->is.kind == ISSUANCE_PURCHASE && clock_in_doubt())
        return "nothing is bought while the clock is in doubt (acmegatectl status)";
    return NULL;
}

static enum step submitting(struct errand *e)
{
    struct sectigo_form form = {0};
    char reason[SECTIGO_MESSAGE_MAX];

    if (!e->sending) /* left over by a kill: it may have been sent */
        return unknown(e, "the gateway ended while the request was on its way");
    e->sending = false;
    if (!fill_order(e, &form)) {
        sectigo_form_clear(&form);
        step_note(e, "not sent: the policy cannot be read, or memory is short");
        return send_later(e, &NOT_SENT);
    }
    /* finalize has checked that the CSR's names are the order's */
    struct sectigo_csr_facts csr = {.common_name = e->is.csr_has_cn,
                                    .common_name_wildcard = e->is.csr_has_cn && request_is_wildcard(&e->sub),
                                    .names = e->sub.names.count};
    if (e->is.kind == ISSUANCE_PURCHASE && e->is.sends == 1 && !sectigo_order_check_known(&form, &csr, reason)) {
        sectigo_form_clear(&form);
        errand_log(e, LOG_LEVEL_ERROR, "the order cannot be sent as the profile makes it; mend the profile", reason);
        return step_refused(e, ACME_SERVER_INTERNAL, reason);
    }
    issuer_debug_stop(e->issuer, "submitting-leaves");
    upstream_send(e->login, order_call(e), &form, may_leave, LEAVE_WITHIN_MS, on_order_reply, e);
    return STEP_WAIT;
}

/* ---- unknown: settle before sending again (section 4) ---- */

static const char STILL_UNKNOWN[] = "the outcome of a request to Sectigo is still unknown: look for its "
                                    "foreignOrderNumber in the account, then decide";

/* Sectigo has refused the repeat of a purchase by its number, and its report does not know it yet: if this ended, its
 * names would be bought anew. It is looked for until it is found, or people decide. */
static enum step wait_for_report(struct errand *e, uint64_t now_ms, uint64_t next_ms)
{
    if (ending_is_due(e))
        return ending_unsettled(e, e->is.note);
    if (now_ms > e->is.sent_ms + e->issuer->at.config->issuance.settle_give_up_ms)
        return step_held(e, now_ms + HOUR_MS, STILL_UNKNOWN);
    return step_go(e, ISSUANCE_UNKNOWN, next_ms);
}

/* No report knows the order. A refusal is final after a second look, unless it was by the number of a purchase;
 * otherwise the same request may leave again, late. */
enum step life_not_found(struct errand *e, uint64_t now_ms)
{
    const struct config_issuance *times = &e->issuer->at.config->issuance;
    uint64_t next_ms = now_ms + times->settle_again_ms;
    uint64_t resend_ms = e->is.resent_ms + times->resend_ms;

    e->result.missed = true;
    step_note(e, "%s", e->is.note ? e->is.note : "");
    if (e->is.looks == 0)
        return step_go(e, ISSUANCE_UNKNOWN, next_ms);
    if (ending_is_due(e) && now_ms < resend_ms)
        return step_go(e, ISSUANCE_UNKNOWN, resend_ms); /* the request may still be at work */
    if (e->is.refusal && sectigo_classify(order_call(e), e->is.refusal, NULL) == SECTIGO_SUBSCRIPTION_OVER)
        return over(e, e->is.refusal, e->is.note);
    if (e->is.refusal == SECTIGO_NOT_UNIQUE && e->is.kind == ISSUANCE_PURCHASE && e->is.sends > 1)
        return wait_for_report(e, now_ms, next_ms);
    if (e->is.refusal)
        return step_refused(e, csr_problem(e->is.refusal), e->is.note);
    if (ending_is_due(e))
        return step_refused(e, ACME_SERVER_INTERNAL,
                            "its time is over, and Sectigo's report does not know the order: nothing was bought");
    if (now_ms > e->is.sent_ms + times->settle_give_up_ms)
        return step_held(e, now_ms + HOUR_MS, STILL_UNKNOWN);
    if (now_ms < resend_ms)
        return step_go(e, ISSUANCE_UNKNOWN, resend_ms < next_ms ? next_ms : resend_ms);
    return step_go(e, ISSUANCE_SUBMITTING, 0);
}

/* The report tells nothing. For a day after the deadline it is asked again. */
static enum step report_again(struct errand *e, const struct upstream_reply *reply)
{
    return ending_is_overdue(e) ? ending_unsettled(e, e->result.note) : step_unanswered(e, reply, ISSUANCE_UNKNOWN);
}

static void on_report(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct sectigo_report_answer answer = {0};
    bool parsed = reply->outcome == UPSTREAM_ANSWERED &&
                  sectigo_parse_report(SECTIGO_WEB_HOST_REPORT, reply->body, reply->body_len, &answer);

    e->result.looked = true;
    if (!parsed) {
        step_note(e, "the report cannot be read: %s", reply->reason ? reply->reason : "");
        report_again(e, reply);
    } else if (answer.code != 0) {
        step_note(e, "Sectigo refuses the report: %s (%d)", answer.message, answer.code);
        report_again(e, reply);
    } else if (answer.order_count == 0) {
        life_not_found(e, clock_ms());
    } else {
        adopt(e, &answer);
    }
    sectigo_report_clear(&answer);
    errand_commit(e);
}

static enum step settle(struct errand *e)
{
    uint64_t settle_again_ms = e->issuer->at.config->issuance.settle_again_ms;
    struct sectigo_form form = {0};
    if (e->is.kind == ISSUANCE_REPLACEMENT && ending_is_due(e))
        return ending_begin(e);
    if (e->is.looks > 0 && !clock_is_over(e->is.looked_ms, settle_again_ms, clock_ms())) {
        step_note(e, "%s", e->is.note ? e->is.note : "");
        e->result.refusal = e->is.refusal;
        return step_go(e, ISSUANCE_UNKNOWN, e->is.looked_ms + settle_again_ms); /* asked for too early */
    }
    if (e->is.kind == ISSUANCE_REPLACEMENT && !upstream_login_config(e->login)->replace_foreign_order_number)
        return family_settle(e);
    request_report(&form, &e->is);
    call(e, SECTIGO_WEB_HOST_REPORT, &form, on_report);
    return STEP_WAIT;
}

/* ---- submitted, blocked: until there is a certificate (section 6) ---- */

static enum accept_verdict judge(struct errand *e, const char *leaf, const char *ca,
                                 struct acme_certificate *certificate, char reason[static ACCEPT_REASON_MAX])
{
    struct accept_want want = {.spki_sha256 = e->is.spki_sha256,
                               .names = &e->sub.names,
                               .base_of_wildcard = e->profile->accept_base_of_wildcard,
                               .sent_ms = e->is.placed_ms ? e->is.placed_ms : e->is.sent_ms,
                               .anchors = upstream_anchors(e->login),
                               .cache = upstream_cas(e->login)};
    return accept_certificate(&want, leaf, ca, certificate, reason);
}

bool life_judge(struct errand *e, const char *leaf, const char *ca, struct acme_certificate *certificate)
{
    char reason[ACCEPT_REASON_MAX];
    return accept_is_ours(judge(e, leaf, ca, certificate, reason));
}

/* For the operator, whatever else follows. */
static void keep(struct errand *e, const char *leaf, const char *reason)
{
    struct kept *kept = &e->result.kept;
    kept_clear(kept);
    kept->at_ms = clock_ms();
    memcpy(kept->issuance, e->is.id, sizeof kept->issuance);
    kept->leaf = strdup(leaf);
    kept->reason = strdup(reason);
    if (!kept->leaf || !kept->reason)
        kept_clear(kept);
}

/* Ours, but for names that Sectigo left out: the paid subscription stays, and is asked once more by itself. */
static void names_missing(struct errand *e, const char *reason)
{
    e->result.names_missing = e->result.subscription_stays = true;
    acme_problem_set(&e->result.problem, ACME_REJECTED_IDENTIFIER, "%s: Sectigo could not validate all names", reason);
    step_go(e, ISSUANCE_DEAD, 0);
}

bool life_accept(struct errand *e, const char *leaf, const char *ca)
{
    char reason[ACCEPT_REASON_MAX];
    struct acme_certificate *certificate = &e->result.certificate;
    enum accept_verdict verdict = judge(e, leaf, ca, certificate, reason);
    if (verdict == ACCEPT_GOOD) {
        certificate->issuance = strdup(e->is.id);
        certificate->certificate_id = strdup(e->is.certificate_id);
        if (certificate->issuance && certificate->certificate_id) {
            step_go(e, ISSUANCE_COLLECTED, 0);
            return true;
        }
        verdict = ACCEPT_SHORTAGE;
    }
    acme_certificate_clear(certificate);
    if (verdict == ACCEPT_SHORTAGE) {
        e->result.shortage = true;
        step_note(e, "a certificate came that could not be judged: out of memory");
        return false;
    }
    e->result.withheld = verdict;
    step_note(e, "a certificate came that is not accepted: %s", reason);
    errand_log(e, LOG_LEVEL_ERROR,
               "a certificate came that is not accepted; see acmegatectl order show, and ask Sectigo about it", reason);
    keep(e, leaf, reason);
    if (verdict == ACCEPT_NAMES_MISSING)
        names_missing(e, reason);
    return verdict == ACCEPT_NAMES_MISSING;
}

/* Status 3 and 5 of the push, in the words of the detailed status. */
static bool has_failed(const struct sectigo_report_order *order)
{
    bool failed = order->status && strcasestr(order->status, "fail");
    for (size_t i = 0; i < order->certificate_count; i++)
        failed = failed || (order->certificates[i].status && strcasestr(order->certificates[i].status, "fail"));
    return failed;
}

/* GetDetailedOrderStatus, after a push said failed or rejected, or where none came: only "rejected" ends an order. */
static void on_status(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct sectigo_report_answer answer = {0};
    bool parsed = reply->outcome == UPSTREAM_ANSWERED &&
                  sectigo_parse_report(SECTIGO_GET_DETAILED_ORDER_STATUS, reply->body, reply->body_len, &answer);
    const struct sectigo_report_order *order =
        parsed && answer.code == 0 && answer.order_count > 0 ? answer.orders : NULL;

    if (!order) {
        step_look_again(e, e->is.state);
    } else if (order->status && strcasecmp(order->status, "rejected") == 0) {
        step_dead(e, order->reason && *order->reason ? order->reason : "rejected");
    } else if (has_failed(order)) {
        step_note(e, "Sectigo cannot go on with the order: %s %s", order->status ? order->status : "",
                  order->reason ? order->reason : "");
        errand_log(e, LOG_LEVEL_ERROR, "Sectigo cannot go on with a paid order; mend what it names", e->result.note);
        e->result.caa_forbids = strstr(e->result.note, "CAA") != NULL;
        step_look_again(e, ISSUANCE_BLOCKED);
        if (e->result.caa_forbids)
            e->result.due_ms = clock_ms(); /* our own look at CAA comes next */
    } else {
        e->result.no_doubt = true;
        step_look_again(e, e->is.state);
    }
    sectigo_report_clear(&answer);
    errand_commit(e);
}

static void ask_status(struct errand *e)
{
    struct sectigo_form form = {0};
    request_status(&form, &e->is);
    call(e, SECTIGO_GET_DETAILED_ORDER_STATUS, &form, on_status);
}

/* From the second look by ourselves on a push that says what is in the way may have been lost. */
static bool is_in_doubt(const struct errand *e)
{
    if (e->is.doubt)
        return true;
    return e->is.looked_ms > e->is.changed_ms && e->is.pushed_ms < e->is.looked_ms;
}

/* Sectigo has issued: what is not accepted is looked for until the deadline. */
static enum step on_issued(struct errand *e, const struct sectigo_collect_answer *answer)
{
    if (answer->certificate && life_accept(e, answer->certificate, answer->ca_certificates))
        return STEP_COMMIT;
    if (e->result.shortage)
        return step_again_later(e, e->is.state);
    return ending_is_due(e) ? ending_withheld(e, e->result.note) : step_look_again(e, e->is.state);
}

/* What CollectSSL refuses is asked again, and for a day after the deadline what may pass by itself. */
static enum step on_collect_refused(struct errand *e, enum sectigo_class class)
{
    bool passes = class == SECTIGO_LATER || class == SECTIGO_LOGIN_REFUSED || class == SECTIGO_UNKNOWN;
    errand_log(e, LOG_LEVEL_ERROR, "CollectSSL is refused; trying again. Mend what it names, or ask Sectigo",
               e->result.note);
    bool ends = passes ? ending_is_overdue(e) : ending_is_due(e);
    return ends ? ending_begin(e) : step_again_later(e, e->is.state);
}

/* True when another call was started, so that there is nothing to commit yet. */
static bool on_collected(struct errand *e, const struct sectigo_collect_answer *answer)
{
    enum sectigo_class class = sectigo_classify(SECTIGO_COLLECT_SSL, answer->code, answer->message);
    e->result.unpaid = answer->code == SECTIGO_AWAITS_PAYMENT;
    if (class == SECTIGO_PLACED) {
        on_issued(e, answer);
    } else if (class == SECTIGO_REVOKED && !e->is.certificate_id[0] && e->is.kind == ISSUANCE_REPLACEMENT) {
        step_look_again(e, e->is.state); /* asked by order number: an older certificate of the family is meant */
    } else if (class == SECTIGO_REJECTED || class == SECTIGO_REVOKED) {
        step_dead(e, answer->message[0] ? answer->message : sectigo_code_text(SECTIGO_COLLECT_SSL, answer->code));
    } else if (class == SECTIGO_PENDING && ending_is_due(e)) {
        ending_begin(e);
    } else if (class == SECTIGO_PENDING && is_in_doubt(e)) {
        ask_status(e);
        return true;
    } else if (class == SECTIGO_PENDING) {
        step_look_again(e, e->is.state);
    } else {
        step_note(e, "CollectSSL answers %d: %s", answer->code, answer->message);
        on_collect_refused(e, class);
    }
    return false;
}

static void on_collect_reply(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct sectigo_collect_answer answer = {0};
    bool waiting = false;

    e->result.looked = true;
    if (reply->outcome == UPSTREAM_ANSWERED && sectigo_parse_collect(reply->body, reply->body_len, &answer)) {
        waiting = on_collected(e, &answer);
    } else {
        step_note(e, "CollectSSL: %s", reply->reason ? reply->reason : "the reply is no answer of this API");
        if (ending_is_overdue(e))
            ending_begin(e);
        else
            step_again_later(e, e->is.state);
    }
    sectigo_collect_clear(&answer);
    if (!waiting)
        errand_commit(e);
}

static enum step collect(struct errand *e)
{
    struct sectigo_form form = {0};
    if (e->is.kind == ISSUANCE_REPLACEMENT && ending_is_due(e))
        return ending_begin(e);
    request_collect(&form, &e->is);
    call(e, SECTIGO_COLLECT_SSL, &form, on_collect_reply);
    return STEP_WAIT;
}

static enum step submitted(struct errand *e)
{
    return e->is.nudged || ending_is_due(e) ? collect(e) : nudge_step(e);
}

static enum step blocked(struct errand *e)
{
    return nudge_is_about_caa(e) && !ending_is_due(e) ? nudge_caa(e) : collect(e);
}

/* ---- held: time has passed ---- */

static enum step held_over(struct errand *e)
{
    e->result.refusal = e->is.refusal; /* the operator may have given it up */
    step_note(e, "%s", e->is.note ? e->is.note : "");
    if (e->is.refusal && e->is.sends == 0)
        return step_refused(e, ACME_SERVER_INTERNAL, e->is.note);
    return step_go(e, e->is.sends > 0 ? ISSUANCE_UNKNOWN : ISSUANCE_PUBLISHED, 0);
}

/* ---- the driver ---- */

enum step life_step(struct errand *e)
{
    static enum step (*const steps[ISSUANCE_STATES])(struct errand *) = {
        [ISSUANCE_QUEUED] = waiting_step,
        [ISSUANCE_PREPARED] = control_prepared,
        [ISSUANCE_PUBLISHED] = control_published,
        [ISSUANCE_SUBMITTING] = submitting,
        [ISSUANCE_UNKNOWN] = settle,
        [ISSUANCE_SUBMITTED] = submitted,
        [ISSUANCE_BLOCKED] = blocked,
        [ISSUANCE_HELD] = held_over,
        [ISSUANCE_CANCELLING] = ending_cancel,
    };
    return steps[e->is.state] ? steps[e->is.state](e) : STEP_END;
}
