/* pem: the PEM files that a configuration names, read and judged in one place for all who use them: the check of the
 * configuration, the listeners, the logins. Any thread.
 */
#ifndef GATEWAY_PEM_H
#define GATEWAY_PEM_H

#include <stdbool.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

enum { PEM_REASON_MAX = 256 };

/* Puts a certificate with its chain, and its key, into context: they belong together, and the certificate is valid
 * now. False: *reason says what is wrong with *faulty, which is one of the two names. Never asks for a passphrase. */
bool pem_use_pair(SSL_CTX *context, const char *certificate_file, const char *key_file, const char **faulty,
                  char reason[static PEM_REASON_MAX]);
/* Whether the context's certificate is for that host, a DNS name or an address without brackets (RFC 6125). */
bool pem_is_for(const SSL_CTX *context, const char *host);

/* Roots that certificates must chain to: every certificate of the file is a CA's, and at least one is a root (signed by
 * itself) that is valid now, since a chain has to end in one. NULL: *reason. Else the caller's reference. */
X509_STORE *pem_load_anchors(const char *file, char reason[static PEM_REASON_MAX]);
/* Whether the file holds a certificate at all, as what trusts the servers of others must. False: *reason. */
bool pem_holds_certificates(const char *file, char reason[static PEM_REASON_MAX]);

#endif
