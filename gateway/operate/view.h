/* view: what the store holds, as JSON for the operator. A row is short and stands in lists; a view says all.
 *
 * Each returns a new reference, NULL when out of memory. Inside the snapshot that the record was read in.
 */
#ifndef GATEWAY_OPERATE_VIEW_H
#define GATEWAY_OPERATE_VIEW_H

#include <jansson.h>

#include "acme/certificate.h"
#include "acme/order.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"

json_t *view_order_row(const struct acme_order *order);
/* With its authorizations and its issuance. */
json_t *view_order(struct store_txn *txn, const struct acme_order *order);
json_t *view_issuance_row(struct store_txn *txn, const struct issuance *is);
json_t *view_issuance(struct store_txn *txn, const struct issuance *is);
json_t *view_subscription_row(const struct subscription *sub);
json_t *view_subscription(struct store_txn *txn, const struct subscription *sub);
const char *view_subscription_state(enum subscription_state state); /* "live"; static */

/* As openssl x509 -serial writes it: upper case, whole octets. */
enum { VIEW_SERIAL_SIZE = 41 };
void view_serial(const struct acme_certificate *certificate, char out[static VIEW_SERIAL_SIZE]);

/* The issuance of a finalized order: STORE_OK and *is (clear it in any case), STORE_NOT_FOUND, STORE_INVALID. */
enum store_status view_issuance_of(struct store_txn *txn, const struct acme_id *order, struct issuance *is);

#endif
