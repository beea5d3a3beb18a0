/* file: the files of the listener's own certificate. One PEM file holds the key and the chain, so that a rename changes
 * both at once; beside it, NAME.next keeps the key and the CSR that an order is under way for. Any one thread.
 */
#ifndef GATEWAY_OWN_FILE_H
#define GATEWAY_OWN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "acme/identifier.h"

enum { OWN_REASON_MAX = 512 };

struct own_certificate {
    bool self_signed;
    bool fits; /* it is for every name */
    int64_t not_before_s, not_after_s;
};

/* False where there is none that a listener could use with its key at all. */
bool own_file_look(const char *file, const struct acme_names *names, struct own_certificate *certificate);
/* Writes one that is signed by itself, for a year, so that the listener can begin. False: *reason is a sentence. */
bool own_file_sign_itself(const char *file, const struct acme_names *names, char reason[static OWN_REASON_MAX]);

struct own_request {
    EVP_PKEY *key; /* owned */
    uint8_t *csr;  /* owned: DER */
    size_t csr_len;
    uint8_t csr_sha256[32];
};
void own_request_clear(struct own_request *request);
/* The one that is kept for exactly these names; false where there is none. */
bool own_request_load(const char *file, const struct acme_names *names, struct own_request *request);
/* A new key and CSR, which are kept before this returns. False: *reason. */
bool own_request_make(const char *file, const struct acme_names *names, struct own_request *request,
                      char reason[static OWN_REASON_MAX]);
/* Given up, so that the next one has a new key. */
void own_request_forget(const char *file);

/* The chain (PEM, leaf first) and the request's key become the file; what was kept for it goes. False: *reason. */
bool own_file_install(const char *file, const struct own_request *request, const char *chain,
                      char reason[static OWN_REASON_MAX]);

#endif
