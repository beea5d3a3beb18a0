/* recall: once after each start, before the first purchase of a login leaves: does Sectigo's report have orders of ours
 * that the store does not know? Then the store is an older copy, however it was made (a snapshot, a cloned machine,
 * `cp`), and what was bought since would be bought again: purchases pause until it is reconciled. issuance.md
 * section 11. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/log.h"

static const uint64_t SPAN_MS = 7 * DAY_MS;
/* Times of the report may be of another zone, and our own clock may be behind. */
static const uint64_t SKEW_MS = 26 * HOUR_MS;

static uint64_t ordered_ms(const struct upkeep *u, const struct report_row *row)
{
    return row->ordered_s > 0 ? (uint64_t)row->ordered_s * 1000 : u->report.from_ms;
}

/* The first of them is in forgotten_ms. */
static void note_forgotten(struct upkeep *u, const struct report_row *row)
{
    if (!u->forgotten_ms || ordered_ms(u, row) < u->forgotten_ms)
        u->forgotten_ms = ordered_ms(u, row);
}

static enum store_status look_for_forgotten(struct upkeep *u, struct store_txn *txn)
{
    return upkeep_look_for_unknown(u, txn, note_forgotten);
}

bool recall_settle(struct ledger *ledger, uint64_t reconciled_ms, uint32_t forgotten, uint64_t first_ms, bool numbered)
{
    ledger->recall_ms = 0;
    ledger->numbered = ledger->numbered || numbered;
    if (ledger->reconciled_ms != reconciled_ms)
        return false;
    if (forgotten == 0)
        return true;
    if (ledger->restored_ms == 0 || ledger->forgotten > 0) /* of a backup nothing else is expected */
        ledger->forgotten = forgotten;
    if (ledger->restored_ms == 0 || first_ms < ledger->restored_ms)
        ledger->restored_ms = first_ms;
    return true;
}

static enum store_status store_recall(struct store_txn *txn, struct upkeep *u, uint64_t now_ms)
{
    struct ledger ledger;
    (void)now_ms;
    enum store_status status = ledger_load(txn, upkeep_login(u), &ledger);
    if (recall_settle(&ledger, u->ledger.reconciled_ms, u->unknown, u->forgotten_ms, u->report.numbered))
        memcpy(ledger.note, u->found, sizeof ledger.note);
    if (status == STORE_OK)
        status = ledger_save(txn, upkeep_login(u), &ledger);
    return status == STORE_OK ? work_clear_job(txn, &u->work) : status; /* a resume may have been faster */
}

static void tell_recalled(const struct upkeep *u)
{
    if (u->unknown > 0)
        log_error("Sectigo has orders of this gateway that the store does not know, so the store is an older copy; "
                  "nothing is bought with this login before acmegatectl upstream reconcile",
                  "login", upkeep_login(u), "order_numbers", u->found);
    else
        log_info("the store knows every order of ours in Sectigo's report; purchases may leave", "login",
                 upkeep_login(u));
}

enum work_next recall_decide(struct work *work, const void *answer, uint64_t now_ms)
{
    struct upkeep *u = (struct upkeep *)work;
    (void)now_ms;
    u->found_out = store_recall;
    enum work_next next = upkeep_look(u, answer, look_for_forgotten);
    if (!u->failure[0])
        tell_recalled(u);
    return next;
}

enum work_next recall_ask(struct work *work)
{
    struct upkeep *u = (struct upkeep *)work;
    uint64_t now_ms = clock_ms();
    if (clock_in_doubt()) /* it would look at a wrong week */
        return upkeep_fail(u, "the clock is in doubt (acmegatectl status)");
    u->report.from_ms = now_ms - SPAN_MS - SKEW_MS;
    u->report.to_ms = now_ms + SKEW_MS;
    return upkeep_gather(u);
}
