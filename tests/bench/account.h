/* account: an ES256 key, its thumbprint, and the JWS it signs. */
#ifndef BENCH_ACCOUNT_H
#define BENCH_ACCOUNT_H

#include <stdbool.h>

#include <openssl/evp.h>

enum { THUMBPRINT_SIZE = 44, COORDINATE_SIZE = 44 }; /* base64url of 32 octets, NUL */

struct account {
    EVP_PKEY *key;
    char x[COORDINATE_SIZE], y[COORDINATE_SIZE];
    char thumbprint[THUMBPRINT_SIZE];
    char *kid; /* NULL until newAccount was answered: then the JWS carries the key itself */
};

/* False when out of memory. */
bool account_make(struct account *account);
void account_free(struct account *account);
/* The flattened JWS; payload "" for POST-as-GET. malloc'd; NULL when out of memory. */
char *account_sign(const struct account *account, const char *url, const char *nonce, const char *payload);

/* The externalAccountBinding of a newAccount request to url (RFC 8555 section 7.3.4); key is the HMAC key in base64url.
 * malloc'd; NULL when the key is none, or out of memory. */
char *account_bind(const struct account *account, const char *url, const char *kid, const char *key);

#endif
