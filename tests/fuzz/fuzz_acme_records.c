/* What the ACME room stores may be damaged: whatever the octets, decoding must stay inside them, and what it accepts
 * must be exactly what would be written for it.
 *
 * The first octet chooses the kind of record, the rest is the record. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acme/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(bool encoded, struct record_writer *record, struct store_slice value)
{
    if (!encoded || record->len != value.len || memcmp(record->data, value.data, value.len) != 0)
        abort();
    record_free(record);
}

static void account(struct store_slice value)
{
    struct acme_account object = {0};
    struct record_writer record;
    if (account_decode(value, &object))
        check_same(account_encode(&object, &record), &record, value);
    acme_account_clear(&object);
}

static void order(struct store_slice value)
{
    struct acme_order object = {0};
    struct record_writer record;
    if (order_decode(value, &object))
        check_same(order_encode(&object, &record), &record, value);
    acme_order_clear(&object);
}

static void authz(struct store_slice value)
{
    struct acme_authz object = {0};
    struct record_writer record;
    if (authz_decode(value, &object))
        check_same(authz_encode(&object, &record), &record, value);
    acme_authz_clear(&object);
}

static void certificate(struct store_slice value)
{
    struct acme_certificate object = {0};
    struct record_writer record;
    if (certificate_decode(value, &object))
        check_same(certificate_encode(&object, &record), &record, value);
    acme_certificate_clear(&object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(struct store_slice) = {account, order, authz, certificate};
    enum { RECORD_MAX = 16 * 1024 }; /* less than any record may have, so that all that decodes can be written again */
    if (size > 0 && size <= RECORD_MAX)
        kinds[data[0] % 4]((struct store_slice){data + 1, size - 1});
    return 0;
}
