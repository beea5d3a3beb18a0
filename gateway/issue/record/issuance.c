#include "gateway/issue/record/issuance.h"

#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "acme/random.h"
#include "gateway/clock.h"
#include "gateway/counters.h"
#include "gateway/issue/record/story.h"
#include "gateway/tables.h"
#include "sectigo/code.h"
#include "store/record.h"
#include "store/shortage.h"

/* Version 2 has the attempt, version 3 the time of RetryCAACheck, version 4 Sectigo's time; those before hold a 0.
 * Version 5, which is written, is compact, and of an issuance that has ended without the CSR and its key's digest. */
enum { RECORD_VERSION = 5, COMPACT = 5, RECORD_MAX = 128 * 1024, ORDERS_MAX = 1024 };

/* One octet, which was the doubt alone at first. */
enum { FLAG_DOUBT = 1, FLAG_NUDGED = 2, FLAG_CAA = 4, FLAG_SENT_UNCONFIRMED = 8, FLAG_LOOKED_UNCONFIRMED = 16 };

enum { RANDOM_HEX = 32 };

/* Clocks that differ by no more agree (gateway/clock.h). */
static const uint64_t FUTURE_MS = MINUTE_MS;

#define TO(state) (1u << ISSUANCE_##state)

static const struct {
    const char *name;
    unsigned moves; /* the states that may follow */
} states[ISSUANCE_STATES] = {
    [ISSUANCE_QUEUED] = {"queued", TO(PREPARED) | TO(PUBLISHED) | TO(REFUSED)},
    [ISSUANCE_PREPARED] = {"prepared", TO(PUBLISHED) | TO(UNKNOWN) | TO(HELD) | TO(REFUSED)},
    [ISSUANCE_PUBLISHED] = {"published", TO(SUBMITTING) | TO(UNKNOWN) | TO(PREPARED) | TO(HELD) | TO(REFUSED)},
    [ISSUANCE_SUBMITTING] = {"submitting",
                             TO(SUBMITTED) | TO(UNKNOWN) | TO(PUBLISHED) | TO(HELD) | TO(REFUSED) | TO(PREPARED)},
    [ISSUANCE_UNKNOWN] = {"unknown", TO(SUBMITTED) | TO(SUBMITTING) | TO(PREPARED) | TO(HELD) | TO(REFUSED) | TO(DEAD)},
    [ISSUANCE_SUBMITTED] = {"submitted", TO(COLLECTED) | TO(BLOCKED) | TO(CANCELLING) | TO(DEAD)},
    [ISSUANCE_BLOCKED] = {"blocked", TO(COLLECTED) | TO(CANCELLING) | TO(DEAD)},
    [ISSUANCE_HELD] = {"held", TO(PREPARED) | TO(PUBLISHED) | TO(UNKNOWN) | TO(REFUSED)},
    [ISSUANCE_COLLECTED] = {"collected", 0},
    [ISSUANCE_REFUSED] = {"refused", 0},
    [ISSUANCE_DEAD] = {"dead", 0},
    [ISSUANCE_CANCELLING] = {"cancelling", TO(SUBMITTED) | TO(COLLECTED) | TO(DEAD)},
};

