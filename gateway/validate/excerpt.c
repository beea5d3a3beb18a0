#include "gateway/validate/excerpt.h"

#include <stdio.h>

static char printable(unsigned char octet)
{
    if (octet == '"')
        return '\'';
    return octet >= 0x20 && octet < 0x7f ? (char)octet : '?';
}

const char *excerpt(const void *data, size_t len, char out[static EXCERPT_SIZE])
{
    size_t shown = len < EXCERPT_MAX ? len : EXCERPT_MAX;
    char *at = out;
    *at++ = '"';
    for (size_t i = 0; i < shown; i++)
        *at++ = printable(((const unsigned char *)data)[i]);
    snprintf(at, EXCERPT_SIZE - (size_t)(at - out), "%s", shown < len ? "\"..." : "\"");
    return out;
}
