/* The account resource, RFC 8555 sections 7.1.2, 7.3.2 and 7.3.6: how one is shown, reading, updating, deactivating. */
#include <string.h>

#include "acme/contact.h"
#include "acme/reply.h"

static json_t *contacts_json(const struct acme_account *account)
{
    json_t *list = json_array();
    int failed = 0;
    for (unsigned i = 0; i < account->contact_count; i++)
        failed |= json_array_append_new(list, json_string(account->contacts[i]));
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *account_json(const struct acme_view *acme, const struct acme_account *account)
{
    json_t *json = json_object();
    int failed = json_object_set_new(json, "status", json_string(acme_account_status_text(account->status)));
    if (account->contact_count > 0)
        failed |= json_object_set_new(json, "contact", contacts_json(account));
    if (account->terms_agreed)
        failed |= json_object_set_new(json, "termsOfServiceAgreed", json_true());
    if (account->binding)
        failed |= json_object_set_new(json, "externalAccountBinding", json_loads(account->binding, 0, NULL));
    failed |= json_object_set_new(json, "orders", acme_url_json(acme, "account", &account->id, "/orders"));
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

void acme_reply_account(struct acme_task *task, int status, const struct acme_account *account)
{
    acme_reply_json(task, status, account_json(task->acme, account));
    acme_url(task->acme, "account", &account->id, "", task->reply.location);
    acme_set_subject(task, &account->id);
}

static void answer_account(struct acme_task *task)
{
    acme_reply_account(task, 200, &task->present);
}

/* task->account is as the request wants it; task->present becomes what is stored. */
static enum store_status reload(struct store_txn *txn, struct acme_task *task)
{
    acme_account_clear(&task->present);
    enum store_status status = acme_require_account(txn, task);
    return status == STORE_OK ? acme_account_load(txn, &task->account.id, &task->present) : status;
}

static enum store_status update(struct store_txn *txn, struct acme_task *task)
{
    enum store_status status = reload(txn, task);
    if (status != STORE_OK)
        return status;
    struct acme_account changed = task->present;
    memcpy(changed.contacts, task->account.contacts, sizeof changed.contacts);
    changed.contact_count = task->account.contact_count;
    status = acme_account_save(txn, &changed);
    acme_account_clear(&task->present);
    return status == STORE_OK ? acme_account_load(txn, &task->account.id, &task->present) : status;
}

static enum store_status deactivate(struct store_txn *txn, struct acme_task *task)
{
    enum store_status status = reload(txn, task);
    if (status != STORE_OK)
        return status;
    acme_account_set_status(&task->present, ACME_ACCOUNT_DEACTIVATED);
    status = acme_account_save(txn, &task->present);
    if (status == STORE_OK)
        status = acme_account_cancel_orders(txn, &task->present, task->acme->config.order_lifetime_s, task->now_ms);
    return status;
}

static const struct acme_operation updating = {.change = update, .answer = answer_account};
static const struct acme_operation deactivating = {.change = deactivate, .answer = answer_account};

/* What the payload asks for; NULL: nothing that changes anything, or *problem is set. What a client may not change,
 * among it every other status, is ignored, as section 7.3.2 says. */
static const struct acme_operation *requested(const json_t *payload, struct acme_task *task)
{
    const json_t *contact = json_object_get(payload, "contact");
    const char *status = json_string_value(json_object_get(payload, "status"));
    if (status && strcmp(status, "deactivated") == 0)
        return &deactivating;
    return contact && contacts_set(&task->account, contact, &task->problem) ? &updating : NULL;
}

enum acme_step acme_post_account(struct acme_exchange *x, struct acme_task *task)
{
    if (memcmp(&x->id, &task->account.id, sizeof x->id) != 0) {
        acme_problem_status(&task->problem, 403, ACME_UNAUTHORIZED, "This is not the account that signed the request.");
        return acme_refuse(task);
    }
    if (!acme_is_post_as_get(x)) {
        const json_t *payload = acme_payload(x, task);
        task->operation = payload ? requested(payload, task) : NULL;
        if (task->operation)
            return ACME_COMMIT;
        if (task->problem.type)
            return acme_refuse(task);
    }
    acme_reply_account(task, 200, &task->account);
    return ACME_DONE;
}
