/* csr: PKCS#10 requests as finalize gets them, RFC 8555 section 7.4.
 *
 * Parsed once per request; the octets that came are kept, because Sectigo's tokens are hashes over exactly them.
 * Any thread.
 */
#ifndef ACME_CSR_H
#define ACME_CSR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "acme/identifier.h"
#include "acme/problem.h"

/* What a CSR may ask the certificate to be besides for its names, and that a TLS server certificate commonly is not. */
enum acme_csr_wish {
    ACME_CSR_TLS_FEATURE,        /* RFC 7633: "must staple" */
    ACME_CSR_CA,                 /* basicConstraints: an authority */
    ACME_CSR_KEY_USAGE,          /* keyUsage: signs certificates or CRLs */
    ACME_CSR_EXTENDED_KEY_USAGE, /* a purpose besides TLS servers and clients */
    ACME_CSR_NAME_CONSTRAINTS,
    ACME_CSR_WISHES
};

struct acme_csr {
    uint8_t *der; /* owned */
    size_t der_len;
    uint8_t der_sha256[32];
    uint8_t spki_sha256[32];             /* over the DER of the SubjectPublicKeyInfo */
    EVP_PKEY *key;                       /* owned */
    struct acme_names names;             /* of the subjectAltName, and the CN where it is a name; owned */
    char common_name[ACME_NAME_MAX + 3]; /* canonical; "" where absent (the normal case) */
    bool other_subject;                  /* the subject has attributes besides CN */
    bool wishes[ACME_CSR_WISHES];        /* by its extension request; whether they are met is for accept_csr to say */
};

/* Decodes, bounds, verifies the self-signature, reads the names. Key: RSA 2048 to 8192 bits (bounded exponent), P-256,
 * P-384, P-521; signature SHA-256 or better. SAN entries other than dNSName and iPAddress, trailing octets, duplicate
 * extension requests are refused. False sets *problem (badCSR). */
bool csr_parse(const uint8_t *der, size_t len, struct acme_csr *csr, struct acme_problem *problem);
/* The common name of a CSR that csr_parse has taken before; of its key and names nothing is looked at. False: it has
 * none, or memory is short. */
bool csr_common_name(const uint8_t *der, size_t len, char common_name[static ACME_NAME_MAX + 3]);
/* The names are exactly those of the order, a CN is one of them, the key is not the account's. */
bool csr_check(const struct acme_csr *csr, const struct acme_names *order, EVP_PKEY *account_key,
               struct acme_problem *problem);
void csr_clear(struct acme_csr *csr);

#endif
