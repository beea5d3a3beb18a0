/* self_order: an order that the gateway places for itself, for the certificate of its own listener. It is an order as
 * any other: an account bound to an external account key (SELF_ORDER_KEY, which operators see and may disable), its
 * policy, its limits, and the issuer's one way to a certificate. Only the signatures of a client are missing, since
 * nobody but this program can ask.
 */
#ifndef ACME_SELF_ORDER_H
#define ACME_SELF_ORDER_H

#include "acme/acme.h"
#include "acme/identifier.h"

#define SELF_ORDER_KEY "acmegate-own"

struct acme_self_order {
    const char *policy;  /* that it is ordered by; it must trust */
    const char *profile; /* "" leaves it to the policy, or to the configuration */
    const struct acme_names *names;
    const uint8_t *csr; /* DER, for exactly these names */
    size_t csr_len;
    uint64_t now_ms;
    struct acme_id account;      /* in: that of the order before, zeroed for none; out: of this order */
    struct acme_id order;        /* out */
    struct acme_problem problem; /* out, with STORE_REFUSED; the caller's to clear */
};

/* Inside a store_fn, and before an order: the key, of this policy; made where there is none yet. STORE_REFUSED: there
 * is no such policy, which the order says in words. */
enum store_status acme_make_self_key(struct acme *acme, struct store_txn *txn, const char *policy, uint64_t now_ms);
/* Inside a store_fn: makes the account where there is none that will do, then the order, and finalizes it. An order
 * that comes back is processing. STORE_REFUSED: self->problem says why in words for an operator. */
enum store_status acme_place_self_order(struct acme *acme, struct store_txn *txn, struct acme_self_order *self);
/* As a client that looks after its order: an order that nobody asks for may be superseded. Inside a store_fn. */
enum store_status acme_note_self_order(struct store_txn *txn, const struct acme_id *order, uint64_t now_ms);

#endif
