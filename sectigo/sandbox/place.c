#include "sectigo/sandbox/place.h"

#include <ctype.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/dcv.h"

void place_random(char *out, size_t len)
{
    static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    uint8_t octets[64] = {0};
    RAND_bytes(octets, sizeof octets);
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[octets[i % sizeof octets] % (sizeof alphabet - 1)];
    out[len] = 0;
}

static const char *given_at_order(const struct call *call, const char *name)
{
    const char *value = sectigo_form_get(call->form, name);
    return value && *value ? value : NULL;
}

/* ---- names ---- */

static bool has_name(const struct order *order, const char *name)
{
    for (size_t i = 0; i < order->domains.count; i++) {
        if (strcmp(order_domain(order, i)->name, name) == 0)
            return true;
    }
    return false;
}

/* Lower-cased; NULL when out of memory or it is there already. */
static struct domain *add_domain(struct order *order, const char *name)
{
    struct domain *domain;
    char lower[300];
    size_t len;
    for (len = 0; len < sizeof lower - 1 && name[len]; len++)
        lower[len] = (char)tolower((unsigned char)name[len]);
    lower[len] = 0;
    if (has_name(order, lower))
        return NULL;
    domain = list_append(&domain_type, &order->domains);
    return domain && text_set(&domain->name, lower) ? domain : NULL;
}

struct names {
    struct order *order;
    bool bad;
};

static bool add_listed(void *arg, const char *name)
{
    struct names *names = arg;
    names->bad |= !name_is_dns(name) && !name_is_ip(name);
    add_domain(names->order, name);
    return !names->bad;
}

/* The name of a product that has one: the CSR's common name, else what the request or the CSR lists. */
static const char *sole_name(const struct call *call, bool wildcard)
{
    const struct csr *csr = &call->csr;
    const char *listed = given_at_order(call, "domainNames");
    if (*csr->common_name)
        return csr->common_name;
    if (call->sandbox->settings.csr_without_common_name == CHOICE_REFUSE)
        return NULL;
    if (listed && !strpbrk(listed, ", \t\r\n"))
        return listed;
    for (size_t i = 0; i < csr->name_count; i++) {
        if (!wildcard || name_is_wildcard(csr->names[i]))
            return csr->names[i];
    }
    return csr->name_count ? csr->names[0] : NULL;
}

static void add_additional(struct order *order, const char *name)
{
    char other[300];
    struct domain *domain;
    if (strncmp(name, "www.", 4) == 0)
        snprintf(other, sizeof other, "%s", name + 4);
    else
        snprintf(other, sizeof other, "www.%s", name);
    if (!name_is_dns(other))
        return;
    domain = add_domain(order, other);
    if (domain)
        domain->additional = true;
}

static int single_name(const struct call *call, const struct sectigo_product *product, struct order *order)
{
    const char *name = sole_name(call, false);
    if (!name)
        return -8;
    if (name_is_wildcard(name))
        return -5;
    if (name_is_ip(name) && product->validation == SECTIGO_EV)
        return -35;
    if (!name_is_dns(name) && !name_is_ip(name))
        return -8;
    if (!add_domain(order, name))
        return -14;
    if (name_is_dns(name) && !argument_yes(call->form, "omitAdditionalFQDN"))
        add_additional(order, order_domain(order, 0)->name);
    return 0;
}

static int wildcard_name(const struct call *call, struct order *order)
{
    const char *name = sole_name(call, true);
    struct domain *base;
    if (!name)
        return -8;
    if (strncmp(name, "*.", 2) != 0 || !name_is_dns(name))
        return -6;
    if (!add_domain(order, name))
        return -14;
    if (call->sandbox->settings.wildcard_adds_base_name) {
        base = add_domain(order, order_domain(order, 0)->name + 2);
        if (base)
            base->base = true;
    }
    return 0;
}

