#include "gateway/notify/told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/notify/notices.h"
#include "gateway/tables.h"
#include "store/record.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 64, KEY_MAX = 1 + EVENT_SUBJECT_MAX };

/* What changes what it says is not told again sooner: an address or a time in a note may change with each look. */
static const uint64_t AGAIN_MS = HOUR_MS;
/* A line of the audit may be committed so long after the time that it bears. */
static const uint64_t OVERLAP_MS = 10 * MINUTE_MS;
/* Older lines are news to nobody; and what was told of one is known for longer than it can be found anew. */
static const uint64_t AUDIT_MS = DAY_MS;
/* How far the mark in the audit may be behind, so that not every look commits something. */
static const uint64_t BEHIND_MS = 10 * MINUTE_MS;

/* ---- records ---- */

struct told {
    uint64_t mark, told_ms;
};

/* The number of the kind and the subject. */
static size_t event_key(enum config_event kind, const char *subject, char key[static KEY_MAX + 1])
{
    return (size_t)snprintf(key, KEY_MAX + 1, "%c%s", (int)kind + 1, subject);
}

static bool read_told(struct store_slice value, struct told *told)
{
    struct record_reader r;
    if (record_open(&r, value) != RECORD_VERSION)
        return false;
    told->mark = record_get_u64(&r);
    told->told_ms = record_get_u64(&r);
    return record_complete(&r);
}

/* One that cannot be read counts as never told. */
static bool load_told(struct store_txn *txn, const char *key, size_t len, struct told *told)
{
    struct store_slice value;
    return store_get(txn, ISSUE_TOLD, key, len, &value) == STORE_OK && read_told(value, told);
}

static enum store_status save_told(struct store_txn *txn, const char *key, size_t len, const struct told *told)
{
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u64(&w, told->mark);
    record_put_u64(&w, told->told_ms);
    enum store_status status = w.failed ? STORE_IO : store_put(txn, ISSUE_TOLD, key, len, w.data, w.len);
    record_free(&w);
    return status;
}

/* ---- how far the audit was looked at: the time stands in place of the mark ---- */

static const char AUDITED[] = "@\naudit"; /* no target is called so */

static bool load_audited(struct store_txn *txn, struct told *audited)
{
    *audited = (struct told){0};
    return load_told(txn, AUDITED, sizeof AUDITED - 1, audited);
}

/* A clock that was set back makes the mark one of the future. */
uint64_t told_audit_from_ms(struct store_txn *txn, uint64_t now_ms)
{
    struct told audited;
    uint64_t from_ms = load_audited(txn, &audited) && audited.mark < now_ms ? audited.mark : now_ms;
    if (from_ms + AUDIT_MS < now_ms)
        from_ms = now_ms - AUDIT_MS;
    return from_ms > OVERLAP_MS ? from_ms - OVERLAP_MS : 0;
}

static bool is_behind(const struct told *audited, uint64_t now_ms)
{
    return audited->mark > now_ms || audited->mark + BEHIND_MS < now_ms;
}

/* ---- new ---- */

static bool is_new(struct store_txn *txn, const struct event *event, uint64_t now_ms)
{
    char key[KEY_MAX + 1];
    struct told told;
    if (!load_told(txn, key, event_key(event->kind, event->subject, key), &told))
        return true;
    return told.mark != event->mark && (told.told_ms > now_ms || now_ms - told.told_ms >= AGAIN_MS);
}

static enum store_status add_notices(struct store_txn *txn, const struct told_news *news, const struct event *event)
{
    enum store_status status = STORE_OK;
    const struct config_notify *notify = &news->config->notify;
    for (unsigned i = 0; status == STORE_OK && i < notify->target_count; i++) {
        const struct config_target *target = &notify->targets[i];
        char recipient[RECIPIENT_MAX + 1];
        if (!target->events[event->kind])
            continue;
        recipient_make(target->name, "", recipient);
        if (!target->mail.server || target->mail.to.count > 0)
            status = notices_add(txn, recipient, event, news->now_ms, notify->collect_ms);
        recipient_make(target->name, event->policy, recipient);
        if (status == STORE_OK && event->policy[0] && target->mail.server && target->mail.policy_contacts)
            status = notices_add(txn, recipient, event, news->now_ms, notify->collect_ms);
    }
    return status;
}

