/* look_money: what is bought, and what may be bought. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "acme/policy.h"
#include "gateway/audit.h"
#include "gateway/issue/money/spending.h"
#include "gateway/notify/look.h"
#include "gateway/notify/told.h"
#include "gateway/tables.h"

/* ---- limits ---- */

/* One limit of one period, used so far. */
struct use {
    const char *policy; /* "": all */
    const char *what;   /* "purchases a day" */
    bool money, month;
    int64_t used, most;
};

static void say_amount(const struct look *look, bool money, int64_t amount, char out[static EVENT_MONEY_SIZE])
{
    if (money)
        event_money(amount, look->config->spending.currency, out);
    else
        snprintf(out, EVENT_MONEY_SIZE, "%" PRId64, amount);
}

/* In another day or month it is another event, and reached is another than near. */
static void add_use(const struct look *look, struct events *events, const struct use *use)
{
    struct event event = {.kind = CONFIG_EVENT_LIMIT, .since_ms = look->now_ms};
    char day[EVENT_TIME_SIZE], used[EVENT_MONEY_SIZE], most[EVENT_MONEY_SIZE];
    bool reached = use->used >= use->most;
    if (use->most == 0 || use->used * 100 < use->most * (int64_t)look->config->notify.limit_percent)
        return;
    event_time(look->now_ms, day);
    day[use->month ? strlen("2026-11") : strlen("2026-11-27")] = '\0';
    say_amount(look, use->money, use->used, used);
    say_amount(look, use->money, use->most, most);
    snprintf(event.subject, sizeof event.subject, "%.64s %s %s %s", use->policy, use->what, day,
             reached ? "reached" : "near");
    events_add(events, &event, "The limit of %s for %s%s is %s: %s of %s are used. %s", use->what,
               use->policy[0] ? "the policy " : "all policies together", use->policy, reached ? "reached" : "near",
               used, most,
               reached ? "New orders are refused until it is over, and what was ordered is held; renewals go on."
                       : "acmegatectl cost says who spends it.");
}

static void add_limits(const struct look *look, struct events *events, const char *policy,
                       const struct config_spending *limits, const struct spending_sums *sums)
{
    const struct use uses[] = {
        {policy, "purchases a day", false, false, (int64_t)sums->day_count, limits->purchases_per_day},
        {policy, "purchases a month", false, true, (int64_t)sums->month_count, limits->purchases_per_month},
        {policy, "money a day", true, false, sums->day_cents, limits->amount_per_day_cents},
        {policy, "money a month", true, true, sums->month_cents, limits->amount_per_month_cents},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        add_use(look, events, &uses[i]);
}

struct looking {
    const struct look *look;
    struct store_txn *txn;
    struct events *events;
};

static bool look_at_policy(void *ctx, struct store_slice key, struct store_slice value)
{
    struct looking *looking = ctx;
    struct acme_policy policy;
    struct spending_sums sums;
    char name[ACME_POLICY_MAX + 1] = "";
    (void)value;
    if (key.len >= sizeof name)
        return true;
    memcpy(name, key.data, key.len);
    if (acme_policy_load(looking->txn, name, &policy) == STORE_OK) {
        struct config_spending limits = spending_of_policy(&policy);
        bool limited = limits.purchases_per_day || limits.purchases_per_month || limits.amount_per_day_cents ||
                       limits.amount_per_month_cents;
        if (limited && spending_sums(looking->txn, name, looking->look->now_ms, &sums) == STORE_OK)
            add_limits(looking->look, looking->events, name, &limits, &sums);
    }
    acme_policy_clear(&policy);
    return true;
}

static void look_at_limits(struct looking *looking)
{
    const struct look *look = looking->look;
    struct spending_sums sums;
    looking->events->looked[CONFIG_EVENT_LIMIT] = spending_sums(looking->txn, NULL, look->now_ms, &sums) == STORE_OK;
    if (looking->events->looked[CONFIG_EVENT_LIMIT])
        add_limits(look, looking->events, "", &look->config->spending, &sums);
    store_visit(looking->txn, ACME_POLICIES, NULL, 0, look_at_policy, looking);
}

/* ---- the audit ---- */

static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text && *text ? text : "-";
}

static void names_of(const json_t *line, char out[static EVENT_NAMES_SIZE])
{
    const json_t *names = json_object_get(line, "names");
    const char *first = json_string_value(json_array_get(names, 0));
    size_t count = json_array_size(names);
    if (count > 1)
        snprintf(out, EVENT_NAMES_SIZE, "%.160s and %zu more", first ? first : "-", count - 1);
    else
        snprintf(out, EVENT_NAMES_SIZE, "%.180s", first ? first : "-");
}

static void add_purchase(struct looking *looking, struct event *event, const json_t *line)
{
    const struct config *config = looking->look->config;
    int64_t cents = json_integer_value(json_object_get(line, "amount_cents"));
    char names[EVENT_NAMES_SIZE], amount[EVENT_MONEY_SIZE];
    if (config->notify.purchase_over_cents == 0 || cents <= config->notify.purchase_over_cents)
        return;
    event->kind = CONFIG_EVENT_PURCHASE;
    names_of(line, names);
    event_money(cents, config->spending.currency, amount);
    events_add(looking->events, event, "%s was bought for %s: order number %s, policy %s, login %s.", names, amount,
               text_of(line, "order_number"), text_of(line, "policy"), text_of(line, "login"));
}

static void add_revocation(struct looking *looking, struct event *event, const json_t *line, bool done)
{
    char names[EVENT_NAMES_SIZE];
    event->kind = CONFIG_EVENT_REVOKED;
    names_of(line, names);
    events_add(looking->events, event,
               "Sectigo %s the certificate of %s (order number %s, policy %s). Renewal information tells its client to "
               "renew now; look whether it does.",
               done ? "has revoked" : "is going to revoke", names, text_of(line, "order_number"),
               text_of(line, "policy"));
}

static bool look_at_line(void *ctx, struct store_slice key, struct store_slice value)
{
    struct looking *looking = ctx;
    json_t *line = audit_read(key, value);
    const char *what = text_of(line, "what");
    struct event event = {.since_ms = (uint64_t)json_integer_value(json_object_get(line, "time_ms"))};
    snprintf(event.subject, sizeof event.subject, "%.48s %.100s", text_of(line, "issuance"), what);
    snprintf(event.policy, sizeof event.policy, "%s",
             strcmp(text_of(line, "policy"), "-") ? text_of(line, "policy") : "");
    if (strcmp(what, "purchase") == 0)
        add_purchase(looking, &event, line);
    else if (strcmp(what, "revoked-by-sectigo") == 0 || strcmp(what, "revocation-announced") == 0)
        add_revocation(looking, &event, line, strcmp(what, "revoked-by-sectigo") == 0);
    json_decref(line);
    return true;
}

static void look_at_audit(struct looking *looking)
{
    uint64_t from_ms = told_audit_from_ms(looking->txn, looking->look->now_ms);
    uint8_t from[8];
    for (int i = 0; i < 8; i++)
        from[i] = (uint8_t)(from_ms >> (56 - 8 * i));
    store_visit(looking->txn, ISSUE_AUDIT, from, sizeof from, look_at_line, looking);
}

void look_at_money(const struct look *look, struct store_txn *txn, struct events *events)
{
    struct looking looking = {look, txn, events};
    look_at_limits(&looking);
    look_at_audit(&looking);
}
