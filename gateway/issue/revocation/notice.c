#include "gateway/issue/revocation/notice.h"

#include <stdlib.h>
#include <string.h>

#include "acme/order.h"
#include "gateway/clock.h"
#include "gateway/issue/context.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"

/* After the store or the configuration would not give us what the job is about. */
static const uint64_t UNREADABLE_REST_MS = 60 * 1000;
/* The subject of the job: which of the two, then the issuance's id. */
enum { REVOKED = 'r', WILL_BE = 'w', SUBJECT_MAX = 1 + ISSUANCE_ID_MAX };

struct notice {
    struct issuer *issuer;
    char subject[SUBJECT_MAX + 1];
    struct issuance is;
    struct subscription sub;
    struct upstream_login *login;
    bool not_due, stored;
    bool answered, confirmed;
    bool alarm, expected; /* found out inside the transaction; expected: it was asked for here */
    struct store_op op;
    struct egress_post post;
};

/* ---- taken ---- */

struct taking {
    struct store_op op;
    char subject[SUBJECT_MAX + 1];
};

static enum store_status set_job(struct store_txn *txn, void *arg)
{
    const struct taking *taking = arg;
    uint64_t due_ms;
    size_t len = strlen(taking->subject);
    struct issuance is;
    if (store_job_get(txn, JOB_NOTICE, taking->subject, len, &due_ms) == STORE_OK)
        return STORE_OK; /* it is going to be asked */
    /* Read here: an answer may have been stored since the push came in. */
    enum store_status status = issuance_load(txn, taking->subject + 1, &is);
    due_ms = is.looked_ms + LOOK_EVERY_MS;
    issuance_clear(&is);
    if (status != STORE_OK)
        return status;
    return store_job_set(txn, JOB_NOTICE, taking->subject, len, due_ms > clock_ms() ? due_ms : clock_ms());
}

static void on_taken(struct store_op *op, enum store_status status)
{
    struct taking *taking = op->arg;
    if (status != STORE_OK)
        log_error("a push that tells of a revocation cannot be stored; see to the store's disk", "issuance",
                  taking->subject + 1, "reason", store_status_text(status));
    free(taking);
}

void notice_take(struct issuer *issuer, const struct issuance *is, enum sectigo_push_status kind)
{
    struct taking *taking = calloc(1, sizeof *taking);
    if (!taking) {
        log_warning(
            "out of memory: a push that tells of a revocation is forgotten. Look with order show, and give more memory",
            "issuance", is->id);
        return;
    }
    taking->subject[0] = kind == SECTIGO_PUSH_REVOKED ? REVOKED : WILL_BE;
    memcpy(taking->subject + 1, is->id, strlen(is->id) + 1);
    taking->op = (struct store_op){.fn = set_job, .arg = taking, .done = on_taken};
    store_submit(issuer->at.store, &taking->op);
}

/* ---- what was found out, stored ---- */

static void write_log(const struct notice *n, enum log_level level, const char *msg, const char *reason)
{
    log_line(level, msg, "issuance", n->is.id, "order_number", n->is.order_number, "login", n->sub.login, "reason",
             reason, (char *)0);
}

static void notice_free(struct notice *n)
{
    struct scheduler *scheduler = n->issuer->at.scheduler;
    if (n->stored || n->not_due)
        scheduler_done(scheduler, JOB_NOTICE, n->subject, strlen(n->subject));
    else
        scheduler_release_after(scheduler, JOB_NOTICE, n->subject, strlen(n->subject),
                                issuer_unstored_rest_ms(n->issuer));
    issuance_clear(&n->is);
    subscription_clear(&n->sub);
    free(n);
}

static enum store_status load_certificate(struct store_txn *txn, const struct issuance *is,
                                          struct acme_certificate *certificate)
{
    enum store_status status = STORE_NOT_FOUND;
    memset(certificate, 0, sizeof *certificate);
    for (uint32_t i = 0; i < is->order_count && status == STORE_NOT_FOUND; i++) {
        struct acme_order order;
        status = acme_order_load(txn, &is->orders[i], &order);
        if (status == STORE_OK)
            status =
                order.has_certificate ? acme_certificate_load(txn, &order.certificate, certificate) : STORE_NOT_FOUND;
        acme_order_clear(&order);
    }
    return status;
}

