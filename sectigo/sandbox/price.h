/* price: what things cost in the sandbox. Made up, but as the reference's examples have it. Pure. */
#ifndef SANDBOX_PRICE_H
#define SANDBOX_PRICE_H

#include "sectigo/product.h"

/* In hundredths; names: how many a multi-domain certificate has. */
int64_t price_of(const struct sectigo_cart *cart, int64_t days, size_t names);
/* One product of them for so many days: SiteLock by the day (911, without a term, as a whole), others by the year. */
int64_t price_of_product(const struct sectigo_product *product, int64_t days);

#endif
