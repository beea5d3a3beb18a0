/* upkeep: what is looked after for each login, order or no order: its credit, drift between Sectigo's report and the
 * store, and the reconciliation that an operator asks for. issuance.md sections 8.4 and 8.5.
 *
 * Each is a work whose subject is the login's name. upkeep.c is the frame and the credit, drift.c, reconcile.c and
 * recall.c the others.
 */
#ifndef GATEWAY_ISSUE_UPKEEP_UPKEEP_H
#define GATEWAY_ISSUE_UPKEEP_UPKEEP_H

#include <jansson.h>

#include "gateway/issue/context.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/upstream/report.h"

struct upkeep {
    struct work work; /* its subject is the login's name */
    const struct config_login *account;
    struct upstream_login *login; /* what stands behind it */
    struct ledger ledger;         /* as it was when the job began; a store_fn loads it anew */
    struct report report;
    size_t next_row;                   /* reconcile: rows before it are stored */
    char failure[LEDGER_NOTE_MAX + 1]; /* "": it went well */
    int64_t balance_cents;
    uint32_t unknown, missing, imported;
    uint64_t forgotten_ms;           /* recall: when the first order that the store does not know was placed; 0: none */
    char found[LEDGER_NOTE_MAX + 1]; /* the first order numbers */
    /* Inside the store_fn: what was found out, with the job. */
    enum store_status (*found_out)(struct store_txn *txn, struct upkeep *upkeep, uint64_t now_ms);
};

/* JOB_BALANCE, JOB_DRIFT, JOB_RECONCILE and JOB_RECALL; their owner is the issuer. */
extern const struct work_kind balance_work, drift_work, reconcile_work, recall_work;

/* Inside a store_fn, at start: each login has its daily jobs; a store that is a restored copy pauses every login. */
enum store_status upkeep_settle(struct store_txn *txn, const struct config *config, uint64_t now_ms);
/* At a reload, each in a transaction of its own; waits, so not on an event loop. Before fresh is in force: a login that
 * was has not buys nothing until its report was asked. After that: such logins have their jobs, and the daily ones of
 * all come no later than fresh says. */
enum store_status upkeep_admit(struct store *store, const struct config *was, const struct config *fresh);
enum store_status upkeep_begin(struct store *store, const struct config *was, const struct config *fresh);
/* Whether this balance is an alarm. An account that is billed afterwards has less than nothing, and no low_credit. */
bool upkeep_is_low(const struct config_login *login, int64_t balance_cents);
/* Inside a store_fn: what Sectigo has of this login since then is to be reconciled now. */
enum store_status upkeep_reconcile(struct store_txn *txn, const char *login, uint64_t from_ms, uint64_t now_ms);

/* What an answer to GetAccountBalance says; false: *why not. Pure. */
bool balance_decide(const struct upstream_reply *reply, int64_t *balance_cents, char why[static LEDGER_NOTE_MAX]);
/* In how long what failed is tried again, least_ms being issuance.later: where purchases wait for it (JOB_RECALL) after
 * as long as they have waited since recall_ms, from least_ms to an hour. Pure. */
uint64_t upkeep_later_ms(enum job_kind kind, uint64_t recall_ms, uint64_t least_ms, uint64_t now_ms);

/* The span of the report that is compared: eight days at least, and two days before what was compared last. */
void drift_span(struct report *report, uint64_t compared_ms, uint64_t now_ms);
/* Whether a line of the audit table is a purchase with this login that the report ought to have and has not. It is not
 * asked of those within margin_ms of its ends. Pure. */
bool drift_is_missing(const json_t *line, const char *login, const struct report *report, uint64_t margin_ms);
/* What a recall makes of the ledger, which was reconciled last at reconciled_ms when it began: so many orders that the
 * store does not know, the first placed at first_ms. False: it was reconciled again since, so they count no more. Pure.
 */
bool recall_settle(struct ledger *ledger, uint64_t reconciled_ms, uint32_t forgotten, uint64_t first_ms, bool numbered);

/* ---- for drift.c, reconcile.c and recall.c ---- */

enum work_next drift_ask(struct work *work);
enum work_next drift_decide(struct work *work, const void *answer, uint64_t now_ms);
enum work_next recall_ask(struct work *work);
enum work_next recall_decide(struct work *work, const void *answer, uint64_t now_ms);
enum work_next reconcile_ask(struct work *work);
enum work_next reconcile_decide(struct work *work, const void *answer, uint64_t now_ms);
enum work_next reconcile_stored(struct work *work, enum store_status status);

/* What decide gets. */
struct report_end {
    bool complete;
    const char *reason; /* why not */
};
/* The report's span is set. */
enum work_next upkeep_gather(struct upkeep *upkeep);
/* Of a complete report: look runs in a snapshot; then WORK_STORE. */
enum work_next upkeep_look(struct upkeep *upkeep, const struct report_end *end,
                           enum store_status (*look)(struct upkeep *upkeep, struct store_txn *txn));
/* Of the report's orders that are not over those that the store does not know, one after another: counted in unknown,
 * remembered, and told to fn. */
enum store_status upkeep_look_for_unknown(struct upkeep *upkeep, struct store_txn *txn,
                                          void (*fn)(struct upkeep *upkeep, const struct report_row *row));
/* Told to the operator, stored, and tried again later. */
enum work_next upkeep_fail(struct upkeep *upkeep, const char *reason);
/* One more in found, as far as there is room. */
void upkeep_remember(struct upkeep *upkeep, const char *order_number);
const char *upkeep_login(const struct upkeep *upkeep);
/* Inside the store_fn: when the next daily look is due. */
enum store_status upkeep_next(struct store_txn *txn, const struct upkeep *upkeep, uint64_t now_ms);

#endif
