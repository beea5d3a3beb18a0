#include "acme/records.h"

#include <stdlib.h>

void record_put_id(struct record_writer *w, const struct acme_id *id)
{
    record_put_fixed(w, id->octets, ACME_ID_LEN);
}

void record_get_id(struct record_reader *r, struct acme_id *id)
{
    record_get_fixed(r, id->octets, ACME_ID_LEN);
}

void record_put_bool(struct record_writer *w, bool value)
{
    record_put_u8(w, value ? 1 : 0);
}

bool record_get_bool(struct record_reader *r)
{
    uint8_t value = record_get_u8(r);
    if (value > 1)
        r->failed = true;
    return value == 1;
}

uint8_t record_get_choice(struct record_reader *r, unsigned last)
{
    uint8_t value = record_get_u8(r);
    if (value >= 1 && value <= last)
        return value;
    r->failed = true;
    return 1;
}

void record_put_identifier(struct record_writer *w, const struct acme_identifier *identifier)
{
    record_put_u8(w, (uint8_t)identifier->type);
    record_put_string(w, identifier->value);
}

void record_get_identifier(struct record_reader *r, struct acme_identifier *identifier)
{
    identifier->type = record_get_choice(r, ACME_IP_ADDRESS);
    record_get_string(r, identifier->value, sizeof identifier->value);
}

char *record_dup_optional(struct record_reader *r)
{
    char *text = record_dup_string(r);
    if (text && !*text) {
        free(text);
        text = NULL;
    }
    return text;
}

uint8_t record_open_upto(struct record_reader *r, struct store_slice value, uint8_t last)
{
    uint8_t version = record_open(r, value);
    if (version < 1 || version > last)
        r->failed = true;
    return version;
}

void record_open_v1(struct record_reader *r, struct store_slice value)
{
    record_open_upto(r, value, 1);
}

bool record_finish(struct record_writer *w)
{
    if (!w->failed)
        return true;
    record_free(w);
    return false;
}

enum store_status record_store(struct store_txn *txn, unsigned table, const struct acme_id *id, bool encoded,
                               struct record_writer *w)
{
    if (!encoded)
        return STORE_INVALID;
    enum store_status status = store_put(txn, table, id->octets, ACME_ID_LEN, w->data, w->len);
    record_free(w);
    return status;
}
