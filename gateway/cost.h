/* cost: what was spent, summed up by month, policy, profile and login as the lines of the audit are written.
 *
 * Added to in the store_fn that writes the line, read in a snapshot.
 */
#ifndef GATEWAY_COST_H
#define GATEWAY_COST_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "store/store.h"

/* What a sum is of. Borrowed. */
struct cost_key {
    char month[16]; /* "2026-11" */
    const char *policy, *profile, *login;
};

enum cost_number { COST_PURCHASES, COST_REPLACEMENTS, COST_REFUNDS, COST_AMOUNT_CENTS, COST_NUMBERS };

/* A line of the audit: of the others than purchases, imports, adoptions, replacements and refunds nothing is added. */
enum store_status cost_add(struct store_txn *txn, const json_t *line);
/* What such a line adds, to numbers that are 0; false: nothing. */
bool cost_of_line(const json_t *line, int64_t by[static COST_NUMBERS]);
/* Sums the whole audit up anew. A line that cannot be read is logged and left out. Inside a store_fn. */
enum store_status cost_recount(struct store_txn *txn);

/* Of each sum, by month, policy, profile, login. Return false to stop. */
typedef bool cost_visit_fn(void *ctx, const struct cost_key *key, const int64_t numbers[static COST_NUMBERS]);
/* STORE_INVALID where a sum cannot be read. */
enum store_status cost_visit(struct store_txn *txn, cost_visit_fn *visit, void *ctx);

#endif
