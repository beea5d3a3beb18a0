#include "gateway/issue/money/authorize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/context.h"
#include "gateway/issue/money/authorization.h"
#include "gateway/issue/money/guard.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"

struct authorization {
    struct work work;
    struct issuance is;
    struct subscription sub;
    struct payment payment; /* as stored */
    struct upstream_login *login;
    struct authorization_outcome outcome;
    uint64_t commit_boot_ms; /* when the commit of its outcome was asked for */
    bool sending;            /* it is this work that has stored "sending": the request has not left yet */
    bool issued;             /* the certificate came before the answer, which says that it was charged */
};

static const struct issuer *issuer_of(const struct authorization *a)
{
    return a->work.owner;
}

static void write_log(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    const struct authorization *a = (const struct authorization *)work;
    char order[ACME_ID_TEXT + 1] = "";
    if (a->is.order_count > 0)
        acme_id_text(&a->is.orders[0], order);
    log_line(level, msg, "issuance", (const char *)work->subject, "order", order, "order_number", a->is.order_number,
             "reason", reason, (char *)0);
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
                              .amount_cents = a->outcome.next.cents};
    return audit_add(txn, &line, now_ms);
}

/* The limits, the login's pauses and its credit are asked where money is about to move. */
static enum store_status ask_guard(struct store_txn *txn, struct authorization *a, uint64_t now_ms)
{
    struct guard_verdict verdict;
    struct guard_purchase purchase = {.config = a->work.config,
                                      .policy = a->sub.policy,
                                      .login = a->sub.login,
                                      .test = a->sub.test,
                                      .product = a->sub.product,
                                      .names = a->sub.names.count};
    enum store_status status = guard_authorize(txn, &purchase, a->is.id, now_ms, &verdict);
    if (status != STORE_OK || !verdict.held)
        return status;
    a->outcome.next = a->payment;
    snprintf(a->outcome.next.note, sizeof a->outcome.next.note, "not authorized: %s", verdict.why);
    a->outcome.due_ms = verdict.due_ms;
    return STORE_OK;
}

/* The certificate may come at once now. */
static enum store_status hasten(struct store_txn *txn, const struct authorization *a, uint64_t now_ms)
{
    const struct config_profile *profile = config_profile_named(a->work.config, a->is.profile);
    uint64_t due_ms, first_ms = now_ms + (profile ? profile->first_poll_ms : HOUR_MS);
    enum store_status status = store_job_get(txn, JOB_ISSUANCE, a->is.id, strlen(a->is.id), &due_ms);
    if (status != STORE_OK || due_ms <= first_ms)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    return store_job_set(txn, JOB_ISSUANCE, a->is.id, strlen(a->is.id), first_ms);
}

static enum store_status pay_off(struct store_txn *txn, const struct authorization *a, uint64_t now_ms)
{
    enum store_status status = spending_close(txn, a->is.id);
    if (status == STORE_OK && a->outcome.next.sends > 0) /* else somebody else has authorized it */
        status = write_audit(txn, a, now_ms);
    if (status == STORE_OK)
        status = hasten(txn, a, now_ms);
    return status == STORE_OK ? work_clear_job(txn, &a->work) : status;
}

static enum store_status settle(struct store_txn *txn, struct authorization *a, const struct payment *present,
                                uint64_t now_ms)
{
    enum store_status status = STORE_OK;
    if (a->outcome.next.state == PAYMENT_SENDING)
        status = ask_guard(txn, a, now_ms);
    if (status == STORE_OK && a->outcome.no_credit)
        status = login_set_no_credit(txn, a->sub.login, now_ms);
    a->outcome.next.asked = present->asked;
    if (present->asked && !a->payment.asked && a->outcome.next.state == PAYMENT_WAITING)
        a->outcome.due_ms = now_ms; /* the operator has spoken meanwhile */
    if (status == STORE_OK)
        status = payment_save(txn, a->is.id, &a->outcome.next);
    if (status != STORE_OK)
        return status;
    return a->outcome.next.state == PAYMENT_DONE ? pay_off(txn, a, now_ms)
                                                 : work_set_job(txn, &a->work, a->outcome.due_ms);
}

