/* chain: certificates in the order in which a server wants them. Pure; any thread. */
#ifndef CLI_CHAIN_H
#define CLI_CHAIN_H

#include "sectigo/sectigo.h"

/* PEM of the leaf, then of its issuer and so on; no self-signed root, nothing that does not belong to it. Either may be
 * NULL: without a leaf all authorities as they came. malloc'd; NULL where they cannot be read, or when out of memory.
 */
char *chain_pem(const char *leaf, const char *authorities);

#endif
