#include "sectigo/product.h"

/* What one certificate may be bought for; 1095, 1461 and 1826 are bundles of replacements (reference 1, days). */
static const int terms[] = {30, 90, 365, 730, 1095, 1461, 1826, 0};
static const int thirty[] = {30, 0};
static const int trial_terms[] = {30, 90, 0};
static const int forty_five[] = {45, 0};
static const int year[] = {365, 0};
static const int month_or_year[] = {30, 365, 0};
static const int no_term[] = {0};

#define CERTIFICATE(code, name, family, validation, shape)                                                             \
    {                                                                                                                  \
        code, 0, name, SECTIGO_##family, SECTIGO_##validation, SECTIGO_##shape, false, terms                           \
    }
#define TRIAL(code, name, family, days)                                                                                \
    {                                                                                                                  \
        code, 0, name, SECTIGO_##family, SECTIGO_DV, SECTIGO_SINGLE, true, days                                        \
    }
#define OTHER(code, pair, name, family)                                                                                \
    {                                                                                                                  \
        code, pair, name, SECTIGO_##family, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE, false, NULL                       \
    }
#define LICENCE(code, name, family, days)                                                                              \
    {                                                                                                                  \
        code, 0, name, SECTIGO_##family, SECTIGO_NO_VALIDATION, SECTIGO_NO_SHAPE, false, days                          \
    }

