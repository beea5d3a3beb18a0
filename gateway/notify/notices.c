#include "gateway/notify/notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/libraries.h"
#include "gateway/scheduler.h"
#include "gateway/tables.h"
#include "store/record.h"

enum {
    RECORD_VERSION = 1,
    RECORD_MAX = 1024,
    TIME_LEN = 8,
    KEY_MAX = RECIPIENT_MAX + 1 + TIME_LEN + 8,
    TEXT_MAX = 4096
};

/* ---- recipients ---- */

void recipient_make(const char *target, const char *policy, char out[static RECIPIENT_MAX + 1])
{
    snprintf(out, RECIPIENT_MAX + 1, "%s%s%s", target, policy[0] ? "\n" : "", policy);
}

const char *recipient_split(const char *recipient, char target[static CONFIG_TARGET_MAX + 1])
{
    size_t len = strcspn(recipient, "\n");
    snprintf(target, CONFIG_TARGET_MAX + 1, "%.*s", (int)len, recipient);
    return recipient[len] ? recipient + len + 1 : "";
}

/* Beside what was told: no kind of event has this number. */
static size_t state_key(const char *recipient, char key[static RECIPIENT_MAX + 2])
{
    return (size_t)snprintf(key, RECIPIENT_MAX + 2, "@%s", recipient);
}

enum store_status recipient_load(struct store_txn *txn, const char *recipient, struct recipient *state)
{
    char key[RECIPIENT_MAX + 2];
    struct store_slice value;
    struct record_reader r;
    *state = (struct recipient){0};
    enum store_status status = store_get(txn, ISSUE_TOLD, key, state_key(recipient, key), &value);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    if (record_open(&r, value) != RECORD_VERSION)
        return STORE_INVALID;
    state->told_ms = record_get_u64(&r);
    state->failures = record_get_u32(&r);
    state->failed_ms = record_get_u64(&r);
    state->left_out = record_get_u32(&r);
    record_get_string(&r, state->note, sizeof state->note);
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

enum store_status recipient_save(struct store_txn *txn, const char *recipient, const struct recipient *state)
{
    char key[RECIPIENT_MAX + 2];
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u64(&w, state->told_ms);
    record_put_u32(&w, state->failures);
    record_put_u64(&w, state->failed_ms);
    record_put_u32(&w, state->left_out);
    record_put_string(&w, state->note);
    enum store_status status =
        w.failed ? STORE_IO : store_put(txn, ISSUE_TOLD, key, state_key(recipient, key), w.data, w.len);
    record_free(&w);
    return status;
}

/* ---- what waits ---- */

static void put_u64(char *out, uint64_t value)
{
    for (int i = 0; i < TIME_LEN; i++)
        out[i] = (char)(value >> (56 - 8 * i));
}

/* The recipient, NUL, when, and which event. */
static size_t notice_key(const char *recipient, uint64_t time_ms, const char *event, const char *subject,
                         char key[static KEY_MAX])
{
    char about[EVENT_SUBJECT_MAX + 32];
    size_t len = strlen(recipient) + 1;
    memcpy(key, recipient, len);
    put_u64(key + len, time_ms);
    snprintf(about, sizeof about, "%s %s", event, subject);
    put_u64(key + len + TIME_LEN, event_mark(about));
    return len + 2 * TIME_LEN;
}

static bool count_one(void *ctx, struct store_slice key, struct store_slice value)
{
    unsigned *count = ctx;
    (void)key, (void)value;
    return ++*count < NOTICES_MAX;
}

unsigned notices_count(struct store_txn *txn, const char *recipient)
{
    unsigned count = 0;
    store_visit_prefix(txn, ISSUE_NOTICES, recipient, strlen(recipient) + 1, count_one, &count);
    return count;
}

/* NULL: out of memory. A text that is no UTF-8 says so. */
static char *notice_text(const struct event *event, uint64_t now_ms)
{
    json_t *text = json_string(event->text);
    json_t *json = json_pack("{s:s, s:s, s:o, s:I, s:I}", "event", config_event_text(event->kind), "subject",
                             event->subject, "text", text ? text : json_string("what it says cannot be shown"),
                             "since_ms", (json_int_t)event->since_ms, "time_ms", (json_int_t)now_ms);
    if (json && event->policy[0])
        json_object_set_new(json, "policy", json_string(event->policy));
    char *out = json ? libraries_dump(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return out;
}

static enum store_status put_notice(struct store_txn *txn, const char *recipient, const struct event *event,
                                    uint64_t now_ms)
{
    char key[KEY_MAX];
    char *text = notice_text(event, now_ms);
    size_t len = notice_key(recipient, now_ms, config_event_text(event->kind), event->subject, key);
    enum store_status status = text ? store_put(txn, ISSUE_NOTICES, key, len, text, strlen(text)) : STORE_IO;
    free(text);
    return status;
}

/* One that is there goes on as it is: it collects, or it waits after a failure. */
static enum store_status set_tell_job(struct store_txn *txn, const char *recipient, const struct recipient *state,
                                      uint64_t now_ms, uint64_t collect_ms)
{
    uint64_t due_ms = state->told_ms + collect_ms;
    enum store_status status = store_job_get(txn, JOB_TELL, recipient, strlen(recipient), &due_ms);
    if (status != STORE_NOT_FOUND)
        return status;
    return store_job_set(txn, JOB_TELL, recipient, strlen(recipient), due_ms > now_ms ? due_ms : now_ms);
}

enum store_status notices_add(struct store_txn *txn, const char *recipient, const struct event *event, uint64_t now_ms,
                              uint64_t collect_ms)
{
    struct recipient state;
    enum store_status status = recipient_load(txn, recipient, &state);
    if (status != STORE_OK)
        return status;
    if (notices_count(txn, recipient) < NOTICES_MAX) {
        status = put_notice(txn, recipient, event, now_ms);
    } else {
        state.left_out++;
        status = recipient_save(txn, recipient, &state);
    }
    return status == STORE_OK ? set_tell_job(txn, recipient, &state, now_ms, collect_ms) : status;
}

struct loading {
    json_t *items;
    bool failed;
};

static bool load_one(void *ctx, struct store_slice key, struct store_slice value)
{
    struct loading *loading = ctx;
    json_t *item = json_loadb((const char *)value.data, value.len, 0, NULL);
    (void)key;
    loading->failed = !item || json_array_append_new(loading->items, item) != 0;
    return !loading->failed && json_array_size(loading->items) < NOTICES_MAX;
}

enum store_status notices_load(struct store_txn *txn, const char *recipient, json_t **items)
{
    struct loading loading = {.items = json_array()};
    enum store_status status = STORE_IO;
    if (loading.items)
        status = store_visit_prefix(txn, ISSUE_NOTICES, recipient, strlen(recipient) + 1, load_one, &loading);
    *items = loading.items;
    return status == STORE_OK && loading.failed ? STORE_INVALID : status;
}

enum store_status notices_remove(struct store_txn *txn, const char *recipient, const json_t *items)
{
    const json_t *item;
    size_t i;
    json_array_foreach(items, i, item)
    {
        char key[KEY_MAX];
        const char *event = json_string_value(json_object_get(item, "event"));
        const char *subject = json_string_value(json_object_get(item, "subject"));
        uint64_t time_ms = (uint64_t)json_integer_value(json_object_get(item, "time_ms"));
        size_t len = notice_key(recipient, time_ms, event ? event : "", subject ? subject : "", key);
        enum store_status status = store_delete(txn, ISSUE_NOTICES, key, len);
        if (status != STORE_OK && status != STORE_NOT_FOUND)
            return status;
    }
    return STORE_OK;
}
