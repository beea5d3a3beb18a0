/* newAccount, RFC 8555 section 7.3. */
#include <string.h>

#include "acme/binding.h"
#include "acme/contact.h"
#include "acme/key_policy.h"
#include "acme/reply.h"
#include "store/shortage.h"

/* A key has one account at most: the account, if it is still valid, is the answer. */
static bool reply_present(struct acme_task *task)
{
    acme_id_text(&task->present.id, task->asker);
    if (task->present.status != ACME_ACCOUNT_VALID)
        return acme_problem_status(&task->problem, 401, ACME_UNAUTHORIZED, "The account of this key is %s.",
                                   acme_account_status_text(task->present.status));
    acme_reply_account(task, 200, &task->present);
    return true;
}

/* STORE_OK, task->key_taken and task->present where the key has an account, STORE_OK alone where it has none. */
static enum store_status find_present(struct store_txn *txn, struct acme_task *task, const uint8_t *thumbprint)
{
    struct acme_id id;
    acme_account_clear(&task->present);
    task->key_taken = false;
    enum store_status status = acme_account_by_key(txn, thumbprint, &id);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    task->key_taken = true;
    return acme_account_load(txn, &id, &task->present);
}

static enum store_status create(struct store_txn *txn, struct acme_task *task)
{
    enum store_status status = find_present(txn, task, task->account.thumbprint);
    if (status != STORE_OK || task->key_taken)
        return status;
    status = acme_count_binding(txn, &task->account, &task->problem);
    if (status == STORE_OK)
        status = acme_policy_count(txn, &task->policy, ACME_USE_ACCOUNTS, acme_now_s(task), &task->problem);
    if (status != STORE_OK)
        return status;
    status = acme_account_bind_key(txn, task->account.thumbprint, &task->account.id);
    return status == STORE_OK ? acme_account_save(txn, &task->account) : status;
}

static void answer_created(struct acme_task *task)
{
    if (!task->key_taken)
        acme_reply_account(task, 201, &task->account);
    else if (!reply_present(task))
        acme_refuse(task);
}

static bool agrees(const json_t *payload, struct acme_task *task)
{
    const char *terms = task->acme->config.terms_of_service;
    task->account.terms_agreed = json_is_true(json_object_get(payload, "termsOfServiceAgreed"));
    if (!terms || task->account.terms_agreed)
        return true;
    acme_reply_link(task, terms, "terms-of-service");
    acme_problem_status(&task->problem, 403, ACME_USER_ACTION_REQUIRED,
                        "An account needs agreement to the terms of service at %s (\"termsOfServiceAgreed\":true).",
                        terms);
    task->problem.extra = json_pack("{s:s}", "instance", terms);
    return false;
}

static bool take_policy(struct acme_exchange *x, const json_t *payload, struct acme_task *task)
{
    const json_t *binding = json_object_get(payload, "externalAccountBinding");
    static const char by_default[] = ACME_POLICY_DEFAULT;
    memcpy(task->account.policy, by_default, sizeof by_default);
    if (binding)
        return acme_take_binding(x, task, binding) && acme_take_policy(x, task);
    if (task->acme->config.external_account_required)
        return acme_problem_set(
            &task->problem, ACME_EXTERNAL_ACCOUNT_REQUIRED,
            "An account at this server needs an external account key; ask whoever runs it for one.");
    return acme_take_policy(x, task);
}

static bool prepare_account(const struct acme_exchange *x, const json_t *payload, struct acme_task *task)
{
    struct acme_account *account = &task->account;
    account->status = ACME_ACCOUNT_VALID;
    account->created_s = acme_now_s(task);
    memcpy(account->thumbprint, x->jws.jwk.thumbprint, sizeof account->thumbprint);
    account->key = shortage_strdup(x->jws.jwk.canonical);
    if (!account->key || !acme_id_make(&account->id, task->now_ms)) {
        acme_problem_out_of_memory(&task->problem);
        return false;
    }
    return agrees(payload, task) && contacts_set(account, json_object_get(payload, "contact"), &task->problem);
}

enum acme_step acme_post_new_account(struct acme_exchange *x, struct acme_task *task)
{
    static const struct acme_operation creation = {.change = create, .answer = answer_created};
    json_t *payload = acme_payload(x, task);
    if (!payload)
        return acme_refuse(task);
    enum store_status status = find_present(x->snapshot, task, x->jws.jwk.thumbprint);
    if (status != STORE_OK) {
        acme_store_problem(&task->problem, status);
        return acme_refuse(task);
    }
    if (task->key_taken)
        return reply_present(task) ? ACME_DONE : acme_refuse(task);
    if (json_is_true(json_object_get(payload, "onlyReturnExisting"))) {
        acme_problem_set(&task->problem, ACME_ACCOUNT_DOES_NOT_EXIST, "No account has this key.");
        return acme_refuse(task);
    }
    if (!key_allowed(&task->acme->config, x->jws.jwk.key, NULL, "The account's key", ACME_BAD_PUBLIC_KEY, &task->problem) ||
        !take_policy(x, payload, task) || !prepare_account(x, payload, task))
        return acme_refuse(task);
    task->operation = &creation;
    return ACME_COMMIT;
}