static const struct sectigo_product products[] = {
    TRIAL(291, "PositiveSSL Trial DV (30 day)", POSITIVESSL, thirty),
    CERTIFICATE(287, "PositiveSSL DV", POSITIVESSL, DV, SINGLE),
    CERTIFICATE(289, "PositiveSSL Wildcard DV", POSITIVESSL, DV, WILDCARD),
    CERTIFICATE(279, "PositiveSSL Multi-Domain DV", POSITIVESSL, DV, MULTI_DOMAIN),
    CERTIFICATE(556, "PositiveSSL EV", POSITIVESSL, EV, SINGLE),
    CERTIFICATE(557, "PositiveSSL EV Multi-Domain", POSITIVESSL, EV, MULTI_DOMAIN),

    CERTIFICATE(330, "InstantSSL DV", INSTANTSSL, DV, SINGLE),
    CERTIFICATE(331, "InstantSSL Wildcard DV", INSTANTSSL, DV, WILDCARD),
    CERTIFICATE(7, "InstantSSL OV", INSTANTSSL, OV, SINGLE),
    CERTIFICATE(35, "InstantSSL OV Wildcard", INSTANTSSL, OV, WILDCARD),
    CERTIFICATE(361, "InstantSSL UCC OV", INSTANTSSL, OV, UCC),
    CERTIFICATE(567, "InstantSSL EV", INSTANTSSL, EV, SINGLE),
    CERTIFICATE(568, "InstantSSL EV Multi-Domain", INSTANTSSL, EV, MULTI_DOMAIN),

    CERTIFICATE(488, "SectigoSSL DV", SECTIGOSSL, DV, SINGLE),
    CERTIFICATE(489, "SectigoSSL Wildcard DV", SECTIGOSSL, DV, WILDCARD),
    CERTIFICATE(492, "SectigoSSL UCC DV", SECTIGOSSL, DV, UCC),
    CERTIFICATE(316, "SectigoSSL OV", SECTIGOSSL, OV, SINGLE),
    CERTIFICATE(322, "SectigoSSL OV Wildcard", SECTIGOSSL, OV, WILDCARD),
    CERTIFICATE(583, "SectigoSSL OV Multi Domain", SECTIGOSSL, OV, MULTI_DOMAIN),
    CERTIFICATE(337, "SectigoSSL EV", SECTIGOSSL, EV, SINGLE),
    CERTIFICATE(410, "SectigoSSL EV Multi-Domain EV", SECTIGOSSL, EV, MULTI_DOMAIN),

    TRIAL(720, "SectigoSSL Pro Trial DV", PRO, trial_terms),
    CERTIFICATE(721, "SectigoSSL Pro DV", PRO, DV, SINGLE),
    CERTIFICATE(722, "SectigoSSL Pro Wildcard DV", PRO, DV, WILDCARD),
    CERTIFICATE(723, "SectigoSSL Pro Multi-Domain DV", PRO, DV, MULTI_DOMAIN),
    CERTIFICATE(726, "SectigoSSL Pro OV", PRO, OV, SINGLE),
    CERTIFICATE(727, "SectigoSSL Pro OV Wildcard", PRO, OV, WILDCARD),
    CERTIFICATE(728, "SectigoSSL Pro OV Multi-Domain", PRO, OV, MULTI_DOMAIN),
    CERTIFICATE(731, "SectigoSSL Pro EV", PRO, EV, SINGLE),
    CERTIFICATE(732, "SectigoSSL Pro EV Multi-Domain", PRO, EV, MULTI_DOMAIN),

    TRIAL(734, "SectigoSSL Premium Trial DV", PREMIUM, trial_terms),
    CERTIFICATE(735, "SectigoSSL Premium DV", PREMIUM, DV, SINGLE),
    CERTIFICATE(736, "SectigoSSL Premium Wildcard DV", PREMIUM, DV, WILDCARD),
    CERTIFICATE(737, "SectigoSSL Premium Multi-Domain DV", PREMIUM, DV, MULTI_DOMAIN),
    CERTIFICATE(740, "SectigoSSL Premium OV", PREMIUM, OV, SINGLE),
    CERTIFICATE(741, "SectigoSSL Premium OV Wildcard", PREMIUM, OV, WILDCARD),
    CERTIFICATE(742, "SectigoSSL Premium OV Multi-Domain", PREMIUM, OV, MULTI_DOMAIN),
    CERTIFICATE(745, "SectigoSSL Premium EV", PREMIUM, EV, SINGLE),
    CERTIFICATE(746, "SectigoSSL Premium EV Multi-Domain", PREMIUM, EV, MULTI_DOMAIN),

    TRIAL(748, "SectigoSSL Enterprise Trial DV", ENTERPRISE, trial_terms),
    CERTIFICATE(749, "SectigoSSL Enterprise DV", ENTERPRISE, DV, SINGLE),
    CERTIFICATE(750, "SectigoSSL Enterprise Wildcard DV", ENTERPRISE, DV, WILDCARD),
    CERTIFICATE(751, "SectigoSSL Enterprise Multi-Domain DV", ENTERPRISE, DV, MULTI_DOMAIN),
    CERTIFICATE(63, "SectigoSSL EnterpriseSSL OV", ENTERPRISE, OV, SINGLE),
    CERTIFICATE(64, "SectigoSSL EnterpriseSSL Pro OV", ENTERPRISE, OV, SINGLE),
    CERTIFICATE(65, "SectigoSSL EnterpriseSSL Pro Wildcard OV", ENTERPRISE, OV, WILDCARD),
    CERTIFICATE(335, "SectigoSSL EnterpriseSSL Pro Multi-Domain OV", ENTERPRISE, OV, MULTI_DOMAIN),
    CERTIFICATE(562, "SectigoSSL EnterpriseSSL Pro EV", ENTERPRISE, EV, SINGLE),
    CERTIFICATE(563, "SectigoSSL EnterpriseSSL Pro EV Multi-Domain", ENTERPRISE, EV, MULTI_DOMAIN),

    OTHER(1000, 0, "Sectigo Web Monitor", WEB_SECURITY),
    OTHER(1001, 0, "Sectigo Web Remediate", WEB_SECURITY),
    OTHER(1002, 0, "Sectigo Web Perform", WEB_SECURITY),
    OTHER(1003, 0, "Sectigo Web Complete", WEB_SECURITY),
    OTHER(1004, 0, "Sectigo Web Remediate Partner", WEB_SECURITY),
    OTHER(1005, 0, "Sectigo Web Perform Partner", WEB_SECURITY),
    OTHER(1006, 0, "Sectigo Web Complete Partner", WEB_SECURITY),
    OTHER(1007, 0, "Sectigo Web One Time Remediate", WEB_SECURITY),
    OTHER(1008, 0, "Sectigo Web Accelerate", WEB_SECURITY),
    OTHER(1009, 0, "Sectigo Web Firewall", WEB_SECURITY),

    OTHER(SECTIGO_SITELOCK_BUNDLE, 0, "SSL PLUS SiteLock Bundle", SITELOCK), /* for the certificate's term */
    LICENCE(1059, "SiteLock Monitor", SITELOCK, year),
    LICENCE(1060, "SiteLock Basic", SITELOCK, month_or_year),
    LICENCE(1061, "SiteLock Pro", SITELOCK, month_or_year),
    LICENCE(1062, "SiteLock Business", SITELOCK, month_or_year),
    LICENCE(1082, "SiteLock 911", SITELOCK, no_term),
    LICENCE(1068, "SiteLock 5 GB Backup", SITELOCK_ADDON, month_or_year),
    LICENCE(1069, "SiteLock 10 GB Backup", SITELOCK_ADDON, month_or_year),
    LICENCE(1070, "SiteLock 25 GB Backup", SITELOCK_ADDON, month_or_year),
    LICENCE(1071, "SiteLock TrueShield", SITELOCK_ADDON, month_or_year),
    LICENCE(1078, "SiteLock DNS Pro", SITELOCK_ADDON, month_or_year),
    LICENCE(1076, "SiteLock DNS Business", SITELOCK_ADDON, month_or_year),

    OTHER(36, 0, "EV or OV TrustLogo", TRUSTLOGO),

    OTHER(700, 0, "CodeGuard (Personal)", CODEGUARD),
    OTHER(701, 0, "CodeGuard (Professional)", CODEGUARD),
    OTHER(702, 0, "CodeGuard (Company)", CODEGUARD),
    OTHER(703, 0, "CodeGuard (Small Business)", CODEGUARD),

    {341, 0, "HackerGuardian Free PCI Scanning Service (45 days)", SECTIGO_HACKERGUARDIAN, SECTIGO_NO_VALIDATION,
     SECTIGO_NO_SHAPE, true, forty_five},
    OTHER(586, 587, "HackerGuardian Lite (Retail Only)", HACKERGUARDIAN),
    OTHER(346, 329, "HackerGuardian Standard", HACKERGUARDIAN),
    OTHER(349, 259, "HackerGuardian Enterprise", HACKERGUARDIAN),
    OTHER(357, 0, "HackerGuardian HackerProof", HACKERPROOF),
    OTHER(356, 0, "HackerGuardian Additional IP Addresses Pack", IP_PACK),

    {706, 0, "Sectigo Document Signing Certificate (Organization)", SECTIGO_DOCUMENT_SIGNING, SECTIGO_OV,
     SECTIGO_NO_SHAPE, false, terms},
    OTHER(577, 0, "eToken Cost", ETOKEN),
    OTHER(163, 0, "eToken Shipping Cost", SHIPPING),
};
enum { PRODUCTS = sizeof products / sizeof *products };

