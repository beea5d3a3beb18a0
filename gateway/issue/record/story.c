#include "gateway/issue/record/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/tables.h"
#include "store/record.h"
#include "store/shortage.h"

/* Version 2, which is written, is compact, and has a line's first time as what it is after the line before, its last as
 * what it is after its first. BEGINNING: lines that are never left out. */
enum { RECORD_VERSION = 2, COMPACT = 2, RECORD_MAX = 64 * 1024, BEGINNING = STORY_LINES_MAX / 4 };

static void decode_line(struct record_reader *r, struct story_line *line, uint64_t before_ms)
{
    line->first_ms = record_get_u64(r) + (r->compact ? before_ms : 0);
    line->last_ms = record_get_u64(r) + (r->compact ? line->first_ms : 0);
    line->times = record_get_u32(r);
    line->state = (enum issuance_state)record_get_u8(r);
    record_get_string(r, line->what, sizeof line->what);
    record_get_string(r, line->words, sizeof line->words);
}

/* A clock that was set back makes a difference that is less than nothing: it wraps round, and back again. */
static void encode_line(struct record_writer *w, const struct story_line *line, uint64_t before_ms)
{
    record_put_u64(w, line->first_ms - before_ms);
    record_put_u64(w, line->last_ms - line->first_ms);
    record_put_u32(w, line->times);
    record_put_u8(w, (uint8_t)line->state);
    record_put_string(w, line->what);
    record_put_string(w, line->words);
}

enum store_status story_load(struct store_txn *txn, const char *issuance, struct story *story)
{
    struct store_slice value;
    struct record_reader r;
    story->left_out = story->count = 0;
    enum store_status status = store_get(txn, ISSUE_STORIES, issuance, strlen(issuance), &value);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    uint8_t version = record_open(&r, value);
    if (version < 1 || version > RECORD_VERSION)
        return STORE_INVALID;
    r.compact = version >= COMPACT;
    story->left_out = record_get_u32(&r);
    uint32_t count = record_get_u32(&r);
    for (uint32_t i = 0; i < count && i < STORY_LINES_MAX; i++)
        decode_line(&r, &story->lines[i], i > 0 ? story->lines[i - 1].first_ms : 0);
    bool good = count <= STORY_LINES_MAX && record_complete(&r);
    story->count = good ? count : 0;
    story->left_out = good ? story->left_out : 0;
    return good ? STORE_OK : STORE_INVALID;
}

static enum store_status save_story(struct store_txn *txn, const char *issuance, const struct story *story)
{
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    w.compact = true;
    record_put_u32(&w, story->left_out);
    record_put_u32(&w, story->count);
    for (uint32_t i = 0; i < story->count; i++)
        encode_line(&w, &story->lines[i], i > 0 ? story->lines[i - 1].first_ms : 0);
    enum store_status status =
        w.failed ? STORE_IO : store_put(txn, ISSUE_STORIES, issuance, strlen(issuance), w.data, w.len);
    record_free(&w);
    return status;
}

static void leave_one_out(struct story *story)
{
    story->left_out++;
    story->count--;
    memmove(story->lines + BEGINNING, story->lines + BEGINNING + 1, (story->count - BEGINNING) * sizeof *story->lines);
}

static bool says_the_same(const struct story_line *a, const struct story_line *b)
{
    return a->state == b->state && strcmp(a->what, b->what) == 0 && strcmp(a->words, b->words) == 0;
}

static void add(struct story *story, const struct story_line *line)
{
    struct story_line *last = story->count > 0 ? &story->lines[story->count - 1] : NULL;
    if (last && says_the_same(last, line)) {
        last->last_ms = line->last_ms;
        last->times++;
        return;
    }
    if (story->count == STORY_LINES_MAX)
        leave_one_out(story);
    story->lines[story->count++] = *line;
}

enum store_status story_add(struct store_txn *txn, const struct issuance *is, const char *what, const char *words,
                            uint64_t now_ms)
{
    struct story_line line = {.first_ms = now_ms, .last_ms = now_ms, .times = 1, .state = is->state};
    struct story *story = shortage_malloc(sizeof *story);
    if (!story)
        return STORE_IO;
    snprintf(line.what, sizeof line.what, "%s", what);
    snprintf(line.words, sizeof line.words, "%s", words);
    enum store_status status = story_load(txn, is->id, story);
    if (status == STORE_OK || status == STORE_INVALID) { /* what is only told keeps nothing from going on */
        add(story, &line);
        status = save_story(txn, is->id, story);
    }
    free(story);
    return status;
}

enum store_status story_add_to(struct store_txn *txn, const char *issuance, const char *what, const char *words,
                               uint64_t now_ms)
{
    struct issuance is;
    enum store_status status = issuance_load(txn, issuance, &is);
    if (status == STORE_OK)
        status = story_add(txn, &is, what, words, now_ms);
    issuance_clear(&is);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status story_remove(struct store_txn *txn, const char *issuance)
{
    enum store_status status = store_delete(txn, ISSUE_STORIES, issuance, strlen(issuance));
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* ---- beside a step ---- */

struct note {
    struct store_op op;
    char issuance[ISSUANCE_ID_MAX + 1], what[STORY_WHAT_MAX + 1], words[STORY_WORDS_MAX + 1];
};

static enum store_status write_note(struct store_txn *txn, void *arg)
{
    const struct note *note = arg;
    return story_add_to(txn, note->issuance, note->what, note->words, clock_ms());
}

static void on_written(struct store_op *op, enum store_status status)
{
    struct note *note = op->arg;
    if (status != STORE_OK)
        log_warning("the story of an issuance lacks a line; see to the store's disk", "issuance", note->issuance,
                    "reason", store_status_text(status));
    free(note);
}

void story_add_soon(struct store *store, const char *issuance, const char *what, const char *words)
{
    struct note *note = shortage_calloc(1, sizeof *note);
    if (!note)
        return; /* nothing is decided by it */
    snprintf(note->issuance, sizeof note->issuance, "%s", issuance);
    snprintf(note->what, sizeof note->what, "%s", what);
    snprintf(note->words, sizeof note->words, "%s", words);
    note->op = (struct store_op){.fn = write_note, .arg = note, .done = on_written};
    store_submit(store, &note->op);
}
