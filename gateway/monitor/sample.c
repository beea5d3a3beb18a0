/* sample: the store itself, jobs, logins, limits. */
#include "gateway/monitor/sample.h"

#include <string.h>

#include "acme/policy.h"
#include "gateway/clock.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/record/login.h"
#include "gateway/metrics/metrics.h"
#include "gateway/tables.h"

static const char ALL_POLICIES[] = "(all)"; /* no policy is called so */

static void sample_jobs(const struct monitor_config *at, struct store_txn *txn)
{
    struct scheduler_due jobs;
    if (scheduler_count_due(txn, clock_ms(), &jobs) != STORE_OK)
        return;
    metrics_set(METRIC_JOBS_DUE, (int64_t)jobs.due, 0);
    metrics_set(METRIC_JOBS_LATE, (int64_t)jobs.late, 0);
    metrics_set(METRIC_JOBS_RUNNING, scheduler_busy(at->scheduler), 0);
}

/* ---- logins ---- */

static void sample_login(struct store_txn *txn, const struct config_login *config, const struct upstream_login *login)
{
    unsigned name = metrics_login(config->name);
    struct login_record known;
    struct ledger ledger;
    metrics_set(METRIC_LOGIN_REFUSED, upstream_login_refused(login), name);
    metrics_set(METRIC_LOGIN_RESTING, upstream_login_broken(login), name);
    metrics_set(METRIC_LOW_CREDIT, config->low_credit_cents, name);
    if (login_load(txn, config->name, &known) != STORE_OK || ledger_load(txn, config->name, &ledger) != STORE_OK)
        return;
    metrics_set(METRIC_LOGIN_PAUSED,
                known.paused_ms || known.withheld_ms || known.no_credit_ms || ledger.restored_ms || ledger.forgotten,
                name);
    metrics_set(METRIC_LAST_PUSH, (int64_t)known.pushed_ms, name);
    if (ledger.balance_ms)
        metrics_set(METRIC_CREDIT, ledger.balance_cents, name);
}

/* ---- limits ---- */

static void sample_limit(unsigned policy, enum metric_window window, int64_t count_limit, int64_t cents_limit)
{
    if (count_limit)
        metrics_set(METRIC_COUNT_LIMIT, count_limit, policy, (unsigned)window);
    if (cents_limit)
        metrics_set(METRIC_AMOUNT_LIMIT, cents_limit, policy, (unsigned)window);
}

static void sample_limits(unsigned policy, const struct config_spending *limits, const struct spending_sums *sums)
{
    sample_limit(policy, METRIC_DAY, limits->purchases_per_day, limits->amount_per_day_cents);
    sample_limit(policy, METRIC_MONTH_WINDOW, limits->purchases_per_month, limits->amount_per_month_cents);
    metrics_set(METRIC_COUNTED, (int64_t)sums->day_count, policy, METRIC_DAY);
    metrics_set(METRIC_COUNTED, (int64_t)sums->month_count, policy, METRIC_MONTH_WINDOW);
    metrics_set(METRIC_AMOUNT, sums->day_cents, policy, METRIC_DAY);
    metrics_set(METRIC_AMOUNT, sums->month_cents, policy, METRIC_MONTH_WINDOW);
}

static bool sample_policy(void *ctx, struct store_slice key, struct store_slice value)
{
    struct store_txn *txn = ctx;
    struct acme_policy policy;
    struct spending_sums sums;
    char name[ACME_POLICY_MAX + 1] = "";
    (void)value;
    memcpy(name, key.data, key.len < sizeof name ? key.len : sizeof name - 1);
    if (acme_policy_load(txn, name, &policy) == STORE_OK) {
        struct config_spending limits = spending_of_policy(&policy);
        bool limited = limits.purchases_per_day || limits.purchases_per_month || limits.amount_per_day_cents ||
                       limits.amount_per_month_cents;
        if (limited && spending_sums(txn, name, clock_ms(), &sums) == STORE_OK)
            sample_limits(metrics_policy(name), &limits, &sums);
    }
    acme_policy_clear(&policy);
    return true;
}

static void sample_spending(const struct config *config, struct store_txn *txn)
{
    static const enum metric limited[] = {METRIC_COUNTED, METRIC_COUNT_LIMIT, METRIC_AMOUNT, METRIC_AMOUNT_LIMIT};
    struct spending_sums sums;
    for (size_t i = 0; i < sizeof limited / sizeof *limited; i++)
        metrics_forget(limited[i]); /* of policies that are gone, and limits that are lifted */
    if (spending_sums(txn, NULL, clock_ms(), &sums) == STORE_OK)
        sample_limits(metrics_policy(ALL_POLICIES), &config->spending, &sums);
    store_visit(txn, ACME_POLICIES, NULL, 0, sample_policy, txn);
}

/* ---- all of it ---- */

void sample_store(const struct monitor_config *at)
{
    struct store_stats stats;
    struct store_txn *txn;
    store_stats(at->store, &stats);
    metrics_set(METRIC_STORE_USED, (int64_t)stats.used, 0);
    metrics_set(METRIC_STORE_SIZE, (int64_t)stats.map_size, 0);
    metrics_set(METRIC_STORE_COMMITS, (int64_t)stats.commits, 0);
    metrics_set(METRIC_STORE_FAILED, (int64_t)stats.failed, 0);
    metrics_set(METRIC_OWNER, store_owns(at->store), 0);
    if (store_read(at->store, &txn) != STORE_OK)
        return;
    sample_jobs(at, txn);
    const struct config *config = config_take(at->configs);
    for (unsigned i = 0; i < config->login_count; i++)
        sample_login(txn, &config->logins[i], upstream_login(at->upstream, &config->logins[i]));
    sample_spending(config, txn);
    config_drop(config);
    store_read_end(txn);
}
