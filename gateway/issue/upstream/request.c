#include "gateway/issue/upstream/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/csr.h"
#include "gateway/dcv/choice.h"
#include "sectigo/dcv.h"
#include "sectigo/product.h"
#include "store/shortage.h"

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

/* The name of a {d, www.d} whose d is registrable, NULL for any other set: Sectigo adds the one to the other. */
static const struct acme_identifier *www_pair(const struct acme_names *names)
{
    for (size_t i = 0; names->count == 2 && i < 2; i++) {
        const struct acme_identifier *base = &names->list[i], *other = &names->list[1 - i];
        struct sectigo_adn adn;
        if (base->type == ACME_DNS_NAME && other->type == ACME_DNS_NAME && strncmp(other->value, "www.", 4) == 0 &&
            strcmp(other->value + 4, base->value) == 0 && sectigo_adn_list(base->value, &adn))
            return adn.count == 1 ? base : NULL;
    }
    return NULL;
}

/* A product of one name has one method for both names of a pair. */
static bool share_method(const struct config_dcv *dcv, const struct acme_names *names)
{
    struct dcv_choice first, second;
    struct acme_problem problem = {0};
    bool same = dcv_choose(dcv, &names->list[0], &first, &problem) &&
                dcv_choose(dcv, &names->list[1], &second, &problem) && first.method == second.method;
    acme_problem_clear(&problem);
    return same;
}

static bool has_wildcard(const struct acme_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (identifier_is_wildcard(&names->list[i]))
            return true;
    }
    return false;
}

/* EV has no wildcards. */
static bool is_extended(unsigned code)
{
    const struct sectigo_product *product = sectigo_product_find((int)code);
    return product && product->validation == SECTIGO_EV;
}

/* Whether a product of this shape gives exactly these names. Addresses are documented for domainNames alone, which only
 * multi-domain products take. */
static bool fits(enum shape shape, const struct config_profile *profile, const struct config_dcv *dcv,
                 const struct acme_names *names)
{
    if (shape == WILDCARD)
        return is_wildcard_set(names) && (names->count == 1 || profile->accept_base_of_wildcard);
    if (shape == SINGLE)
        return names->count == 1 ? names->list[0].type == ACME_DNS_NAME && !identifier_is_wildcard(&names->list[0])
                                 : www_pair(names) && share_method(dcv, names);
    return !has_wildcard(names) || (profile->wildcards_in_multi && !is_extended(profile->product_multi));
}

static unsigned product_of(const struct config_profile *profile, enum shape shape)
{
    const unsigned products[] = {profile->product_single, profile->product_wildcard, profile->product_multi};
    return products[shape];
}

static bool has_address(const struct acme_names *names)
{
    bool found = false;
    for (size_t i = 0; i < names->count; i++)
        found = found || names->list[i].type == ACME_IP_ADDRESS;
    return found;
}

static unsigned nothing_fits(const struct acme_names *names, struct acme_problem *problem)
{
    return refuse(problem, ACME_REJECTED_IDENTIFIER,
                  has_address(names)    ? "this profile sells no certificate for IP addresses, which only multi-domain "
                                          "products have"
                  : has_wildcard(names) ? "this profile sells no certificate with a wildcard among these names"
                  : names->count == 1   ? "this profile sells no certificate for a single name"
                                        : "this profile sells no certificate for several names: order one for "
                                          "each name");
}

/* The cheapest, and the more special one where prices are equal or not known. */
static enum shape cheapest(const struct config_profile *profile, const struct config_dcv *dcv,
                           const struct acme_names *names, bool *found)
{
    static const enum shape in_order[] = {WILDCARD, SINGLE, MULTI};
    enum shape best = MULTI;
    int64_t least = 0;
    *found = false;
    for (size_t i = 0; i < sizeof in_order / sizeof *in_order; i++) {
        enum shape shape = in_order[i];
        unsigned product = product_of(profile, shape);
        int64_t cents = request_price(profile, product, names->count);
        if (product == 0 || !fits(shape, profile, dcv, names) || (*found && (cents == 0 || cents >= least)))
            continue;
        *found = true;
        best = shape;
        least = cents;
    }
    return best;
}

static enum shape shape_of(unsigned code)
{
    const struct sectigo_product *product = sectigo_product_find((int)code);
    if (product && product->shape == SECTIGO_WILDCARD)
        return WILDCARD;
    return product && product->shape == SECTIGO_SINGLE ? SINGLE : MULTI;
}

