/* issuance: one CSR on its way to one certificate; its record, its states and their legal moves.
 *
 * issuance.md section 1 and 3. Records are read in a snapshot or a store_fn and changed in a store_fn.
 */
#ifndef GATEWAY_ISSUE_RECORD_ISSUANCE_H
#define GATEWAY_ISSUE_RECORD_ISSUANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/id.h"
#include "acme/limits.h"
#include "sectigo/sectigo.h"
#include "store/store.h"

/* Stored: never renumber. */
enum issuance_state {
    ISSUANCE_QUEUED = 1, /* waits for the one under way on its subscription */
    ISSUANCE_PREPARED,   /* unique value and DCV answer stored */
    ISSUANCE_PUBLISHED,  /* DCV answer in place */
    ISSUANCE_SUBMITTING, /* the request is, or may be, on the wire */
    ISSUANCE_UNKNOWN,    /* it may have been accepted: to be settled before anything is sent again */
    ISSUANCE_SUBMITTED,  /* Sectigo has it: number and ID stored */
    ISSUANCE_BLOCKED,    /* Sectigo has it and cannot go on (status 3, 5, CAA): looked at until the deadline */
    ISSUANCE_HELD,       /* nothing is sent until the operator, or time, changes something */
    ISSUANCE_COLLECTED,  /* certificate accepted and stored */
    ISSUANCE_REFUSED,    /* never placed */
    ISSUANCE_DEAD,       /* placed, and then rejected, revoked, cancelled or dropped at its deadline */
    ISSUANCE_CANCELLING, /* its time is over: AutoReject is asked until it has answered */
    ISSUANCE_STATES
};
enum issuance_kind { ISSUANCE_PURCHASE = 1, ISSUANCE_REPLACEMENT };

enum { ISSUANCE_ID_MAX = 40 };
/* Refusals that are the operator's. Given up: as final as one of Sectigo's once no report knows the order, and what was
 * placed is ended as at its deadline. Abandoned: AutoReject is not asked any more either. Given up as placed: Sectigo had
 * refused the repeat of a purchase by its number, so it has it, whether its report knows it or not. */
enum { ISSUANCE_GIVEN_UP = -9999, ISSUANCE_ABANDONED = -9998, ISSUANCE_GIVEN_UP_AS_PLACED = -9997 };

struct issuance {
    char id[ISSUANCE_ID_MAX + 1]; /* instance prefix and 32 hex digits: the foreignOrderNumber */
    uint32_t revision; /* counts steps: one that started from an older one is dropped. Attaching an order is no step */
    enum issuance_kind kind;
    enum issuance_state state;
    struct acme_id subscription, account;
    struct acme_id *orders; /* owned: attached ACME orders, the first is the one that made it */
    uint32_t order_count;
    char profile[ACME_POLICY_MAX + 1];
    uint8_t *csr; /* owned: the exact DER octets that the client sent; not stored any more once it has ended: NULL */
    size_t csr_len;
    bool csr_has_cn;
    uint8_t spki_sha256[32]; /* of its key; as csr */
    char unique_value[SECTIGO_UNIQUE_VALUE_MAX + 1];
    char order_number[SECTIGO_ORDER_NUMBER_MAX + 1];
    char certificate_id[SECTIGO_CERTIFICATE_ID_MAX + 1];
    uint64_t created_ms, changed_ms;
    uint64_t sent_ms;        /* when the first request left, or may have left; 0: none has */
    uint64_t resent_ms;      /* when the latest did */
    uint32_t sends;          /* requests that left or may have left */
    uint32_t failures;       /* in a row, of the step it is at: back-off */
    uint64_t looked_ms;      /* last question about it to Sectigo */
    uint64_t pushed_ms;      /* when a push last asked for a look */
    uint32_t looks;          /* reports read since the outcome became unknown, none of which knew it */
    int32_t refusal;         /* code of a refusal that may mean "placed earlier"; 0: none */
    bool doubt;              /* a push said failed or rejected: ask for the detailed status too */
    bool nudged;             /* AutoUpdateDCV was asked since submission */
    bool sent_unconfirmed;   /* resent_ms is of a clock that nothing had confirmed */
    bool looked_unconfirmed; /* and so is looked_ms */
    bool caa;                /* Sectigo says that CAA forbids it */
    uint64_t caa_retried_ms; /* when RetryCAACheck left last, or was about to; 0: never */
    uint64_t placed_ms;      /* Sectigo's own time when it said that it is placed; 0: it said none */
    uint8_t attempt;         /* 1: asked for by itself, because the certificate of the one before lacked names */
    char *note;              /* owned: for people, why it is where it is; "" for nothing to say */
};

