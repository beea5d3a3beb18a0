#include "gateway/issue/money/spending.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acme/durations.h"
#include "acme/limits.h"
#include "gateway/tables.h"
#include "store/record.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 256, PERIOD_MAX = 16, KEY_MAX = PERIOD_MAX + 1 + ACME_POLICY_MAX };

/* The day and the month that a moment is in, as keys: "2026-11-25" and "2026-11". */
struct periods {
    char day[PERIOD_MAX], month[PERIOD_MAX];
};

struct counter {
    uint64_t count;
    int64_t cents;
};

struct reservation {
    uint64_t at_ms; /* whose day and month it is counted in */
    int64_t cents;
    char policy[ACME_POLICY_MAX + 1];
};

struct config_spending spending_of_policy(const struct acme_policy *policy)
{
    return (struct config_spending){.purchases_per_day = policy->purchases_per_day,
                                    .purchases_per_month = policy->purchases_per_month,
                                    .amount_per_day_cents = policy->cents_per_day,
                                    .amount_per_month_cents = policy->cents_per_month};
}

/* ---- the calendar ---- */

static bool periods_of(uint64_t now_ms, struct periods *periods)
{
    struct tm at;
    time_t seconds = (time_t)(now_ms / 1000);
    return gmtime_r(&seconds, &at) && strftime(periods->day, PERIOD_MAX, "%Y-%m-%d", &at) > 0 &&
           strftime(periods->month, PERIOD_MAX, "%Y-%m", &at) > 0;
}

/* When the day, or the month, of now_ms is over. */
static uint64_t end_of(bool month, uint64_t now_ms)
{
    struct tm at;
    time_t seconds = (time_t)(now_ms / 1000);
    if (!gmtime_r(&seconds, &at))
        return now_ms + DAY_MS;
    at.tm_hour = at.tm_min = at.tm_sec = 0;
    if (month) {
        at.tm_mday = 1;
        at.tm_mon++;
    } else {
        at.tm_mday++;
    }
    return (uint64_t)timegm(&at) * 1000;
}

/* ---- counters ---- */

/* policy "" for what all spend. */
static size_t counter_key(const char *period, const char *policy, char key[static KEY_MAX + 1])
{
    int len = snprintf(key, KEY_MAX + 1, "%s %s", period, policy);
    return len > 0 && len <= KEY_MAX ? (size_t)len : 0;
}

