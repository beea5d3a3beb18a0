#include "gateway/days.h"

#include <stdio.h>
#include <string.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "gateway/audit.h"
#include "gateway/counters.h"
#include "gateway/tables.h"

/* The day behind it, big-endian, so that keys are in order of time. */
static const char PREFIX[] = "day";

enum { PREFIX_LEN = sizeof PREFIX - 1, KEY_LEN = PREFIX_LEN + 4 };

static void day_key(uint32_t day, uint8_t key[static KEY_LEN])
{
    memcpy(key, PREFIX, PREFIX_LEN);
    for (int i = 0; i < 4; i++)
        key[PREFIX_LEN + i] = (uint8_t)(day >> (24 - 8 * i));
}

static enum store_status add_to_day(struct store_txn *txn, uint64_t at_ms, const int64_t by[static DAY_NUMBERS])
{
    uint8_t key[KEY_LEN];
    day_key((uint32_t)(at_ms / DAY_MS), key);
    return counters_add(txn, key, sizeof key, by, DAY_NUMBERS);
}

enum store_status days_add_certificate(struct store_txn *txn, uint64_t issued_ms)
{
    return add_to_day(txn, issued_ms, (const int64_t[DAY_NUMBERS]){[DAY_CERTIFICATES] = 1});
}

enum store_status days_add_line(struct store_txn *txn, const json_t *line)
{
    int64_t by[DAY_NUMBERS] = {0};
    return cost_of_line(line, by) ? add_to_day(txn, audit_ordered_ms(line), by) : STORE_OK;
}

/* ---- anew ---- */

struct recount {
    struct store_txn *txn;
    enum store_status status;
};

static bool count_line(void *ctx, struct store_slice key, struct store_slice value)
{
    struct recount *r = ctx;
    json_t *line = audit_read(key, value);
    if (line) /* cost_recount tells of one that cannot be read */
        r->status = days_add_line(r->txn, line);
    json_decref(line);
    return r->status == STORE_OK;
}

static bool count_issued(void *ctx, struct store_slice key, struct store_slice value)
{
    struct recount *r = ctx;
    struct acme_certificate certificate;
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (acme_certificate_load(r->txn, &id, &certificate) == STORE_OK)
        r->status = days_add_certificate(r->txn, certificate.issued_ms);
    acme_certificate_clear(&certificate);
    return r->status == STORE_OK;
}

enum store_status days_recount(struct store_txn *txn)
{
    struct recount r = {.txn = txn};
    enum store_status status = counters_drop(txn, PREFIX, PREFIX_LEN);
    if (status == STORE_OK)
        status = store_visit(txn, ISSUE_AUDIT, NULL, 0, count_line, &r);
    if (status == STORE_OK && r.status == STORE_OK)
        status = store_visit(txn, ACME_CERTIFICATES, NULL, 0, count_issued, &r);
    return status == STORE_OK ? r.status : status;
}

enum store_status days_migrate(struct store_txn *txn, char reason[static STORE_REASON_SIZE])
{
    enum store_status status = days_recount(txn);
    if (status != STORE_OK)
        snprintf(reason, STORE_REASON_SIZE, "what was issued and spent by day cannot be counted: %s",
                 store_status_text(status));
    return status;
}

/* ---- read ---- */

struct visit {
    days_visit_fn *fn;
    void *ctx;
    enum store_status status;
};

/* False behind the last day. */
static bool read_day(struct store_slice key, uint32_t *day)
{
    *day = 0;
    if (key.len != KEY_LEN || memcmp(key.data, PREFIX, PREFIX_LEN) != 0)
        return false;
    for (size_t i = PREFIX_LEN; i < KEY_LEN; i++)
        *day = *day << 8 | key.data[i];
    return true;
}

static bool visit_day(void *ctx, struct store_slice key, struct store_slice value)
{
    struct visit *visit = ctx;
    int64_t numbers[DAY_NUMBERS];
    uint32_t day;
    if (!read_day(key, &day))
        return false;
    visit->status = counters_decode(value, numbers, DAY_NUMBERS);
    return visit->status == STORE_OK && visit->fn(visit->ctx, day, numbers);
}

enum store_status days_visit(struct store_txn *txn, uint32_t first, days_visit_fn *fn, void *ctx)
{
    struct visit visit = {fn, ctx, STORE_OK};
    uint8_t key[KEY_LEN];
    day_key(first, key);
    enum store_status status = store_visit(txn, ISSUE_COUNTERS, key, sizeof key, visit_day, &visit);
    return status == STORE_OK ? visit.status : status;
}
