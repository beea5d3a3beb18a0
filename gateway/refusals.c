#include "gateway/refusals.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/sha.h>

#include "acme/durations.h"
#include "acme/libraries.h"
#include "gateway/tables.h"

enum {
    PATIENCE_MS = 3,  /* its commits for others */
    RECENT = 256,     /* refusals that a repetition is known of */
    SLOTS = 256,      /* of addresses, by digest: two that share one share its room */
    AT_ONCE = 64,     /* lines of one transaction */
    NAMES_MAX = 2048, /* octets of all names of a line */
    TEXT_MAX = 512,
    KEY_LEN = 16,
};

/* A line, as it is or will be in the table. */
struct recent {
    uint8_t key[KEY_LEN];
    uint64_t first_ms, last_ms; /* first_ms 0: free */
    uint32_t times;
    bool dirty;   /* to be written */
    json_t *line; /* owned: without times */
};

struct refusals {
    struct store *store;
    pthread_mutex_t lock; /* of all that follows but the batch, which is the store's while busy */
    struct recent recent[RECENT];
    uint16_t slots[SLOTS];
    uint64_t hour;
    uint32_t lines; /* of this hour */
    bool busy;
    struct store_op op;
    struct batch {
        uint8_t key[KEY_LEN];
        char *text; /* owned */
    } batch[AT_ONCE];
    unsigned batch_count;
};

_Static_assert(SLOTS == UINT8_MAX + 1, "an octet of a digest is a slot");

struct refusals *refusals_make(struct store *store)
{
    struct refusals *refusals = calloc(1, sizeof *refusals);
    if (!refusals)
        return NULL;
    refusals->store = store;
    pthread_mutex_init(&refusals->lock, NULL);
    return refusals;
}

void refusals_free(struct refusals *refusals)
{
    if (!refusals)
        return;
    for (size_t i = 0; i < RECENT; i++)
        json_decref(refusals->recent[i].line);
    pthread_mutex_destroy(&refusals->lock);
    free(refusals);
}

/* ---- a line ---- */

static bool put_text(json_t *line, const char *key, const char *text)
{
    char plain[TEXT_MAX];
    if (!text || !*text)
        return true;
    snprintf(plain, sizeof plain, "%s", text);
    for (char *c = plain; *c; c++)
        *c = (unsigned char)*c > 126 || (unsigned char)*c < ' ' ? '?' : *c;
    return json_object_set_new(line, key, json_string(plain)) == 0;
}

/* "a, b" as a list, as lines of the audit have it, so that it is found by name. */
static bool put_names(json_t *line, const char *names)
{
    char room[NAMES_MAX], *rest = room, *name;
    json_t *list = json_array();
    bool good = list != NULL;
    snprintf(room, sizeof room, "%s", names ? names : "");
    while (good && (name = strtok_r(rest, ", ", &rest))) {
        for (char *c = name; *c; c++)
            *c = (unsigned char)*c > 126 || (unsigned char)*c < ' ' ? '?' : *c;
        good = json_array_append_new(list, json_string(name)) == 0;
    }
    if (!good) {
        json_decref(list);
        return false;
    }
    return json_object_set_new(line, "names", list) == 0;
}

static json_t *line_of(const char *what, const struct refusal *r, uint64_t now_ms)
{
    json_t *line = json_pack("{s:I, s:s}", "time_ms", (json_int_t)now_ms, "what", what);
    char id[17] = "";
    if (r->id)
        snprintf(id, sizeof id, "%016" PRIx64, r->id);
    if (line && put_text(line, "token", r->token) && put_text(line, "user", r->user) &&
        put_text(line, "role", r->role) && put_text(line, "request_id", id) && put_text(line, "address", r->address) &&
        put_text(line, "account", r->account) && put_text(line, "key", r->key) && put_text(line, "policy", r->policy) &&
        put_text(line, "request", r->request) && put_text(line, "problem", r->problem) &&
        put_text(line, "reason", r->reason) && put_names(line, r->names))
        return line;
    json_decref(line);
    return NULL;
}

