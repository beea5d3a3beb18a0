/* The challenge resource, RFC 8555 section 7.5.1: reading one, and asking for it to be validated. */
#include <string.h>

#include "acme/reply.h"

static void answer_challenge(struct acme_task *task)
{
    struct acme_authz *authz = &task->authz;
    const struct acme_challenge *challenge = acme_authz_challenge(authz, task->challenge);
    char url[ACME_URL_MAX];

    acme_reply_json(task, 200, acme_challenge_json(task->acme, authz, challenge));
    acme_url(task->acme, "authz", &authz->id, "", url);
    acme_reply_link(task, url, "up");
    if (challenge->status == ACME_CHALLENGE_PROCESSING && task->reply.status == 200)
        task->reply.retry_after_s = ACME_RETRY_CHALLENGE_S;
}

/* Whether there is something to start. A challenge that has been started, or whose authorization has been decided, is
 * shown as it is, so that a repeated request does no harm; one that came too late is told so. */
static bool can_start(struct acme_task *task, const struct acme_challenge *challenge)
{
    return task->authz.status == ACME_AUTHZ_PENDING && challenge->status == ACME_CHALLENGE_PENDING;
}

static bool is_late(struct acme_task *task)
{
    return task->authz.status == ACME_AUTHZ_PENDING && task->authz.expires_s <= acme_expiry_s(task);
}

static void write_subject(const struct acme_task *task, uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN])
{
    memcpy(subject, task->authz.id.octets, ACME_ID_LEN);
    subject[ACME_ID_LEN] = (uint8_t)task->challenge;
}

static enum store_status start_challenge(struct store_txn *txn, struct acme_task *task)
{
    struct acme_id id = task->authz.id;
    acme_authz_clear(&task->authz);
    task->authz.id = id;
    enum store_status status = acme_require_account(txn, task);
    if (status != STORE_OK)
        return status;
    status = acme_authz_load(txn, &id, &task->authz);
    struct acme_challenge *challenge = acme_authz_challenge(&task->authz, task->challenge);
    if (status != STORE_OK || !challenge)
        return status == STORE_OK ? STORE_INVALID : status;
    if (!can_start(task, challenge))
        return STORE_OK;
    acme_challenge_set_status(challenge, ACME_CHALLENGE_PROCESSING);
    status = acme_authz_save(txn, &task->authz);
    if (status != STORE_OK)
        return status;
    const struct acme_hooks *hooks = &task->acme->config.hooks;
    uint8_t subject[ACME_VALIDATION_SUBJECT_LEN];
    write_subject(task, subject);
    return hooks->validate(hooks->ctx, txn, subject, task->now_ms);
}

/* Begins the validation beside the commit, which waits a moment to be shared with the outcome. */
static void begin_validation(struct acme_exchange *x, struct acme_task *task, const struct acme_challenge *challenge)
{
    const struct acme_hooks *hooks = &task->acme->config.hooks;
    uint8_t subject[ACME_VALIDATION_SUBJECT_LEN];
    struct acme_validation validation;
    if (!hooks->validate_soon || task->hold_ms == 0 ||
        acme_validation_of(x->snapshot, &task->authz, challenge, &validation) != STORE_OK)
        return;
    write_subject(task, subject);
    task->patience_ms = ACME_PATIENCE_MS;
    hooks->validate_soon(hooks->validator, subject, &validation);
}

/* Settled once this challenge is decided, or another one, or the client, has decided the authorization. */
static bool is_decided(struct store_txn *txn, struct acme_task *task)
{
    struct acme_authz now;
    bool settled = true;
    if (acme_authz_load(txn, &task->authz.id, &now) == STORE_OK && acme_authz_challenge(&now, task->challenge)) {
        acme_authz_clear(&task->authz);
        task->authz = now;
        settled = now.status != ACME_AUTHZ_PENDING;
    } else {
        acme_authz_clear(&now);
    }
    return settled;
}

enum acme_step acme_post_challenge(struct acme_exchange *x, struct acme_task *task)
{
    static const struct acme_operation validation = {
        .change = start_challenge, .answer = answer_challenge, .look = is_decided};
    if (!acme_own_authz(x->snapshot, task, &x->id))
        return acme_refuse(task);
    acme_set_authz_subject(task, &task->authz);
    task->challenge = x->challenge;
    const struct acme_challenge *challenge = acme_authz_challenge(&task->authz, x->challenge);
    if (!challenge) {
        acme_problem_status(&task->problem, 404, ACME_MALFORMED, "The authorization has no such challenge.");
        return acme_refuse(task);
    }
    bool reading = acme_is_post_as_get(x);
    if (!reading && !acme_payload(x, task))
        return acme_refuse(task);
    if (reading || !can_start(task, challenge)) {
        answer_challenge(task);
        return ACME_DONE;
    }
    if (is_late(task)) {
        acme_problem_status(&task->problem, 403, ACME_UNAUTHORIZED,
                            "The authorization for %s has expired; place a new order.", task->authz.identifier.value);
        return acme_refuse(task);
    }
    task->topic = task->authz.id;
    task->hold_ms = task->acme->config.hold_challenge_ms;
    task->operation = &validation;
    begin_validation(x, task, challenge);
    return ACME_COMMIT;
}
