/* price: what things cost in the sandbox. Made up, but as the reference's examples have it. Pure. */
#ifndef SANDBOX_PRICE_H
#define SANDBOX_PRICE_H

#include "sectigo/product.h"

/* In hundredths; names: how many a multi-domain certificate has. */
int64_t price_of(const struct sectigo_cart *cart, int64_t days, size_t names);

#endif
