#include "gateway/issue/revocation/revoke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/context.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/log.h"
#include "sectigo/result.h"

/* After the store or the configuration would not give us what the job is about. */
static const uint64_t UNREADABLE_REST_MS = 60 * 1000;
static const uint64_t HOUR_MS = 3600 * 1000;
/* Earlier than any other job, so that a revocation goes before everything else that is due. */
static const uint64_t AT_ONCE_MS = 1;
/* What AutoRevokeSSL takes for a serial number, in hex digits. */
enum { SERIAL_TEXT_MAX = 34 };

struct revocation {
    struct issuer *issuer;
    struct acme_certificate certificate;
    struct subscription sub;
    struct upstream_login *login;
    bool not_due; /* done or moved before it was looked at */
    bool stored;
    enum acme_revocation to; /* ASKED: once more, later */
    uint64_t again_ms;       /* in how long, where upstream.h says it; 0: with back-off */
    struct store_op op;
    struct egress_post post;
};

static void write_log(const struct revocation *r, enum log_level level, const char *msg, const char *reason)
{
    char order[ACME_ID_TEXT + 1];
    acme_id_text(&r->certificate.order, order);
    log_line(level, msg, "order", order, "issuance", r->certificate.issuance, "order_number", r->sub.order_number,
             "reason", reason, (char *)0);
}

static void revocation_free(struct revocation *r)
{
    const uint8_t *subject = r->certificate.id.octets;
    if (r->stored || r->not_due)
        scheduler_done(r->issuer->at.scheduler, JOB_REVOKE, subject, ACME_ID_LEN);
    else
        scheduler_release_after(r->issuer->at.scheduler, JOB_REVOKE, subject, ACME_ID_LEN,
                                issuer_unstored_rest_ms(r->issuer));
    acme_certificate_clear(&r->certificate);
    subscription_clear(&r->sub);
    free(r);
}

/* ---- the outcome, stored ---- */

static enum store_status write_audit(struct store_txn *txn, const char *what, const struct acme_id *account,
                                     const struct acme_certificate *certificate, const struct subscription *sub,
                                     uint64_t now_ms)
{
    struct audit_line line = {.what = what,
                              .issuance = certificate->issuance,
                              .policy = certificate->policy,
                              .profile = certificate->profile,
                              .login = sub->login,
                              .order_number = sub->order_number,
                              .certificate_id = certificate->certificate_id,
                              .account = account,
                              .names = &sub->names,
                              .product = sub->product};
    return audit_add(txn, &line, now_ms);
}

/* Waits as long again as has passed since it was asked, which doubles each time: from `later` to an hour, up to a
 * quarter off either way. */
static uint64_t back_off(const struct revocation *r, uint64_t asked_ms, uint64_t now_ms)
{
    uint64_t wait_ms = clock_since(asked_ms, now_ms);
    if (wait_ms < r->issuer->at.config->issuance.later_ms)
        wait_ms = r->issuer->at.config->issuance.later_ms;
    if (wait_ms > HOUR_MS)
        wait_ms = HOUR_MS;
    return now_ms + wait_ms - wait_ms / 4 + (uint64_t)random() % (wait_ms / 2 + 1);
}

static enum store_status settle(struct store_txn *txn, const struct revocation *r, struct acme_certificate *certificate)
{
    uint64_t now_ms = clock_ms();
    const uint8_t *subject = certificate->id.octets;
    if (r->to == ACME_REVOCATION_ASKED)
        return store_job_set(txn, JOB_REVOKE, subject, ACME_ID_LEN,
                             r->again_ms ? now_ms + r->again_ms
                                         : back_off(r, certificate->revocation_asked_ms, now_ms));
    if (!acme_certificate_set_revocation(certificate, r->to))
        return STORE_INVALID;
    if (r->to == ACME_REVOCATION_DONE)
        certificate->revoked_ms = now_ms;
    enum store_status status = acme_certificate_save(txn, certificate);
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_REVOKE, subject, ACME_ID_LEN);
    if (status == STORE_OK && r->to == ACME_REVOCATION_DONE)
        status = write_audit(txn, "revocation", &certificate->account, certificate, &r->sub, now_ms);
    return status;
}

