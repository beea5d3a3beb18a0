#include "sectigo/organization.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/reply.h"
#include "sectigo/value.h"

enum { ORGANIZATIONS_MAX = 64 };

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"organizationName", offsetof(struct sectigo_organization, name)},
    {"streetAddress", offsetof(struct sectigo_organization, street)},
    {"localityName", offsetof(struct sectigo_organization, locality)},
    {"stateOrProvinceName", offsetof(struct sectigo_organization, state)},
    {"postalCode", offsetof(struct sectigo_organization, postal_code)},
    {"countryName", offsetof(struct sectigo_organization, country)},
    {"dunsNumber", offsetof(struct sectigo_organization, duns_number)},
    {"telephoneNumber", offsetof(struct sectigo_organization, telephone)},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static char **field_of(struct sectigo_organization *organization, size_t field)
{
    return (char **)((char *)organization + fields[field].offset);
}

static bool replace(char **slot, const char *value)
{
    bool failed = false;

    free(*slot);
    *slot = sectigo_value_dup(value, &failed);
    return !failed;
}

static struct sectigo_organization *organization_at(struct sectigo_report_order *order, size_t index)
{
    if (index < order->organization_count)
        return &order->organizations[index];
    struct sectigo_organization *grown = realloc(order->organizations, (index + 1) * sizeof *order->organizations);
    if (!grown)
        return NULL;
    memset(grown + order->organization_count, 0, (index + 1 - order->organization_count) * sizeof *grown);
    order->organizations = grown;
    order->organization_count = index + 1;
    return &grown[index];
}

static bool read_field(struct sectigo_report_order *order, const char *name, const char *value, size_t index)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcasecmp(name, fields[i].name) != 0)
            continue;
        struct sectigo_organization *organization = index < ORGANIZATIONS_MAX ? organization_at(order, index) : NULL;
        return index >= ORGANIZATIONS_MAX || (organization && replace(field_of(organization, i), value));
    }
    return true;
}

/* "Status=Found&1_organizationName=...": the parameters inside the value of X_suggestedOrgDetails. */
static bool read_nested(struct sectigo_report_order *order, const char *value)
{
    struct sectigo_form form;
    bool ok = true;

    if (!sectigo_form_parse(value, strlen(value), NULL, &form))
        return true;
    for (size_t i = 0; ok && i < form.count; i++) {
        unsigned first, second;
        const char *name = sectigo_reply_indexes(form.params[i].name, &first, &second);

        if (name && strcasecmp(name, "status") == 0)
            ok = replace(&order->suggested_status, form.params[i].value);
        else if (name)
            ok = read_field(order, name, form.params[i].value, first ? first - 1 : 0);
    }
    sectigo_form_clear(&form);
    return ok;
}

bool sectigo_organization_read(struct sectigo_report_order *order, const char *name, const char *value, size_t index)
{
    if (strcasecmp(name, "suggestedOrgDetails") != 0)
        return read_field(order, name, value, index);
    return strchr(value, '=') ? read_nested(order, value) : replace(&order->suggested_status, value);
}

void sectigo_organization_clear(struct sectigo_report_order *order)
{
    for (size_t i = 0; i < order->organization_count; i++)
        for (size_t field = 0; field < FIELDS; field++)
            free(*field_of(&order->organizations[i], field));
    free(order->organizations);
    free(order->suggested_status);
}
