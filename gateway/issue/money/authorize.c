#include "gateway/issue/money/authorize.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/context.h"
#include "gateway/issue/money/guard.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"
#include "sectigo/code.h"
#include "sectigo/result.h"

static const uint64_t HOUR_MS = 3600 * 1000;
/* After the store or the configuration would not give us what the job is about. */
static const uint64_t UNREADABLE_REST_MS = 60 * 1000;
/* After the store would not take an outcome, or while the program stops. */
static const uint64_t UNSTORED_REST_MS = 5000;
/* How old Sectigo's word that an order waits may be when it is authorized. */
static const uint64_t FRESH_MS = 10 * 60 * 1000;
/* How long after its commit the request may leave. */
enum { LEAVE_WITHIN_MS = 30 * 1000 };

struct authorization {
    struct issuer *issuer;
    struct issuance is;
    struct subscription sub;
    struct payment payment; /* as stored */
    struct payment next;    /* to be stored */
    struct upstream_login *login;
    uint64_t due_ms;         /* of the job, with next */
    uint64_t commit_boot_ms; /* when the commit of next was asked for */
    bool not_due;            /* done or moved before it was looked at */
    bool sending;            /* it is this errand that has stored "sending": the request has not left yet */
    bool no_credit;          /* -15 */
    bool stored;
    struct store_op op;
    struct egress_post post;
};

static void write_log(const struct authorization *a, enum log_level level, const char *msg, const char *reason)
{
    char order[ACME_ID_TEXT + 1] = "";
    if (a->is.order_count > 0)
        acme_id_text(&a->is.orders[0], order);
    log_line(level, msg, "issuance", a->is.id, "order", order, "order_number", a->is.order_number, "reason", reason,
             (char *)0);
}

static void authorization_free(struct authorization *a)
{
    const char *id = a->is.id;
    if (a->stored || a->not_due)
        scheduler_done(a->issuer->at.scheduler, JOB_AUTHORIZE, id, strlen(id));
    else
        scheduler_release_after(a->issuer->at.scheduler, JOB_AUTHORIZE, id, strlen(id), UNSTORED_REST_MS);
    issuance_clear(&a->is);
    subscription_clear(&a->sub);
    free(a);
}

/* ---- what was found out, stored ---- */

static enum store_status write_audit(struct store_txn *txn, const struct authorization *a, uint64_t now_ms)
{
    struct audit_line line = {.what = "authorization",
                              .issuance = a->is.id,
                              .policy = a->sub.policy,
                              .profile = a->sub.profile,
                              .login = a->sub.login,
                              .order_number = a->is.order_number,
                              .certificate_id = a->is.certificate_id,
                              .account = &a->is.account,
                              .names = &a->sub.names,
                              .product = a->sub.product,
                              .amount_cents = a->next.cents};
    return audit_add(txn, &line, now_ms);
}

/* The limits, the login's pauses and its credit are asked where money is about to move. */
static enum store_status ask_guard(struct store_txn *txn, struct authorization *a, uint64_t now_ms)
{
    struct guard_verdict verdict;
    struct guard_purchase purchase = {.config = a->issuer->at.config,
                                      .policy = a->sub.policy,
                                      .login = a->sub.login,
                                      .test = a->sub.test,
                                      .product = a->sub.product,
                                      .names = a->sub.names.count};
    enum store_status status = guard_authorize(txn, &purchase, a->is.id, now_ms, &verdict);
    if (status != STORE_OK || !verdict.held)
        return status;
    a->next = a->payment;
    snprintf(a->next.note, sizeof a->next.note, "not authorized: %s", verdict.why);
    a->due_ms = verdict.due_ms;
    return STORE_OK;
}

/* The certificate may come at once now. */
static enum store_status hasten(struct store_txn *txn, const struct authorization *a, uint64_t now_ms)
{
    const struct config_profile *profile = issuer_profile(a->issuer, a->is.profile);
    uint64_t due_ms, first_ms = now_ms + (profile ? profile->first_poll_ms : HOUR_MS);
    enum store_status status = store_job_get(txn, JOB_ISSUANCE, a->is.id, strlen(a->is.id), &due_ms);
    if (status != STORE_OK || due_ms <= first_ms)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    return store_job_set(txn, JOB_ISSUANCE, a->is.id, strlen(a->is.id), first_ms);
}

