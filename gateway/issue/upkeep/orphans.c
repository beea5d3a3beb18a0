#include "gateway/issue/upkeep/orphans.h"

#include <string.h>

#include "acme/policy.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/tables.h"

struct counting {
    struct store_txn *txn;
    const struct config *config;
    uint64_t now_ms;
    struct orphans *orphans;
};

static const struct config_profile *find_profile(const struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->profile_count; i++) {
        if (strcmp(config->profiles[i].name, name) == 0)
            return &config->profiles[i];
    }
    return NULL;
}

static bool login_serves(const struct config *config, const struct subscription *sub)
{
    for (unsigned i = 0; i < config->login_count; i++) {
        const struct config_login *login = &config->logins[i];
        if (strcmp(login->name, sub->login) == 0)
            return strcmp(login->url, sub->endpoint) == 0 && login->test == sub->test;
    }
    return false;
}

static bool policy_is_there(struct store_txn *txn, const char *name)
{
    struct acme_policy policy;
    bool there = acme_policy_load(txn, name, &policy) == STORE_OK;
    acme_policy_clear(&policy);
    return there;
}

/* One that was imported and belongs to no profile yet needs its login, and its policy where it has one. */
static void judge_subscription(const struct counting *c, const struct subscription *sub)
{
    const struct config_profile *profile = find_profile(c->config, sub->profile);
    bool imported = !sub->profile[0];
    c->orphans->live++;
    if (!imported && !profile)
        c->orphans->by_profile++;
    else if ((!imported && strcmp(profile->login, sub->login) != 0) || !login_serves(c->config, sub))
        c->orphans->by_login++;
    else if (sub->policy[0] && !policy_is_there(c->txn, sub->policy))
        c->orphans->by_policy++;
}

/* Its next step needs its profile and its login. */
static void judge_purchase(const struct counting *c, const struct subscription *sub)
{
    c->orphans->under_way += !find_profile(c->config, sub->profile) || !login_serves(c->config, sub);
}

static bool visit(void *ctx, struct store_slice key, struct store_slice value)
{
    const struct counting *c = ctx;
    struct subscription sub = {0};
    struct acme_id id;
    (void)value;
    enum store_status status = acme_id_read(key, &id) ? subscription_load(c->txn, &id, &sub) : STORE_INVALID;
    if (status != STORE_OK)
        c->orphans->unreadable++;
    else if (subscription_replaceable(&sub, 0, c->now_ms))
        judge_subscription(c, &sub);
    else if (sub.state == SUBSCRIPTION_BUYING)
        judge_purchase(c, &sub);
    subscription_clear(&sub);
    return true;
}

enum store_status orphans_count(struct store_txn *txn, const struct config *config, uint64_t now_ms,
                                struct orphans *orphans)
{
    struct counting counting = {txn, config, now_ms, orphans};
    *orphans = (struct orphans){0};
    return store_visit(txn, ISSUE_SUBSCRIPTIONS, NULL, 0, visit, &counting);
}
