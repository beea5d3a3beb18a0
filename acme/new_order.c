/* newOrder, RFC 8555 section 7.4: from names to an order with its authorizations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/ancestors.h"
#include "acme/offer.h"
#include "acme/replaces.h"
#include "acme/reply.h"
#include "acme/tables.h"
#include "store/shortage.h"

enum { USER_AGENT_MAX = 200, REUSE_MARGIN_S = HOUR_S };

static bool check_members(const json_t *payload, struct acme_problem *problem)
{
    if (json_object_get(payload, "notBefore") || json_object_get(payload, "notAfter"))
        return acme_problem_set(problem, ACME_MALFORMED,
                                "\"notBefore\" and \"notAfter\" are not supported: the CA sets the dates of a "
                                "certificate. Leave them out.");
    return true;
}

/* The profile that the client wishes, where it does, into the order. */
static bool take_profile(const struct acme_config *config, const json_t *payload, struct acme_order *order,
                         struct acme_problem *problem)
{
    const json_t *wish = json_object_get(payload, "profile");
    const char *name = json_string_value(wish);
    if (!wish)
        return true;
    for (unsigned i = 0; name && i < config->profile_count; i++) {
        if (strcmp(config->profiles[i].name, name) == 0) {
            snprintf(order->profile, sizeof order->profile, "%s", name);
            return true;
        }
    }
    return acme_problem_set(
        problem, ACME_INVALID_PROFILE,
        "This server has no such profile. The directory's \"meta\" names those that it has; without "
        "\"profile\" it chooses one.");
}

/* The client's name for itself, bounded and printable. */
static char *user_agent(const struct acme_request *request)
{
    size_t len = request->user_agent ? request->user_agent_len : 0;
    if (len > USER_AGENT_MAX)
        len = USER_AGENT_MAX;
    char *text = shortage_malloc(len + 1);
    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i++)
        text[i] = request->user_agent[i] >= ' ' && request->user_agent[i] <= '~' ? request->user_agent[i] : '?';
    text[len] = '\0';
    return text;
}

/* STORE_OK for a valid authorization that still lasts a while, else STORE_NOT_FOUND. The order then lasts no longer
 * than it does. */
static enum store_status reuse(struct store_txn *txn, struct acme_task *task, const struct acme_id *id)
{
    struct acme_authz authz;
    uint32_t margin_s = task->acme->config.authz_valid_s / 2;
    if (margin_s == 0)
        return STORE_NOT_FOUND;
    if (margin_s > REUSE_MARGIN_S)
        margin_s = REUSE_MARGIN_S;
    enum store_status status = acme_authz_load(txn, id, &authz);
    bool trusted = task->policy.validation == ACME_POLICY_TRUSTED;
    if (status == STORE_OK && (authz.status != ACME_AUTHZ_VALID || authz.expires_s < acme_now_s(task) + margin_s ||
                               (!trusted && !acme_authz_was_validated(&authz))))
        status = STORE_NOT_FOUND;
    if (status == STORE_OK && authz.expires_s < task->order.expires_s)
        task->order.expires_s = authz.expires_s;
    acme_authz_clear(&authz);
    return status;
}

static enum store_status reuse_authz(struct store_txn *txn, struct acme_task *task, const struct acme_identifier *name,
                                     struct acme_id *id)
{
    enum store_status status = acme_valid_authz_find(txn, &task->account.id, name, id);
    if (status == STORE_OK)
        status = reuse(txn, task, id);
    if (status != STORE_NOT_FOUND || identifier_is_wildcard(name) ||
        !ancestors_allowed(&task->acme->config, &task->policy))
        return status;
    for (struct acme_identifier domain = *name; status == STORE_NOT_FOUND && ancestors_next(&domain);) {
        status = acme_valid_ancestor_find(txn, &task->account.id, &domain, id);
        if (status == STORE_OK)
            status = reuse(txn, task, id);
    }
    return status;
}

/* The domain above the i-th name that is to be proved in its place; NULL: none. */
static const struct acme_identifier *ancestor_of(const struct acme_task *task, size_t i)
{
    return task->ancestors && task->ancestors[i].type && ancestors_allowed(&task->acme->config, &task->policy)
               ? &task->ancestors[i]
               : NULL;
}

