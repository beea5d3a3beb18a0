#include "gateway/keep/diary.h"

#include <string.h>

#include "gateway/tables.h"
#include "store/record.h"

/* Version 1 of housekeeping's counts no subscriptions. */
enum { RECORD_VERSION = 2, RECORD_MAX = 4096, KINDS_1 = REMOVED_SUBSCRIPTIONS };

static const char BACKUP[] = "backup", HOUSEKEEPING[] = "housekeeping";

/* STORE_NOT_FOUND and STORE_INVALID fail the reader, so that the fields read as nothing. */
static enum store_status open_record(struct store_txn *txn, const char *kind, struct record_reader *r,
                                     unsigned *version)
{
    struct store_slice value;
    enum store_status status = store_get(txn, ISSUE_KEEPING, kind, strlen(kind), &value);
    *version = status == STORE_OK ? record_open(r, value) : 0;
    return status == STORE_OK && (*version == 0 || *version > RECORD_VERSION) ? STORE_INVALID : status;
}

static enum store_status save_record(struct store_txn *txn, const char *kind, struct record_writer *w)
{
    enum store_status status =
        w->failed ? STORE_IO : store_put(txn, ISSUE_KEEPING, kind, strlen(kind), w->data, w->len);
    record_free(w);
    return status;
}

enum store_status diary_load_backup(struct store_txn *txn, struct backup_diary *diary)
{
    struct record_reader r;
    unsigned version;
    memset(diary, 0, sizeof *diary);
    enum store_status status = open_record(txn, BACKUP, &r, &version);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    diary->done_ms = record_get_u64(&r);
    record_get_string(&r, diary->name, sizeof diary->name);
    diary->failures = record_get_u32(&r);
    record_get_string(&r, diary->note, sizeof diary->note);
    return record_complete(&r) ? STORE_OK : STORE_INVALID;
}

enum store_status diary_save_backup(struct store_txn *txn, const struct backup_diary *diary)
{
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u64(&w, diary->done_ms);
    record_put_string(&w, diary->name);
    record_put_u32(&w, diary->failures);
    record_put_string(&w, diary->note);
    return save_record(txn, BACKUP, &w);
}

static void get_counts(struct record_reader *r, unsigned version, uint64_t counts[static REMOVED_KINDS])
{
    for (unsigned i = 0; i < (version == 1 ? KINDS_1 : REMOVED_KINDS); i++)
        counts[i] = record_get_u64(r);
}

static void put_counts(struct record_writer *w, const uint64_t counts[static REMOVED_KINDS])
{
    for (unsigned i = 0; i < REMOVED_KINDS; i++)
        record_put_u64(w, counts[i]);
}

enum store_status diary_load_housekeeping(struct store_txn *txn, struct housekeeping_diary *diary)
{
    struct record_reader r;
    unsigned version;
    memset(diary, 0, sizeof *diary);
    enum store_status status = open_record(txn, HOUSEKEEPING, &r, &version);
    if (status != STORE_OK)
        return status == STORE_NOT_FOUND ? STORE_OK : status;
    diary->looked_ms = record_get_u64(&r);
    diary->hold_ms = record_get_u64(&r);
    diary->began_ms = record_get_u64(&r);
    diary->phase = record_get_u8(&r);
    struct store_slice cursor = record_get_bytes(&r);
    get_counts(&r, version, diary->removing);
    diary->ended_ms = record_get_u64(&r);
    get_counts(&r, version, diary->removed);
    record_get_string(&r, diary->exported, sizeof diary->exported);
    diary->exported_octets = record_get_u64(&r);
    if (!record_complete(&r) || cursor.len > DIARY_CURSOR_MAX)
        return STORE_INVALID;
    if (cursor.len > 0)
        memcpy(diary->cursor, cursor.data, cursor.len);
    diary->cursor_len = (uint8_t)cursor.len;
    return STORE_OK;
}

enum store_status diary_save_housekeeping(struct store_txn *txn, const struct housekeeping_diary *diary)
{
    struct record_writer w;
    record_begin(&w, RECORD_VERSION, RECORD_MAX);
    record_put_u64(&w, diary->looked_ms);
    record_put_u64(&w, diary->hold_ms);
    record_put_u64(&w, diary->began_ms);
    record_put_u8(&w, diary->phase);
    record_put_bytes(&w, diary->cursor, diary->cursor_len);
    put_counts(&w, diary->removing);
    record_put_u64(&w, diary->ended_ms);
    put_counts(&w, diary->removed);
    record_put_string(&w, diary->exported);
    record_put_u64(&w, diary->exported_octets);
    return save_record(txn, HOUSEKEEPING, &w);
}