/* -162: names of the CSR that domainNames leaves out. */
static bool csr_agrees(const struct csr *csr, const struct order *order)
{
    for (size_t i = 0; i < csr->name_count; i++) {
        if (!has_name(order, csr->names[i]))
            return false;
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const struct domain *left = a, *right = b;
    return strcmp(left->name, right->name);
}

/* First the primary name, else by the alphabet for multi-domain and by the CSR's common name for UCC. */
static bool set_common_name(const struct call *call, const struct sectigo_product *product, struct order *order)
{
    const char *primary = given_at_order(call, "primaryDomainName");
    struct domain *first = order->domains.items;
    if (argument_number(call->form, "maxSubjectCNS", 1) == 0 ||
        (!primary && order->kind == ORDER_REPLACEMENT && product->shape == SECTIGO_MULTI_DOMAIN))
        return true;
    if (!primary && product->shape == SECTIGO_UCC && has_name(order, call->csr.common_name))
        primary = call->csr.common_name;
    for (size_t i = 1; !primary && i < order->domains.count; i++) {
        if (compare_names(order_domain(order, i), first) < 0)
            first = order_domain(order, i);
    }
    return text_set(&order->common_name, primary ? primary : first->name);
}

static int many_names(const struct call *call, const struct sectigo_product *product, struct order *order,
                      const char **argument)
{
    const char *listed = given_at_order(call, "domainNames");
    struct names names = {.order = order};
    *argument = "domainNames";
    if (listed)
        argument_each(listed, add_listed, &names);
    for (size_t i = 0; !listed && i < call->csr.name_count; i++)
        add_listed(&names, call->csr.names[i]);
    if (names.bad)
        return -4;
    if (!order->domains.count)
        return -3;
    for (size_t i = 0; product->validation == SECTIGO_EV && i < order->domains.count; i++) {
        if (name_is_wildcard(order_domain(order, i)->name) || name_is_ip(order_domain(order, i)->name))
            return -4;
    }
    if (listed && call->sandbox->settings.csr_names_must_match && !csr_agrees(&call->csr, order))
        return -162;
    return set_common_name(call, product, order) ? 0 : -14;
}

/* ---- methods ---- */

static const char *method_of_token(const char *token)
{
    static const char *const tokens[][2] = {
        {"HTTPCSRHASH", "HTTP_CSR_HASH"},   {"HTTPSCSRHASH", "HTTPS_CSR_HASH"}, {"CNAMECSRHASH", "CNAME_CSR_HASH"},
        {"IPADDRESSPRE", "IP_ADDRESS_PRE"}, {"CNAMECRSHASH", "CNAME_CSR_HASH"}, /* as the reference's example 5.3 spells
                                                                                   it */
    };
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        if (strcasecmp(tokens[i][0], token) == 0)
            return tokens[i][1];
    }
    return NULL;
}

static bool set_method(struct domain *domain, const char *method, const char *email)
{
    return text_set(&domain->method, method) && text_set(&domain->email, email);
}

struct tokens {
    struct order *order;
    size_t at;
};

static bool set_by_token(void *arg, const char *token)
{
    struct tokens *tokens = arg;
    const char *method = method_of_token(token);
    if (tokens->at == tokens->order->domains.count)
        return false;
    return set_method(order_domain(tokens->order, tokens->at++), method ? method : "EMAIL", method ? NULL : token);
}

static bool set_all(struct order *order, const char *method, const char *email)
{
    for (size_t i = 0; i < order->domains.count; i++) {
        if (!set_method(order_domain(order, i), method, email))
            return false;
    }
    return true;
}

/* Methods of an order of many names: a list in the order of the names, or one magic token for all. */
static int methods_by_list(struct order *order, const char *list)
{
    struct tokens tokens = {.order = order};
    const char *all = strncasecmp(list, "ALL", 3) == 0 ? method_of_token(list + 3) : NULL;
    if (all)
        return set_all(order, all, NULL) ? 0 : -14;
    return argument_each(list, set_by_token, &tokens) && tokens.at == order->domains.count ? 0 : -4;
}

