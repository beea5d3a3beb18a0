#include "gateway/issue/money/guard.h"

#include <stdio.h>
#include <stdlib.h>

#include "acme/durations.h"
#include "acme/policy.h"
#include "gateway/clock.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/upstream/request.h"

/* A paused login is asked for again this late where nobody resumes it. */
static const uint64_t PAUSE_LOOK_MS = HOUR_MS;
/* After the clock was in doubt. */
static const uint64_t DOUBT_LOOK_MS = SECOND_MS;
/* What waits for a new day does not leave in one moment. */
static const uint64_t RESET_SPREAD_MS = MINUTE_MS;

/* The policy's own limits; none where it has been deleted since. */
static enum store_status policy_limits(struct store_txn *txn, const char *name, struct config_spending *limits)
{
    struct acme_policy policy;
    enum store_status status = acme_policy_load(txn, name, &policy);
    *limits = spending_of_policy(&policy);
    acme_policy_clear(&policy);
    if (status == STORE_NOT_FOUND)
        *limits = (struct config_spending){0};
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static struct spending_limits limits_of(const struct guard_purchase *purchase, const struct config_spending *policy)
{
    return (struct spending_limits){
        .overall = &purchase->config->spending, .policy = policy, .policy_name = purchase->policy};
}

static int64_t price_of(const struct guard_purchase *purchase)
{
    return request_price(purchase->profile, purchase->product, purchase->names);
}

enum store_status guard_foresee(struct store_txn *txn, const struct guard_purchase *purchase, uint64_t now_ms,
                                struct spending_verdict *verdict)
{
    struct config_spending policy;
    struct spending_limits limits = limits_of(purchase, &policy);
    *verdict = (struct spending_verdict){0};
    if (purchase->test)
        return STORE_OK;
    enum store_status status = policy_limits(txn, purchase->policy, &policy);
    return status == STORE_OK ? spending_check(txn, &limits, price_of(purchase), now_ms, verdict) : status;
}

struct guard_verdict guard_pause(const struct login_record *login, const struct ledger *ledger, uint64_t now_ms,
                                 uint64_t spread_ms)
{
    struct guard_verdict verdict = {.held = false};
    bool broke = login->no_credit_ms && !clock_is_over(login->no_credit_ms, PAUSE_LOOK_MS, now_ms);
    const char *why =
        login->paused_ms ? "the operator has paused purchases with this login (acmegatectl upstream resume)"
        : ledger->forgotten
            ? "Sectigo has orders of this gateway that the store does not know, so it is an older copy, "
              "and nothing is bought before it knows them (acmegatectl upstream reconcile)"
        : ledger->restored_ms ? "the store was restored from a backup, so nothing is bought before it knows what was "
                                "bought since (acmegatectl upstream reconcile)"
        : login->withheld_ms
            ? "three certificates in a row that were bought with this login were not accepted, all for the "
              "same reason (acmegatectl kept): mend it, then acmegatectl upstream resume"
        : broke ? "the Sectigo account has not enough credit (-15): pay in, then acmegatectl upstream "
                  "resume"
                : NULL;
    if (!why)
        return verdict;
    verdict.held = true;
    verdict.due_ms = now_ms + PAUSE_LOOK_MS;
    if (broke && !login->paused_ms && !login->withheld_ms &&
        !ledger->restored_ms) /* the first of them asks, its answer holds the others again */
        verdict.due_ms = login->no_credit_ms + PAUSE_LOOK_MS + spread_ms;
    snprintf(verdict.why, sizeof verdict.why, "%s", why);
    return verdict;
}

static enum store_status decide_pause(struct store_txn *txn, const struct guard_purchase *purchase, uint64_t now_ms,
                                      struct guard_verdict *verdict)
{
    struct login_record login;
    struct ledger ledger;
    enum store_status status = login_load(txn, purchase->login, &login);
    if (status == STORE_OK)
        status = ledger_load(txn, purchase->login, &ledger);
    if (status == STORE_OK)
        *verdict = guard_pause(&login, &ledger, now_ms, (uint64_t)random() % RESET_SPREAD_MS);
    return status;
}

static void hold_until_reset(const struct spending_verdict *spending, struct guard_verdict *verdict)
{
    verdict->held = true;
    verdict->due_ms = spending->reset_ms + (uint64_t)random() % RESET_SPREAD_MS;
    snprintf(verdict->why, sizeof verdict->why, "%s", spending->why);
}

/* Reserves its price; or moves what is reserved, since its money moves now. */
static enum store_status decide_spending(struct store_txn *txn, const struct guard_purchase *purchase, bool reserved,
                                         const char *issuance, uint64_t now_ms, struct guard_verdict *verdict)
{
    struct spending_verdict spending;
    struct config_spending policy;
    struct spending_limits limits = limits_of(purchase, &policy);
    if (purchase->test)
        return STORE_OK;
    enum store_status status = policy_limits(txn, purchase->policy, &policy);
    if (status == STORE_OK && reserved)
        status = spending_move(txn, &limits, issuance, now_ms, &spending);
    else if (status == STORE_OK)
        status = spending_reserve(txn, &limits, issuance, price_of(purchase), now_ms, &spending);
    if (status == STORE_OK && spending.over)
        hold_until_reset(&spending, verdict);
    return status;
}

enum store_status guard_decide(struct store_txn *txn, const struct guard_purchase *purchase, const char *issuance,
                               uint64_t now_ms, struct guard_verdict *verdict)
{
    *verdict = (struct guard_verdict){0};
    enum store_status status = decide_pause(txn, purchase, now_ms, verdict);
    if (status == STORE_OK && !verdict->held)
        status = decide_spending(txn, purchase, false, issuance, now_ms, verdict);
    return status;
}

enum store_status guard_authorize(struct store_txn *txn, const struct guard_purchase *purchase, const char *issuance,
                                  uint64_t now_ms, struct guard_verdict *verdict)
{
    *verdict = (struct guard_verdict){0};
    if (clock_in_doubt()) {
        *verdict = (struct guard_verdict){
            .held = true, .due_ms = now_ms + DOUBT_LOOK_MS, .why = "nothing is paid while the clock is in doubt"};
        return STORE_OK;
    }
    enum store_status status = decide_pause(txn, purchase, now_ms, verdict);
    if (status == STORE_OK && !verdict->held)
        status = decide_spending(txn, purchase, true, issuance, now_ms, verdict);
    return status;
}
