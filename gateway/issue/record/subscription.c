#include "gateway/issue/record/subscription.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "acme/certificate.h"
#include "acme/durations.h"
#include "gateway/tables.h"
#include "store/record.h"
#include "store/shortage.h"

/* Version 2 is version 1, compact. */
enum { RECORD_VERSION = 2, RECORD_MAX = 128 * 1024, CERTIFICATE_IDS_MAX = 1000, DIGEST_VERSION = 1 };

/* Authorities round a certificate's dates. */
static const uint64_t BOUNDED_SLACK_MS = 2 * DAY_MS;
static const uint64_t REPLACEABLE_AFTER_PURCHASE_DAYS = 7;

bool subscription_digest(const struct subscription_scope *scope, uint8_t digest[static SUBSCRIPTION_DIGEST_LEN])
{
    struct record_writer w;
    unsigned char names[32];
    unsigned len = 0;
    bool good = false;

    record_begin(&w, DIGEST_VERSION, RECORD_MAX);
    record_put_string(&w, scope->policy);
    record_put_string(&w, scope->profile);
    record_put_string(&w, scope->login);
    record_put_string(&w, scope->endpoint);
    record_put_u8(&w, scope->test);
    if (names_digest(scope->names, names)) {
        record_put_fixed(&w, names, sizeof names);
        good = !w.failed && EVP_Digest(w.data, w.len, digest, &len, EVP_sha256(), NULL) == 1;
    }
    record_free(&w);
    return good;
}

struct subscription_scope subscription_scope_of(const struct subscription *sub)
{
    return (struct subscription_scope){sub->policy, sub->profile, sub->login, sub->endpoint,
                                       sub->test,   &sub->names,  0,          NULL};
}

static bool digest_of(const struct subscription *sub, uint8_t digest[static SUBSCRIPTION_DIGEST_LEN])
{
    struct subscription_scope scope = subscription_scope_of(sub);
    return subscription_digest(&scope, digest);
}

/* ---- record ---- */

static bool decode_names(struct record_reader *r, struct acme_names *names)
{
    uint32_t count = record_get_u32(r);
    if (r->failed || count > ACME_IDENTIFIERS_MAX || !(names->list = shortage_calloc(count + 1, sizeof *names->list)))
        return false;
    names->count = count;
    for (uint32_t i = 0; i < count; i++) {
        names->list[i].type = (enum acme_identifier_type)record_get_u8(r);
        record_get_string(r, names->list[i].value, sizeof names->list[i].value);
    }
    return !r->failed;
}

static bool decode_lists(struct record_reader *r, struct subscription *sub)
{
    uint32_t count = record_get_u32(r);
    if (r->failed || count > CERTIFICATE_IDS_MAX ||
        !(sub->certificate_ids = shortage_calloc(count + 1, sizeof *sub->certificate_ids)))
        return false;
    sub->certificate_id_count = count;
    for (uint32_t i = 0; i < count; i++)
        record_get_string(r, sub->certificate_ids[i], sizeof *sub->certificate_ids);
    count = record_get_u32(r);
    if (r->failed || count > SUBSCRIPTION_QUEUE_MAX || !(sub->queue = shortage_calloc(count + 1, sizeof *sub->queue)))
        return false;
    sub->queue_count = count;
    for (uint32_t i = 0; i < count; i++)
        record_get_string(r, sub->queue[i], sizeof *sub->queue);
    return !r->failed;
}

static void decode(struct record_reader *r, struct subscription *sub)
{
    sub->state = (enum subscription_state)record_get_u8(r);
    record_get_string(r, sub->policy, sizeof sub->policy);
    record_get_string(r, sub->profile, sizeof sub->profile);
    record_get_string(r, sub->login, sizeof sub->login);
    sub->endpoint = record_dup_string(r);
    sub->test = record_get_u8(r) != 0;
    sub->product = record_get_u32(r);
    sub->days = record_get_u32(r);
    sub->bought_ms = record_get_u64(r);
    sub->paid_cents = (int64_t)record_get_u64(r);
    record_get_string(r, sub->order_number, sizeof sub->order_number);
    sub->has_certificate = record_get_u8(r) != 0;
    record_get_fixed(r, sub->certificate.octets, ACME_ID_LEN);
    record_get_string(r, sub->under_way, sizeof sub->under_way);
}

enum store_status subscription_load(struct store_txn *txn, const struct acme_id *id, struct subscription *sub)
{
    struct store_slice value;
    struct record_reader r;

