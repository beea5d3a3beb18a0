/* hex: octets as text. */
#ifndef STORE_HEX_H
#define STORE_HEX_H

#include <stddef.h>

/* Two lower-case digits an octet and a NUL: text has room for 2 * len + 1. Any thread. */
void hex_write(const void *octets, size_t len, char *text);

#endif