/* Also where its replacement has been asked for, and is not here yet: Sectigo may tell of the old one first. */
static enum store_status find_replaced(struct store_txn *txn, const struct subscription *sub,
                                       const struct acme_certificate *certificate, bool *replaced)
{
    struct issuance next = {0};
    *replaced = sub->has_certificate && memcmp(&sub->certificate, &certificate->id, sizeof certificate->id) != 0;
    if (*replaced || !sub->under_way[0])
        return STORE_OK;
    enum store_status status = issuance_load(txn, sub->under_way, &next);
    *replaced = status == STORE_OK && next.kind == ISSUANCE_REPLACEMENT && next.sends > 0;
    issuance_clear(&next);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* Nobody here had asked for it. */
static enum store_status note_revoked(struct store_txn *txn, struct notice *n, struct acme_certificate *certificate,
                                      uint64_t now_ms)
{
    const struct subscription *sub = &n->sub;
    enum store_status status = find_replaced(txn, sub, certificate, &n->alarm);
    if (status != STORE_OK)
        return status;
    acme_certificate_set_revocation(certificate, ACME_REVOCATION_ASKED);
    acme_certificate_set_revocation(certificate, ACME_REVOCATION_DONE);
    certificate->revocation_asked_ms = certificate->revoked_ms = now_ms;
    status = acme_certificate_save(txn, certificate);
    return status == STORE_OK && n->alarm ? login_set_unshared(txn, sub->login, now_ms) : status;
}

static enum store_status act(struct store_txn *txn, struct notice *n, uint64_t now_ms)
{
    struct acme_certificate certificate;
    enum store_status status = load_certificate(txn, &n->is, &certificate);
    n->expected = certificate.revocation != ACME_REVOCATION_NONE;
    if (status == STORE_OK && !n->expected) {
        if (n->subject[0] == REVOKED) {
            status = note_revoked(txn, n, &certificate, now_ms);
        } else {
            certificate.renew_from_ms = now_ms;
            status = acme_certificate_save(txn, &certificate);
        }
    }
    acme_certificate_clear(&certificate);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status apply(struct store_txn *txn, void *arg)
{
    struct notice *n = arg;
    uint64_t now_ms = clock_ms();
    n->alarm = n->expected = false;
    if (!n->answered)
        return store_job_set(txn, JOB_NOTICE, n->subject, strlen(n->subject), now_ms + LOOK_EVERY_MS);
    struct subscription sub;
    enum store_status status = subscription_load(txn, &n->is.subscription, &sub);
    struct subscription before = n->sub;
    n->sub = sub;
    subscription_clear(&before);
    if (status == STORE_OK && n->confirmed)
        status = act(txn, n, now_ms);
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_NOTICE, n->subject, strlen(n->subject));
    struct issuance is = {0};
    if (status == STORE_OK)
        status = issuance_load(txn, n->is.id, &is);
    is.looked_ms = now_ms;
    if (status == STORE_OK)
        status = issuance_save(txn, &is);
    issuance_clear(&is);
    return status;
}

static void tell(const struct notice *n)
{
    if (n->expected) /* revoke.c has told of what was asked for here */
        write_log(n, LOG_LEVEL_DEBUG, "a push tells of the revocation that was asked for here", NULL);
    else if (n->alarm)
        write_log(
            n, LOG_LEVEL_ERROR,
            "Sectigo has revoked a certificate that was replaced, though others may still serve it; from now on "
            "this login's subscriptions serve one key each, and other keys buy their own. Ask Sectigo to stop it, "
            "then acmegatectl upstream resume",
            NULL);
    else if (n->confirmed && n->subject[0] == REVOKED)
        write_log(
            n, LOG_LEVEL_ERROR,
            "Sectigo has revoked a certificate that nobody here asked it to: see whether its client has renewed, and "
            "ask Sectigo why",
            NULL);
    else if (n->confirmed)
        write_log(
            n, LOG_LEVEL_ERROR,
            "Sectigo is going to revoke a certificate; its renewal is due now: see that its client renews in time",
            NULL);
    else if (n->answered)
        write_log(n, LOG_LEVEL_WARNING,
                  "a push tells of a revocation that Sectigo does not confirm; if it comes again, see who knows the "
                  "credentials of public.push",
                  NULL);
}

static void on_stored(struct store_op *op, enum store_status status)
{
    struct notice *n = op->arg;
    n->stored = status == STORE_OK;
    issuer_note_stored(n->issuer, n->stored);
    if (n->stored)
        tell(n);
    else
        write_log(n, LOG_LEVEL_ERROR,
                  "what became of a revocation cannot be stored; it is asked again. See to the store's disk",
                  store_status_text(status));
    notice_free(n);
}

/* ---- asked ---- */

static bool is_revoked(const struct sectigo_report_order *order)
{
    bool revoked = order->status && strcasecmp(order->status, "revoked") == 0;
    for (size_t i = 0; i < order->certificate_count; i++)
        revoked =
            revoked || (order->certificates[i].status && strcasecmp(order->certificates[i].status, "revoked") == 0);
    return revoked;
}

static void on_status(void *ctx, const struct upstream_reply *reply)
{
    struct notice *n = ctx;
    struct sectigo_report_answer answer = {0};
    bool parsed = reply->outcome == UPSTREAM_ANSWERED &&
                  sectigo_parse_report(SECTIGO_GET_DETAILED_ORDER_STATUS, reply->body, reply->body_len, &answer);
    n->answered = parsed && answer.code == 0 && answer.order_count > 0;
    n->confirmed = n->answered && (n->subject[0] == WILL_BE || is_revoked(&answer.orders[0]));
    sectigo_report_clear(&answer);
    n->op = (struct store_op){.fn = apply, .arg = n, .done = on_stored};
    store_submit(n->issuer->at.store, &n->op);
}

/* On the egress thread. */
static void ask(void *ctx)
{
    struct notice *n = ctx;
    struct sectigo_form form = {0};
    if (atomic_load(&n->issuer->stopping)) {
        notice_free(n);
        return;
    }
    request_status(&form, &n->is);
    upstream_call(n->login, SECTIGO_GET_DETAILED_ORDER_STATUS, &form, on_status, n);
}

static bool load(struct notice *n, const struct store_job *job)
{
    struct store_txn *txn;
    memcpy(n->subject, job->subject, job->subject_len);
    enum store_status status = store_read(n->issuer->at.store, &txn);
    if (status == STORE_OK) {
        status = issuance_load(txn, n->subject + 1, &n->is);
        if (status == STORE_OK)
            status = subscription_load(txn, &n->is.subscription, &n->sub);
        n->not_due = scheduler_not_due(txn, JOB_NOTICE, job->subject, job->subject_len);
        store_read_end(txn);
    }
    if (status == STORE_OK)
        n->login = upstream_login_for(n->issuer->at.upstream, n->sub.login, n->sub.endpoint);
    return n->login != NULL;
}

void notice_on_job(void *ctx, const struct store_job *job)
{
    struct issuer *issuer = ctx;
    bool fits = job->subject_len > 1 && job->subject_len <= SUBJECT_MAX;
    struct notice *n = fits ? calloc(1, sizeof *n) : NULL;
    if (n) {
        n->issuer = issuer;
        n->post = (struct egress_post){.fn = ask, .ctx = n};
    }
    if (n && load(n, job)) {
        if (n->not_due || !egress_post(issuer->at.egress, &n->post))
            notice_free(n); /* where the program stops it is taken up after the next start */
        return;
    }
    if (n) {
        log_error(
            "an issuance that a push is about, or its login, cannot be read; see to the store's disk and the logins",
            "issuance", n->subject + 1);
        issuance_clear(&n->is);
        subscription_clear(&n->sub);
        free(n);
    }
    scheduler_release_after(issuer->at.scheduler, JOB_NOTICE, job->subject, job->subject_len, UNREADABLE_REST_MS);
}
