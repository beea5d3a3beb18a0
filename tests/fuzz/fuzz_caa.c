/* covers: gateway/dcv/caa.c
 *
 * A CAA record set: each record after one octet that says how long it is. */
#include <stdlib.h>
#include <string.h>

#include "gateway/dcv/caa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config_strings documented = {NULL, 0};
    struct caa_set set = {0};
    char reason[CAA_REASON_MAX];
    while (size > 0) {
        size_t len = data[0] < size - 1 ? data[0] : size - 1;
        uint8_t *record = malloc(len + 1); /* of its own, so that a read behind its end is seen */
        if (record == NULL)
            return 0;
        memcpy(record, data + 1, len);
        caa_read(&set, record, len, &documented);
        free(record);
        data += len + 1;
        size -= len + 1;
    }
    for (int wildcard = 0; wildcard < 2; wildcard++) {
        bool allowed = caa_judge(&set, "d.example", wildcard, reason);
        if (allowed != (reason[0] == '\0') || (set.broken && allowed))
            abort();
        for (const char *c = reason; *c != '\0'; c++)
            if (*c < ' ' || *c > '~')
                abort();
    }
    return 0;
}