/* In place of the first hex digit in the ids of a test login: in Sectigo's reports nothing else tells a test order from
 * a live one, and no test order may ever be taken for a paid one. */
enum { ISSUANCE_TEST_MARK = 't' };
/* False when the random generator fails. */
bool issuance_id_make(const char *instance, bool test, char id[static ISSUANCE_ID_MAX + 1]);
/* Whether an id was made so. */
bool issuance_id_is(const char *id, const char *instance, bool test);
/* Whether a gateway of any instance made it, as far as its form tells: 40 hexadecimal digits may as well be a digest
 * by which another program numbers its orders. *test: for a test login. */
bool issuance_id_is_any(const char *id, bool *test);

/* STORE_OK, STORE_NOT_FOUND, STORE_INVALID; clear *issuance in any case. Unless the clock is in doubt, times of the
 * record that lie in the future are now; so is that of a request or a question which left before the clock was
 * confirmed, once it is. */
enum store_status issuance_load(struct store_txn *txn, const char *id, struct issuance *issuance);
/* The same for the one that an index names: ISSUE_BY_ORDER, ISSUE_BY_ORDER_NUMBER or ISSUE_BY_CERTIFICATE_ID
 * (tables.h). */
enum store_status issuance_find(struct store_txn *txn, unsigned index, const void *key, size_t key_len,
                                struct issuance *issuance);
/* Counts it in its state. */
enum store_status issuance_save(struct store_txn *txn, struct issuance *issuance);
/* Removes one that has ended, with its story, and counts it no more. Which Sectigo's numbers were its own stays known
 * in ISSUE_BY_ORDER_NUMBER and ISSUE_BY_CERTIFICATE_ID, as long as its subscription is there. Inside a store_fn. */
enum store_status issuance_remove(struct store_txn *txn, const struct issuance *issuance);
void issuance_clear(struct issuance *issuance);
bool issuance_set_note(struct issuance *issuance, const char *note);
bool issuance_attach(struct issuance *issuance, const struct acme_id *order);

/* Makes *next, which is zeroed, a queued replacement with the CSR, account and orders of one that ended, and the next
 * attempt. False: no memory or randomness; clear in any case. */
bool issuance_follow(struct issuance *next, const struct issuance *ended, const char *instance, bool test);

/* The state of a stored record, without decoding the rest; 0 where it is none. */
enum issuance_state issuance_state_of(struct store_slice record);
/* How many there are in each state, at 0 those whose record told none when they were counted. Reading. */
enum store_status issuance_counts(struct store_txn *txn, int64_t counts[static ISSUANCE_STATES]);
/* Counts them anew, by a look at each. Inside a store_fn. */
enum store_status issuance_recount(struct store_txn *txn);
const char *issuance_state_text(enum issuance_state state); /* "submitting"; static */
/* The one setter: false for a move that the table does not know. */
bool issuance_move(struct issuance *issuance, enum issuance_state to, uint64_t now_ms);
/* Of a purchase that was sent again: Sectigo said that it has the number already, so it has the order, whatever its
 * report knows. */
bool issuance_is_refused_by_number(const struct issuance *issuance);
/* Collected, refused or dead. */
bool issuance_ended(enum issuance_state state);

#endif
