/* csr: a certificate request as it arrives in a form: taken apart and judged in the reference's order of codes.
 *
 * Pure. Any thread.
 */
#ifndef SANDBOX_CSR_H
#define SANDBOX_CSR_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "sectigo/sectigo.h"

struct csr {
    X509_REQ *request; /* owned */
    uint8_t *der;      /* owned: the octets as received */
    size_t len;
    char common_name[256]; /* "" where absent; lower case */
    char **names;          /* owned: DNS names and IP addresses of the subjectAltName, lower case */
    size_t name_count;
    char md5[33], sha256[65]; /* of the octets, lower case hex */
    uint8_t sha1[20];
    char organization[65], country[3];
};

/* 0, or the reference's code: -9 not base64, -10 cannot be decoded, -11 algorithm, -12 signature, -13 key size.
 * text: base64 with or without PEM armour. */
int csr_read(const char *text, struct csr *csr);
void csr_clear(struct csr *csr);
/* SHA-256 of its SubjectPublicKeyInfo, lower case hex. */
bool csr_spki(X509_REQ *request, char out[static 65]);

/* Base64 of octets without line breaks; malloc'd, NULL when out of memory. */
char *base64_encode(const uint8_t *data, size_t len);
/* Blanks and line breaks are skipped. malloc'd, NULL when it is not base64. */
uint8_t *base64_decode(const char *text, size_t len, size_t *out_len);
void hex_lower(const uint8_t *data, size_t len, char *out);

/* A name that may stand in a certificate: a DNS name (one leading "*." allowed) or an IP address, at most 253 octets.
 */
bool name_is_dns(const char *name);
bool name_is_ip(const char *name);
bool name_is_wildcard(const char *name);

#endif
