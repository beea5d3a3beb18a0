#include "store/hex.h"

#include <stdint.h>

void hex_write(const void *octets, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = octets;
    for (size_t i = 0; i < len; i++) {
        *text++ = digits[from[i] >> 4];
        *text++ = digits[from[i] & 15];
    }
    *text = '\0';
}
