/* drift: does the store know every order that Sectigo has of us, and Sectigo every one that the store has? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "acme/durations.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/log.h"
#include "gateway/tables.h"

/* Orders of so long ago at least are compared, each day again, so that one that is missed is told more than once. */
static const uint64_t SPAN_MS = 8 * DAY_MS;
/* After a gap, what was compared last is compared again from so long before. */
static const uint64_t OVERLAP_MS = 2 * DAY_MS;
enum { TIME_LEN = 8 };

/* A purchase as young as this may not be in the report yet; one as old as the span, not in it any more. */
static uint64_t margin_ms(const struct upkeep *u)
{
    return u->work.config->issuance.resend_ms;
}

void drift_span(struct report *report, uint64_t compared_ms, uint64_t now_ms)
{
    uint64_t last_ms = compared_ms > OVERLAP_MS ? compared_ms - OVERLAP_MS : now_ms;
    report->to_ms = now_ms;
    report->from_ms = last_ms < now_ms - SPAN_MS ? last_ms : now_ms - SPAN_MS;
}

/* ---- Sectigo's orders in the store ---- */

static void tell_unknown(struct upkeep *u, const struct report_row *row)
{
    log_error("Sectigo has an order of ours that the store does not know: acmegatectl upstream reconcile", "login",
              upkeep_login(u), "order_number", row->order_number);
}

/* ---- the store's orders at Sectigo ---- */

static int compare_number(const void *number, const void *row)
{
    return strcmp(number, ((const struct report_row *)row)->order_number);
}

static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

bool drift_is_missing(const json_t *line, const char *login, const struct report *report, uint64_t margin_ms)
{
    uint64_t time_ms = audit_ordered_ms(line); /* of one that was adopted long after, the report begins after it */
    if (time_ms < report->from_ms + margin_ms || time_ms >= report->to_ms - margin_ms ||
        strcmp(text_of(line, "what"), "purchase") != 0 || strcmp(text_of(line, "login"), login) != 0)
        return false;
    return report->count == 0 ||
           !bsearch(text_of(line, "order_number"), report->rows, report->count, sizeof *report->rows, compare_number);
}

static bool look_for_line(void *ctx, struct store_slice key, struct store_slice value)
{
    struct upkeep *u = ctx;
    json_t *line = audit_read(key, value);
    if (drift_is_missing(line, upkeep_login(u), &u->report, margin_ms(u))) {
        u->missing++;
        upkeep_remember(u, text_of(line, "order_number"));
        log_error("the store has a purchase that Sectigo's report does not have: ask Sectigo for it", "login",
                  upkeep_login(u), "order_number", text_of(line, "order_number"));
    }
    json_decref(line);
    return true;
}

static enum store_status look_for_lines(struct upkeep *u, struct store_txn *txn)
{
    uint8_t from[TIME_LEN];
    uint64_t from_ms = u->report.from_ms + margin_ms(u);
    for (int i = 0; i < TIME_LEN; i++)
        from[i] = (uint8_t)(from_ms >> (56 - 8 * i));
    return store_visit(txn, ISSUE_AUDIT, from, sizeof from, look_for_line, u);
}

static enum store_status look_both_ways(struct upkeep *u, struct store_txn *txn)
{
    enum store_status status = upkeep_look_for_unknown(u, txn, tell_unknown);
    return status == STORE_OK && !u->account->test ? look_for_lines(u, txn) : status;
}

/* ---- the job ---- */

static enum store_status store_drift(struct store_txn *txn, struct upkeep *u, uint64_t now_ms)
{
    struct ledger ledger;
    enum store_status status = ledger_load(txn, upkeep_login(u), &ledger);
    ledger.drift_ms = u->report.to_ms;
    ledger.drift_from_ms = u->report.from_ms;
    ledger.unknown = u->unknown;
    ledger.missing = u->missing;
    memcpy(ledger.note, u->found, sizeof ledger.note);
    if (status == STORE_OK)
        status = ledger_save(txn, upkeep_login(u), &ledger);
    return status == STORE_OK ? upkeep_next(txn, u, now_ms) : status;
}

enum work_next drift_decide(struct work *work, const void *answer, uint64_t now_ms)
{
    struct upkeep *u = (struct upkeep *)work;
    (void)now_ms;
    u->found_out = store_drift;
    return upkeep_look(u, answer, look_both_ways);
}

enum work_next drift_ask(struct work *work)
{
    struct upkeep *u = (struct upkeep *)work;
    drift_span(&u->report, u->ledger.drift_ms, clock_ms());
    return upkeep_gather(u);
}
