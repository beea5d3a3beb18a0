#include "gateway/issue/money/refund.h"

#include <stdio.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/metrics/metrics.h"
#include "gateway/tables.h"
#include "sectigo/product.h"
#include "sectigo/result.h"

/* After Sectigo refused: people may have to act there first. */
static const uint64_t REFUSED_REST_MS = HOUR_MS;
/* refundReasonCode: not required any more. */
enum { REASON_CODE = 1 };

struct refund {
    struct work work;
    struct subscription sub;
    struct upstream_login *login;
    bool foreign; /* its number belongs to another subscription: nothing is asked */
    struct refund_outcome outcome;
};

bool refund_is_served(const struct subscription *sub)
{
    const struct sectigo_product *product = sectigo_product_find((int)sub->product);
    return product && (product->shape == SECTIGO_SINGLE || product->shape == SECTIGO_WILDCARD);
}

enum store_status refund_is_ours(struct store_txn *txn, const struct subscription *sub)
{
    struct acme_id owner;
    enum store_status status = numbers_owner(txn, NUMBER_ORDER, sub->endpoint, sub->order_number, &owner);
    return status == STORE_OK && memcmp(&owner, &sub->id, sizeof owner) != 0 ? STORE_EXISTS : status;
}

enum store_status refund_begin(struct store_txn *txn, struct subscription *sub, uint64_t now_ms)
{
    if (sub->test) {
        sub->state = SUBSCRIPTION_ENDED;
        return STORE_OK;
    }
    return store_job_set(txn, JOB_REFUND, sub->id.octets, ACME_ID_LEN, now_ms);
}

/* ---- the decision ---- */

struct refund_outcome refund_decide(const struct upstream_reply *reply, uint64_t later_ms, uint64_t now_ms)
{
    struct refund_outcome outcome = {.confirmed = false};
    struct work_line *line = &outcome.line;
    struct sectigo_result result;
    enum sectigo_class class = SECTIGO_UNKNOWN;
    bool read = reply->outcome == UPSTREAM_ANSWERED &&
                sectigo_parse_result(SECTIGO_AUTO_REFUND, reply->body, reply->body_len, &result);
    if (read)
        class = sectigo_classify(SECTIGO_AUTO_REFUND, result.code, result.message);
    if (!read) {
        line->level = LOG_LEVEL_INFO;
        line->msg = "a refund's outcome is unknown; it is asked again";
        snprintf(line->reason, sizeof line->reason, "%s",
                 reply->reason ? reply->reason : "the reply is no answer of this API");
        outcome.again_ms = now_ms + later_ms;
    } else if (class == SECTIGO_PLACED) {
        outcome.confirmed = true; /* also for the second time */
    } else {
        bool soon = class == SECTIGO_LATER || class == SECTIGO_UNKNOWN || class == SECTIGO_LOGIN_REFUSED;
        line->level = LOG_LEVEL_ERROR;
        line->msg = "Sectigo does not refund an order; it is asked again. Its names cannot be bought until it does, or "
                    "until acmegatectl subscription release";
        snprintf(line->reason, sizeof line->reason, "%s", result.message);
        outcome.again_ms = now_ms + (soon ? later_ms : REFUSED_REST_MS);
    }
    return outcome;
}

/* ---- the outcome, stored ---- */

/* The audit names the issuance and account that bought it. */
static enum store_status audit_refund(struct store_txn *txn, const struct subscription *sub, uint64_t now_ms)
{
    struct issuance is = {0};
    char text[NUMBER_TEXT_SIZE];
    enum store_status status = numbers_text(txn, NUMBER_ORDER, sub->endpoint, sub->order_number, text);
    if (status == STORE_OK)
        status = issuance_find(txn, ISSUE_BY_ORDER_NUMBER, text, strlen(text), &is);
    struct audit_line line = {.what = "refund",
                              .issuance = is.id,
                              .policy = sub->policy,
                              .profile = sub->profile,
                              .login = sub->login,
                              .order_number = sub->order_number,
                              .certificate_id = is.certificate_id,
                              .account = &is.account,
                              .names = &sub->names,
                              .product = sub->product,
                              .amount_cents = -sub->paid_cents};
    if (status == STORE_OK)
        status = audit_add(txn, &line, now_ms);
    issuance_clear(&is);
    return status;
}

