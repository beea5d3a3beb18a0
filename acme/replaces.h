/* replaces: the certificate that an order is to replace, RFC 9773 section 5. Private to this room. */
#ifndef ACME_REPLACES_H
#define ACME_REPLACES_H

#include "acme/task.h"

/* The payload's "replaces", where there is one, into the order; false with the problem set where it is no name of a
 * certificate. */
bool acme_parse_replaces(const json_t *payload, struct acme_order *order, struct acme_problem *problem);
/* Inside a change: what the order replaces is a certificate of its account with a name in common that has not been
 * replaced, and from now on this order replaces it. Otherwise STORE_REFUSED and the problem. An order that replaces
 * nothing is STORE_OK; so is one that replaces what was not issued here, which is noted in the task.
 *
 * A certificate counts as replaced once the certificate of the newest order that named it has been downloaded: a client
 * that gave up, or lost its key, may try again. */
enum store_status acme_claim_replaced(struct store_txn *txn, struct acme_task *task);

#endif