/* What two lines differ in, their time apart. */
static void digest_of(const char *what, const struct refusal *r, uint8_t digest[static SHA256_DIGEST_LENGTH])
{
    const char *const parts[] = {what,       r->address, r->account, r->key,  r->policy, r->request,
                                 r->problem, r->reason,  r->token,   r->user, r->role,   r->names};
    char text[NAMES_MAX + (sizeof parts / sizeof *parts) * TEXT_MAX];
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int len = snprintf(text + used, sizeof text - used, "%s\n", parts[i] ? parts[i] : "");
        used = len < 0 || (size_t)len >= sizeof text - used ? sizeof text - 1 : used + (size_t)len;
    }
    SHA256((const uint8_t *)text, used, digest);
}

/* IPv4: the address; IPv6: its /64, as far as the text shows it. */
static unsigned slot_of(const char *address)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    size_t len = 0;
    for (unsigned colons = 0; address && address[len] && colons < 4; len++)
        colons += address[len] == ':';
    SHA256((const uint8_t *)(address ? address : ""), len, digest);
    return digest[0];
}

/* ---- writing ---- */

struct first {
    uint8_t key[STORE_KEY_MAX];
    size_t len;
};

static bool take_first(void *ctx, struct store_slice key, struct store_slice value)
{
    struct first *first = ctx;
    (void)value;
    memcpy(first->key, key.data, key.len);
    first->len = key.len;
    return false;
}

static enum store_status make_room(struct store_txn *txn)
{
    enum store_status status = STORE_OK;
    while (status == STORE_OK && store_count(txn, ISSUE_REFUSALS) > REFUSALS_MAX) {
        struct first first = {.len = 0};
        status = store_visit(txn, ISSUE_REFUSALS, NULL, 0, take_first, &first);
        if (status == STORE_OK)
            status = store_delete(txn, ISSUE_REFUSALS, first.key, first.len);
    }
    return status;
}

static enum store_status write_batch(struct store_txn *txn, void *arg)
{
    const struct refusals *refusals = arg;
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < refusals->batch_count; i++) {
        const struct batch *one = &refusals->batch[i];
        status = store_put(txn, ISSUE_REFUSALS, one->key, KEY_LEN, one->text, strlen(one->text));
    }
    return status == STORE_OK ? make_room(txn) : status;
}

static bool gather_batch(struct refusals *refusals);

/* On the writer's thread. What could not be stored is lost: a full store has no room for strangers. */
static void on_written(struct store_op *op, enum store_status status)
{
    struct refusals *refusals = op->arg;
    pthread_mutex_lock(&refusals->lock);
    for (unsigned i = 0; i < refusals->batch_count; i++)
        free(refusals->batch[i].text);
    refusals->batch_count = 0;
    refusals->busy = false;
    bool more = status == STORE_OK && gather_batch(refusals);
    pthread_mutex_unlock(&refusals->lock);
    if (more)
        store_submit(refusals->store, &refusals->op);
}

static char *written(struct recent *recent)
{
    if (json_object_set_new(recent->line, "times", json_integer(recent->times)) != 0 ||
        json_object_set_new(recent->line, "last_ms", json_integer((json_int_t)recent->last_ms)) != 0)
        return NULL;
    return libraries_dump(recent->line, JSON_COMPACT);
}

/* With the lock. True: the operation is to be submitted, without it. */
static bool gather_batch(struct refusals *refusals)
{
    if (refusals->busy)
        return false;
    for (size_t i = 0; i < RECENT && refusals->batch_count < AT_ONCE; i++) {
        struct recent *recent = &refusals->recent[i];
        char *text = recent->dirty ? written(recent) : NULL;
        recent->dirty = false;
        if (!text)
            continue;
        memcpy(refusals->batch[refusals->batch_count].key, recent->key, KEY_LEN);
        refusals->batch[refusals->batch_count++].text = text;
    }
    refusals->busy = refusals->batch_count > 0;
    refusals->op =
        (struct store_op){.fn = write_batch, .arg = refusals, .patience_ms = PATIENCE_MS, .done = on_written};
    return refusals->busy;
}

