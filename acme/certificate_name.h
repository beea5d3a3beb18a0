/* certificate_name: how clients name a certificate to RFC 9773, by its authority and serial number (section 4.1).
 *
 * base64url of the keyIdentifier of the authority key identifier, a dot, base64url of the serial number's octets as in
 * DER. Any thread. Private to this room.
 */
#ifndef ACME_CERTIFICATE_NAME_H
#define ACME_CERTIFICATE_NAME_H

#include "acme/certificate.h"

enum { ACME_AUTHORITY_MAX = 64, ACME_CERTIFICATE_NAME_MAX = 128 };

struct certificate_name {
    uint8_t authority[ACME_AUTHORITY_MAX];
    size_t authority_len;
    uint8_t serial[20]; /* magnitude, as in struct acme_certificate */
    size_t serial_len;
};

/* False for anything but the one way to write a name; text need not end with NUL. */
bool certificate_name_parse(const char *text, size_t len, struct certificate_name *name);
/* The certificate of this name; STORE_NOT_FOUND where there is none. *certificate must be cleared in any case. */
enum store_status certificate_by_name(struct store_txn *txn, const struct certificate_name *name,
                                      struct acme_certificate *certificate);
/* The certificate itself has one of these names. */
bool certificate_has_any(const struct acme_certificate *certificate, const struct acme_names *names);

#endif
