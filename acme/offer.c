#include "acme/offer.h"

#include <string.h>

#include "acme/base64url.h"
#include "acme/random.h"

enum { TOKEN_LEN = 32 };

static bool is_by_dns(enum acme_challenge_type type)
{
    return type == ACME_DNS_01 || type == ACME_DNS_ACCOUNT_01 || type == ACME_DNS_PERSIST_01;
}

bool acme_offers_dns(const struct acme_config *config)
{
    bool offered = false;
    for (unsigned type = 1; type < ACME_CHALLENGE_TYPES; type++)
        offered |= config->offer[type] && is_by_dns(type);
    return offered;
}

/* Which challenges can prove control of what: a wildcard only those by DNS (RFC 8555 section 7.1.3), an IP address none
 * of them (RFC 8738 section 7). */
static bool can_prove(enum acme_challenge_type type, const struct acme_identifier *name)
{
    bool by_dns = is_by_dns(type);
    if (identifier_is_wildcard(name))
        return by_dns;
    return name->type == ACME_DNS_NAME || !by_dns;
}

static bool is_offered(const struct acme_config *config, enum acme_challenge_type type,
                       const struct acme_identifier *name)
{
    return config->offer[type] && can_prove(type, name);
}

bool acme_all_provable(const struct acme_config *config, const struct acme_policy *policy,
                       const struct acme_names *names, struct acme_problem *problem)
{
    if (policy->validation == ACME_POLICY_TRUSTED)
        return true;
    for (size_t i = 0; i < names->count; i++) {
        const struct acme_identifier *name = &names->list[i];
        bool provable = false;
        for (unsigned type = 1; type < ACME_CHALLENGE_TYPES; type++)
            provable |= is_offered(config, type, name);
        if (!provable)
            return acme_problem_set(problem, ACME_REJECTED_IDENTIFIER,
                                    identifier_is_wildcard(name)
                                        ? "%s is a wildcard name. Those need the dns-01 challenge, which this server "
                                          "does not offer; order the names one by one."
                                        : "This server offers no challenge that can prove control of %s.",
                                    name->value);
    }
    return true;
}

static bool add_challenge(struct acme_authz *authz, enum acme_challenge_type type)
{
    uint8_t token[TOKEN_LEN];
    struct acme_challenge *challenge = &authz->challenges[authz->challenge_count];
    if (!acme_random(token, sizeof token))
        return false;
    challenge->type = type;
    challenge->status = ACME_CHALLENGE_PENDING;
    base64url_encode(token, sizeof token, challenge->token);
    authz->challenge_count++;
    return true;
}

/* A trusted policy: valid at once, with a challenge that clients know. Nothing was checked, so validated_s stays 0. */
static bool take_for_granted(struct acme_authz *authz)
{
    if (!add_challenge(authz, authz->wildcard ? ACME_DNS_01 : ACME_HTTP_01))
        return false;
    authz->status = ACME_AUTHZ_VALID;
    authz->challenges[0].status = ACME_CHALLENGE_VALID;
    if (authz->valid_for_s > 0)
        authz->expires_s = authz->created_s + authz->valid_for_s;
    return true;
}

static enum store_status save_granted(struct store_txn *txn, const struct acme_authz *authz)
{
    enum store_status status = acme_authz_save(txn, authz);
    return status == STORE_OK && authz->valid_for_s > 0 ? acme_valid_authz_put(txn, authz) : status;
}

enum store_status acme_make_authz(struct store_txn *txn, struct acme_task *task, const struct acme_id *order,
                                  const struct acme_identifier *name, bool subdomains, struct acme_authz *authz)
{
    const struct acme_config *config = &task->acme->config;
    *authz = (struct acme_authz){
        .account = task->account.id,
        .status = ACME_AUTHZ_PENDING,
        .created_s = acme_now_s(task),
        .expires_s = acme_now_s(task) + config->order_lifetime_s,
        .valid_for_s = config->authz_valid_s,
        .identifier = *name,
        .wildcard = identifier_is_wildcard(name),
        .subdomains = subdomains,
    };
    if (order)
        authz->order = *order;
    if (authz->wildcard)
        memmove(authz->identifier.value, name->value + 2, strlen(name->value) - 1);
    bool made = acme_id_make(&authz->id, task->now_ms);
    if (task->policy.validation == ACME_POLICY_TRUSTED)
        return made && take_for_granted(authz) ? save_granted(txn, authz) : STORE_IO;
    for (unsigned type = 1; type < ACME_CHALLENGE_TYPES; type++)
        if (is_offered(config, type, name) && (!subdomains || is_by_dns(type)))
            made = made && add_challenge(authz, type);
    return made ? acme_authz_save(txn, authz) : STORE_IO;
}
