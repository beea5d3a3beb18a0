#include "acme/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "acme/records.h"
#include "acme/spent.h"
#include "acme/tables.h"
#include "store/shortage.h"

/* Version 2 adds the revocation, version 3 the replacement and the alternate chains, version 4 an early renewal; each
 * is written only where it is needed. Version 5 has the chains in parts, says which of the others there are, and is
 * compact. So each record has one form. */
enum { RECORD_MAX = (1 + ACME_ALTERNATES_MAX) * ACME_CHAIN_MAX + 4096 };
enum { PLAIN = 1, WITH_REVOCATION, WITH_OTHERS, WITH_RENEWAL, IN_PARTS };
enum { HAS_REVOCATION = 1, HAS_REPLACEMENT = 2, HAS_RENEWAL = 4 };

static uint8_t version_needed(const struct acme_certificate *certificate)
{
    if (certificate->leaf)
        return IN_PARTS;
    if (certificate->renew_from_ms)
        return WITH_RENEWAL;
    if (certificate->has_replacement || certificate->alternate_count > 0)
        return WITH_OTHERS;
    return certificate->revocation == ACME_REVOCATION_NONE ? PLAIN : WITH_REVOCATION;
}

static void get_revocation(struct record_reader *r, struct acme_certificate *certificate)
{
    certificate->revocation = record_get_u8(r);
    if (certificate->revocation > ACME_REVOCATION_LAPSED)
        r->failed = true;
    certificate->revocation_reason = record_get_u8(r);
    certificate->revocation_asked_ms = record_get_u64(r);
    certificate->revoked_ms = record_get_u64(r);
}

static void put_revocation(struct record_writer *w, const struct acme_certificate *certificate)
{
    record_put_u8(w, (uint8_t)certificate->revocation);
    record_put_u8(w, certificate->revocation_reason);
    record_put_u64(w, certificate->revocation_asked_ms);
    record_put_u64(w, certificate->revoked_ms);
}

static void get_others(struct record_reader *r, struct acme_certificate *certificate)
{
    certificate->has_replacement = record_get_bool(r);
    if (certificate->has_replacement)
        record_get_id(r, &certificate->replacement);
    unsigned count = record_get_u8(r);
    if (count > ACME_ALTERNATES_MAX)
        r->failed = true;
    while (certificate->alternate_count < count && !r->failed) {
        char *chain = record_dup_optional(r);
        if (!chain)
            r->failed = true;
        else
            certificate->alternates[certificate->alternate_count++] = chain;
    }
}

static void put_others(struct record_writer *w, const struct acme_certificate *certificate)
{
    record_put_bool(w, certificate->has_replacement);
    if (certificate->has_replacement)
        record_put_id(w, &certificate->replacement);
    record_put_u8(w, (uint8_t)certificate->alternate_count);
    for (unsigned i = 0; i < certificate->alternate_count; i++)
        record_put_string(w, certificate->alternates[i]);
}

static bool chains_fit(const struct acme_certificate *certificate)
{
    bool fit = !certificate->chain || strlen(certificate->chain) <= ACME_CHAIN_MAX;
    for (unsigned i = 0; certificate->chain && i < certificate->alternate_count; i++)
        fit = fit && *certificate->alternates[i] && strlen(certificate->alternates[i]) <= ACME_CHAIN_MAX;
    return fit;
}

/* ---- in parts ---- */

static uint8_t flags_of(const struct acme_certificate *certificate)
{
    return (uint8_t)((certificate->revocation != ACME_REVOCATION_NONE ? HAS_REVOCATION : 0) |
                     (certificate->has_replacement ? HAS_REPLACEMENT : 0) |
                     (certificate->renew_from_ms ? HAS_RENEWAL : 0));
}

static void get_parts(struct record_reader *r, struct acme_certificate *certificate)
{
    struct store_slice leaf = record_get_bytes(r);
    unsigned chains = record_get_u8(r);
    certificate->leaf = leaf.len > 0 ? shortage_malloc(leaf.len) : NULL;
    if (!certificate->leaf || chains < 1 || chains > 1 + ACME_ALTERNATES_MAX) {
        r->failed = true;
        return;
    }
    memcpy(certificate->leaf, leaf.data, leaf.len);
    certificate->leaf_len = leaf.len;
    certificate->alternate_count = chains - 1;
    for (unsigned i = 0; i < chains; i++)
        record_get_fixed(r, certificate->above[i], CHAIN_DIGEST_LEN);
    if (EVP_Digest(leaf.data, leaf.len, certificate->der_sha256, NULL, EVP_sha256(), NULL) != 1)
        r->failed = true;
}

