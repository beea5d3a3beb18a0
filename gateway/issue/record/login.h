/* login: the record of a login: what is remembered of a Sectigo login beyond a restart: whether the operator has paused
 * it, when it last pushed, when its credit was used up, whether its replacements revoke what they replace, and whether
 * what it buys is of any use.
 *
 * Read in a snapshot or a store_fn, changed in a store_fn.
 */
#ifndef GATEWAY_ISSUE_RECORD_LOGIN_H
#define GATEWAY_ISSUE_RECORD_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/issue/record/issuance.h"
#include "store/store.h"

struct login_record {
    uint64_t paused_ms;    /* since when it buys nothing; 0: it may buy */
    uint64_t pushed_ms;    /* when a push about one of its orders last came, to the hour; 0: never */
    uint64_t no_credit_ms; /* when it was last told that its credit is used up (-15); 0: not since it bought */
    uint64_t unshared_ms;  /* since when its subscriptions serve one key each, because a replaced certificate was
                              revoked;  0: they are shared */
    /* Purchases in a row whose certificate was not accepted, all for the same reason (an enum accept_verdict). */
    uint32_t withheld, withheld_why;
    char withheld_issuance[ISSUANCE_ID_MAX + 1]; /* the last of them: no issuance counts twice in a row */
    uint64_t withheld_ms;                        /* since when it therefore buys nothing; 0: it may */
};

/* So many useless purchases are enough. */
enum { LOGIN_WITHHELD_MAX = 3 };

/* STORE_OK also for a login that nothing is remembered of, STORE_INVALID. */
enum store_status login_load(struct store_txn *txn, const char *name, struct login_record *login);
/* Since now_ms; 0: it may buy again, and credit, sharing and useless purchases are as if nothing had been seen. */
enum store_status login_set_paused(struct store_txn *txn, const char *name, uint64_t now_ms);
enum store_status login_set_no_credit(struct store_txn *txn, const char *name, uint64_t now_ms); /* 0: it has credit */
enum store_status login_set_unshared(struct store_txn *txn, const char *name, uint64_t now_ms);
/* A purchase's certificate was not accepted. *paused: it is the one with which the login stops buying. */
enum store_status login_note_withheld(struct store_txn *txn, const char *name, const char *issuance, unsigned why,
                                      uint64_t now_ms, bool *paused);
/* A certificate was accepted: the count begins anew. A pause stays until the operator resumes. */
enum store_status login_note_accepted(struct store_txn *txn, const char *name);
/* Writes at most once an hour. */
enum store_status login_note_push(struct store_txn *txn, const char *name, uint64_t now_ms);

/* Inside a store_fn: makes the issuances of this login due at now_ms that are held, or that a rest of the login keeps
 * from being sent or settled. *count of the held ones. */
enum store_status login_wake_held(struct store_txn *txn, const char *name, uint64_t now_ms, unsigned *count);

#endif
