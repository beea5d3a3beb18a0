#include "gateway/issue/money/refund.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/context.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "sectigo/product.h"
#include "sectigo/result.h"

/* After the store or the configuration would not give us what the job is about. */
static const uint64_t UNREADABLE_REST_MS = 60 * 1000;
/* After Sectigo refused: people may have to act there first. */
static const uint64_t REFUSED_REST_MS = 3600 * 1000;
/* refundReasonCode: not required any more. */
enum { REASON_CODE = 1 };

struct refund {
    struct issuer *issuer;
    struct subscription sub;
    struct upstream_login *login;
    bool not_due; /* done or moved before it was looked at */
    bool foreign; /* its number belongs to another subscription: nothing is asked */
    bool stored;
    bool confirmed;
    uint64_t again_ms; /* where not confirmed: when it is asked again */
    struct store_op op;
    struct egress_post post;
};

bool refund_is_served(const struct subscription *sub)
{
    const struct sectigo_product *product = sectigo_product_find((int)sub->product);
    return product && (product->shape == SECTIGO_SINGLE || product->shape == SECTIGO_WILDCARD);
}

enum store_status refund_is_ours(struct store_txn *txn, const struct subscription *sub)
{
    struct acme_id owner;
    enum store_status status = numbers_owner(txn, NUMBER_ORDER, sub->order_number, &owner);
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

static void write_log(const struct refund *r, enum log_level level, const char *msg, const char *reason)
{
    char id[ACME_ID_TEXT + 1];
    acme_id_text(&r->sub.id, id);
    log_line(level, msg, "subscription", id, "order_number", r->sub.order_number, "reason", reason, (char *)0);
}

static void refund_free(struct refund *r)
{
    const uint8_t *subject = r->sub.id.octets;
    if (r->stored || r->not_due)
        scheduler_done(r->issuer->at.scheduler, JOB_REFUND, subject, ACME_ID_LEN);
    else
        scheduler_release_after(r->issuer->at.scheduler, JOB_REFUND, subject, ACME_ID_LEN,
                                issuer_unstored_rest_ms(r->issuer));
    subscription_clear(&r->sub);
    free(r);
}

/* ---- the outcome, stored ---- */

/* The audit names the issuance and account that bought it. */
static enum store_status write_audit(struct store_txn *txn, const struct subscription *sub, uint64_t now_ms)
{
    struct issuance is;
    enum store_status status =
        issuance_find(txn, ISSUE_BY_ORDER_NUMBER, sub->order_number, strlen(sub->order_number), &is);
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

static enum store_status settle(struct store_txn *txn, struct refund *r, struct subscription *sub)
{
    uint64_t now_ms = clock_ms();
    if (r->foreign)
        return store_job_clear(txn, JOB_REFUND, sub->id.octets, ACME_ID_LEN);
    if (!r->confirmed)
        return store_job_set(txn, JOB_REFUND, sub->id.octets, ACME_ID_LEN, r->again_ms);
    sub->state = SUBSCRIPTION_ENDED;
    enum store_status status = subscription_save(txn, sub);
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_REFUND, sub->id.octets, ACME_ID_LEN);
    return status == STORE_OK ? write_audit(txn, sub, now_ms) : status;
}

static enum store_status apply(struct store_txn *txn, void *arg)
{
    struct refund *r = arg;
    struct subscription sub;
    enum store_status status = subscription_load(txn, &r->sub.id, &sub);
    if (status == STORE_OK)
        status = settle(txn, r, &sub);
    subscription_clear(&sub);
    return status;
}

static void on_stored(struct store_op *op, enum store_status status)
{
    struct refund *r = op->arg;
    r->stored = status == STORE_OK;
    issuer_note_stored(r->issuer, r->stored);
    if (!r->stored)
        write_log(r, LOG_LEVEL_ERROR,
                  "what became of a refund cannot be stored; it is asked again. See to the store's disk",
                  store_status_text(status));
    else if (r->confirmed)
        write_log(r, LOG_LEVEL_INFO, "Sectigo has refunded an order", NULL);
    refund_free(r);
}

static void commit(struct refund *r)
{
    r->op = (struct store_op){.fn = apply, .arg = r, .done = on_stored};
    store_submit(r->issuer->at.store, &r->op);
}

/* ---- the call ---- */

static void on_reply(void *ctx, const struct upstream_reply *reply)
{
    struct refund *r = ctx;
    struct sectigo_result result;
    enum sectigo_class class;
    if (reply->outcome != UPSTREAM_ANSWERED ||
        !sectigo_parse_result(SECTIGO_AUTO_REFUND, reply->body, reply->body_len, &result)) {
        write_log(r, LOG_LEVEL_INFO, "a refund's outcome is unknown; it is asked again",
                  reply->reason ? reply->reason : "the reply is no answer of this API");
        r->again_ms = clock_ms() + r->issuer->at.config->issuance.later_ms;
    } else if ((class = sectigo_classify(SECTIGO_AUTO_REFUND, result.code, result.message)) == SECTIGO_PLACED) {
        r->confirmed = true; /* also for the second time */
    } else {
        bool soon = class == SECTIGO_LATER || class == SECTIGO_UNKNOWN || class == SECTIGO_LOGIN_REFUSED;
        write_log(r, LOG_LEVEL_ERROR,
                  "Sectigo does not refund an order; it is asked again. Its names cannot be bought until it does, or "
                  "until acmegatectl subscription release",
                  result.message);
        r->again_ms = clock_ms() + (soon ? r->issuer->at.config->issuance.later_ms : REFUSED_REST_MS);
    }
    commit(r);
}

/* On the egress thread. */
static void submit(void *ctx)
{
    struct refund *r = ctx;
    struct sectigo_form form = {0};
    if (atomic_load(&r->issuer->stopping)) {
        refund_free(r);
        return;
    }
    if (r->foreign) {
        write_log(r, LOG_LEVEL_ERROR,
                  "the number of an order belongs to another one, so no refund is asked for; look in the account, then "
                  "acmegatectl subscription release",
                  NULL);
        commit(r);
        return;
    }
    sectigo_form_add(&form, "orderNumber", r->sub.order_number);
    sectigo_form_addf(&form, "refundReasonCode", "%d", REASON_CODE);
    upstream_call(r->login, SECTIGO_AUTO_REFUND, &form, on_reply, r);
}

/* ---- the job ---- */

static bool load(struct refund *r, const struct store_job *job)
{
    struct store_txn *txn;
    struct acme_id id;
    memcpy(id.octets, job->subject, ACME_ID_LEN);
    enum store_status status = store_read(r->issuer->at.store, &txn);
    if (status == STORE_OK) {
        status = subscription_load(txn, &id, &r->sub);
        r->foreign = status == STORE_OK && refund_is_ours(txn, &r->sub) == STORE_EXISTS;
        r->not_due = scheduler_not_due(txn, JOB_REFUND, job->subject, job->subject_len);
        store_read_end(txn);
    }
    if (status != STORE_OK)
        log_error("a subscription to be refunded cannot be read from the store; see to its disk", "reason",
                  store_status_text(status));
    return status == STORE_OK;
}

static bool find_login(struct refund *r)
{
    r->login = upstream_login_for(r->issuer->at.upstream, r->sub.login, r->sub.endpoint);
    if (r->login)
        return true;
    write_log(r, LOG_LEVEL_ERROR,
              "a refund needs a login that the configuration has no longer, or has changed: put it back", r->sub.login);
    return false;
}

void refund_on_job(void *ctx, const struct store_job *job)
{
    struct issuer *issuer = ctx;
    struct refund *r = job->subject_len == ACME_ID_LEN ? calloc(1, sizeof *r) : NULL;
    if (r) {
        r->issuer = issuer;
        r->post = (struct egress_post){.fn = submit, .ctx = r};
    }
    if (r && load(r, job) && (r->not_due || find_login(r))) {
        if (r->not_due || !egress_post(issuer->at.egress, &r->post))
            refund_free(r); /* where the program stops it is taken up after the next start */
        return;
    }
    if (r) {
        subscription_clear(&r->sub);
        free(r);
    }
    scheduler_release_after(issuer->at.scheduler, JOB_REFUND, job->subject, job->subject_len, UNREADABLE_REST_MS);
}
