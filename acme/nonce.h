/* nonce: anti-replay nonces without storage and without locks, RFC 8555 section 6.5.
 *
 * A nonce is a 64-bit counter and a fixed tag, encrypted as one block under a key drawn at start, behind the
 * instance's prefix. A bitmap over the newest `window` counters remembers those used; older ones are refused.
 * All functions: any thread, concurrently.
 */
#ifndef ACME_NONCE_H
#define ACME_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nonces;

enum { NONCE_PREFIX_MAX = 8, NONCE_TEXT_MAX = 48 };

enum nonce_verdict {
    NONCE_GOOD = 0, /* and now used up */
    NONCE_USED,
    NONCE_OLD,     /* slid out of the window */
    NONCE_FOREIGN, /* another instance's, or this one's before its restart */
    NONCE_FORGED,  /* ours by its prefix, but not made by us */
    NONCE_UNKNOWN, /* of shared_nonce.h alone */
};

/* prefix: letters, digits, at most NONCE_PREFIX_MAX. window: a multiple of 64, e.g. 1 << 20. NULL on failure. */
struct nonces *nonces_make(const char *prefix, uint64_t window);
void nonces_free(struct nonces *nonces);
/* Writes a fresh nonce with a final NUL (base64url characters only); false when the cipher fails. */
bool nonce_issue(struct nonces *nonces, char text[static NONCE_TEXT_MAX]);
enum nonce_verdict nonce_redeem(struct nonces *nonces, const char *text, size_t len);

#endif
