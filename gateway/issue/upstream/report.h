/* report: the orders of a login that this gateway placed in a span of time, gathered page by page from WebHostReport.
 *
 * Ours are those whose foreignOrderNumber is made as the issuance ids of a live, or of a test login are
 * (issuance_id_make).
 */
#ifndef GATEWAY_ISSUE_UPSTREAM_REPORT_H
#define GATEWAY_ISSUE_UPSTREAM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/identifier.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/upstream/upstream.h"
#include "store/store.h"

struct report_row {
    char order_number[SECTIGO_ORDER_NUMBER_MAX + 1];
    char issuance[ISSUANCE_ID_MAX + 1]; /* the foreignOrderNumber */
    char certificate_id[SECTIGO_CERTIFICATE_ID_MAX + 1];
    char *names; /* owned: separated by commas or blanks; NULL where the report has none */
    int64_t ordered_s;
    uint32_t product; /* 0: not said */
    uint32_t days;    /* term; 0: not said */
    bool over;        /* rejected, cancelled or refunded */
    bool issued;      /* there is a certificate */
    bool revoked;
};
/* Fills a zeroed row; one that is not ours has no issuance. False when out of memory; report_row_clear in any case. */
bool report_row_fill(struct report_row *row, const struct sectigo_report_order *order, bool ours);
void report_row_clear(struct report_row *row);

struct report {
    struct report_row *rows; /* owned; sorted by order number */
    size_t count, capacity;
    uint64_t from_ms, to_ms;
    bool numbered; /* an order came with its foreignOrderNumber, now or in an earlier report of this login */
};
void report_clear(struct report *report);

/* complete: report holds all of them. Otherwise reason says why not, and report is what came so far. */
typedef void report_done_fn(void *ctx, bool complete, const char *reason);

/* Fills report, which must be zeroed but for from_ms, to_ms and numbered, and live until done. On the egress thread;
 * done is called exactly once, on the same thread, perhaps before this returns. */
void report_gather(struct upstream_login *login, const char *instance, bool test, struct report *report,
                   report_done_fn *done, void *ctx);

/* Whether the store has the subscription that this row is of:
 * REPORT_KNOWN, also for a replacement whose base order is known;
 * REPORT_UNSENT: it is a purchase that the store thinks it has not made yet;
 * REPORT_UNKNOWN: nothing, or an issuance that was refused or has another number. */
enum report_known { REPORT_KNOWN, REPORT_UNSENT, REPORT_UNKNOWN };
enum store_status report_find(struct store_txn *txn, const char *endpoint, const struct report_row *row,
                              enum report_known *known);
/* Adds the names of a row, which are separated by commas or blanks and in any case. False where one of them is none, or
 * there is none. */
bool report_names(const char *text, struct acme_names *names);
/* The order number without what Sectigo adds for a replacement ("1234567repl#1"). True for a replacement. */
bool report_base_number(const char *order_number, char base[static SECTIGO_ORDER_NUMBER_MAX + 1]);

#endif