unsigned request_product(const struct config_profile *profile, const struct config_dcv *dcv,
                         const struct acme_names *names, bool has_cn, struct acme_problem *problem)
{
    bool found;
    enum shape shape = cheapest(profile, dcv, names, &found);
    if (!found)
        return nothing_fits(names, problem);
    if (shape != MULTI && !has_cn && profile->csr_without_cn == CONFIG_CN_MULTI_DOMAIN)
        shape = MULTI;
    return request_accepts_cn(profile, product_of(profile, shape), has_cn, problem) ? product_of(profile, shape) : 0;
}

/* A product that the profile has sold before and does no longer: the price of its shape is the nearest to the truth. */
int64_t request_price(const struct config_profile *profile, unsigned product, size_t names)
{
    const struct sectigo_product *known = sectigo_product_find((int)product);
    enum sectigo_shape shape = known ? known->shape : SECTIGO_NO_SHAPE;
    if (product == profile->product_single || (product != profile->product_wildcard && shape == SECTIGO_SINGLE))
        return profile->prices.single_cents;
    if (product == profile->product_wildcard || shape == SECTIGO_WILDCARD)
        return profile->prices.wildcard_cents;
    return profile->prices.multi_cents + (int64_t)(names > 1 ? names - 1 : 0) * profile->prices.extra_name_cents;
}

/* The CSR's CN is no wildcard. */
static bool names_base(const struct issuance *is, char common_name[static ACME_NAME_MAX + 3])
{
    return csr_common_name(is->csr, is->csr_len, common_name) && strncmp(common_name, "*.", 2) != 0;
}

unsigned request_product_for(const struct config_profile *profile, const struct config_dcv *dcv,
                             const struct acme_names *names, const struct issuance *is, struct acme_problem *problem)
{
    char common_name[ACME_NAME_MAX + 3];
    unsigned product = request_product(profile, dcv, names, is->csr_has_cn, problem);
    if (product == 0 || product != profile->product_wildcard || !is->csr_has_cn || !names_base(is, common_name))
        return product;
    if (profile->product_multi == 0)
        acme_problem_set(problem, ACME_BAD_CSR, "the CSR's common name is %s, and must be the wildcard", common_name);
    return profile->product_multi;
}

bool request_accepts_cn(const struct config_profile *profile, unsigned product, bool has_cn,
                        struct acme_problem *problem)
{
    if (shape_of(product) == MULTI || has_cn || profile->csr_without_cn != CONFIG_CN_REFUSE)
        return true;
    refuse(problem, ACME_BAD_CSR,
           "the CSR has no common name, and this profile's product needs one: set the name as CN");
    return false;
}

bool request_accepts_subject(unsigned product, const struct acme_csr *csr, struct acme_problem *problem)
{
    const struct sectigo_product *known = sectigo_product_find((int)product);
    if (!csr->other_subject || !known || known->validation == SECTIGO_DV)
        return true;
    refuse(problem, ACME_BAD_CSR,
           "the CSR's subject may have a common name and nothing else: the organisation in the certificate is the one "
           "that the operator has set");
    return false;
}

bool request_accepts_extensions(const struct config_profile *profile, const struct acme_csr *csr,
                                struct acme_problem *problem)
{
    static const char *const wishes[ACME_CSR_WISHES] = {
        [ACME_CSR_TLS_FEATURE] = "the TLS feature extension (\"must staple\")",
        [ACME_CSR_CA] = "a certificate that is an authority (basicConstraints)",
        [ACME_CSR_KEY_USAGE] = "a key that signs certificates or CRLs (keyUsage)",
        [ACME_CSR_EXTENDED_KEY_USAGE] = "another purpose than TLS servers and clients (extendedKeyUsage)",
        [ACME_CSR_NAME_CONSTRAINTS] = "name constraints",
    };
    for (unsigned i = 0; i < ACME_CSR_WISHES; i++)
        if (csr->wishes[i] && !profile->csr_extensions[i])
            return acme_problem_set(
                problem, ACME_BAD_CSR,
                "The CSR asks for %s, which certificates of the profile \"%s\" do not have: make one "
                "without it",
                wishes[i], profile->name);
    return true;
}

bool request_is_wildcard(const struct subscription *sub)
{
    return shape_of(sub->product) == WILDCARD;
}

