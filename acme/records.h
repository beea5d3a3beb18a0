/* records: encoding and decoding of what the ACME room stores, apart from the store itself.
 *
 * Each record begins with its version. It is written in the oldest version that can hold it, so that a field added
 * later costs nothing where it is not used, and old records stay as they are. Decoding is strict: unknown versions, a
 * version that was not needed, values out of range and octets left over are errors, and whatever decodes encodes to the
 * same octets. Private to this room, its tests and its fuzz
 * targets.
 */
#ifndef ACME_RECORDS_H
#define ACME_RECORDS_H

#include <stdbool.h>

#include "acme/account.h"
#include "acme/authorization.h"
#include "acme/certificate.h"
#include "acme/order.h"
#include "store/record.h"

/* Decoding: false for a bad record or when out of memory; the object (but for its id) must be zeroed before and cleared
 * afterwards in any case. Encoding: false (and nothing to free) when too large or out of memory. */
bool account_decode(struct store_slice value, struct acme_account *account);
bool account_encode(const struct acme_account *account, struct record_writer *record);
bool order_decode(struct store_slice value, struct acme_order *order);
bool order_encode(const struct acme_order *order, struct record_writer *record);
bool authz_decode(struct store_slice value, struct acme_authz *authz);
bool authz_encode(const struct acme_authz *authz, struct record_writer *record);
bool certificate_decode(struct store_slice value, struct acme_certificate *certificate);
bool certificate_encode(const struct acme_certificate *certificate, struct record_writer *record);

/* Fields that several records have. */
void record_put_id(struct record_writer *w, const struct acme_id *id);
void record_get_id(struct record_reader *r, struct acme_id *id);
void record_put_bool(struct record_writer *w, bool value);
bool record_get_bool(struct record_reader *r); /* anything but 0 and 1 fails */
/* 1..last; anything else fails and gives 1. */
uint8_t record_get_choice(struct record_reader *r, unsigned last);
void record_put_identifier(struct record_writer *w, const struct acme_identifier *identifier);
void record_get_identifier(struct record_reader *r, struct acme_identifier *identifier);
/* "" is stored for NULL and read as NULL. */
char *record_dup_optional(struct record_reader *r);
/* Opens a record; returns its version, 1 to last (anything else fails). */
uint8_t record_open_upto(struct record_reader *r, struct store_slice value, uint8_t last);
/* Opens a record that must be of version 1. */
void record_open_v1(struct record_reader *r, struct store_slice value);
/* Ends encoding: false, and the memory is freed, where a field failed. */
bool record_finish(struct record_writer *w);
/* Stores the record under the id and frees it; encoded false: STORE_INVALID. */
enum store_status record_store(struct store_txn *txn, unsigned table, const struct acme_id *id, bool encoded,
                               struct record_writer *w);

#endif