static enum store_status finish(struct store_txn *txn, const struct authorization *a, uint64_t now_ms)
{
    enum store_status status = spending_close(txn, a->is.id);
    if (status == STORE_OK && a->next.sends > 0) /* else somebody else has authorized it */
        status = write_audit(txn, a, now_ms);
    if (status == STORE_OK)
        status = hasten(txn, a, now_ms);
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_AUTHORIZE, a->is.id, strlen(a->is.id));
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status settle(struct store_txn *txn, struct authorization *a, const struct payment *present)
{
    uint64_t now_ms = clock_ms();
    enum store_status status = STORE_OK;
    if (a->next.state == PAYMENT_SENDING)
        status = ask_guard(txn, a, now_ms);
    if (status == STORE_OK && a->no_credit)
        status = login_set_no_credit(txn, a->sub.login, now_ms);
    a->next.asked = present->asked;
    if (present->asked && !a->payment.asked && a->next.state == PAYMENT_WAITING)
        a->due_ms = now_ms; /* the operator has spoken meanwhile */
    if (status == STORE_OK)
        status = payment_save(txn, a->is.id, &a->next);
    if (status != STORE_OK)
        return status;
    return a->next.state == PAYMENT_DONE ? finish(txn, a, now_ms)
                                         : store_job_set(txn, JOB_AUTHORIZE, a->is.id, strlen(a->is.id), a->due_ms);
}

/* Where it goes to, as debugging names it. */
static void debug_stop(const struct authorization *a, enum payment_state to, bool before)
{
    static const char *const points[PAYMENT_STATES][2] = {[PAYMENT_SENDING] = {"authorizing", "authorizing:before"},
                                                          [PAYMENT_UNKNOWN] = {"unauthorized", "unauthorized:before"},
                                                          [PAYMENT_DONE] = {"authorized", "authorized:before"}};
    if (points[to][before])
        issuer_debug_stop(a->issuer, points[to][before]);
}

static enum store_status apply(struct store_txn *txn, void *arg)
{
    struct authorization *a = arg;
    struct payment present;
    enum store_status status = payment_load(txn, a->is.id, &present);
    if (status == STORE_OK && (present.state != a->payment.state || present.sends != a->payment.sends))
        status = STORE_REFUSED;
    if (status == STORE_OK)
        status = settle(txn, a, &present);
    if (status == STORE_OK)
        debug_stop(a, a->next.state, true);
    return status;
}

static void step(void *ctx);

static void on_stored(struct store_op *op, enum store_status status)
{
    struct authorization *a = op->arg;
    a->stored = status == STORE_OK || status == STORE_NOT_FOUND; /* not found: the issuance has ended meanwhile */
    if (status == STORE_OK) {
        debug_stop(a, a->next.state, false);
        a->payment = a->next;
        a->sending = a->payment.state == PAYMENT_SENDING;
        if (a->payment.state == PAYMENT_DONE)
            write_log(a, LOG_LEVEL_INFO, "the payment of an order is authorized", NULL);
    } else if (status == STORE_NOT_FOUND && a->payment.state == PAYMENT_SENDING) {
        write_log(a, LOG_LEVEL_WARNING,
                  "an issuance ended while its order was authorized; look at Sectigo whether it was charged", NULL);
    } else if (status != STORE_NOT_FOUND && status != STORE_REFUSED) {
        write_log(a, LOG_LEVEL_ERROR,
                  "what became of an authorization cannot be stored; it is looked at again. See to the store",
                  store_status_text(status));
    }
    if (status != STORE_OK || !a->sending || !egress_post(a->issuer->at.egress, &a->post))
        authorization_free(a); /* what is stored as sending, and does not leave, is looked at after the next start */
}

static void commit(struct authorization *a)
{
    a->commit_boot_ms = clock_boot_ms();
    a->op = (struct store_op){.fn = apply, .arg = a, .done = on_stored};
    store_submit(a->issuer->at.store, &a->op);
}

