#include "gateway/validate/txt.h"

#include <string.h>

ssize_t txt_join(const uint8_t *rdata, size_t len, char *out, size_t size)
{
    size_t text_len = 0;
    for (size_t at = 0; at < len; at += 1u + rdata[at]) {
        size_t piece = rdata[at];
        if (piece > len - at - 1)
            return -1;
        size_t room = text_len < size ? size - text_len : 0;
        memcpy(out + (size - room), rdata + at + 1, piece < room ? piece : room);
        text_len += piece;
    }
    return (ssize_t)text_len;
}
