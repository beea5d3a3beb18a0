/* place: which names an order is for and how each is to be proved, from form, CSR and product.
 *
 * Pure, apart from the settings, which are guarded by the lock.
 */
#ifndef SANDBOX_PLACE_H
#define SANDBOX_PLACE_H

#include "sectigo/product.h"
#include "sectigo/sandbox/call.h"

/* Fills order->domains and common_name. 0, or the code to refuse with; *argument is what -3 or -4 is about. */
int place_names(const struct call *call, const struct sectigo_product *product, struct order *order,
                const char **argument);
/* Fills csr, its hashes, uniqueValue: the one given, or one made where the CSR was used before. 0 or a code. */
int place_token(struct call *call, struct order *order);
/* CSR refusals that do not depend on the product: -40. 0 or a code. */
int place_key(const struct call *call);

/* Random letters and digits. */
void place_random(char *out, size_t len);

#endif
