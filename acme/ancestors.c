#include "acme/ancestors.h"

#include <stdlib.h>
#include <string.h>

#include "acme/offer.h"
#include "store/shortage.h"

bool ancestors_allowed(const struct acme_config *config, const struct acme_policy *policy)
{
    return policy->subdomains && policy->validation == ACME_POLICY_ACME && acme_offers_dns(config);
}

static bool is_above(const char *ancestor, const char *name)
{
    size_t above = strlen(ancestor), len = strlen(name);
    return len > above + 1 && name[len - above - 1] == '.' && strcmp(name + len - above, ancestor) == 0;
}

static bool parse(const json_t *entry, const struct acme_identifier *name, struct acme_identifier *ancestor,
                  struct acme_problem *problem)
{
    const json_t *member = json_object_get(entry, "ancestorDomain");
    const char *text = json_string_value(member);
    if (!text || name->type != ACME_DNS_NAME || identifier_is_wildcard(name))
        return acme_problem_set(problem, ACME_MALFORMED,
                                "%s: \"ancestorDomain\" must be a string, and the name a DNS name without wildcard.",
                                name->value);
    return identifier_parse("dns", text, json_string_length(member), ancestor, problem) &&
           (is_above(ancestor->value, name->value) ||
            acme_problem_set(problem, ACME_MALFORMED, "The ancestorDomain \"%s\" is not above %s.", ancestor->value,
                             name->value));
}

static bool parse_all(const json_t *identifiers, const struct acme_names *names, struct acme_identifier *list,
                      struct acme_problem *problem)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(identifiers, i, entry)
    {
        const json_t *value = json_object_get(entry, "value");
        struct acme_identifier name;
        if (!json_object_get(entry, "ancestorDomain"))
            continue;
        if (!identifier_parse(json_string_value(json_object_get(entry, "type")), json_string_value(value),
                              json_string_length(value), &name, problem))
            return false;
        for (size_t at = 0; at < names->count; at++)
            if (names->list[at].type == name.type && strcmp(names->list[at].value, name.value) == 0 &&
                !parse(entry, &name, &list[at], problem))
                return false;
    }
    return true;
}

bool ancestors_parse(const json_t *identifiers, const struct acme_names *names, struct acme_identifier **out,
                     struct acme_problem *problem)
{
    bool any = false;
    size_t i;
    const json_t *entry;
    *out = NULL;
    json_array_foreach(identifiers, i, entry) any |= json_object_get(entry, "ancestorDomain") != NULL;
    if (!any)
        return true;
    *out = shortage_calloc(names->count, sizeof **out);
    if (!*out)
        return acme_problem_out_of_memory(problem);
    return parse_all(identifiers, names, *out, problem);
}

bool ancestors_next(struct acme_identifier *name)
{
    const char *dot = strchr(name->value, '.');
    if (name->type != ACME_DNS_NAME || !dot || !strchr(dot + 1, '.'))
        return false;
    memmove(name->value, dot + 1, strlen(dot + 1) + 1);
    return true;
}
