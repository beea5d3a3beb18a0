/* finalize, RFC 8555 section 7.4: a CSR for a ready order. Repeating one with the same CSR is harmless; an order that
 * has accepted a CSR takes no other. */
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "acme/key_policy.h"
#include "acme/base64url.h"
#include "acme/reply.h"
#include "store/shortage.h"

static bool decode_csr(const json_t *payload, uint8_t **der, size_t *len, struct acme_problem *problem)
{
    const json_t *csr = json_object_get(payload, "csr");
    size_t text_len = json_string_length(csr);
    if (!json_is_string(csr))
        return acme_problem_set(problem, ACME_MALFORMED, "The payload has no \"csr\" (base64url of the CSR in DER).");
    if (text_len >= BASE64URL_SIZE(ACME_CSR_MAX))
        return acme_problem_set(problem, ACME_BAD_CSR, "The CSR is larger than %d octets.", ACME_CSR_MAX);
    *der = shortage_malloc(text_len + 1);
    ssize_t decoded = *der ? base64url_decode(json_string_value(csr), text_len, *der, text_len + 1) : -1;
    if (!*der)
        acme_problem_out_of_memory(problem);
    else if (decoded < 0)
        acme_problem_set(problem, ACME_MALFORMED,
                         "\"csr\" is not base64url without padding; a PEM has to be turned into DER first.");
    *len = decoded < 0 ? 0 : (size_t)decoded;
    return decoded >= 0;
}

static bool same_csr(const struct acme_order *order, const uint8_t sha256[static SHA256_DIGEST_LENGTH])
{
    return order->has_csr && memcmp(order->csr_sha256, sha256, SHA256_DIGEST_LENGTH) == 0;
}

/* Whether the order (refreshed) takes a CSR now. */
static bool is_ready(const struct acme_order *order, struct acme_problem *problem)
{
    if (order->has_csr)
        return acme_problem_set(problem, ACME_ORDER_NOT_READY,
                                "The order is %s: it has accepted another CSR before. Place a new order for this one.",
                                acme_order_status_text(order->status));
    if (order->status == ACME_ORDER_PENDING)
        return acme_problem_set(problem, ACME_ORDER_NOT_READY,
                                "The order is pending: not all of its authorizations are valid yet.");
    if (order->status == ACME_ORDER_READY)
        return true;
    json_t *error = order->error ? acme_stored_problem_json(order->error) : NULL;
    const char *detail = json_string_value(json_object_get(error, "detail"));
    acme_problem_set(problem, ACME_ORDER_NOT_READY, "The order is %s. %s", acme_order_status_text(order->status),
                     detail ? detail : "");
    json_decref(error);
    return false;
}

static enum store_status count_certificate(struct store_txn *txn, struct acme_task *task)
{
    struct acme_policy policy;
    enum store_status status = acme_policy_load(txn, task->account.policy, &policy);
    if (status == STORE_NOT_FOUND) {
        acme_problem_set(&task->problem, ACME_UNAUTHORIZED,
                         "The policy \"%s\" of this account does not exist any longer.", task->account.policy);
        status = STORE_REFUSED;
    }
    if (status == STORE_OK)
        status = acme_policy_count(txn, &policy, ACME_USE_CERTIFICATES, acme_now_s(task), &task->problem);
    acme_policy_clear(&policy);
    return status;
}

enum store_status acme_accept_csr(struct store_txn *txn, struct acme_task *task)
{
    const struct acme_hooks *hooks = &task->acme->config.hooks;
    struct acme_order *order = &task->order;
    struct acme_id id = order->id;
    acme_order_clear(order);
    order->id = id;
    enum store_status status = acme_require_account(txn, task);
    if (status == STORE_OK)
        status = acme_order_load(txn, &id, order);
    if (status == STORE_OK && same_csr(order, task->csr.der_sha256))
        return STORE_OK;
    if (status == STORE_OK)
        status = acme_order_refresh(txn, order, acme_expiry_s(task));
    if (status != STORE_OK)
        return status;
    if (!is_ready(order, &task->problem))
        return STORE_REFUSED;
    status = count_certificate(txn, task);
    if (status != STORE_OK)
        return status;
    status = hooks->accept_csr(hooks->ctx, txn, order, &task->csr, task->now_ms, &task->problem);
    if (status != STORE_OK)
        return status;
    acme_order_set_status(order, ACME_ORDER_PROCESSING);
    order->has_csr = true;
    memcpy(order->csr_sha256, task->csr.der_sha256, sizeof order->csr_sha256);
    order->finalized_ms = task->now_ms;
    order->updated_s = order->read_s = acme_now_s(task);
    return acme_order_save(txn, order);
}

static void answer_order(struct acme_task *task)
{
    acme_reply_order(task, 200, &task->order);
}

static bool look_at_order(struct store_txn *txn, struct acme_task *task)
{
    struct acme_order now;
    if (acme_order_load(txn, &task->order.id, &now) != STORE_OK) {
        acme_order_clear(&now);
        return true;
    }
    acme_order_clear(&task->order);
    task->order = now;
    return now.status != ACME_ORDER_PROCESSING;
}

/* Looks at the order before the CSR is parsed: a repeated request costs one hash. */
static enum acme_step take_csr(struct acme_exchange *x, struct acme_task *task, const uint8_t *der, size_t len)
{
    static const struct acme_operation finalization = {
        .change = acme_accept_csr, .answer = answer_order, .look = look_at_order};
    uint8_t sha256[SHA256_DIGEST_LENGTH];
    SHA256(der, len, sha256);
    enum store_status status = acme_order_refresh(x->snapshot, &task->order, acme_expiry_s(task));
    if (status != STORE_OK) {
        acme_store_problem(&task->problem, status);
        return acme_refuse(task);
    }
    if (same_csr(&task->order, sha256)) {
        answer_order(task);
        return ACME_DONE;
    }
    if (!is_ready(&task->order, &task->problem) || !csr_parse(der, len, &task->csr, &task->problem) ||
        !csr_check(&task->csr, &task->order.names, x->key, &task->problem) ||
        !key_allowed(&task->acme->config, task->csr.key, task->csr.spki_sha256, "The CSR's key", ACME_BAD_CSR,
                     &task->problem))
        return acme_refuse(task);
    task->topic = task->order.id;
    task->hold_ms = task->acme->config.hold_finalize_ms;
    task->operation = &finalization;
    return ACME_COMMIT;
}

enum acme_step acme_post_finalize(struct acme_exchange *x, struct acme_task *task)
{
    uint8_t *der = NULL;
    size_t len = 0;
    if (!acme_own_order(x->snapshot, task, &x->id))
        return acme_refuse(task);
    acme_set_subject(task, &x->id);
    json_t *payload = acme_payload(x, task);
    enum acme_step step =
        payload && decode_csr(payload, &der, &len, &task->problem) ? take_csr(x, task, der, len) : acme_refuse(task);
    free(der);
    return step;
}
