#include "acme/self_order.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "acme/base64url.h"
#include "acme/external_key.h"
#include "acme/offer.h"
#include "acme/reply.h"
#include "store/shortage.h"

enum { COORDINATE = 32, POINT = 1 + 2 * COORDINATE };

/* An account needs a key. This one's private half is forgotten at once: nobody signs for the gateway. */
static json_t *make_jwk(void)
{
    uint8_t point[POINT];
    size_t len = 0;
    char x[BASE64URL_SIZE(COORDINATE)], y[BASE64URL_SIZE(COORDINATE)];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    bool made =
        key &&
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point, &len) == 1 &&
        len == sizeof point;
    EVP_PKEY_free(key);
    if (!made)
        return NULL;
    base64url_encode(point + 1, COORDINATE, x);
    base64url_encode(point + 1 + COORDINATE, COORDINATE, y);
    return json_pack("{s:s,s:s,s:s,s:s}", "kty", "EC", "crv", "P-256", "x", x, "y", y);
}

/* Trust is for who holds an external account key, so there is one; the configuration says of which policy. */
enum store_status acme_make_self_key(struct acme *acme, struct store_txn *txn, const char *policy, uint64_t now_ms)
{
    static const char note[] = "the certificate of this server's own listener (acme.tls.own)";
    struct external_key key;
    struct acme_policy there;
    enum store_status status = acme_policy_load(txn, policy, &there);
    acme_policy_clear(&there);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_REFUSED : status;
    status = external_key_load(txn, SELF_ORDER_KEY, &key);
    if (status == STORE_OK && strcmp(key.policy, policy) == 0)
        return STORE_OK;
    if (status == STORE_OK) {
        snprintf(key.policy, sizeof key.policy, "%s", policy);
        return external_key_save(txn, &key);
    }
    if (status != STORE_NOT_FOUND)
        return status;
    if (!external_key_make(&key, SELF_ORDER_KEY, policy, now_ms / 1000, acme->seal))
        return STORE_IO;
    memcpy(key.note, note, sizeof note);
    return external_key_insert(txn, &key);
}

static enum store_status make_account(struct store_txn *txn, struct acme_task *task)
{
    struct acme_account *account = &task->account;
    struct jwk jwk = {0};
    json_t *json = make_jwk();
    bool made = json && jwk_parse(json, &jwk, &task->problem) && acme_id_make(&account->id, task->now_ms);
    json_decref(json);
    account->status = ACME_ACCOUNT_VALID;
    account->created_s = acme_now_s(task);
    account->terms_agreed = true; /* by who configured it */
    memcpy(account->external_key, SELF_ORDER_KEY, sizeof SELF_ORDER_KEY);
    memcpy(account->thumbprint, jwk.thumbprint, sizeof account->thumbprint);
    account->key = made ? shortage_strdup(jwk.canonical) : NULL;
    jwk_clear(&jwk);
    if (!account->key)
        return STORE_IO;
    enum store_status status = acme_account_bind_key(txn, account->thumbprint, &account->id);
    return status == STORE_OK ? acme_account_save(txn, account) : status;
}

/* That of the order before, while it is valid; else a new one. */
static enum store_status take_account(struct store_txn *txn, struct acme_task *task, const struct acme_self_order *self)
{
    enum store_status status = acme_account_load(txn, &self->account, &task->account);
    if (status == STORE_OK && task->account.status == ACME_ACCOUNT_VALID &&
        strcmp(task->account.external_key, SELF_ORDER_KEY) == 0)
        return STORE_OK;
    acme_account_clear(&task->account);
    return status == STORE_OK || status == STORE_NOT_FOUND ? make_account(txn, task) : status;
}

static enum store_status refuse(struct acme_task *task, enum acme_problem_type type, const char *text, const char *name)
{
    acme_problem_set(&task->problem, type, text, name);
    return STORE_REFUSED;
}

