/* ledger: what is known of a login's account at Sectigo beyond single orders: credit, drift, and what a restored store
 * has to learn first. issuance.md sections 8.4 and 8.5.
 *
 * Read in a snapshot or a store_fn, changed in a store_fn.
 */
#ifndef GATEWAY_ISSUE_MONEY_LEDGER_H
#define GATEWAY_ISSUE_MONEY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

enum { LEDGER_NOTE_MAX = 500 };

struct ledger {
    uint64_t restored_ms; /* the store is a copy of that time, and what was bought since is not known: it buys nothing.
                             0: it knows */
    uint32_t forgotten;   /* Sectigo's report had so many orders that the store did not know when it was started; then
                             restored_ms is when the first of them was ordered. 0: none */
    uint64_t recall_ms; /* since when that is to be asked, before anything is bought; 0: it was, since the last start */
    bool numbered;      /* a report of this login has said foreignOrderNumbers */
    uint64_t reconcile_from_ms; /* a reconciliation of what was ordered since is under way; 0: none */
    uint64_t reconciled_ms;     /* when the last one was complete; 0: never */
    uint32_t imported;          /* orders that it found and the store did not know */
    uint64_t balance_ms;        /* when Sectigo last told the balance; 0: never */
    int64_t balance_cents;
    uint64_t drift_ms;              /* when report and store were last compared; 0: never */
    uint64_t drift_from_ms;         /* and since when the orders were that were compared */
    uint32_t unknown;               /* orders at Sectigo that the store does not know */
    uint32_t missing;               /* orders of the store that Sectigo does not know */
    char note[LEDGER_NOTE_MAX + 1]; /* for people: the first of them, or why the last look failed; "": nothing to say */
};

/* STORE_OK also for a login that nothing is known of, STORE_INVALID. */
enum store_status ledger_load(struct store_txn *txn, const char *login, struct ledger *ledger);
enum store_status ledger_save(struct store_txn *txn, const char *login, const struct ledger *ledger);

#endif
