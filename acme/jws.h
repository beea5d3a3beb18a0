/* jws: the flattened JSON serialization that every ACME POST is, RFC 7515 section 7.2.2 and RFC 8555 section 6.2.
 *
 * Parse first (bounds, types, exactly one of jwk and kid, url and nonce where they belong), find the key, then
 * verify. Nothing of the payload may be believed before jws_verify says true. Any thread.
 */
#ifndef ACME_JWS_H
#define ACME_JWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "acme/jwk.h"
#include "acme/problem.h"

enum jws_alg { JWS_NONE = 0, JWS_ES256, JWS_ES384, JWS_ES512, JWS_RS256, JWS_EDDSA, JWS_HS256, JWS_HS384, JWS_HS512 };

/* What a JWS must have: the outer one of a request, the inner one of keyChange, or an external account binding. */
enum jws_role {
    JWS_REQUEST,   /* asymmetric alg, nonce, url, exactly one of jwk and kid */
    JWS_INNER_KEY, /* keyChange: asymmetric alg, jwk, url, no nonce (RFC 8555 section 7.3.5) */
    JWS_BINDING,   /* HMAC alg, kid, url, no nonce, no jwk (section 7.3.4) */
};

struct jws {
    enum jws_alg alg;
    char nonce[128]; /* "" where the role has none */
    char url[ACME_URL_MAX];
    char kid[ACME_URL_MAX]; /* "" where jwk is given */
    bool has_jwk;
    struct jwk jwk;      /* owned; set where has_jwk */
    char *signing_input; /* owned: "protected.payload" in one buffer */
    size_t signing_input_len;
    uint8_t *payload; /* owned, decoded, with a NUL behind its payload_len octets; never NULL */
    size_t payload_len;
    uint8_t signature[1024];
    size_t signature_len;
};

/* On failure *problem is set (malformed; badNonce where there is none; badSignatureAlgorithm with "algorithms";
 * badPublicKey) and *jws is empty.
 * An unknown "crit" member is malformed; unprotected headers and a "signatures" array are refused. */
bool jws_parse(const uint8_t *body, size_t len, enum jws_role role, struct jws *jws, struct acme_problem *problem);
/* The same from an object that is already parsed (EAB, inner keyChange). */
bool jws_parse_json(const json_t *object, enum jws_role role, struct jws *jws, struct acme_problem *problem);
/* True only for a good signature by a key of the kind and size that alg demands. False sets *problem. */
bool jws_verify(const struct jws *jws, enum jwk_kind kind, EVP_PKEY *key, struct acme_problem *problem);
/* HMAC of an external account binding, compared in constant time. */
bool jws_verify_mac(const struct jws *jws, const uint8_t *key, size_t key_len, struct acme_problem *problem);
void jws_clear(struct jws *jws);

/* Any client JSON: bounded depth, no duplicates, UTF-8. A member that is null is left out, as if it had not been sent:
 * so do the servers that clients were written against, and libraries write whole structures. New reference or NULL with
 * *problem malformed; what names the thing in the detail ("payload"). Empty input is an error. */
json_t *acme_json_parse(const void *data, size_t len, const char *what, struct acme_problem *problem);

#endif
