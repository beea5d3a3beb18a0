/* covers: gateway/validate/txt.c
 *
 * rdata of a TXT record. */
#include <stdlib.h>
#include <string.h>

#include "gateway/validate/txt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[64 + 1];
    text[64] = '!';
    ssize_t len = txt_join(data, size, text, 64);
    if (len < -1 || len > (ssize_t)size || text[64] != '!')
        abort();
    if (size > 0 && data[0] == size - 1 &&
        (len != (ssize_t)size - 1 || memcmp(text, data + 1, len < 64 ? (size_t)len : 64)))
        abort();
    return 0;
}