/* The gateway does not answer challenges of its own. */
static enum store_status take_trusting_policy(struct store_txn *txn, struct acme_task *task)
{
    char *name = task->account.policy;
    if (!external_key_policy(txn, task->account.external_key, true, name, &task->problem))
        return STORE_REFUSED;
    enum store_status status = acme_policy_load(txn, name, &task->policy);
    if (status == STORE_OK && task->policy.validation != ACME_POLICY_TRUSTED)
        return refuse(task, ACME_UNAUTHORIZED,
                      "The policy \"%s\" is not trusted: acmegatectl policy set POLICY validation=trusted.", name);
    return status;
}

static bool prepare(struct acme_task *task, const struct acme_self_order *self)
{
    struct acme_order *order = &task->order;
    bool good = acme_id_make(&order->id, task->now_ms);
    for (size_t i = 0; good && i < self->names->count; i++)
        good = names_add(&order->names, &self->names->list[i]);
    order->account = task->account.id;
    order->created_s = order->updated_s = acme_now_s(task);
    memcpy(order->policy, task->account.policy, sizeof order->policy);
    snprintf(order->profile, sizeof order->profile, "%s", self->profile);
    order->authzs = shortage_calloc(order->names.count + 1, sizeof *order->authzs);
    order->user_agent = shortage_strdup("acmegate");
    return good && order->authzs && order->user_agent;
}

/* What newOrder asks before its commit. */
static bool may_order(struct store_txn *txn, struct acme_task *task)
{
    const struct acme_hooks *hooks = &task->acme->config.hooks;
    struct acme_order *order = &task->order;
    return acme_policy_allows_all(&task->policy, &order->names, &task->problem) &&
           acme_policy_choose_profile(&task->policy, order->profile, &task->problem) &&
           hooks->may_order(hooks->ctx, txn, task->account.policy, &order->names, order->profile, &task->problem);
}

static enum store_status place_order(struct store_txn *txn, struct acme_task *task, const struct acme_self_order *self)
{
    struct acme_policy policy;
    enum store_status status = acme_policy_load(txn, self->policy, &policy);
    acme_policy_clear(&policy);
    if (status == STORE_NOT_FOUND)
        return refuse(task, ACME_UNAUTHORIZED,
                      "There is no policy \"%s\": acmegatectl policy create POLICY validation=trusted names=NAME.",
                      self->policy);
    if (status == STORE_OK)
        status = take_account(txn, task, self);
    if (status == STORE_OK)
        status = take_trusting_policy(txn, task);
    if (status != STORE_OK)
        return status;
    if (!prepare(task, self))
        return STORE_IO;
    if (!may_order(txn, task) || !csr_parse(self->csr, self->csr_len, &task->csr, &task->problem) ||
        !csr_check(&task->csr, &task->order.names, NULL, &task->problem))
        return STORE_REFUSED;
    status = acme_create_order(txn, task);
    return status == STORE_OK ? acme_accept_csr(txn, task) : status;
}

enum store_status acme_place_self_order(struct acme *acme, struct store_txn *txn, struct acme_self_order *self)
{
    struct acme_task *task = shortage_calloc(1, sizeof *task);
    if (!task)
        return STORE_IO;
    task->acme = acme_view_take(acme);
    task->now_ms = self->now_ms;
    enum store_status status = place_order(txn, task, self);
    self->account = task->account.id;
    self->order = task->order.id;
    self->problem = task->problem;
    memset(&task->problem, 0, sizeof task->problem);
    acme_task_free(task);
    return status;
}

enum store_status acme_note_self_order(struct store_txn *txn, const struct acme_id *id, uint64_t now_ms)
{
    struct acme_order order;
    enum store_status status = acme_order_load(txn, id, &order);
    if (status == STORE_OK && order.status == ACME_ORDER_PROCESSING) {
        order.read_s = now_ms / 1000;
        status = acme_order_save(txn, &order);
    }
    acme_order_clear(&order);
    return status;
}