/* A new authorization for the i-th name, or the one that was made for an earlier name with the same ancestor. */
static enum store_status make_authz(struct store_txn *txn, struct acme_task *task, size_t i, bool made[], bool *valid)
{
    struct acme_order *order = &task->order;
    const struct acme_identifier *ancestor = ancestor_of(task, i);
    struct acme_authz authz;
    for (size_t j = 0; ancestor && j < i; j++) {
        if (made[j] && ancestor_of(task, j) && strcmp(task->ancestors[j].value, ancestor->value) == 0) {
            order->authzs[i] = order->authzs[j];
            return STORE_OK;
        }
    }
    enum store_status status =
        acme_make_authz(txn, task, &order->id, ancestor ? ancestor : &order->names.list[i], ancestor != NULL, &authz);
    *valid &= authz.status == ACME_AUTHZ_VALID;
    made[i] = true;
    order->authzs[i] = authz.id;
    acme_authz_clear(&authz);
    return status;
}

static enum store_status find_authzs(struct store_txn *txn, struct acme_task *task)
{
    struct acme_order *order = &task->order;
    bool all_valid = true, made[ACME_IDENTIFIERS_MAX] = {false};
    for (size_t i = 0; i < order->names.count; i++) {
        enum store_status status = reuse_authz(txn, task, &order->names.list[i], &order->authzs[i]);
        if (status == STORE_NOT_FOUND)
            status = make_authz(txn, task, i, made, &all_valid);
        if (status != STORE_OK)
            return status;
    }
    if (all_valid)
        acme_order_set_status(order, ACME_ORDER_READY);
    return STORE_OK;
}

enum store_status acme_create_order(struct store_txn *txn, struct acme_task *task)
{
    struct acme_order *order = &task->order;
    uint8_t key[2 * ACME_ID_LEN];
    order->status = ACME_ORDER_PENDING;
    order->expires_s = order->created_s + task->acme->config.order_lifetime_s;
    enum store_status status = acme_require_account(txn, task);
    if (status == STORE_OK)
        status = acme_policy_count(txn, &task->policy, ACME_USE_ORDERS, acme_now_s(task), &task->problem);
    if (status == STORE_OK)
        status = acme_policy_left(txn, &task->policy, ACME_USE_CERTIFICATES, acme_now_s(task), &task->problem);
    if (status == STORE_OK)
        status = acme_policy_count_names(txn, &task->policy, &order->names, acme_now_s(task), &task->problem);
    if (status == STORE_OK)
        status = acme_claim_replaced(txn, task);
    if (status == STORE_OK)
        status = find_authzs(txn, task);
    if (status == STORE_OK)
        status = acme_order_save(txn, order);
    if (status != STORE_OK)
        return status;
    memcpy(key, order->account.octets, ACME_ID_LEN);
    memcpy(key + ACME_ID_LEN, order->id.octets, ACME_ID_LEN);
    return store_put(txn, ACME_ACCOUNT_ORDERS, key, sizeof key, NULL, 0);
}

static void answer_order(struct acme_task *task)
{
    acme_reply_order(task, 201, &task->order);
}

/* What of the order does not depend on what is stored. */
static bool prepare_order(const struct acme_exchange *x, struct acme_task *task)
{
    struct acme_order *order = &task->order;
    order->account = task->account.id;
    order->created_s = order->updated_s = acme_now_s(task);
    memcpy(order->policy, task->account.policy, sizeof order->policy);
    order->authzs = shortage_calloc(order->names.count, sizeof *order->authzs);
    order->user_agent = user_agent(x->request);
    if (!order->authzs || !order->user_agent || !acme_id_make(&order->id, task->now_ms)) {
        acme_problem_out_of_memory(&task->problem);
        return false;
    }
    return true;
}

enum acme_step acme_post_new_order(struct acme_exchange *x, struct acme_task *task)
{
    static const struct acme_operation creation = {.change = acme_create_order, .answer = answer_order};
    const struct acme_config *config = &task->acme->config;
    struct acme_order *order = &task->order;
    json_t *payload = acme_payload(x, task);
    if (!payload || !check_members(payload, &task->problem) || !acme_parse_replaces(payload, order, &task->problem) ||
        !take_profile(config, payload, order, &task->problem) ||
        !names_parse(json_object_get(payload, "identifiers"), config->identifiers_max, &order->names, &task->problem) ||
        !ancestors_parse(json_object_get(payload, "identifiers"), &order->names, &task->ancestors, &task->problem) ||
        !acme_take_policy(x, task) || !acme_policy_allows_all(&task->policy, &order->names, &task->problem) ||
        !acme_policy_choose_profile(&task->policy, order->profile, &task->problem) ||
        !acme_all_provable(config, &task->policy, &order->names, &task->problem) ||
        !config->hooks.may_order(config->hooks.ctx, x->snapshot, task->account.policy, &order->names, order->profile,
                                 &task->problem) ||
        !prepare_order(x, task))
        return acme_refuse(task);
    task->operation = &creation;
    return ACME_COMMIT;
}
