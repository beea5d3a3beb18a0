#include "gateway/dcv/rules.h"

#include <string.h>

static enum config_preflight preflight_of(const struct acme_policy *policy, enum config_preflight configured)
{
    switch (policy->preflight) {
    case ACME_PREFLIGHT_ENFORCE:
        return CONFIG_PREFLIGHT_ENFORCE;
    case ACME_PREFLIGHT_WARN:
        return CONFIG_PREFLIGHT_WARN;
    case ACME_PREFLIGHT_OFF:
        return CONFIG_PREFLIGHT_OFF;
    default:
        return configured;
    }
}

enum store_status dcv_rules_load(struct store_txn *txn, const struct config_dcv *dcv, const char *policy,
                                 struct dcv_rules *rules)
{
    *rules = (struct dcv_rules){.dcv = *dcv};
    enum store_status status = acme_policy_load(txn, policy, &rules->policy);
    if (status == STORE_NOT_FOUND)
        return STORE_OK;
    if (status != STORE_OK)
        return status;
    rules->dcv.preflight = preflight_of(&rules->policy, dcv->preflight);
    if (rules->policy.dcv_methods.count > 0)
        rules->dcv.methods = (struct config_strings){rules->policy.dcv_methods.list, rules->policy.dcv_methods.count};
    return STORE_OK;
}

bool dcv_rules_cname_first(struct dcv_rules *rules)
{
    static char cname[] = "cname", http[] = "http", *cname_first[] = {cname, http, NULL};
    struct config_strings *methods = &rules->dcv.methods;
    if (methods->count < 2 || strcmp(methods->list[0], cname) == 0)
        return false;
    *methods = (struct config_strings){cname_first, 2};
    return true;
}

void dcv_rules_clear(struct dcv_rules *rules)
{
    acme_policy_clear(&rules->policy);
    memset(rules, 0, sizeof *rules);
}
