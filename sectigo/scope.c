#include "sectigo/scope.h"

#include <string.h>
#include <strings.h>

enum {
    GUARDIAN = SECTIGO_HACKERGUARDIAN | SECTIGO_HACKERPROOF,
    SITELOCK = SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON,
};

static bool has_family(const struct sectigo_order_facts *facts, unsigned families)
{
    return (facts->cart.families & families) != 0;
}

/* An empty value counts as absent. */
static const char *given_in_scope(const struct sectigo_order_facts *facts, const char *name)
{
    const char *value = sectigo_form_get(facts->form, name);
    return value && *value ? value : NULL;
}

static bool every_order(const struct sectigo_order_facts *facts)
{
    (void)facts;
    return true;
}

static bool ssl(const struct sectigo_order_facts *facts)
{
    return facts->cart.certificate != NULL;
}

static bool certificate(const struct sectigo_order_facts *facts)
{
    return ssl(facts) || has_family(facts, SECTIGO_DOCUMENT_SIGNING);
}

static bool certificate_or_guardian(const struct sectigo_order_facts *facts)
{
    return certificate(facts) || has_family(facts, GUARDIAN | SECTIGO_IP_PACK);
}

static bool multi_domain(const struct sectigo_order_facts *facts)
{
    return ssl(facts) && facts->cart.certificate->shape >= SECTIGO_MULTI_DOMAIN;
}

static bool organization_ssl(const struct sectigo_order_facts *facts)
{
    return ssl(facts) && facts->cart.certificate->validation >= SECTIGO_OV;
}

static bool organization(const struct sectigo_order_facts *facts)
{
    return organization_ssl(facts) || has_family(facts, SECTIGO_DOCUMENT_SIGNING);
}

static bool extended(const struct sectigo_order_facts *facts)
{
    return ssl(facts) && facts->cart.certificate->validation == SECTIGO_EV;
}

static bool guardian(const struct sectigo_order_facts *facts)
{
    return has_family(facts, GUARDIAN);
}

static bool guardian_or_pack(const struct sectigo_order_facts *facts)
{
    return has_family(facts, GUARDIAN | SECTIGO_IP_PACK);
}

/* ---- SiteLock (notes 2.17) ---- */

static bool sitelock(const struct sectigo_order_facts *facts)
{
    return has_family(facts, SITELOCK);
}

static bool with_term(const struct sectigo_order_facts *facts)
{
    for (size_t i = 0; i < facts->cart.count; i++)
        if (!sectigo_product_without_term(facts->cart.items[i]))
            return true;
    return false;
}

static bool with_company(const struct sectigo_order_facts *facts)
{
    return certificate_or_guardian(facts) || sitelock(facts);
}

static bool with_account(const struct sectigo_order_facts *facts)
{
    return guardian_or_pack(facts) || sitelock(facts);
}

static bool with_account_password(const struct sectigo_order_facts *facts)
{
    return guardian(facts) || sitelock(facts);
}

/* The bundle is for the certificate's names. */
static bool needs_site(const struct sectigo_order_facts *facts)
{
    bool bundle = facts->cart.sitelock && facts->cart.sitelock->code == SECTIGO_SITELOCK_BUNDLE;
    return sitelock(facts) && !bundle;
}

static bool addon_alone(const struct sectigo_order_facts *facts)
{
    return has_family(facts, SECTIGO_SITELOCK_ADDON) && !facts->cart.sitelock;
}

static bool hackerproof(const struct sectigo_order_facts *facts)
{
    return has_family(facts, SECTIGO_HACKERPROOF);
}

static bool ip_pack(const struct sectigo_order_facts *facts)
{
    return has_family(facts, SECTIGO_IP_PACK);
}

static bool trustlogo(const struct sectigo_order_facts *facts)
{
    return has_family(facts, SECTIGO_TRUSTLOGO);
}

static bool document_signing(const struct sectigo_order_facts *facts)
{
    return has_family(facts, SECTIGO_DOCUMENT_SIGNING);
}

static bool shipped(const struct sectigo_order_facts *facts)
{
    return has_family(facts, SECTIGO_SHIPPING);
}

static bool licence_alone(const struct sectigo_order_facts *facts)
{
    return has_family(facts, SECTIGO_LICENCES) && !certificate(facts);
}

/* "Required for all products", says the reference; its own example 5.1 shows a DV certificate without. */
static bool not_domain_validated(const struct sectigo_order_facts *facts)
{
    return !ssl(facts) || organization_ssl(facts) || has_family(facts, SECTIGO_LICENCES);
}

/* OV and EV, where the CSR's subject does not have it. */
static bool organization_without(const struct sectigo_order_facts *facts, unsigned field)
{
    return organization_ssl(facts) && !(facts->csr_has & field);
}

static bool needs_organization(const struct sectigo_order_facts *facts)
{
    return guardian(facts) || organization_without(facts, SECTIGO_CSR_ORGANIZATION);
}

static bool needs_street(const struct sectigo_order_facts *facts)
{
    return organization_without(facts, SECTIGO_CSR_STREET);
}

static bool needs_locality(const struct sectigo_order_facts *facts)
{
    return organization_without(facts, SECTIGO_CSR_LOCALITY);
}

static bool needs_state(const struct sectigo_order_facts *facts)
{
    return organization_without(facts, SECTIGO_CSR_STATE);
}

static bool needs_postal_code(const struct sectigo_order_facts *facts)
{
    return organization_without(facts, SECTIGO_CSR_POSTAL_CODE);
}

static bool needs_country(const struct sectigo_order_facts *facts)
{
    return organization_without(facts, SECTIGO_CSR_COUNTRY);
}