static void put_parts(struct record_writer *w, const struct acme_certificate *certificate)
{
    record_put_bytes(w, certificate->leaf, certificate->leaf_len);
    record_put_u8(w, (uint8_t)(1 + certificate->alternate_count));
    for (unsigned i = 0; i <= certificate->alternate_count; i++)
        record_put_fixed(w, certificate->above[i], CHAIN_DIGEST_LEN);
}

static void get_flagged(struct record_reader *r, struct acme_certificate *certificate)
{
    uint8_t flags = record_get_u8(r);
    if (flags & HAS_REVOCATION)
        get_revocation(r, certificate);
    certificate->has_replacement = flags & HAS_REPLACEMENT;
    if (certificate->has_replacement)
        record_get_id(r, &certificate->replacement);
    if (flags & HAS_RENEWAL)
        certificate->renew_from_ms = record_get_u64(r);
    if (flags != flags_of(certificate))
        r->failed = true;
}

static void put_flagged(struct record_writer *w, const struct acme_certificate *certificate)
{
    record_put_u8(w, flags_of(certificate));
    if (certificate->revocation != ACME_REVOCATION_NONE)
        put_revocation(w, certificate);
    if (certificate->has_replacement)
        record_put_id(w, &certificate->replacement);
    if (certificate->renew_from_ms)
        record_put_u64(w, certificate->renew_from_ms);
}

/* ---- the record ---- */

bool certificate_decode(struct store_slice value, struct acme_certificate *certificate)
{
    struct record_reader r;
    uint8_t version = record_open_upto(&r, value, IN_PARTS);
    r.compact = version >= IN_PARTS;
    record_get_id(&r, &certificate->account);
    record_get_id(&r, &certificate->order);
    record_get_string(&r, certificate->policy, sizeof certificate->policy);
    record_get_string(&r, certificate->profile, sizeof certificate->profile);
    struct store_slice serial = record_get_bytes(&r);
    if (serial.len > sizeof certificate->serial)
        return false;
    if (serial.len > 0)
        memcpy(certificate->serial, serial.data, serial.len);
    certificate->serial_len = serial.len;
    record_get_fixed(&r, certificate->spki_sha256, sizeof certificate->spki_sha256);
    if (version < IN_PARTS)
        record_get_fixed(&r, certificate->der_sha256, sizeof certificate->der_sha256);
    certificate->not_before_s = (int64_t)record_get_u64(&r);
    certificate->not_after_s = (int64_t)record_get_u64(&r);
    certificate->issued_ms = record_get_u64(&r);
    certificate->downloaded_s = record_get_u64(&r);
    if (version >= IN_PARTS)
        get_parts(&r, certificate);
    else
        certificate->chain = record_dup_string(&r);
    certificate->certificate_id = record_dup_string(&r);
    certificate->issuance = record_dup_string(&r);
    if (version >= IN_PARTS) {
        get_flagged(&r, certificate);
    } else {
        if (version >= WITH_REVOCATION)
            get_revocation(&r, certificate);
        if (version >= WITH_OTHERS)
            get_others(&r, certificate);
        if (version >= WITH_RENEWAL)
            certificate->renew_from_ms = record_get_u64(&r);
    }
    return record_complete(&r) && version == version_needed(certificate);
}

