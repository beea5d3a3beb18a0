#include "gateway/issue/request.h"

#include <stdlib.h>
#include <string.h>

#include "sectigo/product.h"

enum shape { SINGLE, MULTI };

/* maxSubjectCNs and primaryDomainName take a name of up to this many octets. */
enum { COMMON_NAME_MAX = 64 };

static unsigned refuse(struct acme_problem *problem, enum acme_problem_type type, const char *detail)
{
    acme_problem_set(problem, type, "%s", detail);
    return 0;
}

unsigned request_product(const struct config_profile *profile, const struct acme_names *names, bool has_cn,
                         struct acme_problem *problem)
{
    bool single = names->count == 1;
    if (single && !has_cn && profile->csr_without_cn == CONFIG_CN_REFUSE)
        return refuse(problem, ACME_BAD_CSR,
                      "the CSR has no common name, and this profile's product needs one: set the name as CN");
    if (single && !has_cn && profile->csr_without_cn == CONFIG_CN_MULTI_DOMAIN)
        single = false;
    unsigned product = single ? profile->product_single : profile->product_multi;
    if (product == 0)
        return refuse(problem, ACME_REJECTED_IDENTIFIER,
                      single ? "this profile sells no certificate for a single name"
                             : "this profile sells no certificate for several names: order one for each name");
    return product;
}

/* Of the product that was bought, whatever the profile sells by now. */
static enum shape shape_of(const struct subscription *sub)
{
    const struct sectigo_product *product = sectigo_product_find((int)sub->product);
    return product && product->shape == SECTIGO_SINGLE ? SINGLE : MULTI;
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

/* What purchase and replacement share. */
static void add_names_and_dcv(struct sectigo_form *form, const struct issuance *is, const struct subscription *sub,
                              const struct config_profile *profile)
{
    if (shape_of(sub) == SINGLE) {
        sectigo_form_add(form, "dcvMethod", "HTTP_CSR_HASH");
        sectigo_form_add(form, "omitAdditionalFQDN", "Y");
        if (!is->csr_has_cn && profile->csr_without_cn == CONFIG_CN_DOMAIN_NAMES)
            add_domain_names(form, &sub->names);
        return;
    }
    add_domain_names(form, &sub->names);
    sectigo_form_add(form, "validationTokens", "ALLHTTPCSRHASH");
    if (strlen(sub->names.list[0].value) <= COMMON_NAME_MAX)
        sectigo_form_add(form, "primaryDomainName", sub->names.list[0].value);
}

static void add_purchase(struct sectigo_form *form, const struct subscription *sub,
                         const struct config_profile *profile)
{
    sectigo_form_addf(form, "product", "%u", sub->product);
    sectigo_form_addf(form, "days", "%u", sub->days);
    sectigo_form_add(form, "prioritiseCSRValues", "N");
    sectigo_form_add(form, "appRepEmailAddress", profile->contact_email);
    sectigo_form_add(form, "checkFONIsUnique", "Y");
    if (shape_of(sub) == MULTI && strlen(sub->names.list[0].value) <= COMMON_NAME_MAX)
        sectigo_form_add(form, "maxSubjectCNs", "1");
    if (sub->test)
        sectigo_form_add(form, "test", "Y");
}

void request_order(struct sectigo_form *form, const struct issuance *is, const struct subscription *sub,
                   const struct config_profile *profile)
{
    if (is->kind == ISSUANCE_PURCHASE)
        add_purchase(form, sub, profile);
    else
        sectigo_form_add(form, "orderNumber", sub->order_number);
    add_csr(form, is);
    add_names_and_dcv(form, is, sub, profile);
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
