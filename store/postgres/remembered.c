/* remembered: what records were when this process read or wrote them last, for all its transactions. Others may have
 * changed them since: it is a guess, which guess.c has the server confirm before anything rests on it. So is what of some
 * tables is the rule: that a number is new is looked up, and found to be so. */
#include "store/postgres/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 8192,
    OCTETS_MAX = 8 << 20,
    RECORD_MAX = 64 << 10,
    TABLES_MAX = 256,
    HABIT = 8, /* so often in turn nothing was there where nothing was remembered: the next time it will be so again */
};

struct memory {
    struct memory *next;            /* in its bucket */
    struct memory *older, *younger; /* of all */
    uint64_t since;                 /* commits of this process, at the last of which it was written */
    unsigned table;
    bool there;
    size_t key_len, value_len;
    uint8_t octets[]; /* key, value */
};

struct remembered {
    pthread_mutex_t lock;
    struct memory *buckets[BUCKETS], *oldest, *youngest;
    size_t octets;
    uint64_t seed, commits;
    uint8_t missed[TABLES_MAX]; /* so often in turn, HABIT at most */
};

struct remembered *remembered_make(void)
{
    struct remembered *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->seed = (uint64_t)random_word();
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

/* ---- with the lock ---- */

/* Seeded: clients choose some of the keys. */
static struct memory **memory_bucket(struct remembered *r, unsigned table, struct store_slice key)
{
    uint64_t hash = r->seed ^ table;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 0x100000001b3;
    return &r->buckets[(hash ^ hash >> 32) % BUCKETS];
}

static struct store_slice memory_key(const struct memory *memory)
{
    return (struct store_slice){memory->octets, memory->key_len};
}

static size_t size_of(const struct memory *memory)
{
    return sizeof *memory + memory->key_len + memory->value_len;
}

/* Where the pointer to it is, or would be. */
static struct memory **memory_place(struct remembered *r, unsigned table, struct store_slice key)
{
    struct memory **place = memory_bucket(r, table, key);
    while (*place != NULL && !((*place)->table == table && (*place)->key_len == key.len &&
                               memcmp((*place)->octets, key.data, key.len) == 0))
        place = &(*place)->next;
    return place;
}

static void drop(struct remembered *r, struct memory **place)
{
    struct memory *memory = *place;
    *place = memory->next;
    *(memory->older != NULL ? &memory->older->younger : &r->oldest) = memory->younger;
    *(memory->younger != NULL ? &memory->younger->older : &r->youngest) = memory->older;
    r->octets -= size_of(memory);
    free(memory);
}

static void memory_add(struct remembered *r, struct memory *memory)
{
    struct memory **bucket = memory_bucket(r, memory->table, memory_key(memory));
    memory->next = *bucket;
    *bucket = memory;
    memory->older = r->youngest;
    *(r->youngest != NULL ? &r->youngest->younger : &r->oldest) = memory;
    r->youngest = memory;
    r->octets += size_of(memory);
    while (r->octets > OCTETS_MAX)
        drop(r, memory_place(r, r->oldest->table, memory_key(r->oldest)));
}

static struct memory *make(unsigned table, struct store_slice key, const struct store_slice *value)
{
    size_t value_len = value != NULL ? value->len : 0;
    struct memory *memory = value_len <= RECORD_MAX ? malloc(sizeof *memory + key.len + value_len) : NULL;
    if (memory == NULL)
        return NULL;
    *memory = (struct memory){.table = table, .there = value != NULL, .key_len = key.len, .value_len = value_len};
    memcpy(memory->octets, key.data, key.len);
    if (value_len > 0)
        memcpy(memory->octets + key.len, value->data, value_len);
    return memory;
}

static void replace(struct remembered *r, unsigned table, struct store_slice key, const struct store_slice *value)
{
    struct memory **place = memory_place(r, table, key), *memory = make(table, key, value);
    if (*place != NULL)
        drop(r, place);
    if (memory == NULL)
        return;
    memory->since = r->commits;
    memory_add(r, memory);
}

/* ---- for all ---- */

void remembered_free(struct remembered *r)
{
    if (r == NULL)
        return;
    while (r->oldest != NULL)
        drop(r, memory_place(r, r->oldest->table, memory_key(r->oldest)));
    pthread_mutex_destroy(&r->lock);
    free(r);
}

uint64_t remembered_commits(struct remembered *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t commits = r->commits;
    pthread_mutex_unlock(&r->lock);
    return commits;
}

void remembered_read(struct remembered *r, unsigned table, struct store_slice key, const struct store_slice *value,
                     uint64_t commits)
{
    pthread_mutex_lock(&r->lock);
    const struct memory *before = *memory_place(r, table, key);
    if (before == NULL || before->since <= commits)
        replace(r, table, key, value);
    pthread_mutex_unlock(&r->lock);
}

void remembered_commit(struct remembered *r, const struct link *link)
{
    pthread_mutex_lock(&r->lock);
    r->commits++;
    for (const struct known *known = link->known; known != NULL; known = known->next)
        if (known->written && known_find(link, known->table, known->key) == known) /* the last that was written */
            replace(r, known->table, known->key, known->there ? &known->value : NULL);
    pthread_mutex_unlock(&r->lock);
}

void remembered_missed(struct remembered *r, unsigned table, bool missed)
{
    if (table >= TABLES_MAX)
        return;
    pthread_mutex_lock(&r->lock);
    r->missed[table] = !missed ? 0 : r->missed[table] < HABIT ? r->missed[table] + 1 : HABIT;
    pthread_mutex_unlock(&r->lock);
}

/* With the lock. */
static struct guess *guess_memory(const struct memory *memory, struct store_slice key)
{
    struct store_slice value = {memory->octets + memory->key_len, memory->value_len};
    return guess_make(memory->table, GET, key, memory->there ? &value : NULL);
}

struct guess *remembered_guess(struct remembered *r, unsigned table, struct store_slice key)
{
    pthread_mutex_lock(&r->lock);
    const struct memory *memory = *memory_place(r, table, key);
    struct guess *guess = memory != NULL ? guess_memory(memory, key) : NULL;
    pthread_mutex_unlock(&r->lock);
    return guess;
}

struct guess *remembered_or_rule(struct remembered *r, unsigned table, struct store_slice key)
{
    struct guess *guess = NULL;
    pthread_mutex_lock(&r->lock);
    const struct memory *memory = *memory_place(r, table, key);
    if (memory != NULL)
        guess = guess_memory(memory, key);
    else if (table < TABLES_MAX && r->missed[table] == HABIT)
        guess = guess_make(table, GET, key, NULL);
    if (guess != NULL && guess->there && table < TABLES_MAX)
        r->missed[table] = 0;
    pthread_mutex_unlock(&r->lock);
    return guess;
}