static enum store_status store_outcome(struct store_txn *txn, void *arg)
{
    const struct revocation *r = arg;
    struct acme_certificate certificate; /* anew: its download may have been noted meanwhile */
    enum store_status status = acme_certificate_load(txn, &r->certificate.id, &certificate);
    if (status == STORE_OK)
        status = settle(txn, r, &certificate);
    if (status == STORE_OK && r->to == ACME_REVOCATION_DONE)
        issuer_debug_stop(r->issuer, "revocation-done:before");
    acme_certificate_clear(&certificate);
    return status;
}

static void on_stored(struct store_op *op, enum store_status status)
{
    struct revocation *r = op->arg;
    struct issuer *issuer = r->issuer;
    r->stored = status == STORE_OK;
    issuer_note_stored(r->issuer, r->stored);
    if (r->stored && r->to == ACME_REVOCATION_DONE)
        issuer_debug_stop(issuer, "revocation-done");
    if (!r->stored)
        write_log(r, LOG_LEVEL_ERROR,
                  "the outcome of a revocation cannot be stored; it is asked for again. See to the store's disk",
                  store_status_text(status));
    else if (r->to != ACME_REVOCATION_ASKED)
        issuer->at.notify(issuer->at.notify_ctx, &r->certificate.id);
    revocation_free(r);
}

static void commit(struct revocation *r, enum acme_revocation to)
{
    r->to = to;
    r->op = (struct store_op){.fn = store_outcome, .arg = r, .done = on_stored};
    store_submit(r->issuer->at.store, &r->op);
}

/* ---- the call ---- */

static void on_reply(void *ctx, const struct upstream_reply *reply)
{
    struct revocation *r = ctx;
    struct sectigo_result result;
    issuer_debug_stop(r->issuer, "revocation-sent");
    r->again_ms = reply->again_ms;
    if (reply->outcome != UPSTREAM_ANSWERED) {
        write_log(r, LOG_LEVEL_INFO, "a revocation could not be placed; it is sent again", reply->reason);
        commit(r, ACME_REVOCATION_ASKED);
    } else if (!sectigo_parse_result(SECTIGO_AUTO_REVOKE_SSL, reply->body, reply->body_len, &result)) {
        write_log(r, LOG_LEVEL_INFO, "a revocation was answered with what cannot be read; it is sent again", NULL);
        commit(r, ACME_REVOCATION_ASKED);
    } else if (sectigo_classify(SECTIGO_AUTO_REVOKE_SSL, result.code, result.message) == SECTIGO_PLACED) {
        write_log(r, LOG_LEVEL_INFO, "certificate is revoked", result.code < 0 ? result.message : NULL);
        commit(r, ACME_REVOCATION_DONE);
    } else {
        char why[NOTE_MAX];
        snprintf(why, sizeof why, "%d: %s", result.code, result.message);
        write_log(
            r, LOG_LEVEL_ERROR,
            "Sectigo does not revoke a certificate; it is asked again. Revoke it at Sectigo's, or mend what it says",
            why);
        commit(r, ACME_REVOCATION_ASKED);
    }
}

/* By serial number; where that is longer than the call takes, by certificate ID. Never by order number, which would end
 * the whole order. */
static void name_certificate(struct sectigo_form *form, const struct acme_certificate *certificate)
{
    char serial[2 * sizeof certificate->serial + 1];
    for (size_t i = 0; i < certificate->serial_len; i++)
        snprintf(serial + 2 * i, 3, "%02X", certificate->serial[i]);
    if (2 * certificate->serial_len > SERIAL_TEXT_MAX && certificate->certificate_id[0])
        sectigo_form_add(form, "certificateID", certificate->certificate_id);
    else
        sectigo_form_add(form, "serialNumber", serial);
}

