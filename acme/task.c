#include "acme/task.h"

#include <string.h>

#include "acme/durations.h"

json_t *acme_payload(struct acme_exchange *x, struct acme_task *task)
{
    if (!x->payload) {
        x->payload = acme_json_parse(x->jws.payload, x->jws.payload_len, "payload", &task->problem);
        if (x->payload && !json_is_object(x->payload)) {
            json_decref(x->payload);
            x->payload = NULL;
            acme_problem_set(&task->problem, ACME_MALFORMED, "The payload is not a JSON object.");
        }
    }
    return x->payload;
}

bool acme_no_payload(const struct acme_exchange *x, struct acme_task *task)
{
    return acme_is_post_as_get(x) ||
           acme_problem_set(&task->problem, ACME_MALFORMED,
                            "This resource is read with POST-as-GET: the payload must be the empty string.");
}

struct store_slice acme_last_segment(const struct acme_exchange *x)
{
    const struct acme_request *request = x->request;
    const char *slash = memrchr(request->path, '/', request->path_len);
    size_t len = (size_t)(request->path + request->path_len - slash) - 1;
    return (struct store_slice){(const uint8_t *)slash + 1, len};
}

void acme_store_problem(struct acme_problem *problem, enum store_status status)
{
    if (status == STORE_FULL) {
        acme_problem_status(problem, 503, ACME_SERVER_INTERNAL,
                            "The server's store is full. Nothing was changed; try again later.");
        problem->retry_after_s = ACME_RETRY_FULL_S;
    } else if (status == STORE_CLOSED) {
        acme_problem_status(problem, 503, ACME_SERVER_INTERNAL,
                            "The server is stopping. Nothing was changed; try again shortly.");
        problem->retry_after_s = ACME_RETRY_STOPPING_S;
    } else if (status == STORE_AWAY) {
        acme_problem_status(problem, 503, ACME_SERVER_INTERNAL,
                            "The server's database does not answer. Nothing was changed; try again shortly.");
        problem->retry_after_s = ACME_RETRY_STORE_S;
    } else if (status == STORE_SHORT) {
        acme_problem_out_of_memory(problem);
    } else {
        acme_problem_status(problem, 500, ACME_SERVER_INTERNAL, "The server failed at its store: %s.",
                            store_status_text(status));
    }
}

/* False, and the problem set, unless status is STORE_OK and the object is the account's. */
static bool is_own(struct acme_task *task, enum store_status status, const struct acme_id *owner, const char *what)
{
    if (status == STORE_OK && memcmp(owner, &task->account.id, sizeof *owner) == 0)
        return true;
    if (status == STORE_OK || status == STORE_NOT_FOUND)
        return acme_problem_status(&task->problem, 404, ACME_MALFORMED, "There is no such %s.", what);
    acme_store_problem(&task->problem, status);
    return false;
}

bool acme_own_order(struct store_txn *txn, struct acme_task *task, const struct acme_id *id)
{
    acme_order_clear(&task->order);
    enum store_status status = acme_order_load(txn, id, &task->order);
    return is_own(task, status, &task->order.account, "order");
}

bool acme_own_authz(struct store_txn *txn, struct acme_task *task, const struct acme_id *id)
{
    acme_authz_clear(&task->authz);
    enum store_status status = acme_authz_load(txn, id, &task->authz);
    return is_own(task, status, &task->authz.account, "authorization");
}

enum store_status acme_require_account(struct store_txn *txn, struct acme_task *task)
{
    struct acme_account now;
    enum store_status status = acme_account_load(txn, &task->account.id, &now);
    if (status == STORE_OK && now.status != ACME_ACCOUNT_VALID) {
        acme_problem_status(&task->problem, 401, ACME_UNAUTHORIZED, "The account is %s.",
                            acme_account_status_text(now.status));
        status = STORE_REFUSED;
    }
    if (status == STORE_OK && !external_key_policy(txn, now.external_key, task->acme->config.external_account_required,
                                                   task->account.policy, &task->problem))
        status = STORE_REFUSED;
    acme_account_clear(&now);
    return status;
}

bool acme_take_policy(struct acme_exchange *x, struct acme_task *task)
{
    acme_policy_clear(&task->policy);
    enum store_status status = acme_policy_load(x->snapshot, task->account.policy, &task->policy);
    if (status == STORE_NOT_FOUND)
        return acme_problem_set(&task->problem, ACME_UNAUTHORIZED,
                                "The policy \"%s\" of this account's external account key does not exist any longer.",
                                task->account.policy);
    if (status != STORE_OK)
        acme_store_problem(&task->problem, status);
    else
        acme_policy_distrust_unbound(&task->policy, task->account.external_key);
    return status == STORE_OK;
}

void acme_set_subject(struct acme_task *task, const struct acme_id *id)
{
    acme_id_text(id, task->subject);
}

void acme_set_authz_subject(struct acme_task *task, const struct acme_authz *authz)
{
    acme_set_subject(task, acme_authz_has_order(authz) ? &authz->order : &authz->id);
}
