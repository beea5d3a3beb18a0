/* bundle: several certificates as one file, in the forms that CollectSSL offers beside PEM. Pure. */
#ifndef SANDBOX_BUNDLE_H
#define SANDBOX_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

enum bundle_kind { BUNDLE_ZIP = 0, BUNDLE_NETSCAPE = 1, BUNDLE_PKCS7 = 2 }; /* by responseType */

/* Of PEM blocks; malloc'd, NULL when out of memory or a block does not parse. */
uint8_t *bundle_make(enum bundle_kind kind, const char *pem, size_t *len);

#endif