const struct sectigo_product *sectigo_products(size_t *count)
{
    *count = PRODUCTS;
    return products;
}

const struct sectigo_product *sectigo_product_find(int code)
{
    for (size_t i = 0; i < PRODUCTS; i++)
        if (code > 0 && (products[i].code == code || products[i].pair == code))
            return &products[i];
    return NULL;
}

bool sectigo_product_allows_days(const struct sectigo_product *product, int days)
{
    if (!product->days)
        return days > 0;
    for (const int *term = product->days; *term; term++)
        if (*term == days)
            return true;
    return false;
}

bool sectigo_product_without_term(const struct sectigo_product *product)
{
    return product->days == no_term;
}

int sectigo_sitelock_tier(int product)
{
    switch (product) {
    case SECTIGO_SITELOCK_BUNDLE:
    case 1059:
        return 0;
    case 1060:
        return 1;
    case 1061:
        return 2;
    case 1062:
        return 3;
    default:
        return -1;
    }
}

enum sectigo_takes sectigo_sitelock_takes(int licence, int addon)
{
    /* The lowest tier of each kind that Pro takes: it has 5 GB of backup and the lower DNS already. */
    static const int pro[] = {1069, 1070, 1071, 1076};

    switch (sectigo_sitelock_tier(licence)) {
    case 0:
        return SECTIGO_TAKES_NOT;
    case 1:
        return SECTIGO_TAKES;
    case 2:
        for (size_t i = 0; i < sizeof pro / sizeof *pro; i++)
            if (pro[i] == addon)
                return SECTIGO_TAKES;
        return SECTIGO_TAKES_NOT;
    default:
        return SECTIGO_TAKES_PERHAPS;
    }
}

const char *sectigo_family_name(enum sectigo_family family)
{
    static const char *const names[] = {
        "PositiveSSL",      "InstantSSL", "SectigoSSL", "SectigoSSL Pro", "SectigoSSL Premium", "EnterpriseSSL",
        "Sectigo Web",      "TrustLogo",  "CodeGuard",  "HackerGuardian", "HackerProof",        "IP pack",
        "Document Signing", "eToken",     "Shipping",   "SiteLock",       "SiteLock add-on",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (family == 1u << i)
            return names[i];
    return "several";
}

const char *sectigo_validation_name(enum sectigo_validation validation)
{
    static const char *const names[] = {"none", "DV", "OV", "EV"};
    return names[validation];
}

const char *sectigo_shape_name(enum sectigo_shape shape)
{
    static const char *const names[] = {"none", "single", "wildcard", "multi-domain", "UCC"};
    return names[shape];
}