/* ---- the ways on ---- */

__attribute__((format(printf, 2, 3))) static void note(struct authorization *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(a->next.note, sizeof a->next.note, format, args);
    va_end(args);
}

static uint64_t back_off_ms(const struct authorization *a)
{
    uint64_t wait_ms = a->issuer->at.config->issuance.later_ms;
    for (uint32_t i = 0; i < a->payment.failures && wait_ms < HOUR_MS; i++)
        wait_ms *= 2;
    return clock_ms() + (wait_ms < HOUR_MS ? wait_ms : HOUR_MS);
}

/* Where it is, and looked at again later. */
static void again_later(struct authorization *a)
{
    a->next.failures++;
    a->due_ms = back_off_ms(a);
    commit(a);
}

/* This request has changed nothing; those before it, if any, had been settled when it left. */
static void not_sent(struct authorization *a, uint64_t rest_ms)
{
    a->next.state = PAYMENT_WAITING;
    a->next.sends--;
    a->next.failures++;
    a->due_ms = rest_ms ? clock_ms() + rest_ms : back_off_ms(a);
    commit(a);
}

static void unknown(struct authorization *a, int refusal, const char *why)
{
    a->next.state = PAYMENT_UNKNOWN;
    a->next.looks = 0;
    a->next.refusal = refusal;
    a->due_ms = clock_ms();
    if (refusal)
        note(a, "AutoAuthorize answers %d: %.400s", refusal, why);
    else
        note(a, "the outcome of an authorization is unknown: %.400s", why);
    write_log(a, LOG_LEVEL_INFO, "Sectigo may have accepted an authorization; asking before anything is sent again",
              why);
    commit(a);
}

/* ---- sending: the call that costs money ---- */

static void on_answer(struct authorization *a, const struct sectigo_result *result)
{
    enum sectigo_class class = sectigo_classify(SECTIGO_AUTO_AUTHORIZE, result->code, result->message);
    if (class == SECTIGO_PLACED) {
        a->next.state = PAYMENT_DONE;
        a->next.note[0] = '\0';
        commit(a);
        return;
    }
    note(a, "AutoAuthorize answers %d: %s", result->code, result->message);
    write_log(a, LOG_LEVEL_ERROR, "Sectigo does not authorize an order; mend what it names, or ask Sectigo",
              a->next.note);
    a->no_credit = class == SECTIGO_NO_CREDIT;
    if (class == SECTIGO_NO_CREDIT)
        not_sent(a, HOUR_MS);
    else if (class == SECTIGO_LOGIN_REFUSED || class == SECTIGO_LATER)
        not_sent(a, 0);
    else if (class == SECTIGO_UNKNOWN)
        unknown(a, 0, result->message);
    else
        unknown(a, result->code, result->message); /* it may say no more than that it was authorized before */
}

static void on_reply(void *ctx, const struct upstream_reply *reply)
{
    struct authorization *a = ctx;
    struct sectigo_authorization answer;
    issuer_debug_stop(a->issuer, "authorizing-sent");
    if (reply->outcome == UPSTREAM_NEVER_LEFT) {
        note(a, "AutoAuthorize was not sent: %.400s", reply->reason);
        not_sent(a, 0);
    } else if (reply->outcome == UPSTREAM_LOST) {
        unknown(a, 0, reply->reason);
    } else if (!sectigo_parse_authorization(reply->body, reply->body_len, &answer)) {
        unknown(a, 0, "the reply is no answer of this API");
    } else {
        on_answer(a, &answer.result);
    }
}

/* As of a purchase: late, and by a clock in doubt, nothing leaves. */
static const char *may_leave(void *ctx)
{
    const struct authorization *a = ctx;
    if (clock_boot_ms() - a->commit_boot_ms > LEAVE_WITHIN_MS)
        return "it did not leave within 30 seconds after it was stored as on its way, so it is decided anew";
    return clock_in_doubt() ? "nothing is paid while the clock is in doubt (acmegatectl status)" : NULL;
}

