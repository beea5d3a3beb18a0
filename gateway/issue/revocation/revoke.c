#include "gateway/issue/revocation/revoke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "sectigo/result.h"

/* Earlier than any other job, so that a revocation goes before everything else that is due. */
static const uint64_t AT_ONCE_MS = 1;
/* What AutoRevokeSSL takes for a serial number, in hex digits. */
enum { SERIAL_TEXT_MAX = 34 };

struct revocation {
    struct work work;
    struct acme_certificate certificate;
    struct subscription sub;
    struct upstream_login *login;
    struct revoke_outcome outcome;
};

/* ---- the decision ---- */

struct revoke_outcome revoke_decide(const struct upstream_reply *reply)
{
    struct revoke_outcome outcome = {.to = ACME_REVOCATION_ASKED, .rest_ms = reply->again_ms};
    struct work_line *line = &outcome.line;
    struct sectigo_result result;
    line->level = LOG_LEVEL_INFO;
    if (reply->outcome != UPSTREAM_ANSWERED) {
        line->msg = "a revocation could not be placed; it is sent again";
        snprintf(line->reason, sizeof line->reason, "%s", reply->reason);
    } else if (!sectigo_parse_result(SECTIGO_AUTO_REVOKE_SSL, reply->body, reply->body_len, &result)) {
        line->msg = "a revocation was answered with what cannot be read; it is sent again";
    } else if (sectigo_classify(SECTIGO_AUTO_REVOKE_SSL, result.code, result.message) == SECTIGO_PLACED) {
        outcome.to = ACME_REVOCATION_DONE;
        line->msg = "certificate is revoked";
        snprintf(line->reason, sizeof line->reason, "%s", result.code < 0 ? result.message : "");
    } else {
        line->level = LOG_LEVEL_ERROR;
        line->msg =
            "Sectigo does not revoke a certificate; it is asked again. Revoke it at Sectigo's, or mend what it says";
        snprintf(line->reason, sizeof line->reason, "%d: %s", result.code, result.message);
    }
    return outcome;
}

uint64_t revoke_back_off_ms(uint64_t asked_ms, uint64_t later_ms, uint64_t now_ms)
{
    uint64_t wait_ms = clock_since(asked_ms, now_ms);
    return wait_ms < later_ms ? later_ms : wait_ms < HOUR_MS ? wait_ms : HOUR_MS;
}

/* ---- the outcome, stored ---- */

