/* spent: the numbers of records that are gone, each of which belonged to one of them for ever.
 *
 * A certificate's serial number, Sectigo's order numbers and certificate IDs are never anybody else's (issuance.md
 * section 11, "Identity"), also when housekeeping has removed what had them. Of such a number stays a digest: 64 bits in
 * all, 16 of which are the key of a bucket and 48 stand in it, so that a million of them are six megabytes. That a new
 * number looks like one of a million by chance happens once in 18 million million; it is then taken for another's, and
 * the operator decides. Read in a snapshot or a store_fn, added to in a store_fn.
 */
#ifndef ACME_SPENT_H
#define ACME_SPENT_H

#include <stddef.h>

#include "acme/id.h"
#include "store/store.h"

/* Stored: never changed. */
enum spent_kind { SPENT_SERIAL = 's', SPENT_ORDER_NUMBER = 'o', SPENT_CERTIFICATE_ID = 'c' };

/* scope: who gave the number (an endpoint of Sectigo's; "" for a serial number). Number of len octets. STORE_OK also
 * where it is there already. */
enum store_status spent_add(struct store_txn *txn, enum spent_kind kind, const char *scope, const void *number,
                            size_t len);
/* STORE_OK: it was somebody's; STORE_NOT_FOUND: it was not. */
enum store_status spent_find(struct store_txn *txn, enum spent_kind kind, const char *scope, const void *number,
                             size_t len);
/* For an index whose keys have one owner for ever, and nobody after it: store_claim of the owner's id, and STORE_EXISTS
 * also where the key is new and the number that it stands for was somebody's. Inside a store_fn. */
enum store_status spent_claim(struct store_txn *txn, enum spent_kind kind, const char *scope, struct store_slice number,
                              unsigned table, struct store_slice key, const struct acme_id *owner);

#endif
