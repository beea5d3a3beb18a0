#include "acme/order.h"

#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/authorization.h"
#include "acme/records.h"
#include "acme/tables.h"
#include "store/shortage.h"

/* Version 2 adds "replaces", and was written only where there is one. Version 3, which is written, is compact. */
enum { RECORD_MAX = 64 * 1024, PLAIN = 1, WITH_REPLACES, COMPACT };

/* Legal moves: row from, column to. */
static const bool moves[ACME_ORDER_INVALID + 1][ACME_ORDER_INVALID + 1] = {
    [ACME_ORDER_PENDING] = {[ACME_ORDER_READY] = true, [ACME_ORDER_INVALID] = true},
    [ACME_ORDER_READY] = {[ACME_ORDER_PROCESSING] = true, [ACME_ORDER_INVALID] = true},
    [ACME_ORDER_PROCESSING] = {[ACME_ORDER_VALID] = true, [ACME_ORDER_INVALID] = true},
};

bool acme_order_set_status(struct acme_order *order, enum acme_order_status to)
{
    if (!moves[order->status][to])
        return false;
    order->status = to;
    return true;
}

const char *acme_order_status_text(enum acme_order_status status)
{
    static const char *const texts[] = {
        [ACME_ORDER_PENDING] = "pending", [ACME_ORDER_READY] = "ready",     [ACME_ORDER_PROCESSING] = "processing",
        [ACME_ORDER_VALID] = "valid",     [ACME_ORDER_INVALID] = "invalid",
    };
    return texts[status];
}

static void get_names(struct record_reader *r, struct acme_order *order)
{
    unsigned count = record_get_u8(r);
    if (count == 0 || count > ACME_IDENTIFIERS_MAX) {
        r->failed = true;
        return;
    }
    order->authzs = shortage_calloc(count, sizeof *order->authzs);
    if (!order->authzs)
        r->failed = true;
    for (unsigned i = 0; i < count && !r->failed; i++) {
        struct acme_identifier name = {0};
        record_get_identifier(r, &name);
        record_get_id(r, &order->authzs[i]);
        if (!names_append(&order->names, &name))
            r->failed = true;
    }
}

bool order_decode(struct store_slice value, struct acme_order *order)
{
    struct record_reader r;
    uint8_t version = record_open_upto(&r, value, COMPACT);
    r.compact = version >= COMPACT;
    record_get_id(&r, &order->account);
    order->status = record_get_choice(&r, ACME_ORDER_INVALID);
    order->created_s = record_get_u64(&r);
    order->expires_s = record_get_u64(&r);
    order->updated_s = record_get_u64(&r);
    get_names(&r, order);
    record_get_string(&r, order->policy, sizeof order->policy);
    record_get_string(&r, order->profile, sizeof order->profile);
    order->has_csr = record_get_bool(&r);
    record_get_fixed(&r, order->csr_sha256, sizeof order->csr_sha256);
    order->finalized_ms = record_get_u64(&r);
    order->read_s = record_get_u64(&r);
    order->has_certificate = record_get_bool(&r);
    record_get_id(&r, &order->certificate);
    order->error = record_dup_optional(&r);
    order->user_agent = record_dup_string(&r);
    if (version >= WITH_REPLACES)
        order->replaces = record_dup_optional(&r);
    return record_complete(&r) && (version >= COMPACT || version == (order->replaces ? WITH_REPLACES : PLAIN));
}

bool order_encode(const struct acme_order *order, struct record_writer *w)
{
    record_begin(w, COMPACT, RECORD_MAX);
    w->compact = true;
    record_put_id(w, &order->account);
    record_put_u8(w, (uint8_t)order->status);
    record_put_u64(w, order->created_s);
    record_put_u64(w, order->expires_s);
    record_put_u64(w, order->updated_s);
    record_put_u8(w, (uint8_t)order->names.count);
    for (size_t i = 0; i < order->names.count; i++) {
        record_put_identifier(w, &order->names.list[i]);
        record_put_id(w, &order->authzs[i]);
    }
    record_put_string(w, order->policy);
    record_put_string(w, order->profile);
    record_put_bool(w, order->has_csr);
    record_put_fixed(w, order->csr_sha256, sizeof order->csr_sha256);
    record_put_u64(w, order->finalized_ms);
    record_put_u64(w, order->read_s);
    record_put_bool(w, order->has_certificate);
    record_put_id(w, &order->certificate);
    record_put_string(w, order->error);
    record_put_string(w, order->user_agent);
    record_put_string(w, order->replaces);
    return record_finish(w);
}

enum store_status acme_order_load(struct store_txn *txn, const struct acme_id *id, struct acme_order *order)
{
    struct store_slice value;
    memset(order, 0, sizeof *order);
    order->id = *id;
    enum store_status status = store_get(txn, ACME_ORDERS, id->octets, ACME_ID_LEN, &value);
    if (status == STORE_OK && !order_decode(value, order))
        status = STORE_INVALID;
    return status;
}