bool certificate_encode(const struct acme_certificate *certificate, struct record_writer *w)
{
    uint8_t version = version_needed(certificate);
    if (!chains_fit(certificate))
        return false;
    record_begin(w, version, RECORD_MAX);
    w->compact = version >= IN_PARTS;
    record_put_id(w, &certificate->account);
    record_put_id(w, &certificate->order);
    record_put_string(w, certificate->policy);
    record_put_string(w, certificate->profile);
    record_put_bytes(w, certificate->serial, certificate->serial_len);
    record_put_fixed(w, certificate->spki_sha256, sizeof certificate->spki_sha256);
    if (version < IN_PARTS)
        record_put_fixed(w, certificate->der_sha256, sizeof certificate->der_sha256);
    record_put_u64(w, (uint64_t)certificate->not_before_s);
    record_put_u64(w, (uint64_t)certificate->not_after_s);
    record_put_u64(w, certificate->issued_ms);
    record_put_u64(w, certificate->downloaded_s);
    if (version >= IN_PARTS)
        put_parts(w, certificate);
    else
        record_put_string(w, certificate->chain);
    record_put_string(w, certificate->certificate_id);
    record_put_string(w, certificate->issuance);
    if (version >= IN_PARTS) {
        put_flagged(w, certificate);
    } else {
        if (version >= WITH_REVOCATION)
            put_revocation(w, certificate);
        if (version >= WITH_OTHERS)
            put_others(w, certificate);
        if (version >= WITH_RENEWAL)
            record_put_u64(w, certificate->renew_from_ms);
    }
    return record_finish(w);
}

enum store_status acme_certificate_load(struct store_txn *txn, const struct acme_id *id,
                                        struct acme_certificate *certificate)
{
    struct store_slice value;
    memset(certificate, 0, sizeof *certificate);
    certificate->id = *id;
    enum store_status status = store_get(txn, ACME_CERTIFICATES, id->octets, ACME_ID_LEN, &value);
    if (status == STORE_OK && !certificate_decode(value, certificate))
        status = STORE_INVALID;
    return status;
}

/* ---- its chains ---- */

enum store_status acme_certificate_chain(struct store_txn *txn, const struct acme_certificate *certificate,
                                         unsigned which, char **pem)
{
    struct store_slice above;
    *pem = NULL;
    if (which > certificate->alternate_count)
        return STORE_NOT_FOUND;
    if (!certificate->leaf) {
        const char *text = which == 0 ? certificate->chain : certificate->alternates[which - 1];
        *pem = shortage_strdup(text ? text : "");
        return *pem ? STORE_OK : STORE_IO;
    }
    enum store_status status = chain_find_above(txn, certificate->above[which], &above);
    if (status == STORE_OK)
        *pem = chain_join(certificate->leaf, certificate->leaf_len, above);
    return status == STORE_OK && !*pem ? STORE_IO : status;
}

X509 *acme_certificate_leaf(const struct acme_certificate *certificate)
{
    const unsigned char *at = certificate->leaf;
    BIO *bio = certificate->chain ? BIO_new_mem_buf(certificate->chain, -1) : NULL;
    X509 *leaf = at    ? d2i_X509(NULL, &at, (long)certificate->leaf_len)
                 : bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL)
                       : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return leaf;
}

/* Splits every text; false where one is not a leaf and what is above it, or has another leaf than the first. */
static bool split_all(const struct acme_certificate *certificate, struct chain chains[static 1 + ACME_ALTERNATES_MAX])
{
    bool good = certificate->chain && chain_split(certificate->chain, &chains[0]);
    for (unsigned i = 0; good && i < certificate->alternate_count; i++) {
        good = chain_split(certificate->alternates[i], &chains[i + 1]) &&
               chains[i + 1].leaf_len == chains[0].leaf_len &&
               memcmp(chains[i + 1].leaf, chains[0].leaf, chains[0].leaf_len) == 0;
    }
    return good;
}

/* *parts, a copy of a certificate in texts, becomes one in parts, and owns its leaf, where the texts allow that. */
static enum store_status part_chains(struct store_txn *txn, struct acme_certificate *parts)
{
    struct chain chains[1 + ACME_ALTERNATES_MAX] = {{.leaf_len = 0}};
    enum store_status status = STORE_OK;
    if (split_all(parts, chains)) {
        for (unsigned i = 0; i <= parts->alternate_count && status == STORE_OK; i++)
            status = chain_keep_above(txn, chains[i].above, parts->above[i]);
        parts->leaf = chains[0].leaf;
        parts->leaf_len = chains[0].leaf_len;
        chains[0].leaf = NULL;
    }
    for (unsigned i = 0; i < sizeof chains / sizeof *chains; i++)
        free(chains[i].leaf);
    return status;
}

/* ---- not downloaded yet ---- */

enum { UNFETCHED_TIME_LEN = 8, UNFETCHED_KEY_LEN = UNFETCHED_TIME_LEN + ACME_ID_LEN };

