/* covers: store/record.c
 *
 * What the ACME room stores may be damaged: whatever the octets, decoding must stay inside them, and what it accepts
 * must be exactly what would be written for it, where it is of a version that is written.
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

/* Of a record that is written in its newest version only: an older one may hold what no program has written. */
static void check_newest(bool encoded, struct record_writer *record, struct store_slice value, uint8_t newest)
{
    if (value.data[0] == newest)
        check_same(encoded, record, value);
    else if (encoded)
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
        check_newest(order_encode(&object, &record), &record, value, 3);
    acme_order_clear(&object);
}

static void authz(struct store_slice value)
{
    struct acme_authz object = {0};
    struct record_writer record;
    if (authz_decode(value, &object))
        check_newest(authz_encode(&object, &record), &record, value, 3);
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
