/* days: what was issued and spent, summed up by UTC day: what the plots are drawn of.
 *
 * Added to in the store_fn that stores what is counted, read in a snapshot. A record a day, kept for good.
 */
#ifndef GATEWAY_DAYS_H
#define GATEWAY_DAYS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "gateway/cost.h"
#include "store/store.h"

/* Those of cost.h, and what was issued. */
enum { DAY_CERTIFICATES = COST_NUMBERS, DAY_NUMBERS };

/* A certificate was issued at that time. Inside a store_fn. */
enum store_status days_add_certificate(struct store_txn *txn, uint64_t issued_ms);
/* A line of the audit, as cost_add takes it: on the day on which it was ordered. Inside a store_fn. */
enum store_status days_add_line(struct store_txn *txn, const json_t *line);
/* Sums everything up anew, from the audit and the certificates. Inside a store_fn. */
enum store_status days_recount(struct store_txn *txn);
/* The same, from schema 4 to 5. */
enum store_status days_migrate(struct store_txn *txn, char reason[static STORE_REASON_SIZE]);

/* Of each day on which something was counted, from the first one on (days since 1970), oldest first. Return false to
 * stop. */
typedef bool days_visit_fn(void *ctx, uint32_t day, const int64_t numbers[static DAY_NUMBERS]);
/* STORE_INVALID where a sum cannot be read. */
enum store_status days_visit(struct store_txn *txn, uint32_t first, days_visit_fn *visit, void *ctx);

#endif
