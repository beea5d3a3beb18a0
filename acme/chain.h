/* chain: certificate chains as they are stored: the leaf as DER, in its certificate's record, and the certificates
 * above it once for all that have the same, in ACME_ISSUERS by their digest.
 *
 * A record of that table is never deleted: there is one for each way in which an authority has signed, a handful.
 */
#ifndef ACME_CHAIN_H
#define ACME_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { CHAIN_DIGEST_LEN = 32 };

/* The two parts of a PEM text. */
struct chain {
    uint8_t *leaf; /* owned: DER */
    size_t leaf_len;
    const char *above; /* what follows the leaf, within the text; "" for nothing */
};

/* False, and nothing to free, where the text does not begin with a certificate in just the form that chain_join gives
 * it, or when out of memory. */
bool chain_split(const char *pem, struct chain *out);
/* The text of both parts: malloc'd, NULL when out of memory. */
char *chain_join(const uint8_t *leaf, size_t leaf_len, struct store_slice above);

/* Inside a store_fn. */
enum store_status chain_keep_above(struct store_txn *txn, const char *above, uint8_t digest[static CHAIN_DIGEST_LEN]);
/* Reading: valid as store_get's. STORE_INVALID where it is not there. */
enum store_status chain_find_above(struct store_txn *txn, const uint8_t digest[static CHAIN_DIGEST_LEN],
                                   struct store_slice *above);

#endif
