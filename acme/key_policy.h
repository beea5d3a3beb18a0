/* key_policy: keys that are whole, but that nobody should use any more: those of CVE-2017-15361 (ROCA), Debian's weak
 * ones, and those that the operator has blocked. Sizes, curves and exponents are checked where keys are parsed (jwk.h,
 * csr.h). Any thread.
 */
#ifndef ACME_KEY_POLICY_H
#define ACME_KEY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "acme/problem.h"

struct acme_config;

/* What a key is known by; worth keeping beside a cached key. */
struct key_facts {
    uint8_t spki_sha256[32];  /* over the DER of the SubjectPublicKeyInfo */
    uint8_t modulus_sha1[20]; /* over "Modulus=HEX\n", as openssl-blacklist has it; where rsa */
    bool rsa, roca;
};

/* spki_sha256: 32 octets, where they are known already; NULL: they are computed. False when out of memory. */
bool key_facts_of(EVP_PKEY *key, const uint8_t *spki_sha256, struct key_facts *facts);
/* True where n leaves, for every small prime, a remainder that is a power of 65537: so are all moduli that the faulty
 * library of CVE-2017-15361 made, and one in hundreds of millions of others. */
bool key_is_roca(const BIGNUM *n);
/* False sets *problem, of the type, with a sentence that begins with whose ("The account's key"). */
bool key_accepted_by(const struct acme_config *config, const struct key_facts *facts, const char *whose,
                     enum acme_problem_type type, struct acme_problem *problem);
/* The same for a key that is met once. */
bool key_allowed(const struct acme_config *config, EVP_PKEY *key, const uint8_t *spki_sha256, const char *whose,
                 enum acme_problem_type type, struct acme_problem *problem);

#endif