/* Where it goes to, as debugging names it. */
static void debug_stop(const struct authorization *a, enum payment_state to, bool before)
{
    static const char *const points[PAYMENT_STATES][2] = {[PAYMENT_SENDING] = {"authorizing", "authorizing:before"},
                                                          [PAYMENT_UNKNOWN] = {"unauthorized", "unauthorized:before"},
                                                          [PAYMENT_DONE] = {"authorized", "authorized:before"}};
    if (points[to][before])
        issuer_debug_stop(issuer_of(a), points[to][before]);
}

/* The payment is gone: the issuance has ended. */
static enum store_status look_how_it_ended(struct store_txn *txn, struct authorization *a)
{
    struct issuance ended;
    enum store_status status = issuance_load(txn, a->is.id, &ended);
    a->issued = status == STORE_OK && ended.state == ISSUANCE_COLLECTED;
    issuance_clear(&ended);
    return status == STORE_OK ? STORE_NOT_FOUND : status;
}

static enum store_status apply_authorization(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    struct authorization *a = (struct authorization *)work;
    struct payment present;
    enum store_status status = payment_load(txn, a->is.id, &present);
    if (status == STORE_NOT_FOUND)
        return look_how_it_ended(txn, a);
    if (status == STORE_OK && (present.state != a->payment.state || present.sends != a->payment.sends))
        status = STORE_REFUSED;
    if (status == STORE_OK)
        status = settle(txn, a, &present, now_ms);
    if (status == STORE_OK)
        debug_stop(a, a->outcome.next.state, true);
    return status;
}

static enum work_next on_authorization_stored(struct work *work, enum store_status status)
{
    struct authorization *a = (struct authorization *)work;
    if (status == STORE_NOT_FOUND && a->issued)
        write_log(work, LOG_LEVEL_INFO, "the certificate of an order came before the answer that it is paid", NULL);
    else if (status == STORE_NOT_FOUND && a->payment.state == PAYMENT_SENDING)
        write_log(work, LOG_LEVEL_WARNING,
                  "an issuance ended while its order was authorized; look at Sectigo whether it was charged", NULL);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? WORK_DONE : WORK_REST; /* not found: the issuance has ended meanwhile */
    debug_stop(a, a->outcome.next.state, false);
    a->payment = a->outcome.next;
    a->sending = a->payment.state == PAYMENT_SENDING;
    if (a->payment.state == PAYMENT_DONE)
        write_log(work, LOG_LEVEL_INFO, "the payment of an order is authorized", NULL);
    return a->sending ? WORK_ASK : WORK_DONE; /* what does not leave any more is looked at after the next start */
}

/* ---- asked ---- */

/* As of a purchase: late, and by a clock in doubt, nothing leaves. */
static const char *may_leave(void *ctx)
{
    const struct authorization *a = ctx;
    if (clock_boot_ms() - a->commit_boot_ms > AUTHORIZATION_LEAVES_WITHIN_MS)
        return "it did not leave within 30 seconds after it was stored as on its way, so it is decided anew";
    return clock_in_doubt() ? "nothing is paid while the clock is in doubt (acmegatectl status)" : NULL;
}

/* What was ordered is authorized, and nothing beside it. */
static enum work_next send_authorization(struct authorization *a)
{
    struct sectigo_form form = {0};
    a->sending = false;
    sectigo_form_add(&form, "orderNumber", a->is.order_number);
    sectigo_form_add(&form, "disableSWP", "Y");
    upstream_send(a->login, SECTIGO_AUTO_AUTHORIZE, &form, may_leave, AUTHORIZATION_LEAVES_WITHIN_MS, issuer_answer,
                  &a->work);
    return WORK_WAIT;
}

