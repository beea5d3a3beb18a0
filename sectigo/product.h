/* product: the catalogue of what AutoApplyOrder sells (reference 1, parameter product; notes 2.17, 2.18).
 *
 * Pure, static data; any thread. The product parameter is a list of codes; a product here is one code, or the two that
 * are only sold together (HackerGuardian pairs).
 */
#ifndef SECTIGO_PRODUCT_H
#define SECTIGO_PRODUCT_H

#include "sectigo/sectigo.h"

/* One bit each, so that tables can name several. */
enum sectigo_family {
    SECTIGO_POSITIVESSL = 1 << 0,
    SECTIGO_INSTANTSSL = 1 << 1,
    SECTIGO_SECTIGOSSL = 1 << 2,
    SECTIGO_PRO = 1 << 3,
    SECTIGO_PREMIUM = 1 << 4,
    SECTIGO_ENTERPRISE = 1 << 5,
    SECTIGO_WEB_SECURITY = 1 << 6,
    SECTIGO_TRUSTLOGO = 1 << 7,
    SECTIGO_CODEGUARD = 1 << 8,
    SECTIGO_HACKERGUARDIAN = 1 << 9,
    SECTIGO_HACKERPROOF = 1 << 10,
    SECTIGO_IP_PACK = 1 << 11,
    SECTIGO_DOCUMENT_SIGNING = 1 << 12,
    SECTIGO_ETOKEN = 1 << 13,
    SECTIGO_SHIPPING = 1 << 14,
    SECTIGO_SITELOCK = 1 << 15,
    SECTIGO_SITELOCK_ADDON = 1 << 16, /* goes with a SiteLock licence */

    SECTIGO_CERTIFICATES = SECTIGO_POSITIVESSL | SECTIGO_INSTANTSSL | SECTIGO_SECTIGOSSL | SECTIGO_PRO |
                           SECTIGO_PREMIUM | SECTIGO_ENTERPRISE,
    SECTIGO_FAMILIES = (1 << 17) - 1,
    SECTIGO_LICENCES = SECTIGO_WEB_SECURITY | SECTIGO_CODEGUARD | SECTIGO_HACKERGUARDIAN | SECTIGO_HACKERPROOF |
                       SECTIGO_IP_PACK | SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON,
};
enum sectigo_validation { SECTIGO_NO_VALIDATION, SECTIGO_DV, SECTIGO_OV, SECTIGO_EV };
enum sectigo_shape { SECTIGO_NO_SHAPE, SECTIGO_SINGLE, SECTIGO_WILDCARD, SECTIGO_MULTI_DOMAIN, SECTIGO_UCC };

struct sectigo_product {
    int code, pair; /* pair: the second code that must come with it; 0: none */
    const char *name;
    enum sectigo_family family;
    enum sectigo_validation validation;
    enum sectigo_shape shape;
    bool trial;
    const int *days; /* allowed terms, 0 at the end; NULL: any positive number; none: days is left out */
};

/* The whole catalogue; *count of them. */
const struct sectigo_product *sectigo_products(size_t *count);
/* By either code of a pair; NULL where there is none. */
const struct sectigo_product *sectigo_product_find(int code);
const char *sectigo_family_name(enum sectigo_family family);
const char *sectigo_validation_name(enum sectigo_validation validation);
const char *sectigo_shape_name(enum sectigo_shape shape);
bool sectigo_product_allows_days(const struct sectigo_product *product, int days);
/* Ordered without days: it has no term (SiteLock 911). */
bool sectigo_product_without_term(const struct sectigo_product *product);

/* Notes 2.17: which add-on goes with which SiteLock licence. */
enum sectigo_takes {
    SECTIGO_TAKES_NOT, /* -121: a lower tier than what the licence has, or the licence takes none */
    SECTIGO_TAKES,
    SECTIGO_TAKES_PERHAPS, /* no page says it */
};
enum sectigo_takes sectigo_sitelock_takes(int licence, int addon);
/* 0: free (Monitor, and the bundle), 1 Basic, 2 Pro, 3 Business; -1: no tier (SiteLock 911, add-ons, others). */
int sectigo_sitelock_tier(int product);
enum { SECTIGO_SITELOCK_BUNDLE = 1072 };

enum { SECTIGO_CART_MAX = 8 };

/* What one order asks for: the codes of its product parameter. */
struct sectigo_cart {
    const struct sectigo_product *items[SECTIGO_CART_MAX];
    size_t count;
    unsigned families;                         /* of all items */
    const struct sectigo_product *certificate; /* the SSL certificate among them, or NULL */
    const struct sectigo_product *sitelock;    /* the SiteLock licence among them, or NULL */
};
/* Reads "316,36" (blanks around the commas allowed) and checks what may be sold together: one certificate at most, one
 * licence of a kind at most, pairs whole, companions only beside what they belong to. False: *reason is a sentence, and
 * *code the status code that Sectigo has for it (-4, -54, -58, -67, -81, -82, -121, -124). */
bool sectigo_cart_parse(const char *product, struct sectigo_cart *cart, int *code,
                        char reason[static SECTIGO_MESSAGE_MAX]);

#endif
