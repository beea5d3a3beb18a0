/* reconcile: what this gateway ordered and the store does not know becomes known again, so that nothing is bought anew.
 *
 * - An order whose issuance the store has, and believes not sent: the issuance becomes unknown, and is settled by the
 *   report as any lost answer is.
 * - A replacement of an order that is known: its certificate ID joins the family, so that an unknown replacement is
 *   never settled with it.
 * - Any other: a live subscription of nobody (no policy, no profile), which the first order for its names with this
 *   login takes over (imported_claim).
 * - One that names nothing, or is over, is told to the operator by the log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/order/imported.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/log.h"
#include "gateway/tables.h"

/* Rows stored in one transaction. */
enum { BATCH = 100 };

/* ---- one order ---- */

static enum store_status settle_unsent(struct store_txn *txn, const struct report_row *row, uint64_t now_ms)
{
    struct issuance is;
    enum store_status status = issuance_load(txn, row->issuance, &is);
    if (status == STORE_OK && issuance_move(&is, ISSUANCE_UNKNOWN, now_ms)) {
        is.sends = 1;
        is.sent_ms = is.resent_ms = row->ordered_s > 0 ? (uint64_t)row->ordered_s * 1000 : now_ms;
        is.looks = 0;
        is.refusal = 0;
        is.revision++;
        status = issuance_save(txn, &is);
        if (status == STORE_OK)
            status = store_job_set(txn, JOB_ISSUANCE, is.id, strlen(is.id), now_ms);
    }
    issuance_clear(&is);
    return status;
}

/* It cannot be taken over; the others can. */
static enum store_status pass_over(const struct upkeep *u, const struct report_row *row, const char *why)
{
    log_error(why, "login", upkeep_login(u), "order_number", row->order_number);
    return STORE_OK;
}

static const char NO_NAMES[] =
    "an order of ours at Sectigo has no names, so the store cannot take it over: its names may be bought anew; "
    "cancel one of the two there";
static const char FOREIGN[] =
    "Sectigo's report gives an order of ours the number or the certificate of another, so the "
    "store cannot take it over: its names may be bought anew; ask Sectigo which is which";

static enum store_status take(struct store_txn *txn, struct upkeep *u, const struct report_row *row, uint64_t now_ms)
{
    enum report_known known;
    char base[SECTIGO_ORDER_NUMBER_MAX + 1];
    enum store_status status = report_find(txn, u->account->url, row, &known);
    if (status != STORE_OK)
        return status;
    if (report_base_number(row->order_number, base)) {
        status = imported_join(txn, u->account->url, row, base);
        return status == STORE_EXISTS ? pass_over(u, row, FOREIGN) : status == STORE_NOT_FOUND ? STORE_OK : status;
    }
    if (known == REPORT_UNSENT)
        return settle_unsent(txn, row, now_ms);
    if (known == REPORT_KNOWN || row->over)
        return STORE_OK;
    status = imported_insert(txn, u->work.config, u->account, row, NULL, now_ms);
    if (status == STORE_OK)
        u->imported++;
    return status == STORE_REFUSED  ? pass_over(u, row, NO_NAMES)
           : status == STORE_EXISTS ? pass_over(u, row, FOREIGN)
                                    : status;
}

/* ---- all of them ---- */

static enum store_status end_reconciliation(struct store_txn *txn, struct upkeep *u, uint64_t now_ms)
{
    const char *name = upkeep_login(u);
    struct ledger ledger;
    unsigned woken;
    enum store_status status = ledger_load(txn, name, &ledger);
    if (u->report.from_ms <= ledger.restored_ms) /* an operator may have looked at less */
        ledger.restored_ms = ledger.forgotten = 0;
    ledger.recall_ms = 0; /* it knows now */
    ledger.numbered = ledger.numbered || u->report.numbered;
    ledger.reconcile_from_ms = 0;
    ledger.reconciled_ms = now_ms;
    ledger.unknown = 0;
    ledger.note[0] = '\0';
    if (status == STORE_OK)
        status = ledger_save(txn, name, &ledger);
    if (status == STORE_OK)
        status = login_wake_held(txn, name, now_ms, &woken);
    return status == STORE_OK ? work_clear_job(txn, &u->work) : status;
}

/* How many a batch imported stands in the ledger beside them, so that a restart in between counts on. */
static enum store_status count(struct store_txn *txn, const struct upkeep *u)
{
    struct ledger ledger;
    enum store_status status = u->imported ? ledger_load(txn, upkeep_login(u), &ledger) : STORE_OK;
    if (status != STORE_OK || u->imported == 0)
        return status;
    ledger.imported += u->imported;
    return ledger_save(txn, upkeep_login(u), &ledger);
}

static enum store_status store_batch(struct store_txn *txn, struct upkeep *u, uint64_t now_ms)
{
    size_t to = u->next_row + BATCH < u->report.count ? u->next_row + BATCH : u->report.count;
    enum store_status status = STORE_OK;
    u->imported = 0;
    for (size_t i = u->next_row; status == STORE_OK && i < to; i++)
        status = take(txn, u, &u->report.rows[i], now_ms);
    if (status == STORE_OK)
        status = count(txn, u);
    if (status == STORE_OK && to == u->report.count)
        status = end_reconciliation(txn, u, now_ms);
    return status;
}

/* The next batch, or the end. */
enum work_next reconcile_stored(struct work *work, enum store_status status)
{
    struct upkeep *u = (struct upkeep *)work;
    if (status != STORE_OK)
        return WORK_REST;
    if (u->failure[0])
        return WORK_DONE;
    u->next_row += BATCH;
    if (u->next_row < u->report.count)
        return WORK_STORE;
    log_info("what was ordered is known to the store again; purchases go on", "login", upkeep_login(u));
    return WORK_DONE;
}

enum work_next reconcile_decide(struct work *work, const void *answer, uint64_t now_ms)
{
    struct upkeep *u = (struct upkeep *)work;
    const struct report_end *end = answer;
    (void)now_ms;
    u->found_out = store_batch;
    return end->complete ? WORK_STORE : upkeep_fail(u, end->reason);
}

enum work_next reconcile_ask(struct work *work)
{
    struct upkeep *u = (struct upkeep *)work;
    u->report.from_ms = u->ledger.reconcile_from_ms;
    u->report.to_ms = clock_ms();
    return upkeep_gather(u);
}
