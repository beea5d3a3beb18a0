#include "gateway/issue/upkeep/orphans.h"

#include <string.h>

#include "acme/policy.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/tables.h"

struct counting {
    struct orphans_look *looks;
    unsigned count;
    uint64_t now_ms;
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
static void judge_subscription(struct orphans_look *look, struct store_txn *txn, const struct subscription *sub)
{
    const struct config_profile *profile = find_profile(look->config, sub->profile);
    bool imported = !sub->profile[0];
    look->found.live++;
    if (!imported && !profile)
        look->found.by_profile++;
    else if ((!imported && strcmp(profile->login, sub->login) != 0) || !login_serves(look->config, sub))
        look->found.by_login++;
    else if (sub->policy[0] && !policy_is_there(txn, sub->policy))
        look->found.by_policy++;
}

/* Its next step needs its profile and its login. */
static void judge_purchase(struct orphans_look *look, const struct subscription *sub)
{
    look->found.under_way += !find_profile(look->config, sub->profile) || !login_serves(look->config, sub);
}

static bool judge_record(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    const struct counting *c = ctx;
    struct subscription sub = {0};
    struct acme_id id;
    (void)value;
    enum store_status status = acme_id_read(key, &id) ? subscription_load(txn, &id, &sub) : STORE_INVALID;
    for (unsigned i = 0; i < c->count; i++) {
        if (status != STORE_OK)
            c->looks[i].found.unreadable++;
        else if (subscription_replaceable(&sub, 0, c->now_ms))
            judge_subscription(&c->looks[i], txn, &sub);
        else if (sub.state == SUBSCRIPTION_BUYING)
            judge_purchase(&c->looks[i], &sub);
    }
    subscription_clear(&sub);
    return true;
}

static bool no_rest(void *ctx)
{
    (void)ctx;
    return true;
}

enum store_status orphans_count(struct store *store, struct orphans_look *looks, unsigned count, uint64_t now_ms,
                                scan_rest_fn *rest, void *ctx)
{
    struct counting counting = {looks, count, now_ms};
    for (unsigned i = 0; i < count; i++)
        looks[i].found = (struct orphans){0};
    return scan_slowly(store, ISSUE_SUBSCRIPTIONS, judge_record, &counting, rest ? rest : no_rest, ctx);
}
