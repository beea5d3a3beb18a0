#include "acme/id.h"

#include <string.h>

#include "acme/base64url.h"
#include "acme/random.h"

enum { TIME_LEN = 6 };

bool acme_id_make(struct acme_id *id, uint64_t now_ms)
{
    for (int i = 0; i < TIME_LEN; i++)
        id->octets[i] = (uint8_t)(now_ms >> (8 * (TIME_LEN - 1 - i)));
    return acme_random(id->octets + TIME_LEN, ACME_ID_LEN - TIME_LEN);
}

void acme_id_text(const struct acme_id *id, char text[static ACME_ID_TEXT + 1])
{
    base64url_encode(id->octets, ACME_ID_LEN, text);
}

bool acme_id_parse(const char *text, size_t len, struct acme_id *id)
{
    return len == ACME_ID_TEXT && base64url_decode(text, len, id->octets, ACME_ID_LEN) == ACME_ID_LEN;
}

bool acme_id_read(struct store_slice octets, struct acme_id *id)
{
    if (octets.len != ACME_ID_LEN)
        return false;
    memcpy(id->octets, octets.data, ACME_ID_LEN);
    return true;
}

enum store_status acme_id_get(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                              struct acme_id *id)
{
    struct store_slice value;
    enum store_status status = store_get(txn, table, key, key_len, &value);
    return status == STORE_OK && !acme_id_read(value, id) ? STORE_INVALID : status;
}