static enum store_status counter_load(struct store_txn *txn, const char *period, const char *policy,
                                      struct counter *counter)
{
    char key[KEY_MAX + 1];
    struct store_slice value;
    struct record_reader r;
    *counter = (struct counter){0};
    enum store_status status = store_get(txn, ISSUE_SPENDING, key, counter_key(period, policy, key), &value);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    if (record_open(&r, value) != RECORD_VERSION)
        return STORE_INVALID;
    counter->count = record_get_u64(&r);
    counter->cents = (int64_t)record_get_u64(&r);
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

static enum store_status counter_add(struct store_txn *txn, const char *period, const char *policy, int count,
                                     int64_t cents)
{
    char key[KEY_MAX + 1];
    struct counter counter;
    struct record_writer w;
    enum store_status status = counter_load(txn, period, policy, &counter);
    if (status != STORE_OK)
        return status;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u64(&w, count < 0 && counter.count == 0 ? 0 : counter.count + (uint64_t)(int64_t)count);
    record_put_u64(&w, (uint64_t)(counter.cents + cents));
    status = w.failed ? STORE_IO : store_put(txn, ISSUE_SPENDING, key, counter_key(period, policy, key), w.data, w.len);
    record_free(&w);
    return status;
}

/* In the day and month of at_ms; policy "": of all. */
static enum store_status count_for(struct store_txn *txn, const char *policy, uint64_t at_ms, int count, int64_t cents)
{
    struct periods periods;
    if (!periods_of(at_ms, &periods))
        return STORE_INVALID;
    enum store_status status = counter_add(txn, periods.day, policy, count, cents);
    return status == STORE_OK ? counter_add(txn, periods.month, policy, count, cents) : status;
}

/* Of all and of the policy. */
static enum store_status count(struct store_txn *txn, const struct reservation *of, int count, int64_t cents)
{
    enum store_status status = count_for(txn, "", of->at_ms, count, cents);
    return status == STORE_OK && of->policy[0] ? count_for(txn, of->policy, of->at_ms, count, cents) : status;
}

/* ---- limits ---- */

/* One limit of one period. */
struct limit {
    const char *policy; /* "": all */
    const char *currency;
    bool month;
    unsigned purchases;
    int64_t cents;
};

static void say_over(const struct limit *limit, bool money, uint64_t now_ms, struct spending_verdict *verdict)
{
    char most[80], whose[ACME_POLICY_MAX + 32] = "";
    uint64_t reset_ms = end_of(limit->month, now_ms);
    if (verdict->over && verdict->reset_ms >= reset_ms)
        return; /* the one that lasts longest is what to wait for */
    if (money)
        snprintf(most, sizeof most, "%" PRId64 ".%02d %s", limit->cents / 100, (int)(limit->cents % 100),
                 limit->currency);
    else
        snprintf(most, sizeof most, "%u purchases", limit->purchases);
    if (limit->policy[0])
        snprintf(whose, sizeof whose, " of the policy \"%s\"", limit->policy);
    verdict->over = true;
    verdict->reset_ms = reset_ms;
    snprintf(verdict->why, sizeof verdict->why,
             "the spending limit%s of %s a %s is reached; purchases go on when the %s is over (UTC)", whose, most,
             limit->month ? "month" : "day", limit->month ? "month" : "day");
}

static enum store_status check_one(struct store_txn *txn, const struct limit *limit, int64_t cents, uint64_t now_ms,
                                   struct spending_verdict *verdict)
{
    struct periods periods;
    struct counter counter;
    if (limit->purchases == 0 && limit->cents == 0)
        return STORE_OK;
    if (!periods_of(now_ms, &periods))
        return STORE_INVALID;
    enum store_status status = counter_load(txn, limit->month ? periods.month : periods.day, limit->policy, &counter);
    if (status != STORE_OK)
        return status;
    if (limit->purchases && counter.count >= limit->purchases)
        say_over(limit, false, now_ms, verdict);
    if (limit->cents && counter.cents + cents > limit->cents)
        say_over(limit, true, now_ms, verdict);
    return STORE_OK;
}

static enum store_status check_all(struct store_txn *txn, const struct config_spending *spending, const char *currency,
                                   const char *policy, int64_t cents, uint64_t now_ms, struct spending_verdict *verdict)
{
    const struct limit day = {policy, currency, false, spending->purchases_per_day, spending->amount_per_day_cents};
    const struct limit month = {policy, currency, true, spending->purchases_per_month,
                                spending->amount_per_month_cents};
    enum store_status status = check_one(txn, &day, cents, now_ms, verdict);
    return status == STORE_OK ? check_one(txn, &month, cents, now_ms, verdict) : status;
}

enum store_status spending_check(struct store_txn *txn, const struct spending_limits *limits, int64_t cents,
                                 uint64_t now_ms, struct spending_verdict *verdict)
{
    const char *currency = limits->overall->currency;
    *verdict = (struct spending_verdict){0};
    enum store_status status = check_all(txn, limits->overall, currency, "", cents, now_ms, verdict);
    if (status == STORE_OK && limits->policy)
        status = check_all(txn, limits->policy, currency, limits->policy_name, cents, now_ms, verdict);
    return status;
}

/* ---- reservations ---- */

static enum store_status reservation_load(struct store_txn *txn, const char *issuance, struct reservation *reservation)
{
    struct store_slice value;
    struct record_reader r;
    enum store_status status = store_get(txn, ISSUE_RESERVATIONS, issuance, strlen(issuance), &value);
    if (status != STORE_OK)
        return status;
    if (record_open(&r, value) != RECORD_VERSION)
        return STORE_INVALID;
    reservation->at_ms = record_get_u64(&r);
    reservation->cents = (int64_t)record_get_u64(&r);
    record_get_string(&r, reservation->policy, sizeof reservation->policy);
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

static enum store_status reservation_save(struct store_txn *txn, const char *issuance,
                                          const struct reservation *reservation)
{
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u64(&w, reservation->at_ms);
    record_put_u64(&w, (uint64_t)reservation->cents);
    record_put_string(&w, reservation->policy);
    enum store_status status =
        w.failed ? STORE_IO : store_put(txn, ISSUE_RESERVATIONS, issuance, strlen(issuance), w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status spending_reserve(struct store_txn *txn, const struct spending_limits *limits, const char *issuance,
                                   int64_t cents, uint64_t now_ms, struct spending_verdict *verdict)
{
    struct reservation reservation;
    *verdict = (struct spending_verdict){0};
    enum store_status status = reservation_load(txn, issuance, &reservation);
    if (status != STORE_NOT_FOUND)
        return status;
    status = spending_check(txn, limits, cents, now_ms, verdict);
    if (status != STORE_OK || verdict->over)
        return status;
    reservation = (struct reservation){.at_ms = now_ms, .cents = cents};
    snprintf(reservation.policy, sizeof reservation.policy, "%s", limits->policy_name);
    status = reservation_save(txn, issuance, &reservation);
    return status == STORE_OK ? count(txn, &reservation, 1, cents) : status;
}

enum store_status spending_settle(struct store_txn *txn, const char *issuance, int64_t cents, int64_t *reserved_cents)
{
    struct reservation reservation;
    *reserved_cents = 0;
    enum store_status status = reservation_load(txn, issuance, &reservation);
    if (status != STORE_OK)
        return status;
    *reserved_cents = reservation.cents;
    if (cents >= 0 && cents != reservation.cents)
        status = count(txn, &reservation, 0, cents - reservation.cents);
    return status == STORE_OK ? store_delete(txn, ISSUE_RESERVATIONS, issuance, strlen(issuance)) : status;
}

enum store_status spending_count(struct store_txn *txn, const char *policy, uint64_t ordered_ms, int64_t cents)
{
    struct reservation found = {.at_ms = ordered_ms};
    snprintf(found.policy, sizeof found.policy, "%s", policy);
    return count(txn, &found, 1, cents);
}

enum store_status spending_assign(struct store_txn *txn, const char *policy, uint64_t ordered_ms, int64_t cents)
{
    return count_for(txn, policy, ordered_ms, 1, cents);
}

enum store_status spending_release(struct store_txn *txn, const char *issuance)
{
    struct reservation reservation;
    enum store_status status = reservation_load(txn, issuance, &reservation);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    status = count(txn, &reservation, -1, -reservation.cents);
    return status == STORE_OK ? store_delete(txn, ISSUE_RESERVATIONS, issuance, strlen(issuance)) : status;
}

enum store_status spending_reopen(struct store_txn *txn, const char *issuance, const char *policy, int64_t cents,
                                  uint64_t counted_ms)
{
    struct reservation reservation = {.at_ms = counted_ms, .cents = cents};
    snprintf(reservation.policy, sizeof reservation.policy, "%s", policy);
    return reservation_save(txn, issuance, &reservation);
}

enum store_status spending_move(struct store_txn *txn, const struct spending_limits *limits, const char *issuance,
                                uint64_t now_ms, struct spending_verdict *verdict)
{
    struct reservation reservation;
    *verdict = (struct spending_verdict){0};
    enum store_status status = reservation_load(txn, issuance, &reservation);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    status = count(txn, &reservation, -1, -reservation.cents); /* its own place is no reason against it */
    if (status == STORE_OK)
        status = spending_check(txn, limits, reservation.cents, now_ms, verdict);
    if (status == STORE_OK && !verdict->over) {
        reservation.at_ms = now_ms;
        status = reservation_save(txn, issuance, &reservation);
    }
    return status == STORE_OK ? count(txn, &reservation, 1, reservation.cents) : status;
}

enum store_status spending_close(struct store_txn *txn, const char *issuance)
{
    int64_t cents;
    enum store_status status = spending_settle(txn, issuance, -1, &cents);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* ---- what was spent ---- */

enum store_status spending_sums(struct store_txn *txn, const char *policy, uint64_t now_ms, struct spending_sums *sums)
{
    struct periods periods;
    struct counter day, month;
    *sums = (struct spending_sums){0};
    if (!periods_of(now_ms, &periods))
        return STORE_INVALID;
    enum store_status status = counter_load(txn, periods.day, policy ? policy : "", &day);
    if (status == STORE_OK)
        status = counter_load(txn, periods.month, policy ? policy : "", &month);
    if (status == STORE_OK)
        *sums = (struct spending_sums){day.count, month.count, day.cents, month.cents};
    return status;
}