    memset(sub, 0, sizeof *sub);
    enum store_status status = store_get(txn, ISSUE_SUBSCRIPTIONS, id->octets, ACME_ID_LEN, &value);
    if (status != STORE_OK)
        return status;
    sub->id = *id;
    unsigned version = record_open(&r, value);
    if (version == 0 || version > RECORD_VERSION)
        return STORE_INVALID;
    r.compact = version >= 2;
    decode(&r, sub);
    bool good = decode_names(&r, &sub->names) && decode_lists(&r, sub) && record_complete(&r) &&
                sub->state >= SUBSCRIPTION_BUYING && sub->state < SUBSCRIPTION_STATES;
    return good ? STORE_OK : STORE_INVALID;
}

static void encode(struct record_writer *w, const struct subscription *sub)
{
    record_put_u8(w, (uint8_t)sub->state);
    record_put_string(w, sub->policy);
    record_put_string(w, sub->profile);
    record_put_string(w, sub->login);
    record_put_string(w, sub->endpoint);
    record_put_u8(w, sub->test);
    record_put_u32(w, sub->product);
    record_put_u32(w, sub->days);
    record_put_u64(w, sub->bought_ms);
    record_put_u64(w, (uint64_t)sub->paid_cents);
    record_put_string(w, sub->order_number);
    record_put_u8(w, sub->has_certificate);
    record_put_fixed(w, sub->certificate.octets, ACME_ID_LEN);
    record_put_string(w, sub->under_way);
    record_put_u32(w, (uint32_t)sub->names.count);
    for (size_t i = 0; i < sub->names.count; i++) {
        record_put_u8(w, (uint8_t)sub->names.list[i].type);
        record_put_string(w, sub->names.list[i].value);
    }
    record_put_u32(w, sub->certificate_id_count);
    for (uint32_t i = 0; i < sub->certificate_id_count; i++)
        record_put_string(w, sub->certificate_ids[i]);
    record_put_u32(w, sub->queue_count);
    for (uint32_t i = 0; i < sub->queue_count; i++)
        record_put_string(w, sub->queue[i]);
}

enum store_status subscription_save(struct store_txn *txn, const struct subscription *sub)
{
    struct record_writer w;
    enum store_status status = STORE_INVALID;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    w.compact = true;
    encode(&w, sub);
    if (!w.failed)
        status = store_put(txn, ISSUE_SUBSCRIPTIONS, sub->id.octets, ACME_ID_LEN, w.data, w.len);
    record_free(&w);
    return status;
}

struct index_key {
    uint8_t digest[SUBSCRIPTION_DIGEST_LEN];
    uint8_t id[ACME_ID_LEN];
};

static bool index_key(const struct subscription *sub, struct index_key *key)
{
    memcpy(key->id, sub->id.octets, ACME_ID_LEN);
    return digest_of(sub, key->digest);
}

enum store_status subscription_insert(struct store_txn *txn, const struct subscription *sub)
{
    struct index_key key;
    if (!index_key(sub, &key))
        return STORE_INVALID;
    enum store_status status = store_insert(txn, ISSUE_SUBSCRIPTION_INDEX, &key, sizeof key, "", 0);
    return status == STORE_OK ? subscription_save(txn, sub) : status;
}

enum store_status subscription_remove(struct store_txn *txn, const struct subscription *sub)
{
    struct index_key key;
    if (!index_key(sub, &key))
        return STORE_INVALID;
    enum store_status status = store_delete(txn, ISSUE_SUBSCRIPTION_INDEX, &key, sizeof key);
    return status == STORE_OK ? store_delete(txn, ISSUE_SUBSCRIPTIONS, sub->id.octets, ACME_ID_LEN) : status;
}

void subscription_clear(struct subscription *sub)
{
    free(sub->endpoint);
    names_clear(&sub->names);
    free(sub->certificate_ids);
    free(sub->queue);
    memset(sub, 0, sizeof *sub);
}

/* ---- which one serves ---- */

uint64_t subscription_term_end_ms(const struct subscription *sub)
{
    return sub->bought_ms + sub->days * DAY_MS;
}

/* How much of the term must be left. */
static uint64_t margin(const struct subscription *sub, uint64_t renew_before_ms)
{
    uint64_t third_ms = sub->days * DAY_MS / 3;
    return third_ms < renew_before_ms ? third_ms : renew_before_ms;
}

