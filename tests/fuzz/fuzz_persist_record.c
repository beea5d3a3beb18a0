/* covers: gateway/validate/persist_record.c
 *
 * The text of a _validation-persist record: whatever it is, what is taken has an issuer and an account, each whole. */
#include <stdlib.h>
#include <string.h>

#include "gateway/validate/persist_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct persist_record record;
    if (!persist_record_parse((const char *)data, size, &record))
        return 0;
    if (!record.issuer[0] || !record.account_uri[0] || strlen(record.issuer) + strlen(record.account_uri) > size ||
        strpbrk(record.issuer, "ABCDEFGHIJKLMNOPQRSTUVWXYZ; \t=") || strpbrk(record.account_uri, "; \t"))
        abort();
    return 0;
}
