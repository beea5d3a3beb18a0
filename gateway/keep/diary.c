#include "gateway/keep/diary.h"

#include <string.h>

#include "gateway/tables.h"
#include "store/record.h"

enum { RECORD_VERSION = 1, RECORD_MAX = 4096 };

static const char BACKUP[] = "backup";

/* STORE_NOT_FOUND and STORE_INVALID fail the reader, so that the fields read as nothing. */
static enum store_status open_record(struct store_txn *txn, const char *kind, struct record_reader *r)
{
    struct store_slice value;
    enum store_status status = store_get(txn, ISSUE_KEEPING, kind, strlen(kind), &value);
    if (status == STORE_OK && record_open(r, value) != RECORD_VERSION)
        status = STORE_INVALID;
    return status;
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
    memset(diary, 0, sizeof *diary);
    enum store_status status = open_record(txn, BACKUP, &r);
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