bool subscription_replaceable(const struct subscription *sub, uint64_t renew_before_ms, uint64_t now_ms)
{
    if (sub->state != SUBSCRIPTION_LIVE || now_ms >= subscription_term_end_ms(sub))
        return false;
    if (now_ms < sub->bought_ms + REPLACEABLE_AFTER_PURCHASE_DAYS * DAY_MS)
        return true;
    return subscription_term_end_ms(sub) - now_ms > margin(sub, renew_before_ms);
}

bool subscription_is_over(const struct subscription *sub, uint64_t now_ms)
{
    if (sub->under_way[0] || sub->queue_count > 0)
        return false;
    return sub->state == SUBSCRIPTION_EXHAUSTED || sub->state == SUBSCRIPTION_ENDED ||
           (sub->state == SUBSCRIPTION_LIVE && now_ms >= subscription_term_end_ms(sub));
}

bool subscription_used_up(const struct subscription *sub, uint64_t renew_before_ms, uint64_t not_after_ms,
                          uint64_t previous_ms, uint64_t now_ms)
{
    bool bounded = not_after_ms + BOUNDED_SLACK_MS >= subscription_term_end_ms(sub) ||
                   (previous_ms && not_after_ms + BOUNDED_SLACK_MS < now_ms + previous_ms);
    return sub->state == SUBSCRIPTION_LIVE && bounded && not_after_ms <= now_ms + margin(sub, renew_before_ms);
}

/* How well a subscription serves: 0 not at all, then one that blocks, then term left, then one being bought. */
static uint64_t rank(const struct subscription *sub, uint64_t renew_before_ms, uint64_t now_ms)
{
    if (sub->state == SUBSCRIPTION_BUYING)
        return UINT64_MAX;
    if (sub->under_way[0] && sub->state == SUBSCRIPTION_LIVE)
        return UINT64_MAX - 1; /* wait in its queue: whoever has the turn last decides what follows */
    if (subscription_replaceable(sub, renew_before_ms, now_ms))
        return 1 + subscription_term_end_ms(sub) - now_ms;
    return sub->state == SUBSCRIPTION_DEAD ? 1 : 0;
}

/* The same of those that are paid and replaceable alone: rather one that nothing is under way on. */
static uint64_t rank_live(const struct subscription *sub, uint64_t renew_before_ms, uint64_t now_ms)
{
    if (!subscription_replaceable(sub, renew_before_ms, now_ms))
        return 0;
    return sub->under_way[0] ? 2 : 2 + subscription_term_end_ms(sub) - now_ms;
}

struct search {
    struct store_txn *txn;
    uint64_t renew_before_ms, now_ms, best_rank;
    bool live; /* nothing but one that is paid and replaceable */
    const uint8_t *only_key;
    struct subscription *best;
    enum store_status status;
};

/* The key of its certificate, while that is good for anything, or else of what is under way on it. */
static bool serves_key(const struct search *search, const struct subscription *sub)
{
    struct acme_certificate certificate = {0};
    struct issuance is = {0};
    bool serves = true;
    if (!search->only_key)
        return true;
    if (sub->has_certificate) {
        bool read = acme_certificate_load(search->txn, &sub->certificate, &certificate) == STORE_OK;
        bool good = read && certificate.revocation == ACME_REVOCATION_NONE &&
                    (uint64_t)certificate.not_after_s * 1000 > search->now_ms;
        serves = !good || memcmp(certificate.spki_sha256, search->only_key, sizeof certificate.spki_sha256) == 0;
    } else if (sub->under_way[0] && issuance_load(search->txn, sub->under_way, &is) == STORE_OK) {
        serves = memcmp(is.spki_sha256, search->only_key, sizeof is.spki_sha256) == 0;
    }
    acme_certificate_clear(&certificate);
    issuance_clear(&is);
    return serves;
}

/* Of a key of the index. */
static enum store_status load_indexed(struct store_txn *txn, struct store_slice key, struct subscription *sub)
{
    struct acme_id id;
    memcpy(id.octets, key.data + SUBSCRIPTION_DIGEST_LEN, ACME_ID_LEN);
    return subscription_load(txn, &id, sub);
}

static bool consider(void *ctx, struct store_slice key, struct store_slice value)
{
    struct search *search = ctx;
    struct subscription sub;
    (void)value;
    if (key.len != sizeof(struct index_key))
        return true;
    search->status = load_indexed(search->txn, key, &sub);
    uint64_t how_well = 0;
    if (search->status == STORE_OK)
        how_well = (search->live ? rank_live : rank)(&sub, search->renew_before_ms, search->now_ms);
    if (how_well > 1 && !serves_key(search, &sub))
        how_well = 0;
    if (how_well > search->best_rank) {
        subscription_clear(search->best);
        *search->best = sub;
        search->best_rank = how_well;
    } else {
        subscription_clear(&sub);
    }
    return search->status == STORE_OK;
}