/* ---- noting ---- */

static struct recent *find_recent(struct refusals *refusals, const uint8_t *digest, uint64_t now_ms)
{
    for (size_t i = 0; i < RECENT; i++) {
        struct recent *recent = &refusals->recent[i];
        if (recent->first_ms && memcmp(recent->key + 8, digest, 8) == 0 && now_ms - recent->first_ms < HOUR_MS)
            return recent;
    }
    return NULL;
}

/* The one that was refused longest ago makes room; one that waits for the store does not. */
static struct recent *free_recent(struct refusals *refusals)
{
    struct recent *oldest = NULL;
    for (size_t i = 0; i < RECENT; i++) {
        struct recent *recent = &refusals->recent[i];
        if (!recent->dirty && (!oldest || recent->last_ms < oldest->last_ms))
            oldest = recent;
    }
    return oldest;
}

static void remember(struct refusals *refusals, const char *what, const struct refusal *refusal, const uint8_t *digest,
                     uint64_t now_ms)
{
    struct recent *recent = free_recent(refusals);
    json_t *line = recent ? line_of(what, refusal, now_ms) : NULL;
    if (!line)
        return;
    json_decref(recent->line);
    *recent = (struct recent){.first_ms = now_ms, .last_ms = now_ms, .times = 1, .dirty = true, .line = line};
    for (int i = 0; i < 8; i++)
        recent->key[i] = (uint8_t)(now_ms >> (56 - 8 * i));
    memcpy(recent->key + 8, digest, 8);
}

/* Written again each time that the count has doubled: it says at least how often. */
static void repeat(struct recent *recent, uint32_t times, uint64_t now_ms)
{
    recent->times = times;
    recent->last_ms = now_ms;
    recent->dirty = recent->dirty || (times & (times - 1)) == 0;
}

/* One more beyond what is kept, in a line of its own for this hour. */
static void count_beyond(struct refusals *refusals, uint64_t now_ms)
{
    static const char what[] = "refusals beyond what is kept";
    const struct refusal nobody = {.reason = "more in an hour than an address, or all together, have room for: the log "
                                             "has those that it was not flooded with"};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    digest_of(what, &nobody, digest);
    struct recent *recent = find_recent(refusals, digest, now_ms);
    if (recent)
        repeat(recent, recent->times + 1, now_ms);
    else
        remember(refusals, what, &nobody, digest, now_ms);
}

/* With the lock. */
static void add_refusal(struct refusals *refusals, const struct refusal *refusal, uint64_t now_ms)
{
    static const char what[] = "refusal";
    uint8_t digest[SHA256_DIGEST_LENGTH];
    uint16_t *slot = &refusals->slots[slot_of(refusal->address)];
    digest_of(what, refusal, digest);
    struct recent *recent = find_recent(refusals, digest, now_ms);
    if (now_ms / HOUR_MS != refusals->hour) {
        refusals->hour = now_ms / HOUR_MS;
        refusals->lines = 0;
        memset(refusals->slots, 0, sizeof refusals->slots);
    }
    if (recent) {
        repeat(recent, recent->times + 1, now_ms);
    } else if (*slot >= REFUSALS_PER_ADDRESS || refusals->lines >= REFUSALS_PER_HOUR) {
        count_beyond(refusals, now_ms);
    } else {
        ++*slot;
        refusals->lines++;
        remember(refusals, what, refusal, digest, now_ms);
    }
}

void refusals_note(struct refusals *refusals, const struct refusal *refusal, uint64_t now_ms)
{
    if (!refusals)
        return;
    pthread_mutex_lock(&refusals->lock);
    add_refusal(refusals, refusal, now_ms);
    bool begun = gather_batch(refusals);
    pthread_mutex_unlock(&refusals->lock);
    if (begun)
        store_submit(refusals->store, &refusals->op);
}
