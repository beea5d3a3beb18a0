/* keyChange, RFC 8555 section 7.3.5, key rollover: an account gets a new key, signed for by both. */
#include <stdlib.h>
#include <string.h>

#include "acme/key_policy.h"
#include "acme/reply.h"
#include "acme/tables.h"
#include "store/shortage.h"

/* The payload of the inner JWS: {"account": URL, "oldKey": JWK}. */
static bool check_inner_payload(const struct jws *inner, const struct acme_exchange *x, const struct acme_task *task,
                                struct acme_problem *problem)
{
    json_t *payload = acme_json_parse(inner->payload, inner->payload_len, "inner payload", problem);
    const char *account = json_string_value(json_object_get(payload, "account"));
    json_t *old = json_object_get(payload, "oldKey");
    struct jwk old_key = {0};
    bool good = false;
    if (!payload)
        return false;
    if (!account || strcmp(account, x->jws.kid) != 0)
        acme_problem_set(problem, ACME_MALFORMED, "The inner \"account\" is not the account that signed the request.");
    else if (!old)
        acme_problem_set(problem, ACME_MALFORMED, "The inner payload has no \"oldKey\".");
    else if (jwk_parse(old, &old_key, problem))
        good = memcmp(old_key.thumbprint, task->account.thumbprint, JWK_THUMBPRINT_LEN) == 0 ||
               acme_problem_set(problem, ACME_MALFORMED, "\"oldKey\" is not the key of the account.");
    jwk_clear(&old_key);
    json_decref(payload);
    return good;
}

/* Moves the new key into the task. */
static bool take_new_key(struct acme_exchange *x, struct acme_task *task)
{
    struct acme_problem *problem = &task->problem;
    struct jws inner = {0};
    json_t *object = acme_payload(x, task);
    bool good = object && jws_parse_json(object, JWS_INNER_KEY, &inner, problem) &&
                (strcmp(inner.url, x->jws.url) == 0 ||
                 acme_problem_set(problem, ACME_MALFORMED, "The inner \"url\" differs from the outer one.")) &&
                jws_verify(&inner, inner.jwk.kind, inner.jwk.key, problem) &&
                check_inner_payload(&inner, x, task, problem);
    if (good && !(task->new_key = shortage_malloc(sizeof *task->new_key))) {
        acme_problem_out_of_memory(problem);
        good = false;
    } else if (good) {
        *task->new_key = inner.jwk;
        inner.jwk.key = NULL;
    }
    jws_clear(&inner);
    return good;
}

/* STORE_REFUSED, the problem set and the owner's URL in the reply where the new key belongs to an account. */
static enum store_status require_unused(struct store_txn *txn, struct acme_task *task)
{
    struct acme_id owner;
    task->key_taken = false;
    enum store_status status = acme_account_by_key(txn, task->new_key->thumbprint, &owner);
    if (status == STORE_NOT_FOUND)
        return STORE_OK;
    if (status != STORE_OK)
        return status;
    task->key_taken = true;
    acme_url(task->acme, "account", &owner, "", task->reply.location);
    acme_problem_status(&task->problem, 409, ACME_MALFORMED, "The new key is in use by an account already.");
    return STORE_REFUSED;
}

static enum store_status change(struct store_txn *txn, struct acme_task *task)
{
    acme_account_clear(&task->present);
    enum store_status status = require_unused(txn, task);
    if (status == STORE_OK)
        status = acme_require_account(txn, task);
    if (status == STORE_OK)
        status = acme_account_load(txn, &task->account.id, &task->present);
    if (status != STORE_OK)
        return status;
    struct acme_account *account = &task->present;
    if (memcmp(account->thumbprint, task->account.thumbprint, JWK_THUMBPRINT_LEN) != 0) {
        acme_problem_set(&task->problem, ACME_UNAUTHORIZED, "The account got another key in the meantime.");
        return STORE_REFUSED;
    }
    status = acme_account_note_former(txn, account, task->now_ms);
    if (status != STORE_OK)
        return status;
    char *key = shortage_strdup(task->new_key->canonical);
    if (!key)
        return STORE_IO;
    free(account->key);
    account->key = key;
    memcpy(account->thumbprint, task->new_key->thumbprint, JWK_THUMBPRINT_LEN);
    status = store_delete(txn, ACME_ACCOUNT_KEYS, task->account.thumbprint, JWK_THUMBPRINT_LEN);
    if (status == STORE_OK)
        status = acme_account_bind_key(txn, account->thumbprint, &account->id);
    return status == STORE_OK ? acme_account_save(txn, account) : status;
}

static void answer_account(struct acme_task *task)
{
    acme_reply_account(task, 200, &task->present);
}

enum acme_step acme_post_key_change(struct acme_exchange *x, struct acme_task *task)
{
    static const struct acme_operation changing = {.change = change, .answer = answer_account};
    if (!take_new_key(x, task) ||
        !key_allowed(&task->acme->config, task->new_key->key, NULL, "The new key", ACME_BAD_PUBLIC_KEY, &task->problem))
        return acme_refuse(task);
    enum store_status status = require_unused(x->snapshot, task);
    if (status != STORE_OK) {
        if (!task->key_taken)
            acme_store_problem(&task->problem, status);
        return acme_refuse(task);
    }
    task->operation = &changing;
    return ACME_COMMIT;
}
