/* subscription: one paid Sectigo order, which outlives many ACME orders; its record, its index and its queue.
 *
 * issuance.md sections 1 and 2. It belongs to (policy, profile, login, endpoint, test, exact names): the digest of
 * these is the index.
 */
#ifndef GATEWAY_ISSUE_RECORD_SUBSCRIPTION_H
#define GATEWAY_ISSUE_RECORD_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/id.h"
#include "acme/identifier.h"
#include "gateway/issue/record/issuance.h"
#include "store/store.h"

/* Stored: never renumber. */
enum subscription_state {
    SUBSCRIPTION_BUYING = 1, /* its purchase is on its way */
    SUBSCRIPTION_LIVE,       /* paid: replacements are free */
    SUBSCRIPTION_EXHAUSTED,  /* paid, its term nearly used up */
    SUBSCRIPTION_ENDED,      /* Sectigo says it is over */
    SUBSCRIPTION_DEAD,       /* paid and then rejected: blocks new purchases for its names until refund or operator */
    SUBSCRIPTION_STATES
};

/* The queue that is served is shorter: issuance.queue of the configuration. */
enum { SUBSCRIPTION_QUEUE_MAX = 1000, SUBSCRIPTION_DIGEST_LEN = 32 };

struct subscription {
    struct acme_id id;
    enum subscription_state state;
    char policy[ACME_POLICY_MAX + 1], profile[ACME_POLICY_MAX + 1], login[ACME_POLICY_MAX + 1];
    char *endpoint; /* owned: the login's URL when it was bought */
    bool test;
    struct acme_names names; /* owned */
    uint32_t product, days;
    uint64_t bought_ms; /* 0: not yet */
    int64_t paid_cents;
    char order_number[SECTIGO_ORDER_NUMBER_MAX + 1];         /* of the purchase */
    char (*certificate_ids)[SECTIGO_CERTIFICATE_ID_MAX + 1]; /* owned: of the family, oldest first */
    uint32_t certificate_id_count;
    bool has_certificate;
    struct acme_id certificate;          /* current one, in the ACME room's table */
    char under_way[ISSUANCE_ID_MAX + 1]; /* issuance that has the turn; "": none */
    char (*queue)[ISSUANCE_ID_MAX + 1];  /* owned: waiting issuances, oldest first */
    uint32_t queue_count;
};

/* What a subscription must agree in to serve an order. */
struct subscription_scope {
    const char *policy, *profile, *login, *endpoint;
    bool test;
    const struct acme_names *names;
    uint64_t renew_before_ms; /* of the profile; no part of the digest */
    const uint8_t *only_key;  /* SHA-256 of the public key: a subscription whose certificate has another does not serve;
                                 NULL: any does. No part of the digest */
};
bool subscription_digest(const struct subscription_scope *scope, uint8_t digest[static SUBSCRIPTION_DIGEST_LEN]);
/* Whom it serves; it points into the subscription. */
struct subscription_scope subscription_scope_of(const struct subscription *subscription);

/* STORE_OK, STORE_NOT_FOUND, STORE_INVALID; clear in any case. */
enum store_status subscription_load(struct store_txn *txn, const struct acme_id *id, struct subscription *subscription);
enum store_status subscription_save(struct store_txn *txn, const struct subscription *subscription);
/* Stores a new one and its index entry. */
enum store_status subscription_insert(struct store_txn *txn, const struct subscription *subscription);
/* Removes one that was never bought, or whose numbers are retired (numbers.h), with its index entry. */
enum store_status subscription_remove(struct store_txn *txn, const struct subscription *subscription);
void subscription_clear(struct subscription *subscription);

/* The one that serves this scope at now_ms: one in state buying or with the most term left among the live and
 * replaceable, else one that is dead and blocks. STORE_NOT_FOUND: none, a new purchase is due. */
enum store_status subscription_find(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms,
                                    struct subscription *out);
/* The same among those that are live and replaceable alone, rather one that nothing is under way on. */
enum store_status subscription_find_live(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms,
                                         struct subscription *out);
/* Another one of its scope has a certificate, and was bought after it. */
bool subscription_has_successor(struct store_txn *txn, const struct subscription *subscription);
/* Live, and more term is left than the smaller of renew_before_ms (the profile's) and a third of the term, or bought
 * within 7 days (issuance.md section 2). */
bool subscription_replaceable(const struct subscription *subscription, uint64_t renew_before_ms, uint64_t now_ms);

/* When what was paid is over. */
uint64_t subscription_term_end_ms(const struct subscription *subscription);
/* Nothing will be bought, replaced or refunded on it any more: it has ended, or is exhausted, or its term is over. */
bool subscription_is_over(const struct subscription *subscription, uint64_t now_ms);
/* Live, and a new replacement shows that its term is nearly used up: not_after_ms is bounded by it (it is the term's
 * end, or the certificate lives shorter than the one before, previous_ms, 0 for none) and no more than what a
 * subscription needs to be replaceable lies between now_ms and it. */
bool subscription_used_up(const struct subscription *subscription, uint64_t renew_before_ms, uint64_t not_after_ms,
                          uint64_t previous_ms, uint64_t now_ms);

bool subscription_enqueue(struct subscription *subscription, const char *issuance);
void subscription_dequeue(struct subscription *subscription, uint32_t at);
/* The same by name; nothing where it does not wait. */
void subscription_forget(struct subscription *subscription, const char *issuance);
bool subscription_has_certificate_id(const struct subscription *subscription, const char *certificate_id);
bool subscription_add_certificate_id(struct subscription *subscription, const char *certificate_id);

#endif
