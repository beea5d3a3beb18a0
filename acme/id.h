/* id: names of accounts, orders, authorizations and certificates.
 *
 * 18 octets: 6 of time (milliseconds, big-endian, so that new keys go to the end of a table) and 12 random
 * ones (96 bits: no URL can be guessed). In URLs: 24 characters of base64url. Any thread.
 */
#ifndef ACME_ID_H
#define ACME_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { ACME_ID_LEN = 18, ACME_ID_TEXT = 24 };

struct acme_id {
    uint8_t octets[ACME_ID_LEN];
};

/* False when the random generator fails. */
bool acme_id_make(struct acme_id *id, uint64_t now_ms);
void acme_id_text(const struct acme_id *id, char text[static ACME_ID_TEXT + 1]);
/* False for anything but 24 characters of canonical base64url. */
bool acme_id_parse(const char *text, size_t len, struct acme_id *id);
/* A key or a value that is an id and nothing else; false where it is not. */
bool acme_id_read(struct store_slice octets, struct acme_id *id);
/* The id that a table has under a key. STORE_OK, STORE_NOT_FOUND, STORE_INVALID: it has something else. */
enum store_status acme_id_get(struct store_txn *txn, unsigned table, const void *key, size_t key_len,
                              struct acme_id *id);

#endif
