/* jwk: account public keys, RFC 7517 as RFC 8555 section 6.2 allows them.
 *
 * Built from the numbers of the JWK, never from DER (cost: reference/libraries-measured). Any thread; an
 * EVP_PKEY may be shared by threads that only verify.
 */
#ifndef ACME_JWK_H
#define ACME_JWK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "acme/problem.h"

enum { JWK_THUMBPRINT_LEN = 32, JWK_CANONICAL_MAX = 2048 };

enum jwk_kind { JWK_RSA = 1, JWK_P256, JWK_P384, JWK_P521, JWK_ED25519 };

struct jwk {
    enum jwk_kind kind;
    uint8_t thumbprint[JWK_THUMBPRINT_LEN]; /* RFC 7638, SHA-256 */
    char canonical[JWK_CANONICAL_MAX];      /* the required members in RFC 7638 form, NUL-terminated: what is stored */
    EVP_PKEY *key;                          /* owned */
};

/* Parses and bounds: RSA 2048 to 4096 bits with an odd exponent from 65537 to 32 bits; EC points from exactly
 * sized coordinates that lie on the curve; Ed25519. Private members are refused. On failure *problem is
 * badPublicKey or malformed and *jwk is empty. */
bool jwk_parse(const json_t *json, struct jwk *jwk, struct acme_problem *problem);
/* The same from stored canonical text. */
bool jwk_parse_text(const char *text, size_t len, struct jwk *jwk, struct acme_problem *problem);
/* Frees the key and zeroes; a zeroed jwk is fine. */
void jwk_clear(struct jwk *jwk);

#endif
