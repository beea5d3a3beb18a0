/* login: what is remembered of a Sectigo login beyond a restart: whether the operator has paused it, and when it last
 * pushed.
 *
 * Read in a snapshot or a store_fn, changed in a store_fn.
 */
#ifndef GATEWAY_ISSUE_LOGIN_H
#define GATEWAY_ISSUE_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct login {
    uint64_t paused_ms; /* since when it buys nothing; 0: it may buy */
    uint64_t pushed_ms; /* when a push about one of its orders last came, to the hour; 0: never */
};

/* STORE_OK also for a login that nothing is remembered of, STORE_INVALID. */
enum store_status login_load(struct store_txn *txn, const char *name, struct login *login);
/* Since now_ms; 0: it may buy again. */
enum store_status login_set_paused(struct store_txn *txn, const char *name, uint64_t now_ms);
/* Writes at most once an hour. */
enum store_status login_note_push(struct store_txn *txn, const char *name, uint64_t now_ms);

/* Inside a store_fn: makes the issuances of this login that are held due at now_ms. *count of them. */
enum store_status login_wake_held(struct store_txn *txn, const char *name, uint64_t now_ms, unsigned *count);

#endif
