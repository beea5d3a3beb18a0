/* shared_nonce: anti-replay nonces of several gateways that share a store, RFC 8555 section 6.5: what one gives any other
 * takes, once.
 *
 * A nonce is a time and a number, with a MAC under a key that all of them have, behind the instance's prefix. That it is
 * used is remembered where all of them look, for as long as it could be used.
 * All functions: any thread, concurrently.
 */
#ifndef ACME_SHARED_NONCE_H
#define ACME_SHARED_NONCE_H

#include "acme/nonce.h"
#include "store/store.h"

struct shared_nonces;

enum { SHARED_NONCE_LIFE_S = 3600 };

/* Remembers number: STORE_OK the first time, STORE_EXISTS after that, anything else: it cannot be told. Those below
 * `below` may be forgotten. May wait. */
typedef enum store_status shared_nonce_fn(void *ctx, uint64_t number, uint64_t below);

/* prefix: as nonces_make. secret: len octets, the same for all that share them. NULL on failure. */
struct shared_nonces *shared_nonces_make(const char *prefix, const uint8_t *secret, size_t len, shared_nonce_fn *once,
                                         void *ctx);
void shared_nonces_free(struct shared_nonces *nonces);
/* Writes a fresh nonce with a final NUL (base64url characters only); false when its MAC fails. now_s: UNIX time. */
bool shared_nonce_issue(struct shared_nonces *nonces, uint64_t now_s, char text[static NONCE_TEXT_MAX]);
/* May wait. Besides what nonce_redeem says NONCE_UNKNOWN: whoever remembers cannot be asked now. */
enum nonce_verdict shared_nonce_redeem(struct shared_nonces *nonces, uint64_t now_s, const char *text, size_t len);

#endif
