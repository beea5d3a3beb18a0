/* The authorization resource, RFC 8555 sections 7.1.4 and 7.5: how one is shown, reading and deactivating it. */
#include <string.h>

#include "acme/reply.h"

json_t *acme_challenge_json(const struct acme_view *acme, const struct acme_authz *authz,
                            const struct acme_challenge *challenge)
{
    char url[ACME_URL_MAX];
    acme_challenge_url(acme, &authz->id, challenge->type, url);
    json_t *json = json_object();
    int failed = json_object_set_new(json, "type", json_string(acme_challenge_type_text(challenge->type)));
    failed |= json_object_set_new(json, "url", json_string(url));
    failed |= json_object_set_new(json, "status", json_string(acme_challenge_status_text(challenge->status)));
    if (challenge->type == ACME_DNS_PERSIST_01)
        failed |= json_object_set_new(json, "issuerDomainNames", acme_caa_identities_json(&acme->config));
    else
        failed |= json_object_set_new(json, "token", json_string(challenge->token));
    /* A valid challenge has this member, also one that the policy took for granted (RFC 8555 section 8). */
    if (challenge->status == ACME_CHALLENGE_VALID)
        failed |= json_object_set_new(
            json, "validated", acme_time_json(challenge->validated_s ? challenge->validated_s : authz->created_s));
    if (challenge->error)
        failed |= json_object_set_new(json, "error", acme_stored_problem_json(challenge->error));
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* Once an authorization is decided, only what decided it is shown. */
static json_t *challenges_json(const struct acme_view *acme, const struct acme_authz *authz)
{
    bool decided[ACME_CHALLENGE_INVALID + 1] = {false};
    json_t *list = json_array();
    int failed = 0;
    for (unsigned i = 0; i < authz->challenge_count; i++)
        decided[authz->challenges[i].status] = true;
    for (unsigned i = 0; i < authz->challenge_count; i++) {
        const struct acme_challenge *challenge = &authz->challenges[i];
        bool shown = decided[ACME_CHALLENGE_VALID]     ? challenge->status == ACME_CHALLENGE_VALID
                     : decided[ACME_CHALLENGE_INVALID] ? challenge->status == ACME_CHALLENGE_INVALID
                                                       : true;
        if (shown)
            failed |= json_array_append_new(list, acme_challenge_json(acme, authz, challenge));
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *authz_json(const struct acme_view *acme, const struct acme_authz *authz)
{
    json_t *json = json_object();
    int failed = json_object_set_new(json, "identifier", identifier_json(&authz->identifier));
    failed |= json_object_set_new(json, "status", json_string(acme_authz_status_text(authz->status)));
    failed |= json_object_set_new(json, "expires", acme_time_json(authz->expires_s));
    failed |= json_object_set_new(json, "challenges", challenges_json(acme, authz));
    if (authz->wildcard)
        failed |= json_object_set_new(json, "wildcard", json_true());
    if (authz->subdomains)
        failed |= json_object_set_new(json, "subdomainAuthAllowed", json_true());
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static bool is_processing(const struct acme_authz *authz)
{
    for (unsigned i = 0; i < authz->challenge_count; i++)
        if (authz->challenges[i].status == ACME_CHALLENGE_PROCESSING)
            return authz->status == ACME_AUTHZ_PENDING;
    return false;
}

void acme_reply_authz(struct acme_task *task, int status, const struct acme_authz *authz)
{
    acme_reply_json(task, status, authz_json(task->acme, authz));
    if (is_processing(authz) && task->reply.status == status)
        task->reply.retry_after_s = ACME_RETRY_CHALLENGE_S;
}

static enum store_status deactivate(struct store_txn *txn, struct acme_task *task)
{
    struct acme_id id = task->authz.id;
    acme_authz_clear(&task->authz);
    enum store_status status = acme_require_account(txn, task);
    if (status == STORE_OK)
        status = acme_authz_load(txn, &id, &task->authz);
    if (status == STORE_OK)
        status = acme_authz_deactivate(txn, &task->authz);
    task->authz.id = id;
    return status;
}

static void show(struct acme_task *task)
{
    acme_authz_refresh(&task->authz, acme_expiry_s(task));
    acme_reply_authz(task, 200, &task->authz);
}

enum acme_step acme_post_authz(struct acme_exchange *x, struct acme_task *task)
{
    static const struct acme_operation deactivation = {.change = deactivate, .answer = show};
    if (!acme_own_authz(x->snapshot, task, &x->id))
        return acme_refuse(task);
    acme_set_authz_subject(task, &task->authz);
    if (acme_is_post_as_get(x)) {
        show(task);
        return ACME_DONE;
    }
    json_t *payload = acme_payload(x, task);
    const char *status = json_string_value(json_object_get(payload, "status"));
    if (!payload)
        return acme_refuse(task);
    if (!status || strcmp(status, "deactivated") != 0) {
        acme_problem_set(&task->problem, ACME_MALFORMED,
                         "An authorization can only be read (empty payload) or deactivated "
                         "({\"status\":\"deactivated\"}).");
        return acme_refuse(task);
    }
    task->operation = &deactivation;
    return ACME_COMMIT;
}
