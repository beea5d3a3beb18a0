#include "gateway/issue/life/relayed.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "gateway/clock.h"
#include "gateway/issue/context.h"
#include "gateway/issue/life/pushes.h"
#include "gateway/tables.h"
#include "store/record.h"

enum { VERSION = 1, KEY_LEN = 2 };

struct relayed {
    struct work work;
    struct sectigo_push push;
    uint64_t came_ms;
};

/* ---- the record ---- */

/* Where one begins to look for a place: the same order, certificate and status begin at the same. */
static unsigned first_place(const struct sectigo_push *push)
{
    uint8_t about[sizeof push->order_number + sizeof push->certificate_id + 1] = {0}, digest[SHA256_DIGEST_LENGTH];
    memcpy(about, push->order_number, strlen(push->order_number));
    memcpy(about + sizeof push->order_number, push->certificate_id, strlen(push->certificate_id));
    about[sizeof about - 1] = (uint8_t)push->kind;
    SHA256(about, sizeof about, digest);
    return ((unsigned)digest[0] << 8 | digest[1]) % RELAYED_MAX;
}

static void make_key(unsigned place, uint8_t key[static KEY_LEN])
{
    key[0] = (uint8_t)(place % RELAYED_MAX >> 8);
    key[1] = (uint8_t)(place & 0xff);
}

static bool is_about_the_same(const struct sectigo_push *a, const struct sectigo_push *b)
{
    return a->kind == b->kind && strcmp(a->order_number, b->order_number) == 0 &&
           strcmp(a->certificate_id, b->certificate_id) == 0;
}

static void write_record(struct record_writer *w, const struct sectigo_push *push, uint64_t now_ms)
{
    record_begin(w, VERSION, RELAYED_SIZE_MAX);
    record_put_u64(w, now_ms);
    record_put_u32(w, (uint32_t)push->kind);
    record_put_u32(w, (uint32_t)push->status_code);
    record_put_string(w, push->order_number);
    record_put_string(w, push->certificate_id);
    record_put_string(w, push->status);
    record_put_string(w, push->status_desc);
    record_put_string(w, push->event_type);
    record_put_string(w, push->verification_code);
    record_put_string(w, push->reason);
    record_put_string(w, push->revocation_reason);
    record_put_string(w, push->revocation_reason_code);
    record_put_string(w, push->certificate);
    record_put_string(w, push->ca_certificate);
    record_put_string(w, push->removed_domains);
}

/* NULL for "". */
static char *read_long(struct record_reader *r)
{
    char *text = record_dup_string(r);
    if (text && text[0])
        return text;
    free(text);
    return NULL;
}

static bool read_record(struct store_slice value, struct relayed *relayed)
{
    struct sectigo_push *push = &relayed->push;
    struct record_reader r;
    uint8_t version = record_open(&r, value);
    relayed->came_ms = record_get_u64(&r);
    push->kind = (enum sectigo_push_status)record_get_u32(&r);
    push->status_code = (int)record_get_u32(&r);
    record_get_string(&r, push->order_number, sizeof push->order_number);
    record_get_string(&r, push->certificate_id, sizeof push->certificate_id);
    record_get_string(&r, push->status, sizeof push->status);
    record_get_string(&r, push->status_desc, sizeof push->status_desc);
    record_get_string(&r, push->event_type, sizeof push->event_type);
    record_get_string(&r, push->verification_code, sizeof push->verification_code);
    record_get_string(&r, push->reason, sizeof push->reason);
    record_get_string(&r, push->revocation_reason, sizeof push->revocation_reason);
    record_get_string(&r, push->revocation_reason_code, sizeof push->revocation_reason_code);
    push->certificate = read_long(&r);
    push->ca_certificate = read_long(&r);
    push->removed_domains = read_long(&r);
    return version == VERSION && record_complete(&r);
}

/* ---- where it came ---- */

struct keeping {
    const struct sectigo_push *push;
    struct record_writer record;
    uint64_t now_ms;
};

/* STORE_OK where this one may stand there, STORE_EXISTS where another one does. */
static enum store_status try_place(struct store_txn *txn, const struct sectigo_push *push, const uint8_t key[static KEY_LEN])
{
    struct relayed other = {.came_ms = 0};
    struct store_slice value;
    enum store_status status = store_get(txn, ISSUE_PUSHES, key, KEY_LEN, &value);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    bool stays = read_record(value, &other) && !is_about_the_same(&other.push, push);
    sectigo_push_clear(&other.push);
    return stays ? STORE_EXISTS : STORE_OK;
}

