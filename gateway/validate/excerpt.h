/* excerpt: a short quotation of what a peer sent, fit for a problem's detail or a log line. Any thread. */
#ifndef GATEWAY_VALIDATE_EXCERPT_H
#define GATEWAY_VALIDATE_EXCERPT_H

#include <stddef.h>

enum { EXCERPT_MAX = 100, EXCERPT_SIZE = EXCERPT_MAX + 16 };

/* Quotes the first 100 octets; what is not printable ASCII becomes '?', a double quote becomes a single one. "..."
 * tells that there is more. Returns out. */
const char *excerpt(const void *data, size_t len, char out[static EXCERPT_SIZE]);

#endif
