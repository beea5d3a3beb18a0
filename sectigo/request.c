#include "sectigo/parameter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/control.h"
#include "sectigo/csr.h"
#include "sectigo/verdict.h"
#include "sectigo/value.h"

enum { SITELOCK = SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON };

/* An empty value counts as absent. */
static const char *given_fact(const struct sectigo_order_facts *facts, const char *name)
{
    const char *value = sectigo_form_get(facts->form, name);
    return value && *value ? value : NULL;
}

static bool is_fact(const struct sectigo_order_facts *facts, const char *name, const char *value)
{
    const char *text = given_fact(facts, name);
    return text && strcasecmp(text, value) == 0;
}

/* ---- lists ---- */

static bool listed(const char *list, const char *wanted)
{
    char word[256];

    while (sectigo_list_next(&list, word, sizeof word))
        if (strcasecmp(word, wanted) == 0)
            return true;
    return false;
}

static bool check_names(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    const char *names = given_fact(facts, "domainNames"), *primary = given_fact(facts, "primaryDomainName");
    char word[300];

    for (const char *at = names; at && sectigo_list_next(&at, word, sizeof word);)
        if (!sectigo_domain_name_fits(word))
            return sectigo_refuse(verdict, -4, "domainNames",
                                  "domainNames has \"%.64s\", which is no domain name or address", word);
    if (names && sectigo_list_count(names) == 0)
        return sectigo_refuse(verdict, -4, "domainNames", "domainNames names nothing");
    if (names && primary && !listed(names, primary))
        return sectigo_refuse(verdict, -4, "primaryDomainName", "primaryDomainName \"%.64s\" is not one of domainNames",
                              primary);
    return true;
}

static bool check_token_list(const struct sectigo_order_facts *facts, const char *parameter,
                             struct sectigo_verdict *verdict)
{
    const char *tokens = given_fact(facts, parameter), *names = given_fact(facts, "domainNames");
    char word[300];

    if (!tokens)
        return true;
    size_t count = sectigo_list_count(tokens);
    for (const char *at = tokens; sectigo_list_next(&at, word, sizeof word);) {
        bool for_all = sectigo_dcv_token_for_all(word);

        if (!for_all && !sectigo_dcv_token_known(word))
            return sectigo_refuse(verdict, -4, parameter,
                                  "%s has \"%.64s\", which is neither an e-mail address nor a token", parameter, word);
        if (for_all && count > 1)
            return sectigo_refuse(verdict, -4, parameter, "%s has %.64s beside others: it must stand alone", parameter,
                                  word);
        if (for_all)
            return true;
    }
    size_t expected = names ? sectigo_list_count(names) : facts->csr_names;
    if (count != expected && expected > 0)
        return sectigo_refuse(verdict, -4, parameter, "%s has %zu entries for %zu domain names", parameter, count,
                              expected);
    return true;
}

/* The names that the order is for, as a list to be freed; NULL where only Sectigo can tell. A product of one name goes
 * by the CSR's common name first. */
static char *ordered_names(const struct sectigo_order_facts *facts)
{
    const char *listed = given_fact(facts, "domainNames"), *csr = facts->csr_text;
    bool each = given_fact(facts, "validationTokens") || given_fact(facts, "dcvEmailAddresses");
    bool sole = facts->cart.certificate->shape < SECTIGO_MULTI_DOMAIN && !each;
    char *names = sole && csr ? sectigo_csr_common_name(csr) : NULL;

    if (!names && listed)
        names = strdup(listed);
    return names || !csr ? names : sectigo_csr_alternative_names(csr);
}

static bool check_methods(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    const struct sectigo_product *certificate = facts->cart.certificate;
    char *names = certificate ? ordered_names(facts) : NULL;
    bool unfit = names && certificate->shape == SECTIGO_SINGLE && strncmp(names, "*.", 2) == 0; /* that is -5 */
    bool fit = unfit || sectigo_control_check_order(facts->form, names, verdict);

    free(names);
    return fit;
}