static enum store_status find(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms, bool live,
                              struct subscription *out)
{
    uint8_t digest[SUBSCRIPTION_DIGEST_LEN];
    struct search search = {.txn = txn,
                            .renew_before_ms = scope->renew_before_ms,
                            .now_ms = now_ms,
                            .live = live,
                            .only_key = scope->only_key,
                            .best = out};

    memset(out, 0, sizeof *out);
    if (!subscription_digest(scope, digest))
        return STORE_INVALID;
    enum store_status status =
        store_visit_prefix(txn, ISSUE_SUBSCRIPTION_INDEX, digest, sizeof digest, consider, &search);
    if (status == STORE_OK)
        status = search.status;
    if (status == STORE_OK && search.best_rank == 0)
        status = STORE_NOT_FOUND;
    return status;
}

enum store_status subscription_find(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms,
                                    struct subscription *out)
{
    return find(txn, scope, now_ms, false, out);
}

enum store_status subscription_find_live(struct store_txn *txn, const struct subscription_scope *scope, uint64_t now_ms,
                                         struct subscription *out)
{
    return find(txn, scope, now_ms, true, out);
}

struct rivals {
    struct store_txn *txn;
    const struct subscription *than;
    bool newer;
};

static bool is_newer(void *ctx, struct store_slice key, struct store_slice value)
{
    struct rivals *rivals = ctx;
    struct subscription other;
    (void)value;
    if (key.len != sizeof(struct index_key))
        return true;
    if (load_indexed(rivals->txn, key, &other) == STORE_OK)
        rivals->newer = other.has_certificate && other.bought_ms > rivals->than->bought_ms;
    subscription_clear(&other);
    return !rivals->newer;
}

bool subscription_has_successor(struct store_txn *txn, const struct subscription *sub)
{
    struct rivals rivals = {.txn = txn, .than = sub};
    uint8_t digest[SUBSCRIPTION_DIGEST_LEN];
    if (digest_of(sub, digest))
        store_visit_prefix(txn, ISSUE_SUBSCRIPTION_INDEX, digest, sizeof digest, is_newer, &rivals);
    return rivals.newer;
}

/* ---- queue and family ---- */

bool subscription_enqueue(struct subscription *sub, const char *issuance)
{
    if (sub->queue_count >= SUBSCRIPTION_QUEUE_MAX)
        return false;
    char(*queue)[ISSUANCE_ID_MAX + 1] = shortage_realloc(sub->queue, (sub->queue_count + 1) * sizeof *queue);
    if (!queue)
        return false;
    sub->queue = queue;
    snprintf(queue[sub->queue_count++], sizeof *queue, "%s", issuance);
    return true;
}

void subscription_dequeue(struct subscription *sub, uint32_t at)
{
    sub->queue_count--;
    memmove(sub->queue + at, sub->queue + at + 1, (sub->queue_count - at) * sizeof *sub->queue);
}

void subscription_forget(struct subscription *sub, const char *issuance)
{
    for (uint32_t i = 0; i < sub->queue_count; i++) {
        if (strcmp(sub->queue[i], issuance) == 0) {
            subscription_dequeue(sub, i);
            return;
        }
    }
}

bool subscription_has_certificate_id(const struct subscription *sub, const char *certificate_id)
{
    for (uint32_t i = 0; i < sub->certificate_id_count; i++) {
        if (strcmp(sub->certificate_ids[i], certificate_id) == 0)
            return true;
    }
    return false;
}

bool subscription_add_certificate_id(struct subscription *sub, const char *certificate_id)
{
    if (subscription_has_certificate_id(sub, certificate_id))
        return true;
    if (sub->certificate_id_count == CERTIFICATE_IDS_MAX) {
        sub->certificate_id_count--; /* the oldest makes room */
        memmove(sub->certificate_ids, sub->certificate_ids + 1,
                sub->certificate_id_count * sizeof *sub->certificate_ids);
    }
    char(*ids)[SECTIGO_CERTIFICATE_ID_MAX + 1] =
        shortage_realloc(sub->certificate_ids, (sub->certificate_id_count + 1) * sizeof *ids);
    if (!ids)
        return false;
    sub->certificate_ids = ids;
    snprintf(ids[sub->certificate_id_count++], sizeof *ids, "%s", certificate_id);
    return true;
}