static bool needs_names(const struct sectigo_order_facts *facts)
{
    return multi_domain(facts) && facts->csr_read && facts->csr_names == 0;
}

/* EMAIL is the default method, and the only one that needs an address. */
static bool validates_by_email(const struct sectigo_order_facts *facts)
{
    const char *method = given_in_scope(facts, "dcvMethod");

    return !given_in_scope(facts, "validationTokens") && !given_in_scope(facts, "dcvEmailAddresses") &&
           (!method || strcasecmp(method, "EMAIL") == 0);
}

static bool needs_address(const struct sectigo_order_facts *facts)
{
    return ssl(facts) && !multi_domain(facts) && validates_by_email(facts);
}

static bool needs_tokens(const struct sectigo_order_facts *facts)
{
    return multi_domain(facts) && validates_by_email(facts);
}

static bool needs_primary(const struct sectigo_order_facts *facts)
{
    const char *count = given_in_scope(facts, "maxSubjectCNS");

    return multi_domain(facts) && count && strcmp(count, "1") == 0;
}

static bool names_representative(const struct sectigo_order_facts *facts)
{
    const char *completed = given_in_scope(facts, "isCallbackCompleted");

    return guardian(facts) || (organization(facts) && given_in_scope(facts, "callbackMethod") &&
                               (!completed || strcasecmp(completed, "Y") != 0));
}

static bool calls_representative(const struct sectigo_order_facts *facts)
{
    const char *method = given_in_scope(facts, "callbackMethod");

    return organization(facts) && method && strcasecmp(method, "T") == 0 && names_representative(facts);
}

const struct sectigo_scope sectigo_for_every = {"every order", every_order};
const struct sectigo_scope sectigo_for_ssl = {"SSL certificates", ssl};
const struct sectigo_scope sectigo_for_certificate = {"certificates", certificate};
const struct sectigo_scope sectigo_for_subject = {"certificates, HackerGuardian and HackerProof",
                                                  certificate_or_guardian};
const struct sectigo_scope sectigo_for_organization = {"OV and EV certificates and Document Signing", organization};
const struct sectigo_scope sectigo_for_extended = {"EV certificates", extended};
const struct sectigo_scope sectigo_for_guardian = {"HackerGuardian and HackerProof", guardian};
const struct sectigo_scope sectigo_for_guardian_pack = {"HackerGuardian, HackerProof and the IP pack",
                                                        guardian_or_pack};
const struct sectigo_scope sectigo_for_hackerproof = {"HackerProof", hackerproof};
const struct sectigo_scope sectigo_for_pack = {"the IP pack (356)", ip_pack};
const struct sectigo_scope sectigo_for_trustlogo = {"orders with TrustLogo (36)", trustlogo};
const struct sectigo_scope sectigo_for_signing = {"Document Signing (706)", document_signing};
const struct sectigo_scope sectigo_for_shipping = {"orders with shipping (163)", shipped};
const struct sectigo_scope sectigo_for_licence = {"license products", licence_alone};
const struct sectigo_scope sectigo_for_contact = {"every product but DV certificates", not_domain_validated};
const struct sectigo_scope sectigo_for_term = {"every order but SiteLock 911 (1082)", with_term};
const struct sectigo_scope sectigo_for_company = {"certificates, HackerGuardian, HackerProof and SiteLock",
                                                  with_company};
const struct sectigo_scope sectigo_for_account = {"HackerGuardian, HackerProof, the IP pack and SiteLock",
                                                  with_account};
const struct sectigo_scope sectigo_for_account_password = {"HackerGuardian, HackerProof and SiteLock",
                                                           with_account_password};
const struct sectigo_scope sectigo_for_sitelock = {"SiteLock", sitelock};
const struct sectigo_scope sectigo_for_site = {"SiteLock, but not the bundle (1072)", needs_site};
const struct sectigo_scope sectigo_for_addon_alone = {"SiteLock add-ons without their licence", addon_alone};
const struct sectigo_scope sectigo_for_no_organization = {
    "OV and EV certificates whose CSR has no organization, HackerGuardian and HackerProof", needs_organization};
const struct sectigo_scope sectigo_for_no_street = {"OV and EV certificates whose CSR has no street", needs_street};
const struct sectigo_scope sectigo_for_no_locality = {"OV and EV certificates whose CSR has no locality",
                                                      needs_locality};
const struct sectigo_scope sectigo_for_no_state = {"OV and EV certificates whose CSR has no state", needs_state};
const struct sectigo_scope sectigo_for_no_postal_code = {"OV and EV certificates whose CSR has no postal code",
                                                         needs_postal_code};
const struct sectigo_scope sectigo_for_no_country = {"OV and EV certificates whose CSR has no country", needs_country};
const struct sectigo_scope sectigo_for_no_names = {"multi-domain and UCC certificates whose CSR names no domain",
                                                   needs_names};
const struct sectigo_scope sectigo_for_by_email = {"single-domain and wildcard certificates validated by e-mail",
                                                   needs_address};
const struct sectigo_scope sectigo_for_by_tokens = {
    "multi-domain and UCC certificates without dcvEmailAddresses or another dcvMethod", needs_tokens};
const struct sectigo_scope sectigo_for_one_common_name = {"maxSubjectCNS=1", needs_primary};
const struct sectigo_scope sectigo_for_callback = {
    "HackerGuardian, HackerProof, and OV and EV certificates with callbackMethod", names_representative};
const struct sectigo_scope sectigo_for_telephone_callback = {"OV and EV certificates with callbackMethod=T",
                                                             calls_representative};
