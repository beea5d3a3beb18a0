/* authorities: the certificates of authorities that came beside earlier leaves, parsed, and which of them were verified
 * up to a trust anchor.
 *
 * An intermediate serves thousands of leaves; to parse it costs more than to check a signature, and its own signature
 * is the same each time. So what was verified once is remembered for as long as every certificate above it is valid,
 * and the library then verifies the leaf against the intermediate alone (X509_V_FLAG_PARTIAL_CHAIN). Thread-safe.
 */
#ifndef GATEWAY_ISSUE_UPSTREAM_AUTHORITIES_H
#define GATEWAY_ISSUE_UPSTREAM_AUTHORITIES_H

#include <time.h>

#include <openssl/x509.h>

struct accept_cache;

/* pem parsed, at most ten; owned by the caller. Without a cache, or a pem, nothing is kept. NULL when out of memory. */
STACK_OF(X509) * authorities_find(struct accept_cache *cache, const char *pem);
/* chain, of the authorities in pem, leads from a leaf to one of anchors: remembers that. */
void authorities_remember(struct accept_cache *cache, const char *pem, X509_STORE *anchors, STACK_OF(X509) * chain);
/* The chain (PEM, without its root; owned) of a leaf that a remembered authority has signed, at that time. NULL: none
 * has, and only the whole verification can tell why. */
char *authorities_chain(struct accept_cache *cache, const char *pem, X509_STORE *anchors, X509 *leaf, time_t at);
/* PEM of the certificates from the one of that index on, but for the self-signed root at the end of the chain. Owned;
 * NULL: too long to store, or out of memory. */
char *authorities_pem(STACK_OF(X509) * chain, int from);

#endif
