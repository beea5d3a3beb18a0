/* recall: once after each start, before the first purchase of a login leaves: does Sectigo's report have orders of ours
 * that the store does not know? Then the store is an older copy, however it was made (a snapshot, a cloned machine,
 * `cp`), and what was bought since would be bought again: purchases pause until it is reconciled. issuance.md
 * section 11. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/log.h"

static const uint64_t SPAN_MS = 7ull * 24 * 3600 * 1000;
/* Times of the report may be of another zone, and our own clock may be behind. */
static const uint64_t SKEW_MS = 26ull * 3600 * 1000;

static uint64_t ordered_ms(const struct upkeep *u, const struct report_row *row)
{
    return row->ordered_s > 0 ? (uint64_t)row->ordered_s * 1000 : u->report.from_ms;
}

/* The first of them is in forgotten_ms; their numbers, as far as there is room, in found. */
static enum store_status look_for_rows(struct upkeep *u, struct store_txn *txn)
{
    enum store_status status = STORE_OK;
    for (size_t i = 0; status == STORE_OK && i < u->report.count; i++) {
        const struct report_row *row = &u->report.rows[i];
        enum report_known known;
        status = report_find(txn, row, &known);
        if (status != STORE_OK || known == REPORT_KNOWN || row->over)
            continue;
        size_t len = strlen(u->found);
        u->unknown++;
        if (!u->forgotten_ms || ordered_ms(u, row) < u->forgotten_ms)
            u->forgotten_ms = ordered_ms(u, row);
        if (len + strlen(row->order_number) + 2 < sizeof u->found)
            snprintf(u->found + len, sizeof u->found - len, "%s%s", len ? " " : "", row->order_number);
    }
    return status;
}

static enum store_status store_recall(struct store_txn *txn, void *arg)
{
    const struct upkeep *u = arg;
    const char *name = upkeep_login(u);
    struct ledger ledger;
    enum store_status status = ledger_load(txn, name, &ledger);
    ledger.recall_ms = 0;
    ledger.numbered = ledger.numbered || u->report.numbered;
    memcpy(ledger.note, u->found, sizeof ledger.note);
    if (u->unknown > 0) {
        if (ledger.restored_ms == 0 || ledger.forgotten > 0) /* of a backup nothing else is expected */
            ledger.forgotten = u->unknown;
        if (ledger.restored_ms == 0 || u->forgotten_ms < ledger.restored_ms)
            ledger.restored_ms = u->forgotten_ms;
    }
    if (status == STORE_OK)
        status = ledger_save(txn, name, &ledger);
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_RECALL, name, strlen(name));
    return status == STORE_NOT_FOUND ? STORE_OK : status; /* a resume or a reconciliation was faster */
}

static void tell(const struct upkeep *u)
{
    if (u->unknown > 0)
        log_error("Sectigo has orders of this gateway that the store does not know, so the store is an older copy; "
                  "nothing is bought with this login before acmegatectl upstream reconcile",
                  "login", upkeep_login(u), "order_numbers", u->found);
    else
        log_info("the store knows every order of ours in Sectigo's report; purchases may leave", "login",
                 upkeep_login(u));
}

static void on_report(void *ctx, bool complete, const char *reason)
{
    struct upkeep *u = ctx;
    struct store_txn *txn;
    if (!complete) {
        upkeep_fail(u, reason);
        return;
    }
    enum store_status status = store_read(u->issuer->at.store, &txn);
    if (status == STORE_OK) {
        status = look_for_rows(u, txn);
        store_read_end(txn);
    }
    if (status != STORE_OK) {
        upkeep_fail(u, store_status_text(status));
        return;
    }
    tell(u);
    upkeep_commit(u, store_recall);
}

void recall_begin(struct upkeep *u)
{
    uint64_t now_ms = clock_ms();
    if (clock_in_doubt()) { /* it would look at a wrong week */
        upkeep_fail(u, "the clock is in doubt (acmegatectl status)");
        return;
    }
    u->report.from_ms = now_ms - SPAN_MS - SKEW_MS;
    u->report.to_ms = now_ms + SKEW_MS;
    report_gather(u->login, u->issuer->at.config->instance, &u->report, on_report, u);
}
