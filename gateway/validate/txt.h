/* txt: the text of a TXT record's rdata, RFC 1035 section 3.3.14. Any thread. */
#ifndef GATEWAY_VALIDATE_TXT_H
#define GATEWAY_VALIDATE_TXT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Joins the record's strings into out (no NUL is added). Returns the length of the text, of which no more than size
 * octets were written; -1 when the rdata is malformed. */
ssize_t txt_join(const uint8_t *rdata, size_t len, char *out, size_t size);

#endif
