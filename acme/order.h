/* order: RFC 8555 section 7.1.3, its record, its moves, and order expiry (acme_order_refresh).
 *
 * pending -> ready -> processing -> valid, and invalid from each but valid. An order that has accepted a CSR never
 * shows ready again. Records are read in a snapshot or in a store_fn, changed only in a store_fn.
 */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/id.h"
#include "acme/identifier.h"
#include "acme/problem.h"
#include "store/store.h"

enum acme_order_status {
    ACME_ORDER_PENDING = 1,
    ACME_ORDER_READY,
    ACME_ORDER_PROCESSING,
    ACME_ORDER_VALID,
    ACME_ORDER_INVALID,
};

struct acme_order {
    struct acme_id id;
    struct acme_id account;
    enum acme_order_status status;
    uint64_t created_s, expires_s, updated_s; /* UNIX seconds; only pending and ready orders expire */
    struct acme_names names;                  /* owned */
    struct acme_id *authzs;                   /* owned; names.count of them, in the order of names */
    char policy[ACME_POLICY_MAX + 1], profile[ACME_POLICY_MAX + 1];
    bool has_csr;
    uint8_t csr_sha256[32]; /* of the DER accepted by finalize */
    uint64_t finalized_ms;  /* when finalize was accepted: Retry-After grows from here */
    uint64_t read_s;        /* when a client last asked for it while processing (coarse: once a minute) */
    bool has_certificate;
    struct acme_id certificate;
    char *error;      /* owned: problem document, NULL for none */
    char *user_agent; /* owned: of newOrder, "" for none */
    char *replaces; /* owned: name of the certificate that this order replaces (RFC 9773 section 4.1), NULL for none */
};

/* Records. order_load: STORE_OK, STORE_NOT_FOUND or STORE_INVALID; *order must be cleared in any case. */
enum store_status acme_order_load(struct store_txn *txn, const struct acme_id *id, struct acme_order *order);
enum store_status acme_order_save(struct store_txn *txn, const struct acme_order *order);
/* With its place in the list of its account, which is remembered to have been used. Inside a store_fn. */
enum store_status acme_order_remove(struct store_txn *txn, const struct acme_order *order);
void acme_order_clear(struct acme_order *order);
const char *acme_order_status_text(enum acme_order_status status); /* "pending"; static */

/* What the order is at this moment, without storing it: one that is pending or ready and has expired, or has lost an
 * authorization (deactivated, expired, revoked, gone), becomes invalid with an error that says so. */
enum store_status acme_order_refresh(struct store_txn *txn, struct acme_order *order, uint64_t now_s);
/* Makes the order invalid, in memory, for this reason; false for a move that is not legal or when out of memory. */
bool acme_order_invalidate(struct acme_order *order, const struct acme_problem *problem, uint64_t now_s);

/* The one setter: false for a move that is not in the table of legal moves. */
bool acme_order_set_status(struct acme_order *order, enum acme_order_status to);

/* What the issuer says of a processing order, inside its own store_fn. Repeating one is harmless (STORE_OK);
 * an order that has ended otherwise is STORE_REFUSED. */
enum store_status acme_order_complete(struct store_txn *txn, const struct acme_id *order,
                                      const struct acme_id *certificate, uint64_t now_ms);
enum store_status acme_order_fail(struct store_txn *txn, const struct acme_id *order,
                                  const struct acme_problem *problem, uint64_t now_ms);

#endif
