#include "gateway/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/log_format.h"

enum {
    REPEATS_MAX = 20, /* in a window */
    WINDOW_MS = 60000,
    CAUSES = 16384,
    REMEMBERED = 1024, /* kinds of entries; one that takes another's place begins anew */
};

static _Atomic int threshold = LOG_LEVEL_INFO;
static _Atomic int form = LOG_JSON;
static _Atomic int journal = -1;
static struct sockaddr_un journal_at = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
static _Atomic uint64_t counts[LOG_LEVEL_ERROR + 1];
static _Thread_local uint64_t request;
static struct cause {
    _Atomic uint64_t subject, request;
} causes[CAUSES];

/* ---- repetitions ---- */

/* No lock: where two threads meet here, one entry more or less is written. */
static struct {
    _Atomic uint64_t hash, since_ms;
    atomic_uint seen;
} remembered[REMEMBERED];

static uint64_t add_to_hash(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    while (*text++);
    return hash;
}

static uint64_t hash_of(const struct log_entry *entry)
{
    uint64_t hash = add_to_hash(14695981039346656037u + entry->level, entry->msg);
    for (unsigned i = 0; i < entry->count; i++)
        hash = add_to_hash(add_to_hash(hash, entry->pairs[i].key), entry->pairs[i].value);
    return hash;
}

/* Whether it is to be written, and how many like it were not since the last that was. */
static bool may_write(const struct log_entry *entry, unsigned *held_back)
{
    struct timespec now;
    uint64_t hash = hash_of(entry);
    unsigned at = hash % REMEMBERED;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    bool same = atomic_load(&remembered[at].hash) == hash;
    *held_back = 0;
    if (same && now_ms - atomic_load(&remembered[at].since_ms) < WINDOW_MS)
        return atomic_fetch_add(&remembered[at].seen, 1) < REPEATS_MAX;
    atomic_store(&remembered[at].hash, hash);
    atomic_store(&remembered[at].since_ms, now_ms);
    unsigned seen = atomic_exchange(&remembered[at].seen, 1);
    if (same && seen > REPEATS_MAX)
        *held_back = seen - REPEATS_MAX;
    return true;
}

/* ---- writing ---- */

static bool write_to_journal(const char *text, size_t len)
{
    int fd = atomic_load(&journal);
    return fd >= 0 && sendto(fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)&journal_at, sizeof journal_at) >= 0;
}

static void write_entry(const struct log_entry *entry)
{
    char text[LOG_TEXT_MAX];
    enum log_format format = (enum log_format)atomic_load_explicit(&form, memory_order_relaxed);
    /* What the journal does not take, because it is not there, must not be lost. */
    if (format == LOG_JOURNAL && write_to_journal(text, log_format_journal(entry, text)))
        return;
    size_t len = format == LOG_RFC5424 ? log_format_rfc5424(entry, text) : log_format_json(entry, text);
    if (write(STDERR_FILENO, text, len) < 0)
        return; /* nobody to tell */
}

static void add_pair(struct log_entry *entry, const char *key, const char *value)
{
    if (!value || entry->count == LOG_PAIRS_MAX)
        return;
    entry->pairs[entry->count].key = key;
    entry->pairs[entry->count++].value = value;
}

static void log_pairs(enum log_level level, bool always, const char *msg, va_list pairs)
{
    struct log_entry entry = {.level = level, .msg = msg};
    unsigned held_back = 0;
    char number[16], id[24];
    const char *key;
    while ((key = va_arg(pairs, const char *)) != NULL)
        add_pair(&entry, key, va_arg(pairs, const char *));
    atomic_fetch_add_explicit(&counts[level], 1, memory_order_relaxed);
    if (!always && level != LOG_LEVEL_DEBUG && !may_write(&entry, &held_back))
        return;
    snprintf(id, sizeof id, "%016" PRIx64, request);
    add_pair(&entry, "request_id", request ? id : NULL);
    snprintf(number, sizeof number, "%u", held_back);
    add_pair(&entry, "repeated", held_back ? number : NULL);
    clock_gettime(CLOCK_REALTIME, &entry.when);
    write_entry(&entry);
}

void log_line(enum log_level level, const char *msg, ...)
{
    va_list pairs;
    if (!log_enabled(level))
        return;
    va_start(pairs, msg);
    log_pairs(level, false, msg, pairs);
    va_end(pairs);
}

void log_each(enum log_level level, const char *msg, ...)
{
    va_list pairs;
    if (!log_enabled(level))
        return;
    va_start(pairs, msg);
    log_pairs(level, true, msg, pairs);
    va_end(pairs);
}

/* ---- what is written, and how ---- */

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}

void log_set_format(enum log_format format)
{
    const char *elsewhere = getenv("ACMEGATE_DEBUG_JOURNAL"); /* for tests */
    if (elsewhere)
        snprintf(journal_at.sun_path, sizeof journal_at.sun_path, "%s", elsewhere);
    if (format == LOG_JOURNAL && atomic_load(&journal) < 0)
        atomic_store(&journal, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    atomic_store(&form, (int)format);
}

void log_set_request(uint64_t id)
{
    request = id;
}

/* ---- causes ---- */

static uint64_t hash_subject(const void *subject, size_t len)
{
    const unsigned char *octets = subject;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ octets[i]) * 1099511628211u;
    return hash;
}

/* The request goes last and is read first: where two threads meet here, an id is missing, or one is too many. */
void log_note_cause(const void *subject, size_t len)
{
    uint64_t hash = hash_subject(subject, len);
    struct cause *cause = &causes[hash % CAUSES];
    if (request == 0)
        return;
    atomic_store(&cause->subject, hash);
    atomic_store(&cause->request, request);
}

void log_set_cause(const void *subject, size_t len)
{
    uint64_t hash = hash_subject(subject, len);
    struct cause *cause = &causes[hash % CAUSES];
    uint64_t id = atomic_load(&cause->request);
    request = atomic_load(&cause->subject) == hash ? id : 0;
}

uint64_t log_count(enum log_level level)
{
    return atomic_load_explicit(&counts[level], memory_order_relaxed);
}
