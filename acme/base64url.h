/* base64url without padding, RFC 4648 section 5 as RFC 7515 section 2 restricts it. Any thread. */
#ifndef ACME_BASE64URL_H
#define ACME_BASE64URL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Octets needed for len octets encoded, with the final NUL. */
#define BASE64URL_SIZE(len) (((len)*4 + 2) / 3 + 1)

/* Writes text and a final NUL to out, which has BASE64URL_SIZE(len) octets. Returns the text's length. */
size_t base64url_encode(const void *data, size_t len, char *out);
/* Strict: no padding, no white space, no unused bits set. Returns the number of octets written, or -1 for bad
 * text or when size is too small. */
ssize_t base64url_decode(const char *text, size_t len, uint8_t *out, size_t size);

#endif