/* The first place that is free, or the very first where none is. */
static enum store_status find_place(struct store_txn *txn, const struct sectigo_push *push, uint8_t key[static KEY_LEN])
{
    unsigned first = first_place(push);
    enum store_status status = STORE_EXISTS;
    for (unsigned i = 0; status == STORE_EXISTS && i < RELAYED_TRIES; i++) {
        make_key(first + i, key);
        status = try_place(txn, push, key);
    }
    if (status != STORE_EXISTS)
        return status;
    make_key(first, key);
    return STORE_OK;
}

static enum store_status keep_relayed(struct store_txn *txn, void *arg)
{
    const struct keeping *k = arg;
    uint8_t key[KEY_LEN];
    enum store_status status = find_place(txn, k->push, key);
    if (status == STORE_OK)
        status = store_put(txn, ISSUE_PUSHES, key, sizeof key, k->record.data, k->record.len);
    return status == STORE_OK ? store_job_set(txn, JOB_RELAYED, key, sizeof key, k->now_ms) : status;
}

bool relayed_keep(struct issuer *issuer, const struct sectigo_push *push)
{
    struct keeping keeping = {.push = push, .now_ms = clock_ms()};
    write_record(&keeping.record, push, keeping.now_ms);
    if (keeping.record.failed) { /* without its certificate it is as good as any other */
        struct sectigo_push bare = *push;
        bare.certificate = bare.ca_certificate = bare.removed_domains = NULL;
        record_free(&keeping.record);
        write_record(&keeping.record, &bare, keeping.now_ms);
    }
    enum store_status status = keeping.record.failed ? STORE_IO : store_call(issuer->at.store, keep_relayed, &keeping);
    record_free(&keeping.record);
    if (status != STORE_OK)
        log_warning("a push cannot be stored for the gateway that owns the store, and polling finds what it told: see to the "
                    "database",
                    "reason", store_status_text(status));
    return status == STORE_OK;
}

/* ---- where it goes ---- */

static enum store_status load_relayed(struct store_txn *txn, struct work *work)
{
    struct relayed *relayed = (struct relayed *)work;
    struct store_slice value;
    enum store_status status = store_get(txn, ISSUE_PUSHES, work->subject, work->subject_len, &value);
    if (status == STORE_OK && !read_record(value, relayed))
        relayed->came_ms = 0; /* it is dropped like one that is too old */
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* Handed over before it is removed: told twice it does no harm. */
static enum work_next ask_relayed(struct work *work)
{
    struct relayed *relayed = (struct relayed *)work;
    if (clock_since(relayed->came_ms, clock_ms()) < RELAYED_KEPT_MS)
        issuer_push(work->owner, &relayed->push);
    return WORK_STORE;
}

/* One that took its place meanwhile has a job of its own, and stays. */
static enum store_status apply_relayed(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    const struct relayed *relayed = (struct relayed *)work;
    struct store_slice value;
    struct record_reader r;
    (void)now_ms;
    enum store_status status = store_get(txn, ISSUE_PUSHES, work->subject, work->subject_len, &value);
    if (status == STORE_NOT_FOUND)
        return work_clear_job(txn, work);
    if (status != STORE_OK)
        return status;
    record_open(&r, value);
    if (relayed->came_ms != 0 && record_get_u64(&r) != relayed->came_ms)
        return STORE_REFUSED;
    status = store_delete(txn, ISSUE_PUSHES, work->subject, work->subject_len);
    return status == STORE_OK ? work_clear_job(txn, work) : status;
}

static enum work_next on_relayed_stored(struct work *work, enum store_status status)
{
    return status == STORE_REFUSED ? WORK_LOOK : status == STORE_OK ? WORK_DONE : work_rest(work, 0);
}

static void clear_relayed(struct work *work)
{
    sectigo_push_clear(&((struct relayed *)work)->push);
}

static void log_relayed(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    log_line(level, msg, "order_number", ((const struct relayed *)work)->push.order_number, "reason", reason, (char *)0);
}

const struct work_kind relayed_work = {
    .job = JOB_RELAYED,
    .size = sizeof(struct relayed),
    .subject_min = KEY_LEN,
    .subject_max = KEY_LEN,
    .load = load_relayed,
    .ask = ask_relayed,
    .apply = apply_relayed,
    .stored = on_relayed_stored,
    .clear = clear_relayed,
    .log = log_relayed,
    .unreadable = "a push that came to another gateway cannot be read from the store; see to its disk",
    .unstored = "a push that came to another gateway cannot be removed from the store; see to its disk",
};