/* The names as Sectigo lists them: separated by commas. */
static void add_domain_names(struct sectigo_form *form, const struct acme_names *names)
{
    size_t size = 1;
    for (size_t i = 0; i < names->count; i++)
        size += strlen(names->list[i].value) + 1;
    char *list = shortage_malloc(size), *end = list;
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

/* In the order of domainNames. */
static void add_tokens(struct sectigo_form *form, const struct acme_names *names, const struct dcv_rules *rules)
{
    struct sectigo_dcv_choice *choices = shortage_calloc(names->count, sizeof *choices);
    for (size_t i = 0; choices && i < names->count; i++)
        choices[i].method = dcv_rules_method(rules, &names->list[i]);
    char *tokens = choices ? sectigo_validation_tokens(choices, names->count) : NULL;
    if (tokens)
        sectigo_form_add(form, "validationTokens", tokens);
    else
        form->failed = true;
    free(tokens);
    free(choices);
}

/* Of a product that has one name: the wildcard, the only one, or the one that Sectigo adds its www to. */
static const struct acme_identifier *sole_name(const struct acme_names *names)
{
    const struct acme_identifier *base = www_pair(names);
    return base ? base : &names->list[names->count == 2 && identifier_is_wildcard(&names->list[1]) ? 1 : 0];
}

/* The name that shall be the certificate's CN: the CSR's, which lego names its files after, else the first. Empty where
 * none is short enough. */
static void primary_name(const struct issuance *is, const struct subscription *sub,
                         char name[static COMMON_NAME_MAX + 1])
{
    char common_name[ACME_NAME_MAX + 3];
    bool asked = is->csr_has_cn && csr_common_name(is->csr, is->csr_len, common_name);
    const char *wanted = asked ? common_name : sub->names.list[0].value;
    size_t len = strlen(wanted) <= COMMON_NAME_MAX ? strlen(wanted) : 0;
    memcpy(name, wanted, len);
    name[len] = '\0';
}

/* What purchase and replacement share. */
static void add_names_and_dcv(struct sectigo_form *form, const struct issuance *is, const struct subscription *sub,
                              const struct config_profile *profile, const struct dcv_rules *rules)
{
    enum shape shape = shape_of(sub->product);
    if (shape != MULTI) {
        const struct acme_identifier *name = sole_name(&sub->names);
        sectigo_form_add(form, "dcvMethod", sectigo_dcv_method_name(dcv_rules_method(rules, name)));
        if (shape == SINGLE)
            sectigo_form_add(form, "omitAdditionalFQDN", sub->names.count == 2 ? "N" : "Y");
        if (!is->csr_has_cn && profile->csr_without_cn == CONFIG_CN_DOMAIN_NAMES)
            sectigo_form_add(form, "domainNames", name->value);
        return;
    }
    add_domain_names(form, &sub->names);
    add_tokens(form, &sub->names, rules);
    char primary[COMMON_NAME_MAX + 1];
    primary_name(is, sub, primary);
    if (primary[0])
        sectigo_form_add(form, "primaryDomainName", primary);
    if (primary[0] && is->kind == ISSUANCE_PURCHASE)
        sectigo_form_add(form, "maxSubjectCNs", "1");
}

static const char *either(const char *wanted, const char *otherwise)
{
    return wanted && *wanted ? wanted : otherwise;
}

/* Nothing for "": an empty argument is a bad one. */
static void add_text(struct sectigo_form *form, const char *name, const char *text)
{
    sectigo_form_add(form, name, either(text, NULL));
}

bool request_needs_organization(unsigned product)
{
    const struct sectigo_product *known = sectigo_product_find((int)product);
    return known && known->validation >= SECTIGO_OV;
}

bool request_has_organization(const struct acme_policy *policy)
{
    const char *const needed[] = {policy->organization, policy->street,      policy->locality,
                                  policy->state,        policy->postal_code, policy->country};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!needed[i] || !needed[i][0])
            return false;
    }
    return true;
}

/* Of OV and EV. Where it is incorporated no policy says: in its country, then. */
static void add_organization(struct sectigo_form *form, unsigned product, const struct acme_policy *policy)
{
    add_text(form, "organizationName", policy->organization);
    add_text(form, "organizationalUnitName", policy->organizational_unit);
    add_text(form, "streetAddress1", policy->street);
    add_text(form, "localityName", policy->locality);
    add_text(form, "stateOrProvinceName", policy->state);
    add_text(form, "postalCode", policy->postal_code);
    add_text(form, "countryName", policy->country);
    if (sectigo_product_find((int)product)->validation == SECTIGO_EV)
        add_text(form, "joiCountryName", policy->country);
}

