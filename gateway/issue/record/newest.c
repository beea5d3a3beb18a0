#include "gateway/issue/record/newest.h"

#include <string.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/tables.h"

/* Ids and keys of the audit begin with their time. */
enum { ID_TIME_LEN = 6, AUDIT_TIME_LEN = 8 };

/* Certificates as young as this are looked into. */
static const uint64_t YOUNG_MS = DAY_MS;

struct newest {
    struct store_txn *txn;
    size_t time_len;
    uint64_t time_ms;
};

static void put_time(uint8_t *key, size_t len, uint64_t time_ms)
{
    for (size_t i = 0; i < len; i++)
        key[i] = (uint8_t)(time_ms >> (8 * (len - 1 - i)));
}

static void take_newest(struct newest *newest, uint64_t time_ms)
{
    if (time_ms > newest->time_ms)
        newest->time_ms = time_ms;
}

static bool take_key(void *ctx, struct store_slice key, struct store_slice value)
{
    struct newest *newest = ctx;
    uint64_t time_ms = 0;
    (void)value;
    for (size_t i = 0; i < newest->time_len && i < key.len; i++)
        time_ms = time_ms << 8 | key.data[i];
    take_newest(newest, time_ms);
    return true;
}

static bool take_certificate(void *ctx, struct store_slice key, struct store_slice value)
{
    struct newest *newest = ctx;
    struct acme_certificate certificate = {0};
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    if (acme_certificate_load(newest->txn, &id, &certificate) == STORE_OK && certificate.not_before_s > 0)
        take_newest(newest, (uint64_t)certificate.not_before_s * 1000);
    acme_certificate_clear(&certificate);
    return take_key(ctx, key, value);
}

uint64_t newest_after(struct store_txn *txn, uint64_t now_ms)
{
    static const unsigned made[] = {ACME_ACCOUNTS, ACME_ORDERS};
    struct newest newest = {.txn = txn, .time_len = ID_TIME_LEN};
    uint8_t from[AUDIT_TIME_LEN];

    put_time(from, ID_TIME_LEN, now_ms);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        store_visit(txn, made[i], from, ID_TIME_LEN, take_key, &newest);
    put_time(from, ID_TIME_LEN, clock_since(YOUNG_MS, now_ms));
    store_visit(txn, ACME_CERTIFICATES, from, ID_TIME_LEN, take_certificate, &newest);
    newest.time_len = AUDIT_TIME_LEN;
    put_time(from, AUDIT_TIME_LEN, now_ms);
    store_visit(txn, ISSUE_AUDIT, from, AUDIT_TIME_LEN, take_key, &newest);
    return newest.time_ms > now_ms ? newest.time_ms : 0;
}

uint64_t newest_of(const struct issuance *is)
{
    const uint64_t times[] = {is->created_ms, is->changed_ms, is->sent_ms, is->resent_ms, is->looked_ms, is->pushed_ms};
    uint64_t newest_ms = 0;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        newest_ms = times[i] > newest_ms ? times[i] : newest_ms;
    return newest_ms;
}