/* Whether its number is another's. */
static enum store_status look_whose(struct store_txn *txn, const struct subscription *sub, bool *foreign)
{
    enum store_status status = refund_is_ours(txn, sub);
    *foreign = status == STORE_EXISTS;
    return *foreign || status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status settle_refund(struct store_txn *txn, const struct refund *r, struct subscription *sub,
                                       uint64_t now_ms)
{
    if (r->foreign) { /* still? */
        bool foreign;
        enum store_status status = look_whose(txn, sub, &foreign);
        if (status != STORE_OK)
            return status;
        return foreign ? work_clear_job(txn, &r->work) : work_set_job(txn, &r->work, now_ms);
    }
    if (!r->outcome.confirmed)
        return work_set_job(txn, &r->work, r->outcome.again_ms);
    sub->state = SUBSCRIPTION_ENDED;
    enum store_status status = subscription_save(txn, sub);
    if (status == STORE_OK)
        status = work_clear_job(txn, &r->work);
    return status == STORE_OK ? audit_refund(txn, sub, now_ms) : status;
}

static enum store_status apply_refund(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    const struct refund *r = (struct refund *)work;
    struct subscription sub;
    enum store_status status = subscription_load(txn, &r->sub.id, &sub);
    if (status == STORE_OK)
        status = settle_refund(txn, r, &sub, now_ms);
    subscription_clear(&sub);
    return status;
}

static void log_refund(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    char id[ACME_ID_TEXT + 1];
    struct acme_id subject;
    memcpy(subject.octets, work->subject, ACME_ID_LEN);
    acme_id_text(&subject, id);
    log_line(level, msg, "subscription", id, "order_number", ((const struct refund *)work)->sub.order_number, "reason",
             reason, (char *)0);
}

static enum work_next on_refund_stored(struct work *work, enum store_status status)
{
    const struct refund *r = (const struct refund *)work;
    if (status == STORE_OK && r->outcome.confirmed) {
        metrics_count(METRIC_REFUNDS, metrics_login(r->sub.login));
        log_refund(work, LOG_LEVEL_INFO, "Sectigo has refunded an order", NULL);
    }
    return status == STORE_OK ? WORK_DONE : WORK_REST;
}

/* ---- the job ---- */

static enum store_status load_refund(struct store_txn *txn, struct work *work)
{
    struct refund *r = (struct refund *)work;
    struct acme_id id;
    memcpy(id.octets, work->subject, ACME_ID_LEN);
    enum store_status status = subscription_load(txn, &id, &r->sub);
    if (status != STORE_OK)
        return status;
    status = look_whose(txn, &r->sub, &r->foreign);
    if (status != STORE_OK)
        return status;
    r->login = issuer_login(work, &r->sub,
                            "a refund needs a login that the configuration has no longer, or has changed: put it back");
    return r->login ? STORE_OK : STORE_REFUSED;
}

static enum work_next ask_refund(struct work *work)
{
    struct refund *r = (struct refund *)work;
    struct sectigo_form form = {0};
    if (r->foreign) {
        log_refund(
            work, LOG_LEVEL_ERROR,
            "the number of an order belongs to another one, so no refund is asked for; look in the account, then "
            "acmegatectl subscription release",
            NULL);
        return WORK_STORE;
    }
    sectigo_form_add(&form, "orderNumber", r->sub.order_number);
    sectigo_form_addf(&form, "refundReasonCode", "%d", REASON_CODE);
    return issuer_ask(work, r->login, SECTIGO_AUTO_REFUND, &form);
}

static enum work_next decide_refund(struct work *work, const void *answer, uint64_t now_ms)
{
    struct refund *r = (struct refund *)work;
    r->outcome = refund_decide(answer, work->config->issuance.later_ms, now_ms);
    return work_say(work, &r->outcome.line, WORK_STORE);
}

static void clear_refund(struct work *work)
{
    subscription_clear(&((struct refund *)work)->sub);
}

const struct work_kind refund_work = {
    .job = JOB_REFUND,
    .size = sizeof(struct refund),
    .subject_min = ACME_ID_LEN,
    .subject_max = ACME_ID_LEN,
    .load = load_refund,
    .ask = ask_refund,
    .decide = decide_refund,
    .apply = apply_refund,
    .stored = on_refund_stored,
    .clear = clear_refund,
    .log = log_refund,
    .unreadable = "a subscription to be refunded cannot be read from the store; see to its disk",
    .unstored = "what became of a refund cannot be stored; it is asked again. See to the store's disk",
};
