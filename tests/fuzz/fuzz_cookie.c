/* The Cookie field, in which a browser sends whatever anybody has put there. */
#include <stdlib.h>
#include <string.h>

#include "gateway/operate/access/caller.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[SESSION_TEXT_SIZE];
    char *field = malloc(size + 1);
    if (!field)
        return 0;
    memcpy(field, data, size);
    field[size] = '\0';
    if (caller_cookie(field, value) && (!value[0] || !strstr(field, value) || strchr(value, ';')))
        abort();
    free(field);
    return 0;
}
