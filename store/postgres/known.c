/* known: what a transaction knows of records, by their keys. Its isolation lets nobody else change what it has read, so
 * that no record is asked for twice; and what it writes is sent at once, with its COMMIT, or before a visit that may
 * come by it. */
#include "store/postgres/internal.h"

#include <stdlib.h>
#include <string.h>

enum { KNOWN_MAX = 4096 };

static bool is_of(const struct known *known, unsigned table, struct store_slice key)
{
    return known->table == table && known->key.len == key.len && memcmp(known->key.data, key.data, key.len) == 0;
}

static unsigned known_bucket(unsigned table, struct store_slice key)
{
    uint32_t hash = table;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 0x01000193;
    return (hash ^ hash >> 16) % KNOWN_BUCKETS;
}

static struct known *look_up_known(const struct link *link, unsigned table, struct store_slice key)
{
    struct known *known = link->buckets[known_bucket(table, key)];
    while (known != NULL && !is_of(known, table, key))
        known = known->beside;
    return known;
}

const struct known *known_find(const struct link *link, unsigned table, struct store_slice key)
{
    return look_up_known(link, table, key);
}

/* With its key, and room for a value. */
static struct known *add(struct link *link, unsigned table, struct store_slice key, size_t room)
{
    struct known *known = malloc(sizeof *known + key.len + room);
    unsigned bucket = known_bucket(table, key);
    if (known == NULL)
        return NULL;
    *known = (struct known){.next = link->known, .table = table, .key = {known->octets, key.len}};
    memcpy(known->octets, key.data, key.len);
    known->beside = link->buckets[bucket];
    link->known = link->buckets[bucket] = known;
    link->known_count++;
    return known;
}

void known_read(struct link *link, unsigned table, struct store_slice key, const struct store_slice *value)
{
    struct known *known = link->known_count < KNOWN_MAX ? add(link, table, key, 0) : NULL;
    if (known == NULL)
        return;
    known->there = value != NULL;
    known->missing = value == NULL;
    if (value != NULL)
        known->value = *value;
}

/* With its value; NULL: it is not there. */
static struct known *add_written(struct link *link, unsigned table, struct store_slice key,
                                 const struct store_slice *value)
{
    struct known *known = add(link, table, key, value != NULL ? value->len : 0);
    if (known == NULL)
        return NULL;
    known->written = true;
    known->there = value != NULL;
    if (value != NULL) {
        known->value = (struct store_slice){known->octets + key.len, value->len};
        if (value->len > 0)
            memcpy(known->octets + key.len, value->data, value->len);
    }
    return known;
}

bool known_wrote(struct link *link, unsigned table, struct store_slice key, const struct store_slice *value)
{
    struct known *known = add_written(link, table, key, value);
    if (known == NULL)
        return false;
    known->missing = value == NULL;
    return true;
}

/* What was known before is shadowed by it, and stays for slices. */
bool known_write(struct link *link, unsigned table, struct store_slice key, const struct store_slice *value)
{
    struct known *before = look_up_known(link, table, key);
    struct known *known = add_written(link, table, key, value);
    if (known == NULL)
        return false;
    known->missing = before != NULL && before->missing;
    known->unsent = known->there || !known->missing;
    link->unsent += known->unsent;
    if (before != NULL && before->unsent) {
        before->unsent = false;
        link->unsent--;
    }
    return true;
}

void known_forget(struct link *link)
{
    struct known **end = &link->known;
    while (*end != NULL)
        end = &(*end)->next;
    *end = link->spent;
    link->spent = link->known;
    link->known = NULL;
    memset(link->buckets, 0, sizeof link->buckets);
    link->known_count = link->unsent = 0;
    link->blurred = true;
}

void known_sent(struct link *link)
{
    for (struct known *known = link->known; known != NULL; known = known->next) {
        known->missing = known->unsent ? !known->there : known->missing;
        known->unsent = false;
    }
    link->unsent = 0;
    if (link->known_count >= KNOWN_MAX)
        known_forget(link);
}

void known_free(struct link *link)
{
    known_forget(link);
    for (struct known *next; link->spent != NULL; link->spent = next) {
        next = link->spent->next;
        free(link->spent);
    }
}