static int place_methods(const struct call *call, struct order *order, const char **argument)
{
    const char *list = given_at_order(call, "validationTokens"), *method = given_at_order(call, "dcvMethod");
    char upper[33];
    *argument = "validationTokens";
    if (!list && (list = given_at_order(call, "dcvEmailAddresses")))
        *argument = "dcvEmailAddresses";
    if (list)
        return methods_by_list(order, list);
    snprintf(upper, sizeof upper, "%s", method ? method : "EMAIL");
    for (char *at = upper; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    return set_all(order, upper, given_at_order(call, "dcvEmailAddress")) ? 0 : -14;
}

/* NULL, or the argument that cannot prove the name. */
static const char *misfit(const struct call *call, const struct domain *domain)
{
    enum sectigo_dcv_method method;
    if (!sectigo_dcv_method_read(domain->method, &method))
        return NULL;
    if (!sectigo_dcv_method_fits(method, domain->name))
        return given_at_order(call, "dcvMethod") ? "dcvMethod" : "dcvEmailAddress";
    if (method == SECTIGO_DCV_EMAIL && domain->email && !sectigo_dcv_email_fits(domain->email, domain->name))
        return "dcvEmailAddress";
    return NULL;
}

/* Names that Sectigo adds by itself are not the customer's choice, and a replacement that says no method has the one of
 * before. */
static bool methods_fit(const struct call *call, const struct order *order, const char **argument)
{
    bool list = given_at_order(call, "validationTokens") || given_at_order(call, "dcvEmailAddresses");
    bool chosen = list || given_at_order(call, "dcvMethod") || given_at_order(call, "dcvEmailAddress");
    for (size_t i = 0; chosen && i < order->domains.count; i++) {
        const struct domain *domain = order_domain(order, i);
        const char *found = domain->additional || domain->base ? NULL : misfit(call, domain);
        if (found && !list)
            *argument = found;
        if (found)
            return false;
    }
    return true;
}

int place_names(const struct call *call, const struct sectigo_product *product, struct order *order,
                const char **argument)
{
    int code;
    *argument = "csr";
    switch (product->shape) {
    case SECTIGO_SINGLE:
        code = single_name(call, product, order);
        break;
    case SECTIGO_WILDCARD:
        code = wildcard_name(call, order);
        break;
    default:
        code = many_names(call, product, order, argument);
        break;
    }
    if (code)
        return code;
    if (product->shape <= SECTIGO_WILDCARD && !text_set(&order->common_name, order_domain(order, 0)->name))
        return -14;
    code = place_methods(call, order, argument);
    return code || methods_fit(call, order, argument) ? code : -4;
}

/* ---- token ---- */

int place_key(const struct call *call)
{
    const char *listed = call->sandbox->settings.compromised_keys;
    char spki[65];
    if (!csr_spki(call->csr.request, spki))
        return -14;
    return listed && strcasestr(listed, spki) ? -40 : 0;
}

int place_token(struct call *call, struct order *order)
{
    const struct book *book = &call->sandbox->book;
    const char *unique = given_at_order(call, "uniqueValue");
    char made[9];
    if (call->sandbox->settings.check_numbers && unique && book_token_used(book, call->csr.sha256, unique))
        return -55;
    if (call->sandbox->settings.own_unique_value || (!unique && book_csr_used(book, call->csr.sha256))) {
        place_random(made, sizeof made - 1);
        unique = made;
    }
    order->csr = base64_encode(call->csr.der, call->csr.len);
    order->request = call->csr.request;
    call->csr.request = NULL;
    return order->csr && text_set(&order->csr_md5, call->csr.md5) && text_set(&order->csr_sha256, call->csr.sha256) &&
                   text_set(&order->unique_value, unique)
               ? 0
               : -14;
}
