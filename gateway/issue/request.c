#include "gateway/issue/request.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/dcv/choice.h"
#include "acme/csr.h"
#include "sectigo/product.h"

enum shape { SINGLE, WILDCARD, MULTI };

/* maxSubjectCNs and primaryDomainName take a name of up to this many octets. */
enum { COMMON_NAME_MAX = 64 };

static unsigned refuse(struct acme_problem *problem, enum acme_problem_type type, const char *detail)
{
    acme_problem_set(problem, type, "%s", detail);
    return 0;
}

/* {*.d} and {*.d, d}: what one wildcard product gives. */
static bool is_wildcard_set(const struct acme_names *names)
{
    const char *first = names->list[0].value, *last = names->list[names->count - 1].value;
    const char *wildcard = identifier_is_wildcard(&names->list[0]) ? first : last;
    const char *base = wildcard == first ? last : first;
    if (strncmp(wildcard, "*.", 2) != 0 || names->count > 2)
        return false;
    return names->count == 1 || strcmp(wildcard + 2, base) == 0;
}

static enum shape shape_for(const struct config_profile *profile, const struct acme_names *names)
{
    bool base_too = names->count == 1 || profile->accept_base_of_wildcard;
    if (is_wildcard_set(names))
        return profile->product_wildcard && base_too ? WILDCARD : MULTI;
    return names->count == 1 ? SINGLE : MULTI;
}

unsigned request_product(const struct config_profile *profile, const struct acme_names *names, bool has_cn,
                         struct acme_problem *problem)
{
    enum shape shape = shape_for(profile, names);
    if (shape != MULTI && !has_cn && profile->csr_without_cn == CONFIG_CN_REFUSE)
        return refuse(problem, ACME_BAD_CSR,
                      "the CSR has no common name, and this profile's product needs one: set the name as CN");
    if (shape != MULTI && !has_cn && profile->csr_without_cn == CONFIG_CN_MULTI_DOMAIN)
        shape = MULTI;
    const unsigned products[] = {profile->product_single, profile->product_wildcard, profile->product_multi};
    if (products[shape] == 0)
        return refuse(problem, ACME_REJECTED_IDENTIFIER,
                      shape == SINGLE          ? "this profile sells no certificate for a single name"
                      : is_wildcard_set(names) ? "this profile sells no wildcard certificate"
                                               : "this profile sells no certificate for several names: order one for "
                                                 "each name");
    return products[shape];
}

/* Of the product that was bought, whatever the profile sells by now. */
static enum shape shape_of(const struct subscription *sub)
{
    const struct sectigo_product *product = sectigo_product_find((int)sub->product);
    if (product && product->shape == SECTIGO_WILDCARD)
        return WILDCARD;
    return product && product->shape == SECTIGO_SINGLE ? SINGLE : MULTI;
}

bool request_is_wildcard(const struct subscription *sub)
{
    return shape_of(sub) == WILDCARD;
}

/* The names as Sectigo lists them: separated by commas. */
static void add_domain_names(struct sectigo_form *form, const struct acme_names *names)
{
    size_t size = 1;
    for (size_t i = 0; i < names->count; i++)
        size += strlen(names->list[i].value) + 1;
    char *list = malloc(size), *end = list;
    if (!list) {
        form->failed = true;
        return;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (i > 0)
            *end++ = ',';
        end = mempcpy(end, names->list[i].value, strlen(names->list[i].value));
    }
    *end = '\0';
    sectigo_form_add(form, "domainNames", list);
    free(list);
}

static void add_csr(struct sectigo_form *form, const struct issuance *is)
{
    char *pem = sectigo_csr_pem(is->csr, is->csr_len);
    if (pem)
        sectigo_form_add(form, "csr", pem);
    else
        form->failed = true;
    free(pem);
}

static enum sectigo_dcv_method method_of(const struct config_dcv *dcv, const struct acme_identifier *name)
{
    struct acme_problem problem = {0};
    struct dcv_choice choice;
    /* Where nothing serves the name any more, preflight has let it pass: by HTTP Sectigo can at least tell us so. */
    if (!dcv_choose(dcv, name, &choice, &problem))
        choice.method = identifier_is_wildcard(name) ? SECTIGO_DCV_CNAME : SECTIGO_DCV_HTTP;
    acme_problem_clear(&problem);
    return choice.method;
}

/* In the order of domainNames. */
static void add_tokens(struct sectigo_form *form, const struct acme_names *names, const struct config_dcv *dcv)
{
    struct sectigo_dcv_choice *choices = calloc(names->count, sizeof *choices);
    for (size_t i = 0; choices && i < names->count; i++)
        choices[i].method = method_of(dcv, &names->list[i]);
    char *tokens = choices ? sectigo_validation_tokens(choices, names->count) : NULL;
    if (tokens)
        sectigo_form_add(form, "validationTokens", tokens);
    else
        form->failed = true;
    free(tokens);
    free(choices);
}