/* What was ordered is authorized, and nothing beside it. */
static void submit(struct authorization *a)
{
    struct sectigo_form form = {0};
    sectigo_form_add(&form, "orderNumber", a->is.order_number);
    sectigo_form_add(&form, "disableSWP", "Y");
    upstream_send(a->login, SECTIGO_AUTO_AUTHORIZE, &form, may_leave, LEAVE_WITHIN_MS, on_reply, a);
}

/* ---- does it wait for its payment? ---- */

static void decide(struct authorization *a, bool waits)
{
    uint64_t now_ms = clock_ms();
    struct payment_decision decision = payment_decide(&a->payment, waits, &a->issuer->at.config->issuance, now_ms);
    a->next.state = decision.to;
    a->next.failures = 0;
    a->next.looks = waits && decision.to == PAYMENT_UNKNOWN ? a->payment.looks + 1 : 0;
    if (waits)
        a->next.seen_ms = now_ms;
    if (decision.to != PAYMENT_UNKNOWN)
        a->next.refusal = 0;
    a->due_ms = decision.due_ms;
    commit(a);
}

/* The code is documented, the words of the status are not. */
static void on_collected(void *ctx, const struct upstream_reply *reply)
{
    struct authorization *a = ctx;
    struct sectigo_collect_answer answer = {0};
    bool parsed = reply->outcome == UPSTREAM_ANSWERED && sectigo_parse_collect(reply->body, reply->body_len, &answer);
    enum sectigo_class class =
        parsed ? sectigo_classify(SECTIGO_COLLECT_SSL, answer.code, answer.message) : SECTIGO_UNKNOWN;
    int code = answer.code;
    sectigo_collect_clear(&answer);
    if (class == SECTIGO_PENDING || class == SECTIGO_PLACED) {
        decide(a, code == SECTIGO_AWAITS_PAYMENT);
        return;
    }
    note(a, "whether the order waits for its payment cannot be read: %.400s",
         reply->reason ? reply->reason : "CollectSSL does not say it");
    again_later(a);
}

static bool says_payment(const struct sectigo_report_order *order)
{
    bool says = order->status && strcasestr(order->status, "payment");
    for (size_t i = 0; i < order->certificate_count; i++)
        says = says || (order->certificates[i].status && strcasestr(order->certificates[i].status, "payment"));
    return says;
}

static void on_status(void *ctx, const struct upstream_reply *reply)
{
    struct authorization *a = ctx;
    struct sectigo_report_answer answer = {0};
    struct sectigo_form form = {0};
    bool parsed = reply->outcome == UPSTREAM_ANSWERED &&
                  sectigo_parse_report(SECTIGO_GET_DETAILED_ORDER_STATUS, reply->body, reply->body_len, &answer);
    bool known = parsed && answer.code == 0 && answer.order_count > 0, waits = known && says_payment(answer.orders);
    sectigo_report_clear(&answer);
    if (waits) {
        decide(a, true);
    } else if (known) {
        request_collect(&form, &a->is);
        upstream_call(a->login, SECTIGO_COLLECT_SSL, &form, on_collected, a);
    } else {
        note(a, "whether the order waits for its payment cannot be read: %.400s",
             reply->reason ? reply->reason : "GetDetailedOrderStatus does not say it");
        again_later(a);
    }
}

static void look(struct authorization *a)
{
    struct sectigo_form form = {0};
    uint64_t rest_ms = a->issuer->at.config->issuance.settle_again_ms;
    if (a->payment.looks > 0 && !clock_is_over(a->payment.seen_ms, rest_ms, clock_ms())) {
        a->due_ms = a->payment.seen_ms + rest_ms; /* asked for too early */
        commit(a);
        return;
    }
    request_status(&form, &a->is);
    upstream_call(a->login, SECTIGO_GET_DETAILED_ORDER_STATUS, &form, on_status, a);
}

/* ---- waiting ---- */

static bool is_fresh(const struct authorization *a, uint64_t now_ms)
{
    return a->payment.seen_ms >= a->issuer->started_ms && !clock_is_over(a->payment.seen_ms, FRESH_MS, now_ms);
}