static void put_issued(uint8_t *key, uint64_t time_ms)
{
    for (size_t i = 0; i < UNFETCHED_TIME_LEN; i++)
        key[i] = (uint8_t)(time_ms >> (8 * (UNFETCHED_TIME_LEN - 1 - i)));
}

static void unfetched_key(const struct acme_certificate *certificate, uint8_t key[static UNFETCHED_KEY_LEN])
{
    put_issued(key, certificate->issued_ms);
    memcpy(key + UNFETCHED_TIME_LEN, certificate->id.octets, ACME_ID_LEN);
}

static enum store_status forget_unfetched(struct store_txn *txn, const struct acme_certificate *certificate)
{
    uint8_t key[UNFETCHED_KEY_LEN];
    unfetched_key(certificate, key);
    enum store_status status = store_delete(txn, ACME_UNFETCHED, key, sizeof key);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status index_unfetched(struct store_txn *txn, const struct acme_certificate *certificate)
{
    uint8_t key[UNFETCHED_KEY_LEN];
    unfetched_key(certificate, key);
    return certificate->downloaded_s ? forget_unfetched(txn, certificate)
                                     : store_put(txn, ACME_UNFETCHED, key, sizeof key, "", 0);
}

struct unfetched {
    acme_unfetched_fn *visit;
    void *ctx;
};

static bool visit_unfetched(void *ctx, struct store_slice key, struct store_slice value)
{
    const struct unfetched *unfetched = ctx;
    struct acme_id id;
    uint64_t issued_ms = 0;
    (void)value;
    if (key.len != UNFETCHED_KEY_LEN)
        return true;
    for (size_t i = 0; i < UNFETCHED_TIME_LEN; i++)
        issued_ms = issued_ms << 8 | key.data[i];
    memcpy(id.octets, key.data + UNFETCHED_TIME_LEN, ACME_ID_LEN);
    return unfetched->visit(unfetched->ctx, &id, issued_ms);
}

enum store_status acme_unfetched(struct store_txn *txn, uint64_t from_ms, acme_unfetched_fn *visit, void *ctx)
{
    struct unfetched unfetched = {visit, ctx};
    uint8_t from[UNFETCHED_TIME_LEN];
    put_issued(from, from_ms);
    return store_visit(txn, ACME_UNFETCHED, from, sizeof from, visit_unfetched, &unfetched);
}

struct gathering {
    struct store_txn *txn;
    enum store_status status;
};

static bool gather_one(void *ctx, struct store_slice key, struct store_slice value)
{
    struct gathering *gathering = ctx;
    struct acme_certificate certificate;
    struct acme_id id;
    (void)value;
    if (!acme_id_read(key, &id))
        return true;
    /* One bad record must not keep the others from starting. */
    if (acme_certificate_load(gathering->txn, &id, &certificate) == STORE_OK && !certificate.downloaded_s)
        gathering->status = index_unfetched(gathering->txn, &certificate);
    acme_certificate_clear(&certificate);
    return gathering->status == STORE_OK;
}

enum store_status acme_unfetched_gather(struct store_txn *txn)
{
    struct gathering gathering = {txn, STORE_OK};
    enum store_status status = store_visit(txn, ACME_CERTIFICATES, NULL, 0, gather_one, &gathering);
    return status == STORE_OK ? gathering.status : status;
}

/* ---- saved ---- */

static enum store_status save_record(struct store_txn *txn, const struct acme_certificate *certificate)
{
    struct record_writer w;
    struct acme_certificate stored = *certificate;
    enum store_status status = STORE_OK;
    if (!chains_fit(certificate))
        return STORE_INVALID;
    if (!certificate->leaf)
        status = part_chains(txn, &stored);
    if (status == STORE_OK)
        status = record_store(txn, ACME_CERTIFICATES, &stored.id, certificate_encode(&stored, &w), &w);
    if (!certificate->leaf)
        free(stored.leaf);
    return status;
}

static enum store_status claim_serial(struct store_txn *txn, const struct acme_certificate *certificate)
{
    struct store_slice serial = {certificate->serial, certificate->serial_len};
    return spent_claim(txn, SPENT_SERIAL, "", serial, ACME_SERIALS, serial, &certificate->id);
}

enum store_status acme_certificate_save(struct store_txn *txn, const struct acme_certificate *certificate)
{
    if (certificate->serial_len == 0 || certificate->serial_len > sizeof certificate->serial)
        return STORE_INVALID;
    enum store_status status = save_record(txn, certificate);
    if (status == STORE_OK)
        status = claim_serial(txn, certificate);
    return status == STORE_OK ? index_unfetched(txn, certificate) : status;
}

static enum store_status spend_serial(struct store_txn *txn, const uint8_t *serial, size_t len)
{
    enum store_status status = spent_add(txn, SPENT_SERIAL, "", serial, len);
    if (status == STORE_OK)
        status = store_delete(txn, ACME_SERIALS, serial, len);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status acme_certificate_remove(struct store_txn *txn, const struct acme_certificate *certificate)
{
    enum store_status status = forget_unfetched(txn, certificate);
    if (status == STORE_OK)
        status = store_delete(txn, ACME_CERTIFICATES, certificate->id.octets, ACME_ID_LEN);
    return status == STORE_OK ? spend_serial(txn, certificate->serial, certificate->serial_len) : status;
}

enum store_status acme_certificate_serial_taken(struct store_txn *txn, const uint8_t *serial, size_t len)
{
    struct acme_id id;
    enum store_status status = acme_certificate_by_serial(txn, serial, len, &id);
    return status == STORE_NOT_FOUND ? spent_find(txn, SPENT_SERIAL, "", serial, len) : status;
}

enum store_status acme_certificate_by_serial(struct store_txn *txn, const uint8_t *serial, size_t len,
                                             struct acme_id *id)
{
    return acme_id_get(txn, ACME_SERIALS, serial, len, id);
}

/* ---- a store of before ---- */

struct dangling {
    struct store_txn *txn;
    uint8_t (*serials)[ACME_SERIAL_MAX + 1]; /* length first */
    size_t count, room;
    enum store_status status;
};

static bool note_dangling(void *ctx, struct store_slice key, struct store_slice value)
{
    struct dangling *d = ctx;
    struct store_slice record;
    enum store_status status = store_get(d->txn, ACME_CERTIFICATES, value.data, value.len, &record);
    if (status != STORE_NOT_FOUND || key.len > ACME_SERIAL_MAX)
        return true;
    if (d->count == d->room) {
        size_t room = d->room ? 2 * d->room : 64;
        void *more = shortage_realloc(d->serials, room * sizeof *d->serials);
        if (!more)
            d->status = STORE_IO;
        if (!more)
            return false;
        d->serials = more;
        d->room = room;
    }
    d->serials[d->count][0] = (uint8_t)key.len;
    memcpy(d->serials[d->count++] + 1, key.data, key.len);
    return true;
}

enum store_status acme_serials_migrate(struct store_txn *txn, char reason[static STORE_REASON_SIZE])
{
    struct dangling d = {.txn = txn};
    enum store_status status = store_visit(txn, ACME_SERIALS, NULL, 0, note_dangling, &d);
    if (status == STORE_OK)
        status = d.status;
    for (size_t i = 0; status == STORE_OK && i < d.count; i++)
        status = spend_serial(txn, d.serials[i] + 1, d.serials[i][0]);
    free(d.serials);
    if (status != STORE_OK)
        snprintf(reason, STORE_REASON_SIZE, "the serial numbers of removed certificates cannot be gathered: %s",
                 store_status_text(status));
    return status;
}

bool acme_certificate_set_revocation(struct acme_certificate *certificate, enum acme_revocation to)
{
    static const bool legal[][ACME_REVOCATION_LAPSED + 1] = {
        [ACME_REVOCATION_NONE] = {[ACME_REVOCATION_ASKED] = true},
        [ACME_REVOCATION_ASKED] = {[ACME_REVOCATION_DONE] = true, [ACME_REVOCATION_LAPSED] = true},
        [ACME_REVOCATION_LAPSED] = {false},
    };
    if (!legal[certificate->revocation][to])
        return false;
    certificate->revocation = to;
    return true;
}

void acme_certificate_clear(struct acme_certificate *certificate)
{
    free(certificate->chain);
    free(certificate->leaf);
    free(certificate->certificate_id);
    free(certificate->issuance);
    for (unsigned i = 0; i < certificate->alternate_count; i++)
        free(certificate->alternates[i]);
    memset(certificate, 0, sizeof *certificate);
}