/* Of a product that has one name: the wildcard, or the only one. */
static const struct acme_identifier *sole_name(const struct acme_names *names)
{
    return &names->list[names->count == 2 && identifier_is_wildcard(&names->list[1]) ? 1 : 0];
}

/* The name that shall be the certificate's CN: the CSR's, which lego names its files after, else the first. Empty where
 * none is short enough. */
static void primary_name(const struct issuance *is, const struct subscription *sub,
                         char name[static COMMON_NAME_MAX + 1])
{
    struct acme_problem problem = {0};
    struct acme_csr csr = {0};
    const char *wanted = sub->names.list[0].value;
    if (is->csr_has_cn && csr_parse(is->csr, is->csr_len, &csr, &problem) && csr.common_name[0])
        wanted = csr.common_name;
    size_t len = strlen(wanted) <= COMMON_NAME_MAX ? strlen(wanted) : 0;
    memcpy(name, wanted, len);
    name[len] = '\0';
    csr_clear(&csr);
    acme_problem_clear(&problem);
}

/* What purchase and replacement share. */
static void add_names_and_dcv(struct sectigo_form *form, const struct issuance *is, const struct subscription *sub,
                              const struct config_profile *profile, const struct config_dcv *dcv)
{
    enum shape shape = shape_of(sub);
    if (shape != MULTI) {
        const struct acme_identifier *name = sole_name(&sub->names);
        sectigo_form_add(form, "dcvMethod", sectigo_dcv_method_name(method_of(dcv, name)));
        if (shape == SINGLE)
            sectigo_form_add(form, "omitAdditionalFQDN", "Y");
        if (!is->csr_has_cn && profile->csr_without_cn == CONFIG_CN_DOMAIN_NAMES)
            sectigo_form_add(form, "domainNames", name->value);
        return;
    }
    add_domain_names(form, &sub->names);
    add_tokens(form, &sub->names, dcv);
    char primary[COMMON_NAME_MAX + 1];
    primary_name(is, sub, primary);
    if (primary[0])
        sectigo_form_add(form, "primaryDomainName", primary);
    if (primary[0] && is->kind == ISSUANCE_PURCHASE)
        sectigo_form_add(form, "maxSubjectCNs", "1");
}

static void add_purchase(struct sectigo_form *form, const struct subscription *sub,
                         const struct config_profile *profile)
{
    sectigo_form_addf(form, "product", "%u", sub->product);
    sectigo_form_addf(form, "days", "%u", sub->days);
    sectigo_form_add(form, "prioritiseCSRValues", "N");
    sectigo_form_add(form, "appRepEmailAddress", profile->contact_email);
    sectigo_form_add(form, "checkFONIsUnique", "Y");
    if (sub->test)
        sectigo_form_add(form, "test", "Y");
}

void request_order(struct sectigo_form *form, const struct issuance *is, const struct subscription *sub,
                   const struct config_profile *profile, const struct config_dcv *dcv)
{
    if (is->kind == ISSUANCE_PURCHASE)
        add_purchase(form, sub, profile);
    else
        sectigo_form_add(form, "orderNumber", sub->order_number);
    add_csr(form, is);
    add_names_and_dcv(form, is, sub, profile, dcv);
    sectigo_form_add(form, "serverSoftware", "-1");
    sectigo_form_add(form, "isCustomerValidated", "N");
    sectigo_form_add(form, "emailAddress", "none");
    sectigo_form_add(form, "uniqueValue", is->unique_value);
    sectigo_form_add(form, "foreignOrderNumber", is->id);
    sectigo_form_add(form, "showCertificateID", "Y");
    sectigo_form_add(form, "responseFormat", "1");
}

/* By certificate ID where there is one: an order number means the whole family. */
static void add_which(struct sectigo_form *form, const struct issuance *is)
{
    if (is->certificate_id[0])
        sectigo_form_add(form, "certificateID", is->certificate_id);
    else
        sectigo_form_add(form, "orderNumber", is->order_number);
}

void request_collect(struct sectigo_form *form, const struct issuance *is)
{
    add_which(form, is);
    sectigo_form_add(form, "queryType", "1");
    sectigo_form_add(form, "responseType", "3");
    sectigo_form_add(form, "responseEncoding", "0");
    sectigo_form_add(form, "responseFormat", "1");
    sectigo_form_add(form, "showValidityPeriod", "Y");
    sectigo_form_add(form, "showFQDN", "Y");
    sectigo_form_add(form, "showExtStatus", "Y");
}

void request_status(struct sectigo_form *form, const struct issuance *is)
{
    add_which(form, is);
    sectigo_form_add(form, "queryType", "1");
}

void request_report(struct sectigo_form *form, const struct issuance *is)
{
    sectigo_form_add(form, "foreignOrderNumber", is->id);
}
