/* The order resource, RFC 8555 sections 7.1.3 and 7.4: how an order is shown, and reading one. */
#include <string.h>

#include "acme/reply.h"

enum { READ_NOTE_S = MINUTE_S }; /* how finely it is noted when a client last asked */

static json_t *identifiers_json(const struct acme_names *names)
{
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; i < names->count; i++)
        failed |= json_array_append_new(list, identifier_json(&names->list[i]));
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* One authorization serves several names where it is of a domain above them. */
static bool is_repeated(const struct acme_order *order, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (memcmp(&order->authzs[i], &order->authzs[at], sizeof *order->authzs) == 0)
            return true;
    return false;
}

static json_t *authzs_json(const struct acme_view *acme, const struct acme_order *order)
{
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; i < order->names.count; i++)
        if (!is_repeated(order, i))
            failed |= json_array_append_new(list, acme_url_json(acme, "authz", &order->authzs[i], ""));
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *order_json(const struct acme_view *acme, const struct acme_order *order)
{
    json_t *json = json_object();
    int failed = json_object_set_new(json, "status", json_string(acme_order_status_text(order->status)));
    failed |= json_object_set_new(json, "expires", acme_time_json(order->expires_s));
    failed |= json_object_set_new(json, "identifiers", identifiers_json(&order->names));
    failed |= json_object_set_new(json, "authorizations", authzs_json(acme, order));
    failed |= json_object_set_new(json, "finalize", acme_url_json(acme, "order", &order->id, "/finalize"));
    if (order->has_certificate)
        failed |= json_object_set_new(json, "certificate", acme_url_json(acme, "certificate", &order->certificate, ""));
    if (acme->config.profile_count > 0)
        failed |= json_object_set_new(json, "profile", json_string(order->profile));
    if (order->replaces)
        failed |= json_object_set_new(json, "replaces", json_string(order->replaces));
    if (order->error)
        failed |= json_object_set_new(json, "error", acme_stored_problem_json(order->error));
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

void acme_reply_order(struct acme_task *task, int status, const struct acme_order *order)
{
    acme_reply_json(task, status, order_json(task->acme, order));
    acme_url(task->acme, "order", &order->id, "", task->reply.location);
    acme_set_subject(task, &order->id);
    uint64_t waited_s = task->now_ms > order->finalized_ms ? (task->now_ms - order->finalized_ms) / SECOND_MS : 0;
    if (order->status == ACME_ORDER_PROCESSING && task->reply.status == status)
        task->reply.retry_after_s = acme_retry_order_s(waited_s);
}

/* Notes that somebody still waits for the order. */
static enum store_status note_read(struct store_txn *txn, struct acme_task *task)
{
    struct acme_order order;
    enum store_status status = acme_order_load(txn, &task->order.id, &order);
    if (status == STORE_OK && order.status == ACME_ORDER_PROCESSING) {
        order.read_s = acme_now_s(task);
        status = acme_order_save(txn, &order);
    }
    acme_order_clear(&order);
    return status;
}

enum acme_step acme_post_order(struct acme_exchange *x, struct acme_task *task)
{
    static const struct acme_operation note = {.change = note_read};
    if (!acme_no_payload(x, task) || !acme_own_order(x->snapshot, task, &x->id))
        return acme_refuse(task);
    enum store_status status = acme_order_refresh(x->snapshot, &task->order, acme_expiry_s(task));
    if (status != STORE_OK) {
        acme_store_problem(&task->problem, status);
        return acme_refuse(task);
    }
    acme_reply_order(task, 200, &task->order);
    uint64_t now_s = acme_now_s(task), read_s = task->order.read_s; /* of the future: by a clock that was wrong */
    if (task->order.status != ACME_ORDER_PROCESSING || (read_s <= now_s && now_s < read_s + READ_NOTE_S))
        return ACME_DONE;
    task->operation = &note;
    task->patience_ms = ACME_PATIENCE_MS;
    return ACME_NOTE;
}
