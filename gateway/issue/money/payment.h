/* payment: an order that Sectigo has placed and that waits for its payment (status 1, CollectSSL -22), from that answer
 * until its issuance ends; its record, and what follows from a look at it. authorize.h is the job that pays.
 *
 * Money moves when it is authorized, so the limits are asked then: its place among the purchases moves to that day.
 * Records are read in a snapshot or a store_fn and changed in a store_fn.
 */
#ifndef GATEWAY_ISSUE_MONEY_PAYMENT_H
#define GATEWAY_ISSUE_MONEY_PAYMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "store/store.h"

/* Stored: never renumber. */
enum payment_state {
    PAYMENT_WAITING = 1, /* for the operator, the limits or the credit: nothing is on its way */
    PAYMENT_SENDING,     /* AutoAuthorize is, or may be, on the wire */
    PAYMENT_UNKNOWN,     /* it may have been accepted: settled before anything is sent again */
    PAYMENT_DONE,        /* authorized; kept until the issuance ends, so that it is not authorized again */
    PAYMENT_STATES
};

enum { PAYMENT_NOTE_MAX = 512 };

struct payment {
    enum payment_state state;
    bool asked;                  /* the operator has authorized it */
    uint64_t since_ms;           /* when it was first known to wait */
    uint64_t seen_ms;            /* when Sectigo last said that it waits */
    uint64_t sent_ms;            /* when AutoAuthorize last left, or may have left; 0: never */
    uint32_t sends;              /* how often */
    uint32_t looks;              /* since the outcome became unknown, each of which saw it waiting */
    uint32_t failures;           /* in a row: back-off */
    int32_t refusal;             /* of unknown: the code that the last one was answered with; 0: none */
    int64_t cents;               /* what Sectigo asks for */
    char note[PAYMENT_NOTE_MAX]; /* for people, why it is where it is */
};

/* STORE_OK, STORE_NOT_FOUND, STORE_INVALID. */
enum store_status payment_load(struct store_txn *txn, const char *issuance, struct payment *payment);
enum store_status payment_save(struct store_txn *txn, const char *issuance, const struct payment *payment);
const char *payment_state_text(enum payment_state state); /* "waiting"; static */

/* Inside the store_fn that learns of it: the record and its job, where there are none yet. The purchase keeps its place
 * among those of the day on which it was sent. */
enum store_status payment_begin(struct store_txn *txn, const struct issuance *is, const struct subscription *sub,
                                uint64_t now_ms);
/* Inside the store_fn that ends the issuance. What was never authorized, and died, has cost nothing. *unheard: it was
 * authorized, which its certificate says before AutoAuthorize's answer did. */
enum store_status payment_end(struct store_txn *txn, const struct issuance *is, bool *unheard);
/* After a start: what was on its way is looked at now. */
enum store_status payment_recover(struct store_txn *txn, const struct store_job *job, uint64_t now_ms);
/* The operator authorizes it: due now. STORE_NOT_FOUND where it does not wait for payment, STORE_REFUSED (and *state)
 * where it is on its way or done. */
enum store_status payment_ask(struct store_txn *txn, const char *issuance, uint64_t now_ms, enum payment_state *state);
/* Makes all that wait with this login due. *count of them. */
enum store_status payment_wake(struct store_txn *txn, const char *login, uint64_t now_ms, unsigned *count);

/* What follows from a look: pure. Done where Sectigo does not wait any more. Where it does, one that was sent is looked
 * at twice, and rests as long as a purchase, before it may leave again; one that was refused rests an hour. */
struct payment_decision {
    enum payment_state to;
    uint64_t due_ms; /* of the job; nothing where done */
};
struct payment_decision payment_decide(const struct payment *payment, bool waits, const struct config_issuance *times,
                                       uint64_t now_ms);

#endif
