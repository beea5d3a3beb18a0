/* spending: limits on purchases in a UTC day and a UTC calendar month, and the counters they are held against.
 * issuance.md section 8.1.
 *
 * A purchase is reserved in the transaction that stores it as submitting, with the price the profile expects. The
 * reservation is settled with what the order really cost in the transaction that stores it as submitted, or given back
 * where it certainly bought nothing. Counters are kept for each day and month, of all and of each policy, so that
 * nothing is ever summed up. Reading in a snapshot, changing in a store_fn.
 */
#ifndef GATEWAY_ISSUE_MONEY_SPENDING_H
#define GATEWAY_ISSUE_MONEY_SPENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/policy.h"
#include "gateway/config/config.h"
#include "store/store.h"

enum { SPENDING_WHY_MAX = 256 };

/* The limits that a policy has of its own. */
struct config_spending spending_of_policy(const struct acme_policy *policy);

/* Whose limits a purchase is held against. */
struct spending_limits {
    const struct config_spending *overall;
    const struct config_spending *policy; /* NULL: the policy has none of its own */
    const char *policy_name;
};

struct spending_verdict {
    bool over;
    uint64_t reset_ms;          /* where over: when the day or month ends, so that it may be tried again */
    char why[SPENDING_WHY_MAX]; /* a sentence for client and operator; "" where not over */
};

/* Would one more purchase at this price fit now? */
enum store_status spending_check(struct store_txn *txn, const struct spending_limits *limits, int64_t cents,
                                 uint64_t now_ms, struct spending_verdict *verdict);

/* Counts it and remembers the reservation under the issuance's id. One that is there already stays as it is, and is
 * within the limits. Nothing is stored where verdict->over. */
enum store_status spending_reserve(struct store_txn *txn, const struct spending_limits *limits, const char *issuance,
                                   int64_t cents, uint64_t now_ms, struct spending_verdict *verdict);
/* It was bought: cents is what it cost, less than 0 where Sectigo did not say. *reserved_cents is what had been
 * expected. STORE_NOT_FOUND, and nothing counted: there was no reservation. */
enum store_status spending_settle(struct store_txn *txn, const char *issuance, int64_t cents, int64_t *reserved_cents);
/* The same, keeping what is counted; STORE_OK also where nothing was reserved. */
enum store_status spending_close(struct store_txn *txn, const char *issuance);
/* A purchase that was found at Sectigo, and was not reserved here: counted in the day and month in which it was
 * ordered. policy "": it is nobody's yet. */
enum store_status spending_count(struct store_txn *txn, const char *policy, uint64_t ordered_ms, int64_t cents);
/* One that was counted as nobody's is this policy's from now on. */
enum store_status spending_assign(struct store_txn *txn, const char *policy, uint64_t ordered_ms, int64_t cents);
/* It bought nothing. STORE_OK also where nothing was reserved. */
enum store_status spending_release(struct store_txn *txn, const char *issuance);

/* A purchase that is counted, and whose payment is still to be authorized, is a reservation again: counted as it is, in
 * the day and month of counted_ms. */
enum store_status spending_reopen(struct store_txn *txn, const char *issuance, const char *policy, int64_t cents,
                                  uint64_t counted_ms);
/* Its money moves now: it is counted in the day and month of now_ms, and no more where it was. Nothing changes where
 * verdict->over, and where nothing is reserved. */
enum store_status spending_move(struct store_txn *txn, const struct spending_limits *limits, const char *issuance,
                                uint64_t now_ms, struct spending_verdict *verdict);

/* What was spent, reserved purchases included, in the day and the month of now_ms; policy NULL: all of it. */
struct spending_sums {
    uint64_t day_count, month_count;
    int64_t day_cents, month_cents;
};
enum store_status spending_sums(struct store_txn *txn, const char *policy, uint64_t now_ms, struct spending_sums *sums);

#endif