static bool check_control(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    if (given_fact(facts, "validationTokens") && given_fact(facts, "dcvEmailAddresses"))
        return sectigo_refuse(verdict, -4, "validationTokens",
                              "validationTokens and dcvEmailAddresses may not be given together");
    bool wildcard = facts->cart.certificate && facts->cart.certificate->shape == SECTIGO_WILDCARD;
    if (wildcard && (is_fact(facts, "dcvMethod", "HTTP_CSR_HASH") || is_fact(facts, "dcvMethod", "HTTPS_CSR_HASH")))
        return sectigo_refuse(verdict, -4, "dcvMethod", "dcvMethod cannot be a file on a web server for a wildcard");
    return check_token_list(facts, "validationTokens", verdict) &&
           check_token_list(facts, "dcvEmailAddresses", verdict) && check_methods(facts, verdict);
}

/* ---- a whole order ---- */

static bool check_known(const struct sectigo_form *form, struct sectigo_verdict *verdict)
{
    for (size_t i = 0; i < form->count; i++) {
        const char *name = form->params[i].name;

        if (!sectigo_parameter_find(name))
            return sectigo_refuse(verdict, -2, name, "%.64s is no parameter of AutoApplyOrder", name);
    }
    for (size_t i = 0; i < form->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(form->params[i].name, form->params[j].name) == 0)
                return sectigo_refuse(verdict, -4, form->params[i].name, "%s is given twice", form->params[i].name);
    return true;
}

static bool check_product(struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    const char *product = given_fact(facts, "product");
    char reason[SECTIGO_MESSAGE_MAX];
    int code;

    if (!product)
        return sectigo_refuse(verdict, -3, "product", "product is missing");
    return sectigo_cart_parse(product, &facts->cart, &code, reason) ||
           sectigo_refuse(verdict, code, "product", "%s", reason);
}

static bool check_required(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    size_t count;
    const struct sectigo_parameter *table = sectigo_parameters(&count);

    for (size_t i = 0; i < count; i++) {
        const struct sectigo_parameter *parameter = &table[i];

        if (parameter->required && !given_fact(facts, parameter->name) && parameter->required->covers(facts))
            return sectigo_refuse(verdict, -3, parameter->name, "%s is missing: it is needed for %s", parameter->name,
                                  parameter->required->words);
    }
    return true;
}

static bool check_values(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    bool guardian = (facts->cart.families & (SECTIGO_HACKERGUARDIAN | SECTIGO_HACKERPROOF)) != 0;

    for (size_t i = 0; i < facts->form->count; i++) {
        const struct sectigo_param *param = &facts->form->params[i];

        if (*param->value &&
            !sectigo_parameter_check(sectigo_parameter_find(param->name), param->value, guardian, verdict))
            return false;
    }
    return true;
}

static bool check_scope(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    for (size_t i = 0; i < facts->form->count; i++) {
        const struct sectigo_parameter *parameter = sectigo_parameter_find(facts->form->params[i].name);

        if (*facts->form->params[i].value && !parameter->used_with->covers(facts))
            return sectigo_refuse(verdict, strcmp(parameter->name, "previousOrderNumber") == 0 ? -68 : -4,
                                  parameter->name, "%s is only for %s", parameter->name, parameter->used_with->words);
    }
    return true;
}

/* The documents speak of days in three codes. */
static int days_code(const struct sectigo_product *product)
{
    if (product->family == SECTIGO_HACKERGUARDIAN)
        return -53;
    return product->family & SITELOCK ? -115 : -4;
}

static bool check_days(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    int days = 0;

    sectigo_value_int(given_fact(facts, "days"), &days);
    for (size_t i = 0; i < facts->cart.count; i++) {
        const struct sectigo_product *product = facts->cart.items[i];

        if (sectigo_product_without_term(product) && !given_fact(facts, "days"))
            continue;
        if (!sectigo_product_allows_days(product, days))
            return sectigo_refuse(verdict, days_code(product), "days", "days is %d, which %s is not sold for", days,
                                  product->name);
    }
    return true;
}

