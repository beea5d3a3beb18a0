/* limits: every limit that can keep something from being ordered or bought, and how much of it is used now. */
#include <stdlib.h>
#include <string.h>

#include "acme/policy.h"
#include "acme/tables.h"
#include "gateway/clock.h"
#include "gateway/issue/money/spending.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"

struct limits {
    struct store_txn *txn;
    json_t *items;
    uint64_t now_ms;
    bool failed;
};

/* Takes row. */
static void add_row(struct limits *limits, json_t *row)
{
    if (!row || json_array_append_new(limits->items, row) != 0)
        limits->failed = true;
}

/* limit 0: there is none, which is told of what counts for all, and left out of a policy. */
static void add(struct limits *limits, const char *policy, const char *what, const char *kind, int64_t used,
                int64_t limit)
{
    struct object o;
    bool money = strcmp(kind, "money") == 0;
    if (limit == 0 && policy[0])
        return;
    object_begin(&o);
    object_text(&o, "policy", policy);
    object_text(&o, "limit", what);
    object_put(&o, money ? "used_cents" : "used", json_integer(used));
    object_put(&o, money ? "most_cents" : "most", limit ? json_integer(limit) : json_null());
    object_put(&o, "reached", json_boolean(limit > 0 && used >= limit));
    add_row(limits, object_end(&o));
}

static void add_spending(struct limits *limits, const char *policy, const struct config_spending *most)
{
    struct spending_sums sums;
    if (spending_sums(limits->txn, policy[0] ? policy : NULL, limits->now_ms, &sums) != STORE_OK) {
        limits->failed = true;
        return;
    }
    add(limits, policy, "purchases a day", "count", (int64_t)sums.day_count, most->purchases_per_day);
    add(limits, policy, "purchases a month", "count", (int64_t)sums.month_count, most->purchases_per_month);
    add(limits, policy, "amount a day", "money", sums.day_cents, most->amount_per_day_cents);
    add(limits, policy, "amount a month", "money", sums.month_cents, most->amount_per_month_cents);
}

static void add_quotas(struct limits *limits, const struct acme_policy *policy)
{
    static const struct {
        enum acme_policy_use use;
        const char *what;
    } quotas[] = {{ACME_USE_ACCOUNTS, "accounts"},
                  {ACME_USE_ORDERS, "orders a day"},
                  {ACME_USE_CERTIFICATES, "certificates a day"}};
    for (size_t i = 0; i < sizeof quotas / sizeof *quotas; i++) {
        uint32_t used, most;
        if (acme_policy_used(limits->txn, policy, quotas[i].use, limits->now_ms / 1000, &used, &most) == STORE_OK)
            add(limits, policy->name, quotas[i].what, "count", used, most);
        else
            limits->failed = true;
    }
}

static bool add_policy(void *ctx, struct store_slice key, struct store_slice value)
{
    struct limits *limits = ctx;
    struct acme_policy policy;
    char name[ACME_POLICY_MAX + 1];
    (void)value;
    if (key.len > ACME_POLICY_MAX)
        return true;
    memcpy(name, key.data, key.len);
    name[key.len] = '\0';
    if (acme_policy_load(limits->txn, name, &policy) == STORE_OK) {
        struct config_spending most = spending_of_policy(&policy);
        add_spending(limits, name, &most);
        add_quotas(limits, &policy);
    } else {
        limits->failed = true;
    }
    acme_policy_clear(&policy);
    return !limits->failed;
}

void limits_get(struct request *request)
{
    struct limits limits = {.items = json_array(), .now_ms = clock_ms()};
    enum store_status status = store_read(request->admin->store, &limits.txn);
    limits.failed = !limits.items;
    if (status == STORE_OK) {
        if (!limits.failed)
            add_spending(&limits, "", &request->config->spending);
        if (!limits.failed)
            status = store_visit(limits.txn, ACME_POLICIES, NULL, 0, add_policy, &limits);
        store_read_end(limits.txn);
    }
    if (status == STORE_OK && !limits.failed)
        answer_money(request, json_pack("{s:O}", "items", limits.items));
    else if (status != STORE_OK)
        answer_store(request->answer, status, "limits");
    else
        answer_error(request->answer, 503, "a limit, or what is counted against it, cannot be read");
    json_decref(limits.items);
}
