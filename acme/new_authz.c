/* newAuthz, RFC 8555 section 7.4.1, pre-authorization: proving control of a name before there is an order for it. Once valid it serves
 * later orders like any other valid authorization. */
#include "acme/ancestors.h"
#include "acme/offer.h"
#include "acme/reply.h"

/* The one name of the payload, as a set. Wildcards are for orders alone (RFC 8555 section 7.4.1). */
static bool parse_name(const json_t *payload, struct acme_names *names, struct acme_problem *problem)
{
    json_t *identifier = json_object_get(payload, "identifier");
    if (!json_is_object(identifier))
        return acme_problem_set(problem, ACME_MALFORMED,
                                "The payload has no \"identifier\", an object with \"type\" and \"value\".");
    json_t *list = json_pack("[O]", identifier);
    if (!list) {
        acme_problem_out_of_memory(problem);
        return false;
    }
    bool good = names_parse(list, 1, names, problem);
    json_decref(list);
    return good && (!identifier_is_wildcard(&names->list[0]) ||
                    acme_problem_set(problem, ACME_MALFORMED,
                                     "%s is a wildcard name, which cannot be authorized before it is ordered.",
                                     names->list[0].value));
}

/* What an order for the name would be asked, too: no work for a name that cannot be ordered. */
static bool may_authorize(struct acme_exchange *x, struct acme_task *task)
{
    const struct acme_config *config = &task->acme->config;
    const struct acme_names *names = &task->order.names;
    char profile[ACME_POLICY_MAX + 1] = "";
    if (config->authz_valid_s == 0)
        return acme_problem_set(&task->problem, ACME_UNAUTHORIZED,
                                "This server authorizes names for one order at a time; place an order.");
    return acme_take_policy(x, task) && acme_policy_allows_all(&task->policy, names, &task->problem) &&
           acme_policy_choose_profile(&task->policy, profile, &task->problem) &&
           acme_all_provable(config, &task->policy, names, &task->problem) &&
           config->hooks.may_order(config->hooks.ctx, x->snapshot, task->account.policy, names, profile,
                                   &task->problem);
}

static enum store_status create(struct store_txn *txn, struct acme_task *task)
{
    enum store_status status = acme_require_account(txn, task);
    acme_authz_clear(&task->authz);
    return status == STORE_OK
               ? acme_make_authz(txn, task, NULL, &task->order.names.list[0], task->subdomains, &task->authz)
               : status;
}

static void answer_authz(struct acme_task *task)
{
    acme_reply_authz(task, 201, &task->authz);
    acme_url(task->acme, "authz", &task->authz.id, "", task->reply.location);
    acme_set_authz_subject(task, &task->authz);
}

enum acme_step acme_post_new_authz(struct acme_exchange *x, struct acme_task *task)
{
    static const struct acme_operation creation = {.change = create, .answer = answer_authz};
    json_t *payload = acme_payload(x, task);
    if (!payload || !parse_name(payload, &task->order.names, &task->problem) || !may_authorize(x, task))
        return acme_refuse(task);
    const json_t *wish = json_object_get(json_object_get(payload, "identifier"), "subdomainAuthAllowed");
    task->subdomains = json_is_true(wish) && task->order.names.list[0].type == ACME_DNS_NAME &&
                       ancestors_allowed(&task->acme->config, &task->policy);
    task->operation = &creation;
    return ACME_COMMIT;
}