enum store_status revoke_audit(struct store_txn *txn, const char *what, const struct acme_id *account,
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

/* Up to a quarter off either way. */
static uint64_t again_ms(const struct revocation *r, uint64_t asked_ms, uint64_t now_ms)
{
    uint64_t wait_ms = revoke_back_off_ms(asked_ms, r->work.config->issuance.later_ms, now_ms);
    if (r->outcome.rest_ms)
        return now_ms + r->outcome.rest_ms;
    return now_ms + wait_ms - wait_ms / 4 + (uint64_t)random() % (wait_ms / 2 + 1);
}

static enum store_status settle_revocation(struct store_txn *txn, const struct revocation *r,
                                           struct acme_certificate *certificate, uint64_t now_ms)
{
    enum acme_revocation to = r->outcome.to;
    if (to == ACME_REVOCATION_ASKED)
        return work_set_job(txn, &r->work, again_ms(r, certificate->revocation_asked_ms, now_ms));
    if (!acme_certificate_set_revocation(certificate, to))
        return STORE_INVALID;
    if (to == ACME_REVOCATION_DONE)
        certificate->revoked_ms = now_ms;
    enum store_status status = acme_certificate_save(txn, certificate);
    if (status == STORE_OK)
        status = work_clear_job(txn, &r->work);
    if (status == STORE_OK && to == ACME_REVOCATION_DONE)
        status = revoke_audit(txn, "revocation", &certificate->account, certificate, &r->sub, now_ms);
    return status;
}

static enum store_status apply_revocation(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    const struct revocation *r = (struct revocation *)work;
    struct acme_certificate certificate; /* anew: its download may have been noted meanwhile */
    enum store_status status = acme_certificate_load(txn, &r->certificate.id, &certificate);
    if (status == STORE_OK)
        status = settle_revocation(txn, r, &certificate, now_ms);
    if (status == STORE_OK && r->outcome.to == ACME_REVOCATION_DONE)
        issuer_debug_stop(work->owner, "revocation-done:before");
    acme_certificate_clear(&certificate);
    return status;
}

static enum work_next on_revocation_stored(struct work *work, enum store_status status)
{
    const struct revocation *r = (struct revocation *)work;
    const struct issuer *issuer = work->owner;
    if (status != STORE_OK)
        return WORK_REST;
    if (r->outcome.to == ACME_REVOCATION_DONE) {
        metrics_count(METRIC_REVOCATIONS, metrics_login(r->sub.login));
        issuer_debug_stop(issuer, "revocation-done");
    }
    if (r->outcome.to != ACME_REVOCATION_ASKED)
        issuer->at.notify(issuer->at.notify_ctx, &r->certificate.id);
    return WORK_DONE;
}

/* ---- the job ---- */

static void log_revocation(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    const struct revocation *r = (const struct revocation *)work;
    char order[ACME_ID_TEXT + 1];
    acme_id_text(&r->certificate.order, order);
    log_line(level, msg, "order", order, "issuance", r->certificate.issuance, "order_number", r->sub.order_number,
             "reason", reason, (char *)0);
}

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

static enum store_status load_revocation(struct store_txn *txn, struct work *work)
{
    struct revocation *r = (struct revocation *)work;
    struct acme_id id;
    memcpy(id.octets, work->subject, ACME_ID_LEN);
    enum store_status status = acme_certificate_load(txn, &id, &r->certificate);
    if (status == STORE_OK)
        status = load_subscription(txn, &r->certificate, &r->sub);
    if (status != STORE_OK)
        return status;
    r->login = issuer_login(
        work, &r->sub, "a revocation needs a login that the configuration has no longer, or has changed: put it back");
    return r->login ? STORE_OK : STORE_REFUSED;
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

static enum work_next ask_revocation(struct work *work)
{
    struct revocation *r = (struct revocation *)work;
    struct sectigo_form form = {0};
    const struct acme_certificate *certificate = &r->certificate;
    issuer_debug_stop(work->owner, "revocation-asked");
    if (!clock_in_doubt() && certificate->not_after_s < (int64_t)(clock_ms() / 1000)) {
        log_revocation(work, LOG_LEVEL_INFO, "a certificate expired before Sectigo had revoked it", NULL);
        r->outcome.to = ACME_REVOCATION_LAPSED;
        return WORK_STORE;
    }
    name_certificate(&form, certificate);
    sectigo_form_addf(&form, "revocationReason", "asked for over ACME: %s",
                      sectigo_revocation_reason(certificate->revocation_reason));
    sectigo_form_addf(&form, "codeReason", "%u", certificate->revocation_reason);
    sectigo_form_add(&form, "responseFormat", "1");
    return issuer_ask(work, r->login, SECTIGO_AUTO_REVOKE_SSL, &form);
}

static enum work_next decide_revocation(struct work *work, const void *answer, uint64_t now_ms)
{
    struct revocation *r = (struct revocation *)work;
    (void)now_ms;
    issuer_debug_stop(work->owner, "revocation-sent");
    r->outcome = revoke_decide(answer);
    return work_say(work, &r->outcome.line, WORK_STORE);
}

static void clear_revocation(struct work *work)
{
    struct revocation *r = (struct revocation *)work;
    acme_certificate_clear(&r->certificate);
    subscription_clear(&r->sub);
}

const struct work_kind revoke_work = {
    .job = JOB_REVOKE,
    .size = sizeof(struct revocation),
    .subject_min = ACME_ID_LEN,
    .subject_max = ACME_ID_LEN,
    .load = load_revocation,
    .ask = ask_revocation,
    .decide = decide_revocation,
    .apply = apply_revocation,
    .stored = on_revocation_stored,
    .clear = clear_revocation,
    .log = log_revocation,
    .unreadable = "a certificate to be revoked cannot be read from the store; see to its disk",
    .unstored = "the outcome of a revocation cannot be stored; it is asked for again. See to the store's disk",
};

/* ---- asked for ---- */

static enum store_status begin_revocation(const struct issuer *issuer, struct store_txn *txn, const char *what,
                                          const struct acme_certificate *certificate, const struct acme_id *account,
                                          uint64_t now_ms)
{
    struct subscription sub = {0};
    enum store_status status = load_subscription(txn, certificate, &sub);
    if (status == STORE_OK)
        status = revoke_audit(txn, what, account ? account : &certificate->account, certificate, &sub, now_ms);
    if (status == STORE_OK)
        status = store_job_set(txn, JOB_REVOKE, certificate->id.octets, ACME_ID_LEN, AT_ONCE_MS);
    subscription_clear(&sub);
    if (status == STORE_OK)
        issuer_debug_stop(issuer, "revocation-asked:before");
    log_note_cause(certificate->id.octets, ACME_ID_LEN);
    return status == STORE_NOT_FOUND ? STORE_INVALID : status;
}

enum store_status issuer_revoke(void *ctx, struct store_txn *txn, const struct acme_certificate *certificate,
                                const struct acme_id *account, uint64_t now_ms)
{
    return begin_revocation(ctx, txn, account ? "revocation-asked" : "revocation-asked-by-its-key", certificate,
                            account, now_ms);
}

enum store_status issuer_revoke_for_operator(struct issuer *issuer, struct store_txn *txn,
                                             const struct acme_certificate *certificate, uint64_t now_ms)
{
    return begin_revocation(issuer, txn, "revocation-asked-by-operator", certificate, NULL, now_ms);
}