enum store_status acme_order_save(struct store_txn *txn, const struct acme_order *order)
{
    struct record_writer w;
    return record_store(txn, ACME_ORDERS, &order->id, order_encode(order, &w), &w);
}

enum store_status acme_order_remove(struct store_txn *txn, const struct acme_order *order)
{
    uint8_t key[2 * ACME_ID_LEN];
    memcpy(key, order->account.octets, ACME_ID_LEN);
    memcpy(key + ACME_ID_LEN, order->id.octets, ACME_ID_LEN);
    enum store_status status = store_delete(txn, ACME_ACCOUNT_ORDERS, key, sizeof key);
    if (status == STORE_OK || status == STORE_NOT_FOUND)
        status = store_delete(txn, ACME_ORDERS, order->id.octets, ACME_ID_LEN);
    return status == STORE_OK ? acme_account_note_used(txn, &order->account) : status;
}

void acme_order_clear(struct acme_order *order)
{
    names_clear(&order->names);
    free(order->authzs);
    free(order->error);
    free(order->user_agent);
    free(order->replaces);
    memset(order, 0, sizeof *order);
}

bool acme_order_invalidate(struct acme_order *order, const struct acme_problem *problem, uint64_t now_s)
{
    char *error = acme_problem_dump(problem);
    if (!error || !acme_order_set_status(order, ACME_ORDER_INVALID)) {
        free(error);
        return false;
    }
    free(order->error);
    order->error = error;
    order->updated_s = now_s;
    return true;
}

/* Sets *problem where one of the order's authorizations is neither pending nor valid any longer. */
static enum store_status lost_authz(struct store_txn *txn, const struct acme_order *order, uint64_t now_s,
                                    struct acme_problem *problem)
{
    enum store_status status = STORE_OK;
    for (size_t i = 0; i < order->names.count && status == STORE_OK && !problem->type; i++) {
        struct acme_authz authz;
        status = acme_authz_load(txn, &order->authzs[i], &authz);
        if (status == STORE_NOT_FOUND) {
            status = STORE_OK;
            authz.status = ACME_AUTHZ_REVOKED;
        } else if (status == STORE_OK) {
            acme_authz_refresh(&authz, now_s);
        }
        if (authz.status > ACME_AUTHZ_VALID)
            acme_problem_set(problem, ACME_UNAUTHORIZED, "The authorization for %s is %s; place a new order.",
                             order->names.list[i].value, acme_authz_status_text(authz.status));
        acme_authz_clear(&authz);
    }
    return status;
}

enum store_status acme_order_refresh(struct store_txn *txn, struct acme_order *order, uint64_t now_s)
{
    if (order->status != ACME_ORDER_PENDING && order->status != ACME_ORDER_READY)
        return STORE_OK;
    struct acme_problem problem = {0};
    enum store_status status = STORE_OK;
    if (order->expires_s <= now_s)
        acme_problem_set(&problem, ACME_MALFORMED, "The order expired before it was finalized; place a new one.");
    else
        status = lost_authz(txn, order, now_s, &problem);
    if (status == STORE_OK && problem.type && !acme_order_invalidate(order, &problem, now_s))
        status = STORE_IO;
    acme_problem_clear(&problem);
    return status;
}

enum store_status acme_order_complete(struct store_txn *txn, const struct acme_id *id,
                                      const struct acme_id *certificate, uint64_t now_ms)
{
    struct acme_order order;
    enum store_status status = acme_order_load(txn, id, &order);
    if (status != STORE_OK)
        goto out;
    if (order.status == ACME_ORDER_VALID) {
        status = memcmp(&order.certificate, certificate, sizeof *certificate) == 0 ? STORE_OK : STORE_REFUSED;
        goto out;
    }
    if (!acme_order_set_status(&order, ACME_ORDER_VALID)) {
        status = STORE_REFUSED;
        goto out;
    }
    order.has_certificate = true;
    order.certificate = *certificate;
    order.updated_s = now_ms / 1000;
    status = acme_order_save(txn, &order);
out:
    acme_order_clear(&order);
    return status;
}

enum store_status acme_order_fail(struct store_txn *txn, const struct acme_id *id, const struct acme_problem *problem,
                                  uint64_t now_ms)
{
    struct acme_order order;
    enum store_status status = acme_order_load(txn, id, &order);
    if (status == STORE_OK && order.status == ACME_ORDER_VALID)
        status = STORE_REFUSED;
    if (status == STORE_OK && order.status != ACME_ORDER_INVALID)
        status = acme_order_invalidate(&order, problem, now_ms / 1000) ? acme_order_save(txn, &order) : STORE_IO;
    acme_order_clear(&order);
    return status;
}