static void add_purchase(struct sectigo_form *form, const struct subscription *sub,
                         const struct config_profile *profile, const struct acme_policy *policy)
{
    sectigo_form_addf(form, "product", "%u", sub->product);
    sectigo_form_addf(form, "days", "%u", sub->days);
    sectigo_form_add(form, "prioritiseCSRValues", "N");
    sectigo_form_add(form, "appRepEmailAddress", either(policy->contact_email, profile->contact_email));
    sectigo_form_add(form, "checkFONIsUnique", "Y");
    if (request_needs_organization(sub->product))
        add_organization(form, sub->product, policy);
    if (sub->test)
        sectigo_form_add(form, "test", "Y");
}

void request_order(struct sectigo_form *form, const struct issuance *is, const struct subscription *sub,
                   const struct config_login *login, const struct config_profile *profile,
                   const struct dcv_rules *rules)
{
    if (is->kind == ISSUANCE_PURCHASE)
        add_purchase(form, sub, profile, &rules->policy);
    else
        sectigo_form_add(form, "orderNumber", sub->order_number);
    add_csr(form, is);
    add_names_and_dcv(form, is, sub, profile, rules);
    sectigo_form_add(form, "serverSoftware", "-1");
    sectigo_form_add(form, "isCustomerValidated", "N");
    sectigo_form_add(form, "emailAddress", "none");
    sectigo_form_add(form, "uniqueValue", is->unique_value);
    if (is->kind == ISSUANCE_PURCHASE || login->replace_foreign_order_number)
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

/* The leaf and its chain, each by itself. */
static void add_collection(struct sectigo_form *form)
{
    sectigo_form_add(form, "queryType", "1");
    sectigo_form_add(form, "responseType", "3");
    sectigo_form_add(form, "responseEncoding", "0");
    sectigo_form_add(form, "responseFormat", "1");
    sectigo_form_add(form, "showValidityPeriod", "Y");
    sectigo_form_add(form, "showFQDN", "Y");
    sectigo_form_add(form, "showExtStatus", "Y");
}

void request_collect(struct sectigo_form *form, const struct issuance *is)
{
    add_which(form, is);
    add_collection(form);
}

void request_newest(struct sectigo_form *form, const struct subscription *sub, const char *certificate_id)
{
    if (certificate_id[0])
        sectigo_form_add(form, "certificateID", certificate_id);
    else
        sectigo_form_add(form, "baseOrderNumber", sub->order_number);
    add_collection(form);
}

void request_family(struct sectigo_form *form, const struct subscription *sub)
{
    sectigo_form_add(form, "orderNumber", sub->order_number);
    sectigo_form_add(form, "queryType", "2");
}
void request_retry_caa(struct sectigo_form *form, const struct issuance *is)
{
    add_which(form, is);
}

/* Names separated by spaces, methods by commas, in the same order; IP_ADDRESS_PRE is none that can be changed to. */
static bool add_methods(struct sectigo_form *form, const struct acme_names *names, const struct dcv_rules *rules)
{
    char *lists[2] = {NULL, NULL};
    size_t lengths[2];
    FILE *streams[2] = {open_memstream(&lists[0], &lengths[0]), open_memstream(&lists[1], &lengths[1])};
    bool any = false;
    for (size_t i = 0; streams[0] && streams[1] && i < names->count; i++) {
        enum sectigo_dcv_method method = dcv_rules_method(rules, &names->list[i]);
        if (method == SECTIGO_DCV_IP_ADDRESS)
            continue;
        fprintf(streams[0], "%s%s", any ? " " : "", names->list[i].value);
        fprintf(streams[1], "%s%s", any ? "," : "", sectigo_dcv_method_name(method));
        any = true;
    }
    for (size_t i = 0; i < 2; i++)
        any = (!streams[i] || fclose(streams[i]) == 0) && streams[i] && lists[i] && any;
    if (any) {
        sectigo_form_add(form, "domainNames", lists[0]);
        sectigo_form_add(form, "newMethods", lists[1]);
    }
    free(lists[0]);
    free(lists[1]);
    return any;
}

bool request_update_dcv(struct sectigo_form *form, const struct issuance *is, const struct subscription *sub,
                        const struct dcv_rules *rules)
{
    /* A replacement has no number of its own where the reply gave none: the newest of the family is meant. */
    bool newest = is->kind == ISSUANCE_REPLACEMENT && strcmp(is->order_number, sub->order_number) == 0;
    sectigo_form_add(form, newest ? "baseOrderNumber" : "orderNumber", is->order_number);
    if (shape_of(sub->product) == MULTI)
        return add_methods(form, &sub->names, rules) && !form->failed;
    enum sectigo_dcv_method method = dcv_rules_method(rules, sole_name(&sub->names));
    sectigo_form_add(form, "newMethod", sectigo_dcv_method_name(method));
    return method != SECTIGO_DCV_IP_ADDRESS && !form->failed;
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
