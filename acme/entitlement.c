#include "acme/entitlement.h"

#include "acme/account.h"
#include "acme/authorization.h"
#include "acme/order.h"
#include "acme/policy.h"

/* What was given unchecked counts only while the policy still trusts. */
static enum store_status check_authzs(struct store_txn *txn, const struct acme_order *order,
                                      const struct acme_policy *policy, struct acme_problem *problem)
{
    enum store_status status = STORE_OK;
    if (policy->validation == ACME_POLICY_TRUSTED)
        return STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < order->names.count; i++) {
        struct acme_authz authz;
        status = acme_authz_load(txn, &order->authzs[i], &authz);
        if (status == STORE_OK && !acme_authz_was_validated(&authz)) {
            acme_problem_set(problem, ACME_UNAUTHORIZED,
                             "Control of %s was never checked, and the policy \"%s\" no longer trusts without a check.",
                             order->names.list[i].value, policy->name);
            status = STORE_REFUSED;
        }
        acme_authz_clear(&authz);
    }
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status check_names(struct store_txn *txn, const struct acme_order *order, const char *name,
                                     const char *external_key, struct acme_problem *problem)
{
    struct acme_policy policy;
    struct acme_problem refusal = {0};
    enum store_status status = acme_policy_load(txn, name, &policy);
    acme_policy_distrust_unbound(&policy, external_key);
    if (status == STORE_NOT_FOUND) {
        acme_problem_set(problem, ACME_UNAUTHORIZED, "The policy \"%s\" of this account does not exist any longer.",
                         name);
        status = STORE_REFUSED;
    } else if (status == STORE_OK && !acme_policy_allows_all(&policy, &order->names, &refusal)) {
        acme_problem_set(problem, ACME_UNAUTHORIZED, "%s", refusal.detail);
        status = STORE_REFUSED;
    } else if (status == STORE_OK) {
        status = check_authzs(txn, order, &policy, problem);
    }
    acme_problem_clear(&refusal);
    acme_policy_clear(&policy);
    return status;
}

enum store_status acme_still_entitled(struct store_txn *txn, const struct acme_id *id, bool key_required,
                                      struct acme_problem *problem)
{
    struct acme_order order;
    struct acme_account account = {0};
    char policy[ACME_POLICY_MAX + 1];
    enum store_status status = acme_order_load(txn, id, &order);
    if (status == STORE_OK)
        status = acme_account_load(txn, &order.account, &account);
    if (status != STORE_OK)
        goto out;
    if (account.status != ACME_ACCOUNT_VALID) {
        acme_problem_set(problem, ACME_UNAUTHORIZED, "The account of this order is %s.",
                         acme_account_status_text(account.status));
        status = STORE_REFUSED;
    } else if (!external_key_policy(txn, account.external_key, key_required, policy, problem)) {
        status = STORE_REFUSED;
    } else {
        status = check_names(txn, &order, policy, account.external_key, problem);
    }
out:
    acme_account_clear(&account);
    acme_order_clear(&order);
    return status;
}