/* On the egress thread. */
static void submit(void *ctx)
{
    struct revocation *r = ctx;
    struct sectigo_form form = {0};
    const struct acme_certificate *certificate = &r->certificate;
    issuer_debug_stop(r->issuer, "revocation-asked");
    if (atomic_load(&r->issuer->stopping)) {
        revocation_free(r);
        return;
    }
    if (!clock_in_doubt() && certificate->not_after_s < (int64_t)(clock_ms() / 1000)) {
        write_log(r, LOG_LEVEL_INFO, "a certificate expired before Sectigo had revoked it", NULL);
        commit(r, ACME_REVOCATION_LAPSED);
        return;
    }
    name_certificate(&form, certificate);
    sectigo_form_addf(&form, "revocationReason", "asked for over ACME: %s",
                      sectigo_revocation_reason(certificate->revocation_reason));
    sectigo_form_addf(&form, "codeReason", "%u", certificate->revocation_reason);
    sectigo_form_add(&form, "responseFormat", "1");
    upstream_call(r->login, SECTIGO_AUTO_REVOKE_SSL, &form, on_reply, r);
}

/* ---- the job ---- */

static enum store_status load_subscription(struct store_txn *txn, const struct acme_certificate *certificate,
                                           struct subscription *sub)
{
    struct issuance is;
    enum store_status status = issuance_load(txn, certificate->issuance, &is);
    if (status == STORE_OK)
        status = subscription_load(txn, &is.subscription, sub);
    issuance_clear(&is);
    return status;
}

static bool load(struct revocation *r, const struct store_job *job)
{
    struct store_txn *txn;
    struct acme_id id;
    memcpy(id.octets, job->subject, ACME_ID_LEN);
    enum store_status status = store_read(r->issuer->at.store, &txn);
    if (status == STORE_OK) {
        status = acme_certificate_load(txn, &id, &r->certificate);
        if (status == STORE_OK)
            status = load_subscription(txn, &r->certificate, &r->sub);
        r->not_due = scheduler_not_due(txn, JOB_REVOKE, job->subject, job->subject_len);
        store_read_end(txn);
    }
    if (status != STORE_OK)
        log_error("a certificate to be revoked cannot be read from the store; see to its disk", "reason",
                  store_status_text(status));
    return status == STORE_OK;
}

static bool find_login(struct revocation *r)
{
    r->login = upstream_login_for(r->issuer->at.upstream, r->sub.login, r->sub.endpoint);
    if (r->login)
        return true;
    log_error("a revocation needs a login that the configuration has no longer, or has changed: put it back",
              "issuance", r->certificate.issuance, "login", r->sub.login, "url", r->sub.endpoint);
    return false;
}

void revoke_on_job(void *ctx, const struct store_job *job)
{
    struct issuer *issuer = ctx;
    struct revocation *r = job->subject_len == ACME_ID_LEN ? calloc(1, sizeof *r) : NULL;
    if (r) {
        r->issuer = issuer;
        r->post = (struct egress_post){.fn = submit, .ctx = r};
    }
    if (r && load(r, job) && (r->not_due || find_login(r))) {
        if (r->not_due || !egress_post(issuer->at.egress, &r->post))
            revocation_free(r); /* where the program stops it is taken up after the next start */
        return;
    }
    if (r) {
        acme_certificate_clear(&r->certificate);
        subscription_clear(&r->sub);
        free(r);
    }
    scheduler_release_after(issuer->at.scheduler, JOB_REVOKE, job->subject, job->subject_len, UNREADABLE_REST_MS);
}

/* ---- asked for ---- */

enum store_status issuer_revoke(void *ctx, struct store_txn *txn, const struct acme_certificate *certificate,
                                const struct acme_id *account, uint64_t now_ms)
{
    struct subscription sub = {0};
    enum store_status status = load_subscription(txn, certificate, &sub);
    if (status == STORE_OK)
        status = write_audit(txn, account ? "revocation-asked" : "revocation-asked-by-its-key",
                             account ? account : &certificate->account, certificate, &sub, now_ms);
    if (status == STORE_OK)
        status = store_job_set(txn, JOB_REVOKE, certificate->id.octets, ACME_ID_LEN, AT_ONCE_MS);
    subscription_clear(&sub);
    if (status == STORE_OK)
        issuer_debug_stop(ctx, "revocation-asked:before");
    return status == STORE_NOT_FOUND ? STORE_INVALID : status;
}
