#include "gateway/dcv/choice.h"

#include <string.h>

static const struct config_dcv_zone *deepest_zone(const struct config_dcv *dcv, const char *name)
{
    const struct config_dcv_zone *deepest = NULL;
    for (unsigned i = 0; i < dcv->zone_count; i++) {
        const struct config_dcv_zone *zone = &dcv->zones[i];
        if (sectigo_adn_covers(zone->zone, name) && (!deepest || strlen(zone->zone) > strlen(deepest->zone)))
            deepest = zone;
    }
    return deepest;
}

static bool refuse_identifier(const struct config_dcv *dcv, const struct acme_identifier *name,
                              struct acme_problem *problem)
{
    if (dcv->zone_count > 0)
        return acme_problem_set(problem, ACME_REJECTED_IDENTIFIER,
                                "%s: no DNS zone that this server may publish the certification authority's domain "
                                "control in covers this name%s",
                                name->value, identifier_is_wildcard(name) ? "; order the host names instead" : "");
    return acme_problem_set(problem, ACME_REJECTED_IDENTIFIER,
                            identifier_is_wildcard(name)
                                ? "%s: a wildcard needs domain control by DNS at the certification authority, and this "
                                  "server is configured for HTTP only; order the host names instead"
                                : "%s: this server proves domain control to the certification authority by DNS only, "
                                  "and no DNS zone is configured",
                            name->value);
}

bool dcv_choose(const struct config_dcv *dcv, const struct acme_identifier *name, struct dcv_choice *choice,
                struct acme_problem *problem)
{
    const struct config_dcv_zone *zone = name->type == ACME_DNS_NAME ? deepest_zone(dcv, name->value) : NULL;
    *choice = (struct dcv_choice){.method = SECTIGO_DCV_CNAME, .zone = zone};
    if (name->type == ACME_IP_ADDRESS) {
        *choice =
            (struct dcv_choice){.method = dcv->ip_method == CONFIG_IP_HTTP ? SECTIGO_DCV_HTTP : SECTIGO_DCV_IP_ADDRESS};
        return true;
    }
    if (identifier_is_wildcard(name))
        return zone || refuse_identifier(dcv, name, problem);
    for (unsigned i = 0; i < dcv->methods.count; i++) {
        bool http = strcmp(dcv->methods.list[i], "http") == 0;
        if (http)
            *choice = (struct dcv_choice){.method = SECTIGO_DCV_HTTP};
        if (http || zone)
            return true;
    }
    return refuse_identifier(dcv, name, problem);
}

const struct config_dcv_zone *dcv_zone(const struct config_dcv *dcv, const char *name)
{
    for (unsigned i = 0; i < dcv->zone_count; i++) {
        if (strcasecmp(dcv->zones[i].zone, name) == 0)
            return &dcv->zones[i];
    }
    return NULL;
}
