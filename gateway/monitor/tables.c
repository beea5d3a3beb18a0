/* tables: what only a look at every record tells. */
#include <string.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "acme/order.h"
#include "gateway/clock.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/metrics/metrics.h"
#include "gateway/monitor/sample.h"
#include "gateway/operate/patience.h"
#include "gateway/tables.h"

/* ---- counted by a number, and the age of the oldest ---- */

enum { GROUPS_MAX = 16 };

struct groups {
    uint64_t now_ms;
    int64_t count[GROUPS_MAX];
    uint64_t since_ms[GROUPS_MAX]; /* of the oldest; 0: there is none */
};

static void note(struct groups *groups, unsigned group, uint64_t since_ms)
{
    groups->count[group]++;
    if (groups->since_ms[group] == 0 || since_ms < groups->since_ms[group])
        groups->since_ms[group] = since_ms;
}

/* The groups from 1 on; the metrics' first label is that of group `first`. */
static void show(const struct groups *groups, unsigned first, unsigned end, enum metric count, enum metric oldest)
{
    for (unsigned i = 1; i < end; i++) {
        uint64_t age_ms = groups->since_ms[i] ? clock_since(groups->since_ms[i], groups->now_ms) : 0;
        metrics_set(count, groups->count[i], i - first);
        metrics_set(oldest, (int64_t)age_ms, i - first);
    }
}

static bool note_issuance(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct issuance is;
    char id[ISSUANCE_ID_MAX + 1] = "";
    enum issuance_state state = issuance_state_of(value);
    if (state == 0 || issuance_ended(state) || key.len >= sizeof id)
        return true;
    memcpy(id, key.data, key.len);
    if (issuance_load(txn, id, &is) == STORE_OK)
        note(ctx, is.state, is.created_ms);
    issuance_clear(&is);
    return true;
}

/* One that has expired is invalid, whatever is stored. */
static bool note_order(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct groups *groups = ctx;
    struct acme_order order;
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (acme_order_load(txn, &id, &order) == STORE_OK) {
        bool waits = order.status == ACME_ORDER_PENDING || order.status == ACME_ORDER_READY;
        bool expired = waits && order.expires_s * 1000 <= groups->now_ms;
        note(groups, expired ? ACME_ORDER_INVALID : order.status, order.created_s * 1000);
    }
    acme_order_clear(&order);
    return true;
}

/* ---- certificates ---- */

struct certificates {
    uint64_t now_ms;
    int64_t all[METRIC_EXPIRIES], unrenewed[METRIC_EXPIRIES];
};

static enum metric_expiry expiry_of(const struct acme_certificate *certificate, uint64_t now_ms)
{
    static const uint64_t days[] = {
        [METRIC_WEEK] = 7, [METRIC_FORTNIGHT] = 14, [METRIC_MONTH] = 30, [METRIC_QUARTER] = 90};
    uint64_t end_ms = (uint64_t)certificate->not_after_s * 1000;
    if (end_ms <= now_ms)
        return METRIC_EXPIRED;
    for (unsigned i = METRIC_WEEK; i < METRIC_LATER; i++) {
        if (end_ms - now_ms <= days[i] * DAY_MS)
            return (enum metric_expiry)i;
    }
    return METRIC_LATER;
}

static bool note_certificate(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct certificates *found = ctx;
    struct acme_certificate certificate;
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (acme_certificate_load(txn, &id, &certificate) == STORE_OK)
        found->all[expiry_of(&certificate, found->now_ms)]++;
    acme_certificate_clear(&certificate);
    return true;
}

/* ---- which of them nothing has renewed ---- */

static bool note_subscription(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct certificates *found = ctx;
    struct subscription subscription;
    struct acme_certificate certificate = {0};
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (subscription_load(txn, &id, &subscription) == STORE_OK && subscription.has_certificate &&
        acme_certificate_load(txn, &subscription.certificate, &certificate) == STORE_OK &&
        certificate.revocation == ACME_REVOCATION_NONE && !certificate.has_replacement &&
        !subscription_has_successor(txn, &subscription))
        found->unrenewed[expiry_of(&certificate, found->now_ms)]++;
    acme_certificate_clear(&certificate);
    subscription_clear(&subscription);
    return true;
}

/* ---- all of it ---- */

struct look {
    struct store *store;
    scan_rest_fn *rest;
    void *ctx;
};

static bool scan_all(const struct look *look, unsigned table, scan_fn *fn, void *ctx)
{
    return scan_slowly(look->store, table, fn, ctx, look->rest, look->ctx) == STORE_OK;
}

static void sample_certificates(const struct look *look)
{
    struct certificates found = {.now_ms = clock_ms()};
    if (!scan_all(look, ACME_CERTIFICATES, note_certificate, &found) ||
        !scan_all(look, ISSUE_SUBSCRIPTIONS, note_subscription, &found))
        return;
    for (unsigned i = 0; i < METRIC_EXPIRIES; i++) {
        metrics_set(METRIC_CERTIFICATES, found.all[i], i);
        metrics_set(METRIC_UNRENEWED, found.unrenewed[i], i);
    }
}

/* ---- what nobody fetched ---- */

static bool note_unfetched(void *ctx, struct store_txn *txn, const struct acme_certificate *certificate)
{
    int64_t *unfetched = ctx;
    struct acme_order order;
    if (acme_order_load(txn, &certificate->order, &order) == STORE_OK)
        unfetched[metrics_agent(order.user_agent)]++;
    acme_order_clear(&order);
    return true;
}

static void sample_unfetched(const struct monitor_config *at)
{
    struct store_txn *txn;
    int64_t unfetched[GROUPS_MAX] = {0};
    if (store_read(at->store, &txn) != STORE_OK)
        return;
    enum store_status status = patience_visit(txn, clock_ms(), note_unfetched, unfetched);
    store_read_end(txn);
    for (unsigned i = 0; status == STORE_OK && i < GROUPS_MAX; i++)
        metrics_set(METRIC_GAVE_UP, unfetched[i], i);
}

void sample_tables(const struct monitor_config *at, scan_rest_fn *rest, void *ctx)
{
    const struct look look = {at->store, rest, ctx};
    _Static_assert((int)ISSUANCE_STATES <= GROUPS_MAX && (int)ACME_ORDER_INVALID < GROUPS_MAX, "each has a group");
    struct groups issuances = {.now_ms = clock_ms()}, orders = issuances;
    if (scan_all(&look, ISSUE_ISSUANCES, note_issuance, &issuances))
        show(&issuances, 0, ISSUANCE_STATES, METRIC_ISSUANCES, METRIC_ISSUANCE_OLDEST);
    if (scan_all(&look, ACME_ORDERS, note_order, &orders))
        show(&orders, 1, ACME_ORDER_INVALID + 1, METRIC_ORDERS, METRIC_ORDER_OLDEST);
    sample_certificates(&look);
    sample_unfetched(at);
}
