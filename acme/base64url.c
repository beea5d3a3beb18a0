#include "acme/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { BAD = 64 };

/* The alphabet's inverse for the 128 ASCII characters. */
static const uint8_t values[128] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, /* 0x00 */
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, /* 0x10 */
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, /* 0x20: - */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64, /* 0x30: 0-9 */
    64, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, /* 0x40: A-O */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63, /* 0x50: P-Z _ */
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* 0x60: a-o */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64, /* 0x70: p-z */
};

static uint8_t value_of(char c)
{
    unsigned char u = (unsigned char)c;
    return u < sizeof values ? values[u] : BAD;
}

size_t base64url_encode(const void *data, size_t len, char *out)
{
    const uint8_t *in = data;
    char *to = out;
    uint32_t bits = 0;
    unsigned held = 0; /* bits of `bits` not yet written */

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            *to++ = alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0)
        *to++ = alphabet[bits << (6 - held) & 63];
    *to = '\0';
    return (size_t)(to - out);
}

ssize_t base64url_decode(const char *text, size_t len, uint8_t *out, size_t size)
{
    size_t needed = len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0);
    uint8_t *to = out;
    uint32_t bits = 0;
    unsigned held = 0;

    if (len % 4 == 1 || needed > size)
        return -1;
    for (size_t i = 0; i < len; i++) {
        uint8_t value = value_of(text[i]);
        if (value == BAD)
            return -1;
        bits = bits << 6 | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *to++ = (uint8_t)(bits >> held);
        }
    }
    if (bits & ((1u << held) - 1)) /* a second spelling of the same octets */
        return -1;
    return (ssize_t)needed;
}
