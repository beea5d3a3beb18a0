#include "sectigo/dcv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/reply.h"
#include "sectigo/value.h"

enum { DOMAINS_MAX = 4000 };

/* Indexes count from 1, one after the other. */
static struct sectigo_mdc_domain *domain_at(struct sectigo_mdc_answer *answer, unsigned index)
{
    if (index <= answer->domain_count)
        return &answer->domains[index - 1];
    if (index != answer->domain_count + 1 || index > DOMAINS_MAX)
        return NULL;
    struct sectigo_mdc_domain *domains = realloc(answer->domains, index * sizeof *domains);
    if (!domains)
        return NULL;
    answer->domains = domains;
    memset(&domains[answer->domain_count], 0, sizeof *domains);
    return &domains[answer->domain_count++];
}

static bool read_domain(struct sectigo_mdc_answer *answer, unsigned index, const char *name, const char *value)
{
    struct sectigo_mdc_domain *domain = domain_at(answer, index);
    char **slot = NULL;
    bool failed = false;

    if (!domain)
        return false;
    if (strcasecmp(name, "domainName") == 0)
        slot = &domain->name;
    else if (strcasecmp(name, "dcvMethod") == 0)
        slot = &domain->method;
    else if (strcasecmp(name, "dcvStatus") == 0)
        slot = &domain->status;
    if (!slot)
        return true;
    free(*slot);
    *slot = sectigo_value_dup(value, &failed);
    domain->validated = domain->status && strcasecmp(domain->status, "Validated") == 0;
    return !failed;
}

static bool read_domains(const struct sectigo_form *form, struct sectigo_mdc_answer *answer)
{
    for (size_t i = 0; i < form->count; i++) {
        unsigned first, second;
        const char *name = sectigo_reply_indexes(form->params[i].name, &first, &second);

        if (!name || (first && !second && !read_domain(answer, first, name, form->params[i].value)))
            return false;
    }
    for (size_t i = 0; i < answer->domain_count; i++)
        if (!answer->domains[i].name)
            return false;
    return answer->domain_count > 0;
}

bool sectigo_parse_mdc(const char *body, size_t len, struct sectigo_mdc_answer *answer)
{
    struct sectigo_reply reply;

    memset(answer, 0, sizeof *answer);
    bool ok = sectigo_reply_open(SECTIGO_GET_MDC_DOMAIN_DETAILS, body, len, &reply);
    if (ok) {
        answer->code = reply.code;
        memcpy(answer->message, reply.message, sizeof answer->message);
        ok = reply.code < 0 || read_domains(&reply.form, answer);
    }
    sectigo_reply_clear(&reply);
    if (!ok)
        sectigo_mdc_clear(answer);
    return ok;
}

void sectigo_mdc_clear(struct sectigo_mdc_answer *answer)
{
    for (size_t i = 0; i < answer->domain_count; i++) {
        free(answer->domains[i].name);
        free(answer->domains[i].method);
        free(answer->domains[i].status);
    }
    free(answer->domains);
    memset(answer, 0, sizeof *answer);
}