/* began: somebody was told before; otherwise what has happened up to now is history. */
static enum store_status tell_event(struct store_txn *txn, struct told_news *news, const struct event *event, bool began)
{
    char key[KEY_MAX + 1];
    const struct told told = {event->mark, news->now_ms};
    enum store_status status = save_told(txn, key, event_key(event->kind, event->subject, key), &told);
    if (status != STORE_OK || (!began && event_is_once(event->kind)))
        return status;
    news->told++;
    return add_notices(txn, news, event);
}

/* ---- over ---- */

struct over {
    const struct told_news *news;
    char (*keys)[KEY_MAX + 1]; /* owned */
    size_t count, capacity;
    bool failed;
};

static bool is_there(const struct events *events, const char *key)
{
    for (unsigned i = 0; i < events->count; i++)
        if (events->list[i].kind + 1 == (unsigned char)key[0] && strcmp(events->list[i].subject, key + 1) == 0)
            return true;
    return false;
}

/* A first push stays the first for ever. */
static bool is_over(const struct told_news *news, const char *key, const struct told *told)
{
    enum config_event kind = (enum config_event)((unsigned char)key[0] - 1);
    if (kind == CONFIG_EVENT_PUSH)
        return false;
    if (event_is_once(kind))
        return told->told_ms + 2 * AUDIT_MS < news->now_ms;
    return news->events->looked[kind] && !is_there(news->events, key);
}

static bool note_over(void *ctx, struct store_slice key, struct store_slice value)
{
    struct over *over = ctx;
    struct told told = {0};
    char text[KEY_MAX + 1];
    if (key.len == 0 || key.data[0] > CONFIG_EVENTS)
        return false; /* what comes next is of no event */
    memcpy(text, key.data, key.len < KEY_MAX ? key.len : KEY_MAX);
    text[key.len < KEY_MAX ? key.len : KEY_MAX] = '\0';
    read_told(value, &told);
    if (!is_over(over->news, text, &told))
        return true;
    if (over->count == over->capacity) {
        size_t capacity = over->capacity ? 2 * over->capacity : 16;
        char(*keys)[KEY_MAX + 1] = realloc(over->keys, capacity * sizeof *keys);
        over->failed = !keys;
        if (over->failed)
            return false;
        over->keys = keys;
        over->capacity = capacity;
    }
    memcpy(over->keys[over->count++], text, sizeof text);
    return true;
}

/* STORE_OK and the keys of what is over. Free them. */
static enum store_status find_over(struct store_txn *txn, struct over *over)
{
    enum store_status status = store_visit(txn, ISSUE_TOLD, NULL, 0, note_over, over);
    return status == STORE_OK && over->failed ? STORE_IO : status;
}

static enum store_status forget_over(struct store_txn *txn, const struct told_news *news)
{
    struct over over = {.news = news};
    enum store_status status = find_over(txn, &over);
    for (size_t i = 0; status == STORE_OK && i < over.count; i++)
        status = store_delete(txn, ISSUE_TOLD, over.keys[i], strlen(over.keys[i]));
    free(over.keys);
    return status;
}

/* ---- all of it ---- */

bool told_is_news(struct store_txn *txn, const struct told_news *news)
{
    struct told audited;
    struct over over = {.news = news};
    if (!load_audited(txn, &audited) || is_behind(&audited, news->now_ms))
        return true;
    for (unsigned i = 0; i < news->events->count; i++)
        if (is_new(txn, &news->events->list[i], news->now_ms))
            return true;
    bool any = find_over(txn, &over) != STORE_OK || over.count > 0;
    free(over.keys);
    return any;
}

enum store_status told_store(struct store_txn *txn, void *arg)
{
    struct told_news *news = arg;
    struct told audited;
    bool began = load_audited(txn, &audited);
    enum store_status status = STORE_OK;
    news->told = 0;
    for (unsigned i = 0; status == STORE_OK && i < news->events->count; i++) {
        const struct event *event = &news->events->list[i];
        if (is_new(txn, event, news->now_ms))
            status = tell_event(txn, news, event, began);
    }
    if (status == STORE_OK)
        status = forget_over(txn, news);
    audited.mark = audited.told_ms = news->now_ms;
    return status == STORE_OK ? save_told(txn, AUDITED, sizeof AUDITED - 1, &audited) : status;
}