static enum work_next go_on(struct authorization *a)
{
    struct sectigo_form form = {0};
    work_say(&a->work, &a->outcome.line, WORK_STORE);
    switch (a->outcome.way) {
    case AUTHORIZATION_SEND:
        return send_authorization(a);
    case AUTHORIZATION_LOOK:
        request_status(&form, &a->is);
        return issuer_ask(&a->work, a->login, SECTIGO_GET_DETAILED_ORDER_STATUS, &form);
    case AUTHORIZATION_COLLECT:
        request_collect(&form, &a->is);
        return issuer_ask(&a->work, a->login, SECTIGO_COLLECT_SSL, &form);
    case AUTHORIZATION_STORE:
        break;
    }
    a->commit_boot_ms = clock_boot_ms();
    return WORK_STORE;
}

/* When this process began, by the clock as it is now: at the start it may have been another. */
static uint64_t started_ms(const struct issuer *issuer)
{
    return clock_ms() - clock_since(issuer->started_boot_ms, clock_boot_ms());
}

static struct authorization_facts facts_of(const struct authorization *a, char order[static ACME_ID_TEXT + 1])
{
    const struct config_login *login = config_login_named(a->work.config, a->sub.login); /* issuer_login found it */
    order[0] = '\0';
    if (a->is.order_count > 0)
        acme_id_text(&a->is.orders[0], order);
    return (struct authorization_facts){
        .payment = &a->payment,
        .times = &a->work.config->issuance,
        .order = order,
        .started_ms = started_ms(issuer_of(a)),
        .timeout_ms = login->timeout_ms,
        .automatic = login->authorize,
        .lives = a->is.state == ISSUANCE_SUBMITTED || a->is.state == ISSUANCE_BLOCKED,
        .sending = a->sending,
    };
}

static enum work_next ask_authorization(struct work *work)
{
    struct authorization *a = (struct authorization *)work;
    char order[ACME_ID_TEXT + 1];
    struct authorization_facts facts = facts_of(a, order);
    a->outcome = authorization_begin(&facts, clock_ms());
    return go_on(a);
}

static enum work_next decide_authorization(struct work *work, const void *answer, uint64_t now_ms)
{
    struct authorization *a = (struct authorization *)work;
    char order[ACME_ID_TEXT + 1];
    struct authorization_facts facts = facts_of(a, order);
    if (a->outcome.way == AUTHORIZATION_SEND) {
        issuer_debug_stop(work->owner, "authorizing-sent");
        a->outcome = authorization_answered(&facts, answer, now_ms);
    } else if (a->outcome.way == AUTHORIZATION_LOOK) {
        a->outcome = authorization_looked(&facts, answer, now_ms);
    } else {
        a->outcome = authorization_collected(&facts, answer, now_ms);
    }
    return go_on(a);
}

/* ---- the job ---- */

static enum store_status load_authorization(struct store_txn *txn, struct work *work)
{
    struct authorization *a = (struct authorization *)work;
    const char *id = (const char *)work->subject;
    enum store_status status = issuance_load(txn, id, &a->is);
    if (status == STORE_OK)
        status = subscription_load(txn, &a->is.subscription, &a->sub);
    if (status == STORE_OK)
        status = payment_load(txn, id, &a->payment);
    if (status != STORE_OK)
        return status;
    a->login = issuer_login(
        work, &a->sub, "a payment needs a login that the configuration has no longer, or has changed: put it back");
    return a->login && a->payment.state != PAYMENT_DONE ? STORE_OK : STORE_REFUSED;
}

static void clear_authorization(struct work *work)
{
    struct authorization *a = (struct authorization *)work;
    issuance_clear(&a->is);
    subscription_clear(&a->sub);
}

const struct work_kind authorize_work = {
    .job = JOB_AUTHORIZE,
    .size = sizeof(struct authorization),
    .subject_min = 1,
    .subject_max = ISSUANCE_ID_MAX,
    .load = load_authorization,
    .ask = ask_authorization,
    .decide = decide_authorization,
    .apply = apply_authorization,
    .stored = on_authorization_stored,
    .clear = clear_authorization,
    .log = write_log,
    .unreadable = "an order that waits for its payment cannot be read; look at the store",
    .unstored = "what became of an authorization cannot be stored; it is looked at again. See to the store",
};
