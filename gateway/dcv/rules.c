#include "gateway/dcv/rules.h"

#include <string.h>

#include "gateway/dcv/choice.h"

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

enum store_status dcv_rules_load_stored(struct store_txn *txn, const char *issuance, struct dcv_rules *rules)
{
    enum store_status status = dcv_records_load(txn, issuance, &rules->stored);
    if (status == STORE_OK && rules->stored.cname_first)
        dcv_rules_cname_first(rules);
    return status == STORE_NOT_FOUND || status == STORE_INVALID ? STORE_OK : status;
}

void dcv_rules_take_stored(struct dcv_rules *rules, struct dcv_records *records)
{
    dcv_records_clear(&rules->stored);
    rules->stored = *records;
    *records = (struct dcv_records){0};
}

bool dcv_rules_lack_record(const struct dcv_rules *rules, const struct acme_names *names,
                           const struct dcv_answer *answer)
{
    struct dcv_records wanted;
    bool lacks = dcv_records_make(&rules->dcv, names, answer, &wanted) && !dcv_records_have(&rules->stored, &wanted);
    dcv_records_clear(&wanted);
    return lacks;
}

enum sectigo_dcv_method dcv_rules_method(const struct dcv_rules *rules, const struct acme_identifier *name)
{
    struct acme_problem problem = {0};
    struct dcv_choice choice;
    bool wildcard = identifier_is_wildcard(name);
    /* Where nothing serves the name any more, preflight has let it pass: by HTTP Sectigo can at least tell us so. */
    if (!dcv_choose(&rules->dcv, name, &choice, &problem))
        choice.method = SECTIGO_DCV_HTTP;
    acme_problem_clear(&problem);
    if (wildcard)
        return SECTIGO_DCV_CNAME;
    bool unpublished = choice.method == SECTIGO_DCV_CNAME && !dcv_records_cover(&rules->stored, name->value);
    return unpublished ? SECTIGO_DCV_HTTP : choice.method;
}

void dcv_rules_clear(struct dcv_rules *rules)
{
    dcv_records_clear(&rules->stored);
    acme_policy_clear(&rules->policy);
    memset(rules, 0, sizeof *rules);
}
