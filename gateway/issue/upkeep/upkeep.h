/* upkeep: what is looked after for each login, order or no order: its credit, drift between Sectigo's report and the
 * store, and the reconciliation that an operator asks for. issuance.md sections 8.4 and 8.5.
 *
 * Each is a job of the store whose subject is the login's name. An upkeep is a job being done: loaded on the scheduler
 * thread, its calls on the egress thread, its outcome in a store_fn that also moves or clears the job. upkeep.c is the
 * frame and the credit, drift.c, reconcile.c and recall.c the others. Inside this room only.
 */
#ifndef GATEWAY_ISSUE_UPKEEP_UPKEEP_H
#define GATEWAY_ISSUE_UPKEEP_UPKEEP_H

#include "gateway/issue/context.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/upstream/report.h"

struct upkeep {
    struct issuer *issuer;
    enum job_kind kind;
    struct upstream_login *login;
    struct ledger ledger; /* as it was when the job began; a store_fn loads it anew */
    struct report report;
    size_t next_row;                  /* reconcile: rows before it are stored */
    char reason[LEDGER_NOTE_MAX + 1]; /* of the failure */
    int64_t balance_cents;
    uint32_t unknown, missing, imported;
    uint64_t forgotten_ms;           /* recall: when the first order that the store does not know was placed; 0: none */
    char found[LEDGER_NOTE_MAX + 1]; /* drift: the first order numbers */
    store_fn *apply;
    bool (*more)(struct upkeep *upkeep); /* after a commit, on the writer thread: apply again? NULL: never */
    bool stored;
    struct store_op op;
    struct egress_post post;
};

/* Handler of JOB_BALANCE, JOB_DRIFT, JOB_RECONCILE and JOB_RECALL; ctx is the issuer. */
void upkeep_on_job(void *ctx, const struct store_job *job);
/* Inside a store_fn, at start: each login has its daily jobs; a store that is a restored copy pauses every login. */
enum store_status upkeep_settle(struct store_txn *txn, const struct config *config, uint64_t now_ms);
/* Whether this balance is an alarm. An account that is billed afterwards has less than nothing, and no low_credit. */
bool upkeep_is_low(const struct config_login *login, int64_t balance_cents);
/* Inside a store_fn: what Sectigo has of this login since then is to be reconciled now. */
enum store_status upkeep_reconcile(struct store_txn *txn, const char *login, uint64_t from_ms, uint64_t now_ms);

/* For drift.c, reconcile.c and recall.c. Stores what was found by apply(txn, upkeep) and ends. */
void upkeep_commit(struct upkeep *upkeep, store_fn *apply);
void upkeep_fail(struct upkeep *upkeep, const char *reason);
const char *upkeep_login(const struct upkeep *upkeep);
/* Inside apply: when the next daily look is due. */
enum store_status upkeep_next(struct store_txn *txn, const struct upkeep *upkeep, uint64_t now_ms);
/* On the egress thread. */
void drift_begin(struct upkeep *upkeep);
void recall_begin(struct upkeep *upkeep);
void reconcile_begin(struct upkeep *upkeep);

#endif
