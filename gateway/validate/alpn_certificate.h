/* alpn_certificate: is this the certificate that tls-alpn-01 asks for (RFC 8737 section 3, RFC 8738 section 6)? Any
 * thread. */
#ifndef GATEWAY_VALIDATE_ALPN_CERTIFICATE_H
#define GATEWAY_VALIDATE_ALPN_CERTIFICATE_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "acme/identifier.h"

enum { ALPN_DIGEST_LEN = 32, ALPN_REASON_MAX = 512 };

/* One subjectAltName that is the identifier and nothing else; acmeIdentifier once, critical, an OCTET STRING with the
 * digest. Who signed it does not matter. False: *reason is a clause about the certificate that says what was found. */
bool alpn_certificate_check(X509 *certificate, const struct acme_identifier *identifier,
                            const unsigned char digest[static ALPN_DIGEST_LEN], char reason[static ALPN_REASON_MAX]);

#endif
