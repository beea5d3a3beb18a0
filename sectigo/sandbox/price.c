#include "sectigo/sandbox/price.h"

enum { INCLUDED_NAMES = 3, EXTRA_NAME_CENTS = 1000, OTHER_CENTS = 21000, COMPANION_CENTS = 2500, YEAR_DAYS = 365 };

/* Basic and Pro as in the example of notes 2.17. */
static int64_t sitelock_yearly(const struct sectigo_product *product)
{
    static const int64_t cents[] = {0, 14900, 24900, 34900};
    int tier = sectigo_sitelock_tier(product->code);
    if (product->family == SECTIGO_SITELOCK_ADDON)
        return COMPANION_CENTS;
    return tier < 0 ? OTHER_CENTS : cents[tier];
}

/* Of 365 days. */
static int64_t yearly(const struct sectigo_product *product)
{
    static const int64_t cents[4][5] = {
        [SECTIGO_DV] = {0, 3500, 10500, 7000, 7000},
        [SECTIGO_OV] = {0, 7000, 17500, 10500, 10500},
        [SECTIGO_EV] = {0, 21000, 21000, 21000, 21000},
    };
    if (product->trial)
        return 0;
    if (product->family & (SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON))
        return sitelock_yearly(product);
    if (product->validation != SECTIGO_NO_VALIDATION && product->shape != SECTIGO_NO_SHAPE)
        return cents[product->validation][product->shape];
    return product->family & (SECTIGO_TRUSTLOGO | SECTIGO_ETOKEN | SECTIGO_SHIPPING | SECTIGO_IP_PACK) ? COMPANION_CENTS
                                                                                                       : OTHER_CENTS;
}

int64_t price_of_product(const struct sectigo_product *product, int64_t days)
{
    bool pro_rata = product->family & (SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON) && days > 0;
    if (pro_rata)
        return yearly(product) * days / YEAR_DAYS;
    return yearly(product) * (days < YEAR_DAYS ? 1 : days / YEAR_DAYS);
}

int64_t price_of(const struct sectigo_cart *cart, int64_t days, size_t names)
{
    int64_t cents = 0, years = days < YEAR_DAYS ? 1 : days / YEAR_DAYS;
    for (size_t i = 0; i < cart->count; i++)
        cents += price_of_product(cart->items[i], days);
    if (cart->certificate && cart->certificate->shape >= SECTIGO_MULTI_DOMAIN && names > INCLUDED_NAMES)
        cents += (int64_t)(names - INCLUDED_NAMES) * EXTRA_NAME_CENTS * years;
    return cents;
}
