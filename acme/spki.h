/* spki: the public key of a CSR, read without the library's detours. Any thread.
 *
 * d2i_X509_REQ decodes the key at once, through every decoder that the library has (1.2 million instructions of the
 * 1.5 that it takes, OpenSSL 3.0). Here a request is decoded in a library context that has none, and the key is made
 * from its octets.
 */
#ifndef ACME_SPKI_H
#define ACME_SPKI_H

#include <openssl/x509.h>

/* As d2i_X509_REQ, but the key stays undecoded: X509_REQ_get_pubkey finds none. Owned by the caller; NULL where the
 * octets are no request. */
X509_REQ *spki_read_request(const unsigned char **der, long len);
/* The key, owned by the caller; NULL where it cannot be read: no point of its curve, unknown to the library, or memory
 * is short. */
EVP_PKEY *spki_key(X509_PUBKEY *spki);

#endif