/* Longer ones are not taken with SiteLock, whatever HackerGuardian has it for (notes 2.17). */
static bool check_site(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    enum { SITE_PASSWORD_MAX = 50 };
    const char *password = given_fact(facts, "appRepLoginPassword");

    if ((facts->cart.families & SITELOCK) && password && strlen(password) > SITE_PASSWORD_MAX)
        return sectigo_refuse(verdict, -4, "appRepLoginPassword",
                              "appRepLoginPassword has more than %d characters, the most for SiteLock",
                              SITE_PASSWORD_MAX);
    return true;
}

static bool check_csr(const struct sectigo_order_facts *facts, int csr_code, struct sectigo_verdict *verdict)
{
    const struct sectigo_product *certificate = facts->cart.certificate;

    if (csr_code < 0)
        return sectigo_refuse(verdict, csr_code, "csr", "csr %s",
                              csr_code == -9 ? "is not base64 of a request" : "cannot be decoded");
    if (!certificate || !(facts->csr_has & SECTIGO_CSR_COMMON_NAME))
        return true;
    if (certificate->shape == SECTIGO_SINGLE && facts->csr_common_name_wildcard)
        return sectigo_refuse(verdict, -5, "csr", "csr has a wildcard as common name, which %s may not have",
                              certificate->name);
    if (certificate->shape == SECTIGO_WILDCARD && !facts->csr_common_name_wildcard)
        return sectigo_refuse(verdict, -6, "csr", "csr has no wildcard as common name, which %s must have",
                              certificate->name);
    return true;
}

static bool check_callback(const struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    if (!is_fact(facts, "isCallbackCompleted", "Y") || is_fact(facts, "isAppRepValidated", "Y"))
        return true;
    return sectigo_refuse(verdict, given_fact(facts, "isAppRepValidated") ? -4 : -3, "isAppRepValidated",
                          "isAppRepValidated must be Y where isCallbackCompleted is Y");
}

static void take_csr(struct sectigo_order_facts *facts, const struct sectigo_csr_facts *csr)
{
    facts->csr_read = true;
    facts->csr_has = csr->common_name ? SECTIGO_CSR_COMMON_NAME : 0;
    facts->csr_common_name_wildcard = csr->common_name_wildcard;
    facts->csr_names = csr->names;
}

/* csr NULL: read from the form. */
static bool examine(const struct sectigo_form *form, const struct sectigo_csr_facts *csr,
                    struct sectigo_order_facts *facts, struct sectigo_verdict *verdict)
{
    int csr_code = 0;

    memset(facts, 0, sizeof *facts);
    memset(verdict, 0, sizeof *verdict);
    facts->form = form;
    if (!check_known(form, verdict) || !check_product(facts, verdict))
        return false;
    const char *text = given_fact(facts, "csr");
    if (text && csr)
        take_csr(facts, csr);
    else if (text)
        csr_code = sectigo_csr_read(text, facts);
    facts->csr_text = csr ? NULL : text;
    return check_required(facts, verdict) && check_values(facts, verdict) && check_scope(facts, verdict) &&
           check_days(facts, verdict) && check_csr(facts, csr_code, verdict) && check_names(facts, verdict) &&
           check_control(facts, verdict) && check_callback(facts, verdict) && check_site(facts, verdict);
}

bool sectigo_order_examine(const struct sectigo_form *form, struct sectigo_order_facts *facts,
                           struct sectigo_verdict *verdict)
{
    return examine(form, NULL, facts, verdict);
}

bool sectigo_order_check_known(const struct sectigo_form *form, const struct sectigo_csr_facts *csr,
                               char reason[static SECTIGO_MESSAGE_MAX])
{
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;

    if (examine(form, csr, &facts, &verdict))
        return true;
    memcpy(reason, verdict.reason, SECTIGO_MESSAGE_MAX);
    return false;
}