/* Sectigo does not go on by itself: the operator is told, and told again every hour. */
static void wait_for_operator(struct authorization *a, uint64_t now_ms)
{
    char order[ACME_ID_TEXT + 1] = "";
    if (a->is.order_count > 0)
        acme_id_text(&a->is.orders[0], order);
    note(a, "Sectigo waits for the payment of the order: acmegatectl order authorize %s", order);
    write_log(a, LOG_LEVEL_ERROR, "an order waits for its payment; see acmegatectl order authorize", a->next.note);
    a->due_ms = now_ms + HOUR_MS;
    commit(a);
}

static void waiting(struct authorization *a)
{
    uint64_t now_ms = clock_ms();
    bool lives = a->is.state == ISSUANCE_SUBMITTED || a->is.state == ISSUANCE_BLOCKED;
    if (!lives) {
        again_later(a); /* it is being cancelled: nothing is paid for it */
    } else if (!is_fresh(a, now_ms)) {
        look(a);
    } else if (!upstream_login_config(a->login)->authorize && !a->payment.asked) {
        wait_for_operator(a, now_ms);
    } else {
        a->next.state = PAYMENT_SENDING;
        a->next.sent_ms = now_ms;
        a->next.sends++;
        a->next.looks = 0;
        a->due_ms = now_ms + upstream_login_config(a->login)->timeout_ms + LEAVE_WITHIN_MS;
        commit(a);
    }
}

/* On the egress thread. */
static void step(void *ctx)
{
    struct authorization *a = ctx;
    a->stored = false;
    a->next = a->payment;
    if (atomic_load(&a->issuer->run.stopping) || a->payment.state == PAYMENT_DONE) {
        authorization_free(a);
    } else if (a->payment.state == PAYMENT_WAITING) {
        waiting(a);
    } else if (a->payment.state == PAYMENT_UNKNOWN) {
        look(a);
    } else if (a->sending) {
        a->sending = false;
        submit(a);
    } else {
        unknown(a, 0, "the gateway ended while the request was on its way");
    }
}

/* ---- the job ---- */

static bool load(struct authorization *a, const struct store_job *job)
{
    struct store_txn *txn;
    char id[STORE_SUBJECT_MAX + 1];
    memcpy(id, job->subject, job->subject_len);
    id[job->subject_len] = '\0';
    enum store_status status = store_read(a->issuer->at.store, &txn);
    if (status == STORE_OK) {
        status = issuance_load(txn, id, &a->is);
        if (status == STORE_OK)
            status = subscription_load(txn, &a->is.subscription, &a->sub);
        if (status == STORE_OK)
            status = payment_load(txn, id, &a->payment);
        a->not_due = scheduler_not_due(txn, JOB_AUTHORIZE, job->subject, job->subject_len);
        store_read_end(txn);
    }
    if (a->not_due)
        memcpy(a->is.id, id, strlen(id) + 1);
    else if (status != STORE_OK)
        log_error("an order that waits for its payment cannot be read; look at the store", "issuance", id, "reason",
                  store_status_text(status));
    return status == STORE_OK || a->not_due;
}

static bool find_login(struct authorization *a)
{
    a->login = upstream_login_for(a->issuer->at.upstream, a->sub.login, a->sub.endpoint);
    if (a->login)
        return true;
    write_log(a, LOG_LEVEL_ERROR,
              "a payment needs a login that the configuration has no longer, or has changed: put it back",
              a->sub.login);
    return false;
}

void authorize_on_job(void *ctx, const struct store_job *job)
{
    struct issuer *issuer = ctx;
    struct authorization *a = job->subject_len <= ISSUANCE_ID_MAX ? calloc(1, sizeof *a) : NULL;
    if (a) {
        a->issuer = issuer;
        a->post = (struct egress_post){.fn = step, .ctx = a};
    }
    if (a && load(a, job) && (a->not_due || find_login(a))) {
        if (a->not_due || !egress_post(issuer->at.egress, &a->post))
            authorization_free(a); /* where the program stops it is taken up after the next start */
        return;
    }
    if (a) {
        issuance_clear(&a->is);
        subscription_clear(&a->sub);
        free(a);
    }
    scheduler_release_after(issuer->at.scheduler, JOB_AUTHORIZE, job->subject, job->subject_len, UNREADABLE_REST_MS);
}