bool issuance_id_make(const char *instance, bool test, char id[static ISSUANCE_ID_MAX + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char random[16];
    size_t len = strlen(instance), start = len;
    if (len + 2 * sizeof random > ISSUANCE_ID_MAX || !acme_random(random, sizeof random))
        return false;
    memcpy(id, instance, len);
    for (size_t i = 0; i < sizeof random; i++) {
        id[len++] = hex[random[i] >> 4];
        id[len++] = hex[random[i] & 15];
    }
    id[len] = '\0';
    if (test)
        id[start] = ISSUANCE_TEST_MARK;
    return true;
}

bool issuance_id_is(const char *id, const char *instance, bool test)
{
    size_t len = strlen(instance), marked = test ? 1 : 0;
    return strncmp(id, instance, len) == 0 && strlen(id) == len + RANDOM_HEX &&
           (!test || id[len] == ISSUANCE_TEST_MARK) &&
           strspn(id + len + marked, "0123456789abcdef") == RANDOM_HEX - marked;
}

bool issuance_id_is_any(const char *id, bool *test)
{
    static const char alphanumeric[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char instance[ISSUANCE_ID_MAX - RANDOM_HEX + 1];
    size_t len = strlen(id);
    if (len <= RANDOM_HEX || len > ISSUANCE_ID_MAX || (len == ISSUANCE_ID_MAX && strspn(id, "0123456789abcdef") == len))
        return false;
    memcpy(instance, id, len - RANDOM_HEX);
    instance[len - RANDOM_HEX] = '\0';
    *test = issuance_id_is(id, instance, true);
    return strspn(instance, alphanumeric) == len - RANDOM_HEX && (*test || issuance_id_is(id, instance, false));
}

static void decode(struct record_reader *r, struct issuance *is)
{
    is->revision = record_get_u32(r);
    is->kind = (enum issuance_kind)record_get_u8(r);
    is->state = (enum issuance_state)record_get_u8(r);
    if (is->state >= ISSUANCE_STATES) {
        r->failed = true;
        return;
    }
    record_get_fixed(r, is->subscription.octets, ACME_ID_LEN);
    record_get_fixed(r, is->account.octets, ACME_ID_LEN);
    record_get_string(r, is->profile, sizeof is->profile);
    is->csr_has_cn = record_get_u8(r) != 0;
    if (!r->compact || !issuance_ended(is->state))
        record_get_fixed(r, is->spki_sha256, sizeof is->spki_sha256);
    record_get_string(r, is->unique_value, sizeof is->unique_value);
    record_get_string(r, is->order_number, sizeof is->order_number);
    record_get_string(r, is->certificate_id, sizeof is->certificate_id);
    is->created_ms = record_get_u64(r);
    is->changed_ms = record_get_u64(r);
    is->sent_ms = record_get_u64(r);
    is->resent_ms = record_get_u64(r);
    is->sends = record_get_u32(r);
    is->failures = record_get_u32(r);
    is->looked_ms = record_get_u64(r);
    is->pushed_ms = record_get_u64(r);
    is->looks = record_get_u32(r);
    is->refusal = (int32_t)record_get_u32(r);
    uint8_t flags = record_get_u8(r);
    is->doubt = flags & FLAG_DOUBT;
    is->nudged = flags & FLAG_NUDGED;
    is->caa = flags & FLAG_CAA;
    is->sent_unconfirmed = flags & FLAG_SENT_UNCONFIRMED;
    is->looked_unconfirmed = flags & FLAG_LOOKED_UNCONFIRMED;
    is->note = record_dup_string(r);
}

enum issuance_state issuance_state_of(struct store_slice record)
{
    struct record_reader r;
    unsigned version = record_open(&r, record);
    bool known = version > 0 && version <= RECORD_VERSION;
    r.compact = version >= COMPACT;
    record_get_u32(&r); /* revision */
    record_get_u8(&r);  /* kind */
    uint8_t state = record_get_u8(&r);
    return known && !r.failed && state < ISSUANCE_STATES ? (enum issuance_state)state : 0;
}

static bool decode_csr(struct record_reader *r, struct issuance *is)
{
    struct store_slice csr = record_get_bytes(r);
    if (csr.len == 0)
        return !r->failed && r->compact && issuance_ended(is->state);
    if (!(is->csr = shortage_malloc(csr.len)))
        return false;
    memcpy(is->csr, csr.data, csr.len);
    is->csr_len = csr.len;
    return true;
}

static bool decode_orders(struct record_reader *r, struct issuance *is)
{
    uint32_t count = record_get_u32(r);
    if (r->failed || count > ORDERS_MAX)
        return false;
    if (!(is->orders = shortage_calloc(count + 1, sizeof *is->orders)))
        return false;
    is->order_count = count;
    for (uint32_t i = 0; i < count; i++)
        record_get_fixed(r, is->orders[i].octets, ACME_ID_LEN);
    return true;
}

/* A time in the future was written by a clock that was wrong: what began then begins now, and is stored so with the
 * next step. How long ago something left that left before the clock was confirmed nobody knows. */
static void mend_times(struct issuance *is)
{
    uint64_t now_ms = clock_ms();
    uint64_t *const times[] = {&is->created_ms, &is->changed_ms, &is->sent_ms,       &is->resent_ms,
                               &is->looked_ms,  &is->pushed_ms,  &is->caa_retried_ms};
    for (size_t i = 0; !clock_in_doubt() && i < sizeof times / sizeof *times; i++) {
        if (*times[i] > now_ms + FUTURE_MS)
            *times[i] = now_ms;
    }
    if (!clock_is_confirmed())
        return;
    if (is->sent_unconfirmed)
        is->resent_ms = now_ms;
    if (is->looked_unconfirmed)
        is->looked_ms = now_ms;
    is->sent_unconfirmed = is->looked_unconfirmed = false;
}

enum store_status issuance_load(struct store_txn *txn, const char *id, struct issuance *is)
{
    struct store_slice value;
    struct record_reader r;
    size_t id_len = strlen(id);

    memset(is, 0, sizeof *is);
    if (id_len == 0 || id_len > ISSUANCE_ID_MAX)
        return STORE_NOT_FOUND;
    enum store_status status = store_get(txn, ISSUE_ISSUANCES, id, id_len, &value);
    if (status != STORE_OK)
        return status;
    memcpy(is->id, id, id_len + 1);
    unsigned version = record_open(&r, value);
    if (version == 0 || version > RECORD_VERSION)
        return STORE_INVALID;
    r.compact = version >= COMPACT;
    decode(&r, is);
    if (r.failed)
        return STORE_INVALID;
    bool read = decode_csr(&r, is) && decode_orders(&r, is);
    is->attempt = version >= 2 ? record_get_u8(&r) : 0;
    is->caa_retried_ms = version >= 3 ? record_get_u64(&r) : 0;
    is->placed_ms = version >= 4 ? record_get_u64(&r) : 0;
    mend_times(is);
    bool good = read && record_complete(&r) && is->state >= ISSUANCE_QUEUED;
    return good ? STORE_OK : STORE_INVALID;
}

static void encode(struct record_writer *w, const struct issuance *is)
{
    record_put_u32(w, is->revision);
    record_put_u8(w, (uint8_t)is->kind);
    record_put_u8(w, (uint8_t)is->state);
    record_put_fixed(w, is->subscription.octets, ACME_ID_LEN);
    record_put_fixed(w, is->account.octets, ACME_ID_LEN);
    record_put_string(w, is->profile);
    record_put_u8(w, is->csr_has_cn);
    if (!issuance_ended(is->state))
        record_put_fixed(w, is->spki_sha256, sizeof is->spki_sha256);
    record_put_string(w, is->unique_value);
    record_put_string(w, is->order_number);
    record_put_string(w, is->certificate_id);
    record_put_u64(w, is->created_ms);
    record_put_u64(w, is->changed_ms);
    record_put_u64(w, is->sent_ms);
    record_put_u64(w, is->resent_ms);
    record_put_u32(w, is->sends);
    record_put_u32(w, is->failures);
    record_put_u64(w, is->looked_ms);
    record_put_u64(w, is->pushed_ms);
    record_put_u32(w, is->looks);
    record_put_u32(w, (uint32_t)is->refusal);
    record_put_u8(w,
                  (uint8_t)((is->doubt ? FLAG_DOUBT : 0) | (is->nudged ? FLAG_NUDGED : 0) | (is->caa ? FLAG_CAA : 0) |
                            (is->sent_unconfirmed ? FLAG_SENT_UNCONFIRMED : 0) |
                            (is->looked_unconfirmed ? FLAG_LOOKED_UNCONFIRMED : 0)));
    record_put_string(w, is->note);
    record_put_bytes(w, is->csr, issuance_ended(is->state) ? 0 : is->csr_len);
    record_put_u32(w, is->order_count);
    for (uint32_t i = 0; i < is->order_count; i++)
        record_put_fixed(w, is->orders[i].octets, ACME_ID_LEN);
    record_put_u8(w, is->attempt);
    record_put_u64(w, is->caa_retried_ms);
    record_put_u64(w, is->placed_ms);
}

enum store_status issuance_find(struct store_txn *txn, unsigned index, const void *key, size_t key_len,
                                struct issuance *is)
{
    struct store_slice value;
    char id[ISSUANCE_ID_MAX + 1];
    memset(is, 0, sizeof *is);
    enum store_status status = store_get(txn, index, key, key_len, &value);
    if (status != STORE_OK)
        return status;
    if (value.len > ISSUANCE_ID_MAX)
        return STORE_INVALID;
    memcpy(id, value.data, value.len);
    id[value.len] = '\0';
    return issuance_load(txn, id, is);
}

/* ---- counted by state ---- */

static const char COUNTERS_KEY[] = "issuances";

enum { COUNTERS_KEY_LEN = sizeof COUNTERS_KEY - 1 };

enum store_status issuance_counts(struct store_txn *txn, int64_t counts[static ISSUANCE_STATES])
{
    return counters_get(txn, COUNTERS_KEY, COUNTERS_KEY_LEN, counts, ISSUANCE_STATES);
}

static bool count_one(void *ctx, struct store_slice key, struct store_slice value)
{
    int64_t *counts = ctx;
    (void)key;
    counts[issuance_state_of(value)]++;
    return true;
}

enum store_status issuance_recount(struct store_txn *txn)
{
    int64_t counts[ISSUANCE_STATES] = {0}, before[ISSUANCE_STATES];
    enum store_status status = store_visit(txn, ISSUE_ISSUANCES, NULL, 0, count_one, counts);
    if (status == STORE_OK)
        status = issuance_counts(txn, before);
    for (unsigned i = 0; status == STORE_OK && i < ISSUANCE_STATES; i++)
        counts[i] -= before[i];
    return status == STORE_OK ? counters_add(txn, COUNTERS_KEY, COUNTERS_KEY_LEN, counts, ISSUANCE_STATES) : status;
}

/* Before the record is written. */
static enum store_status count_move(struct store_txn *txn, const struct issuance *is)
{
    struct store_slice before;
    int64_t by[ISSUANCE_STATES] = {0};
    enum store_status status = store_get(txn, ISSUE_ISSUANCES, is->id, strlen(is->id), &before);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return status;
    if (status == STORE_OK && issuance_state_of(before) == is->state)
        return STORE_OK;
    by[is->state]++;
    if (status == STORE_OK)
        by[issuance_state_of(before)]--;
    return counters_add(txn, COUNTERS_KEY, COUNTERS_KEY_LEN, by, ISSUANCE_STATES);
}

enum store_status issuance_save(struct store_txn *txn, struct issuance *is)
{
    struct record_writer w;
    enum store_status status = STORE_INVALID;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    w.compact = true;
    encode(&w, is);
    if (is->csr_len == 0 && !issuance_ended(is->state))
        w.failed = true;
    if (!w.failed)
        status = count_move(txn, is);
    if (!w.failed && status == STORE_OK)
        status = store_put(txn, ISSUE_ISSUANCES, is->id, strlen(is->id), w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status issuance_remove(struct store_txn *txn, const struct issuance *is)
{
    int64_t by[ISSUANCE_STATES] = {0};
    if (!issuance_ended(is->state))
        return STORE_REFUSED;
    by[is->state]--;
    enum store_status status = counters_add(txn, COUNTERS_KEY, COUNTERS_KEY_LEN, by, ISSUANCE_STATES);
    if (status == STORE_OK)
        status = story_remove(txn, is->id);
    return status == STORE_OK ? store_delete(txn, ISSUE_ISSUANCES, is->id, strlen(is->id)) : status;
}

void issuance_clear(struct issuance *is)
{
    free(is->orders);
    free(is->csr);
    free(is->note);
    memset(is, 0, sizeof *is);
}

bool issuance_set_note(struct issuance *is, const char *note)
{
    char *copy = shortage_strdup(note);
    if (!copy)
        return false;
    free(is->note);
    is->note = copy;
    return true;
}

bool issuance_attach(struct issuance *is, const struct acme_id *order)
{
    if (is->order_count >= ORDERS_MAX)
        return false;
    struct acme_id *orders = shortage_realloc(is->orders, (is->order_count + 1) * sizeof *orders);
    if (!orders)
        return false;
    is->orders = orders;
    is->orders[is->order_count++] = *order;
    return true;
}

bool issuance_follow(struct issuance *next, const struct issuance *ended, const char *instance, bool test)
{
    next->kind = ISSUANCE_REPLACEMENT;
    next->state = ISSUANCE_QUEUED;
    next->subscription = ended->subscription;
    next->account = ended->account;
    next->attempt = (uint8_t)(ended->attempt + 1);
    next->csr_has_cn = ended->csr_has_cn;
    memcpy(next->profile, ended->profile, sizeof next->profile);
    memcpy(next->spki_sha256, ended->spki_sha256, sizeof next->spki_sha256);
    next->csr = shortage_malloc(ended->csr_len);
    if (!next->csr || !issuance_id_make(instance, test, next->id) || !issuance_set_note(next, ""))
        return false;
    memcpy(next->csr, ended->csr, ended->csr_len);
    next->csr_len = ended->csr_len;
    for (uint32_t i = 0; i < ended->order_count; i++) {
        if (!issuance_attach(next, &ended->orders[i]))
            return false;
    }
    return true;
}

const char *issuance_state_text(enum issuance_state state)
{
    return state > 0 && state < ISSUANCE_STATES ? states[state].name : "none";
}

bool issuance_move(struct issuance *is, enum issuance_state to, uint64_t now_ms)
{
    if (!(states[is->state].moves & 1u << to))
        return false;
    is->state = to;
    is->changed_ms = now_ms;
    return true;
}

bool issuance_is_refused_by_number(const struct issuance *is)
{
    return is->refusal == ISSUANCE_GIVEN_UP_AS_PLACED ||
           (is->refusal == SECTIGO_NOT_UNIQUE && is->kind == ISSUANCE_PURCHASE && is->sends > 1);
}

bool issuance_ended(enum issuance_state state)
{
    return states[state].moves == 0;
}
