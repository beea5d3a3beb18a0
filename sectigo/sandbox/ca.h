/* ca: the throw-away authorities of the sandbox: one for its own TLS, one that issues, one that issues test orders.
 *
 * Made in the data folder at the first start and kept there. Issuing is safe from any thread once open.
 */
#ifndef SANDBOX_CA_H
#define SANDBOX_CA_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "sectigo/sandbox/journal.h"

enum { CA_MAX_DAYS = 199 }; /* longest certificate since March 2026 */

/* Behind the address that certificates carry: where status.h answers. */
#define CA_OCSP_PATH "/ocsp"
#define CA_CRL_PATH "/crl/intermediate.crl"
#define CA_TEST_CRL_PATH "/crl/test-intermediate.crl"

struct ca_issuer {
    EVP_PKEY *key;
    X509 *root, *intermediate;
    char *root_pem, *intermediate_pem;
    char crl[192], ocsp[192]; /* extension texts of its certificates, "": they carry none */
};

struct ca {
    struct ca_issuer live, test;
    char *tls_certificate, *tls_key; /* PEM of the HTTPS listener, the CA's certificate not included */
};

/* tls_names: comma-separated names and addresses that the HTTPS certificate is for. False: *reason is a sentence. */
bool ca_open(struct ca *ca, const char *folder, const char *tls_names, char reason[static JOURNAL_REASON_MAX]);
/* Before anything is issued: where certificates say that their status is told, "http://127.0.0.1:8080". */
void ca_set_status_url(struct ca *ca, const char *url);
void ca_close(struct ca *ca);

struct ca_request {
    EVP_PKEY *key;           /* the subscriber's */
    const X509_PUBKEY *spki; /* the same as the CSR has it, or NULL: spares taking it apart and together again */
    const char *names;       /* comma-separated DNS names and addresses */
    const char *subject;     /* further attributes, "O=Sectigo\nC=US"; NULL or "" for none */
    const char *common_name; /* NULL, or longer than 64 characters: none */
    int64_t not_before_s, not_after_s;
};
struct ca_certificate {
    char *pem;       /* owned */
    char serial[41]; /* lower-case hex */
};
bool ca_issue(const struct ca_issuer *issuer, const struct ca_request *request, struct ca_certificate *out);

#endif
