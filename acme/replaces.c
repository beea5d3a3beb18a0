#include "acme/replaces.h"

#include <string.h>

#include "acme/certificate_name.h"
#include "store/shortage.h"

bool acme_parse_replaces(const json_t *payload, struct acme_order *order, struct acme_problem *problem)
{
    const json_t *replaces = json_object_get(payload, "replaces");
    struct certificate_name name;
    if (!replaces)
        return true;
    if (!json_is_string(replaces) ||
        !certificate_name_parse(json_string_value(replaces), json_string_length(replaces), &name))
        return acme_problem_set(problem, ACME_MALFORMED,
                                "\"replaces\" does not name a certificate: base64url of its authority key identifier, "
                                "a dot, base64url of its serial number (RFC 9773 section 4.1).");
    order->replaces = shortage_strdup(json_string_value(replaces));
    if (!order->replaces)
        acme_problem_out_of_memory(problem);
    return order->replaces != NULL;
}

/* Whether the order got a certificate that somebody has downloaded. */
static enum store_status is_served(struct store_txn *txn, const struct acme_id *id, bool *served)
{
    struct acme_order order;
    struct acme_certificate certificate = {0};
    *served = false;
    enum store_status status = acme_order_load(txn, id, &order);
    if (status == STORE_OK && order.has_certificate) {
        status = acme_certificate_load(txn, &order.certificate, &certificate);
        *served = status == STORE_OK && certificate.downloaded_s != 0;
    }
    acme_certificate_clear(&certificate);
    acme_order_clear(&order);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status claim(struct store_txn *txn, const struct acme_order *order,
                               struct acme_certificate *certificate, struct acme_problem *problem)
{
    bool served = false;
    enum store_status status = STORE_OK;
    if (!certificate_has_any(certificate, &order->names)) {
        acme_problem_set(problem, ACME_MALFORMED,
                         "The certificate that \"replaces\" names has none of the names of this order.");
        return STORE_REFUSED;
    }
    if (certificate->has_replacement)
        status = is_served(txn, &certificate->replacement, &served);
    if (status == STORE_OK && served) {
        acme_problem_set(problem, ACME_ALREADY_REPLACED,
                         "The certificate that \"replaces\" names has been replaced by another order.");
        return STORE_REFUSED;
    }
    certificate->has_replacement = true;
    certificate->replacement = order->id;
    return status == STORE_OK ? acme_certificate_save(txn, certificate) : status;
}

enum store_status acme_claim_replaced(struct store_txn *txn, struct acme_task *task)
{
    const struct acme_order *order = &task->order;
    struct acme_problem *problem = &task->problem;
    struct certificate_name name;
    struct acme_certificate certificate;
    if (!order->replaces)
        return STORE_OK;
    if (!certificate_name_parse(order->replaces, strlen(order->replaces), &name))
        return STORE_INVALID;
    enum store_status status = certificate_by_name(txn, &name, &certificate);
    bool ours = status == STORE_OK;
    task->foreign_replaces = status == STORE_NOT_FOUND;
    if (task->foreign_replaces)
        status = STORE_OK;
    if (ours && memcmp(&certificate.account, &order->account, sizeof order->account) != 0) {
        acme_problem_status(problem, 404, ACME_MALFORMED,
                            "This account has no certificate of the name that \"replaces\" gives.");
        status = STORE_REFUSED;
    }
    if (ours && status == STORE_OK)
        status = claim(txn, order, &certificate, problem);
    acme_certificate_clear(&certificate);
    return status;
}
