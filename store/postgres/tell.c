/* tell: what gateways of one store tell each other at once, by NOTIFY on the heart's connection. Nothing rests on it:
 * who listens is told of what is said from then on alone, and looks for the rest each second. A message is the sender's
 * word, a colon, and in hexadecimal what it is about: a letter, and octets. */
#include "store/postgres/internal.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/hex.h"

enum { ABOUT_JOBS = 'J', ABOUT_CALLER = 'C', AT_ONCE = 16, MESSAGE_MAX = 128, COMMAND_MAX = AT_ONCE * 2 * MESSAGE_MAX };

/* Of this schema alone, in a database that may hold several. */
static const char *channel(const struct postgres *p, char name[static MESSAGE_MAX])
{
    snprintf(name, MESSAGE_MAX, "acmegate %.50s", p->store.path);
    return name;
}

/* ---- telling ---- */

static void write_hex(char out[static TELL_TEXT + 1], char about, const void *what, size_t len)
{
    hex_write(&about, sizeof about, out);
    hex_write(what, len < STORE_TOLD_MAX ? len : STORE_TOLD_MAX, out + 2);
}

void postgres_tell(struct store *store, const void *what, size_t len)
{
    struct postgres *p = postgres_of(store);
    struct share *share = &p->share;
    if (!share->wanted)
        return;
    pthread_mutex_lock(&share->lock);
    if (share->tell_count < TELLS_MAX)
        write_hex(share->tells[share->tell_count++], ABOUT_CALLER, what, len);
    pthread_mutex_unlock(&share->lock);
    heart_ring(p);
}

/* An owner's are its own. */
void postgres_tell_jobs(struct store *store, uint64_t earliest_due_ms)
{
    struct postgres *p = postgres_of(store);
    struct share *share = &p->share;
    if (!share->wanted || atomic_load(&p->owner.claimed))
        return;
    pthread_mutex_lock(&share->lock);
    if (earliest_due_ms < share->due_ms)
        share->due_ms = earliest_due_ms;
    pthread_mutex_unlock(&share->lock);
    heart_ring(p);
}

/* With the lock: takes up to AT_ONCE of them, as arguments of a SELECT. 0: there are none. */
static size_t take_tells(struct postgres *p, char command[static COMMAND_MAX])
{
    struct share *share = &p->share;
    char name[MESSAGE_MAX];
    size_t len = 0;
    unsigned count = 0;
    if (share->due_ms != UINT64_MAX && share->tell_count < TELLS_MAX) {
        uint8_t due[sizeof(uint64_t)];
        uint64_t due_ms = htobe64(share->due_ms);
        memcpy(due, &due_ms, sizeof due);
        write_hex(share->tells[share->tell_count++], ABOUT_JOBS, due, sizeof due);
        share->due_ms = UINT64_MAX;
    }
    for (; count < share->tell_count && count < AT_ONCE; count++)
        len += (size_t)snprintf(command + len, COMMAND_MAX - len, "%s pg_notify('%s', '%" PRId64 ":%s')",
                                count == 0 ? "SELECT" : ",", channel(p, name), p->owner.word, share->tells[count]);
    share->tell_count -= count;
    memmove(share->tells, share->tells + count, share->tell_count * sizeof *share->tells);
    return len;
}

void tell_send(struct postgres *p)
{
    char command[COMMAND_MAX];
    for (bool more = true; more && owner_is_connected(&p->owner);) {
        pthread_mutex_lock(&p->share.lock);
        more = take_tells(p, command) > 0;
        pthread_mutex_unlock(&p->share.lock);
        if (more)
            owner_run(&p->owner, command, ANSWER_MS);
    }
}

/* ---- hearing ---- */

void tell_listen(struct postgres *p)
{
    char command[2 * MESSAGE_MAX], name[MESSAGE_MAX];
    if (!p->share.wanted || p->share.listens)
        return;
    snprintf(command, sizeof command, "LISTEN \"%s\"", channel(p, name));
    owner_run(&p->owner, command, ANSWER_MS);
    p->share.listens = true; /* also where the server knows no such thing: it is not asked again and again */
}

/* Returns how many octets there are, 0 for what is no message. */
static size_t read_hex(const char *text, uint8_t out[static 1 + STORE_TOLD_MAX])
{
    size_t len = strlen(text) / 2;
    if (len > 1 + STORE_TOLD_MAX || strspn(text, "0123456789abcdef") != 2 * len)
        return 0;
    for (size_t i = 0; i < len; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

static void hear_one(struct postgres *p, const char *message)
{
    uint8_t octets[1 + STORE_TOLD_MAX];
    char *end;
    uint64_t due_ms;
    int64_t word = strtoll(message, &end, 10);
    size_t len = word != p->owner.word && *end == ':' ? read_hex(end + 1, octets) : 0;
    if (len == 1 + sizeof due_ms && octets[0] == ABOUT_JOBS && atomic_load(&p->owner.claimed)) {
        memcpy(&due_ms, octets + 1, sizeof due_ms);
        writer_hear_jobs(&p->store, be64toh(due_ms));
    } else if (len > 0 && octets[0] == ABOUT_CALLER && p->share.at.told != NULL) {
        p->share.at.told(p->share.at.ctx, (struct store_slice){octets + 1, len - 1});
    }
}

void tell_hear(struct postgres *p)
{
    for (PGnotify *notice; (notice = PQnotifies(p->owner.pg)) != NULL; PQfreemem(notice))
        hear_one(p, notice->extra);
}
