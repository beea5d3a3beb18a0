#include "acme/key_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "acme/acme.h"
#include "store/shortage.h"

/* The odd primes that every primorial of the faulty library has. */
static const unsigned char primes[] = {3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                                       47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
                                       107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
enum { GENERATOR = 65537 };

static bool is_power(unsigned remainder, unsigned prime)
{
    unsigned power = 1;
    do {
        if (power == remainder)
            return true;
        power = power * (GENERATOR % prime) % prime;
    } while (power != 1);
    return false;
}

bool key_is_roca(const BIGNUM *n)
{
    for (size_t i = 0; i < sizeof primes; i++)
        if (!is_power((unsigned)BN_mod_word(n, primes[i]), primes[i]))
            return false;
    return true;
}

static bool take_modulus(EVP_PKEY *key, struct key_facts *facts)
{
    BIGNUM *n = NULL;
    char *hex = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 ? BN_bn2hex(n) : NULL;
    size_t size = hex ? strlen(hex) + sizeof "Modulus=\n" : 0;
    char *line = hex ? shortage_malloc(size) : NULL;
    if (line) {
        snprintf(line, size, "Modulus=%s\n", hex);
        SHA1((unsigned char *)line, strlen(line), facts->modulus_sha1);
        facts->roca = key_is_roca(n);
    }
    bool done = line != NULL;
    free(line);
    OPENSSL_free(hex);
    BN_free(n);
    return done;
}

/* An RSA key has two encodings, with NULL for its parameters and without: it is listed by the first, and may have come
 * in the other. */
bool key_facts_of(EVP_PKEY *key, const uint8_t *spki_sha256, struct key_facts *facts)
{
    *facts = (struct key_facts){.rsa = EVP_PKEY_is_a(key, "RSA") == 1};
    if (spki_sha256 && !facts->rsa) {
        memcpy(facts->spki_sha256, spki_sha256, sizeof facts->spki_sha256);
        return true;
    }
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    bool good = len > 0 && SHA256(der, (size_t)len, facts->spki_sha256) != NULL;
    OPENSSL_free(der);
    return good && (!facts->rsa || take_modulus(key, facts));
}

bool key_accepted_by(const struct acme_config *config, const struct key_facts *facts, const char *whose,
                     enum acme_problem_type type, struct acme_problem *problem)
{
    const char *listed = NULL;
    if (facts->roca)
        return acme_problem_set(problem, type,
                                "%s was made by a faulty library (CVE-2017-15361, ROCA): its private key can be found. "
                                "Make another one elsewhere.",
                                whose);
    if (config->key_listed)
        listed = config->key_listed(config->key_lists, facts->spki_sha256, facts->rsa ? facts->modulus_sha1 : NULL);
    return !listed || acme_problem_set(problem, type, "%s is refused: %s. Make another one.", whose, listed);
}

bool key_allowed(const struct acme_config *config, EVP_PKEY *key, const uint8_t *spki_sha256, const char *whose,
                 enum acme_problem_type type, struct acme_problem *problem)
{
    struct key_facts facts;
    return key_facts_of(key, spki_sha256, &facts) ? key_accepted_by(config, &facts, whose, type, problem)
                                                  : acme_problem_out_of_memory(problem);
}
