#include "gateway/keep/copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/durable.h"
#include "gateway/keep/diary.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"

enum { STAMP_LEN = 16, PATH_SIZE = PATH_MAX, LISTED_MAX = 20000, PARTS_OF_RETRY = 24 };

/* What failed is tried again after a part of the interval: hourly where it is a day. */
static const uint64_t RETRY_MIN_MS = 1000, RETRY_MAX_MS = 3600000;

static const char NEW[] = ".new", PARTIAL[] = ".new.partial";

void copies_begin(struct copies *copies, const struct keeper_config *config)
{
    *copies = (struct copies){.at = *config};
}

static const struct config_backup *wanted(const struct copies *copies)
{
    return &copies->config->backup;
}

/* ---- names ---- */

static void name_of(const struct copies *copies, uint64_t now_ms, char name[static DIARY_NAME_MAX + 1])
{
    char stamp[STAMP_LEN + 1];
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now_s, &utc));
    snprintf(name, DIARY_NAME_MAX + 1, "acmegate-%s-%s", copies->config->instance, stamp);
}

static bool is_stamp(const char *text)
{
    static const char pattern[STAMP_LEN + 1] = "00000000T000000Z";
    for (size_t i = 0; i < STAMP_LEN; i++) {
        if (pattern[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i])
            return false;
    }
    return true;
}

/* What stands behind the name of one of ours: "" for a whole copy; NULL: it is none of ours. */
static const char *ending_of(const struct copies *copies, const char *name)
{
    char front[DIARY_NAME_MAX];
    int len = snprintf(front, sizeof front, "acmegate-%s-", copies->config->instance);
    bool ours = strncmp(name, front, (size_t)len) == 0 && is_stamp(name + len);
    return ours ? name + len + STAMP_LEN : NULL;
}

static bool is_whole(const struct copies *copies, const char *name)
{
    const char *ending = ending_of(copies, name);
    return ending && *ending == '\0';
}

static bool is_left_over(const struct copies *copies, const char *name)
{
    const char *ending = ending_of(copies, name);
    return ending && (strcmp(ending, NEW) == 0 || strcmp(ending, PARTIAL) == 0);
}

static bool path_of(const struct copies *copies, const char *name, const char *more, char path[static PATH_SIZE])
{
    int len = snprintf(path, PATH_SIZE, "%s/%s%s", wanted(copies)->folder, name, more);
    return len > 0 && len < PATH_SIZE;
}

/* ---- removing ---- */

/* A folder with anything else in it stays. */
static void remove_copy(const struct copies *copies, const char *name)
{
    char path[PATH_SIZE];
    if (path_of(copies, name, "/data.mdb", path))
        unlink(path);
    if (path_of(copies, name, "/lock.mdb", path)) /* of somebody who has looked into it */
        unlink(path);
    if (path_of(copies, name, "", path) && rmdir(path) != 0 && errno != ENOENT)
        log_warning("an old backup cannot be removed; see what is in it", "folder", path, "reason", strerror(errno));
    else
        log_info("an old backup is removed", "folder", path);
}

struct listing {
    char (*names)[DIARY_NAME_MAX + 1];
    size_t count;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Those of ours for which is(...), the oldest first. */
static bool list(const struct copies *copies, bool (*is)(const struct copies *, const char *), struct listing *found)
{
    DIR *folder = opendir(wanted(copies)->folder);
    found->count = 0;
    found->names = folder ? malloc(LISTED_MAX * sizeof *found->names) : NULL;
    for (const struct dirent *entry; found->names && found->count < LISTED_MAX && (entry = readdir(folder));) {
        if (is(copies, entry->d_name))
            snprintf(found->names[found->count++], DIARY_NAME_MAX + 1, "%.*s", DIARY_NAME_MAX, entry->d_name);
    }
    if (folder)
        closedir(folder);
    if (found->names)
        qsort(found->names, found->count, sizeof *found->names, compare_names);
    return found->names != NULL;
}

static void remove_left_over(const struct copies *copies)
{
    struct listing found;
    if (list(copies, is_left_over, &found)) {
        for (size_t i = 0; i < found.count; i++)
            remove_copy(copies, found.names[i]);
    }
    free(found.names);
}

/* While the clock is in doubt nobody knows which is the oldest. */
static void rotate(const struct copies *copies, const char *newest)
{
    struct listing found;
    if (clock_in_doubt())
        return;
    if (list(copies, is_whole, &found)) {
        size_t keep = wanted(copies)->keep;
        for (size_t i = 0; i < found.count && found.count - i > keep; i++) {
            if (strcmp(found.names[i], newest) != 0)
                remove_copy(copies, found.names[i]);
        }
    }
    free(found.names);
}

/* ---- one copy ---- */

struct reading {
    uint64_t octets;
};

static bool read_record(void *ctx, struct store_slice key, struct store_slice value)
{
    struct reading *reading = ctx;
    for (size_t i = 0; i < value.len; i += 512) /* each page is fetched from the disk */
        reading->octets += *(const volatile uint8_t *)(value.data + i) & 1u;
    reading->octets += key.len + value.len;
    return true;
}

static bool read_job(void *ctx, const struct store_job *job)
{
    (void)ctx, (void)job;
    return true;
}

/* Everything in it can be read, and it knows that it is a copy. */
static enum store_status read_all(struct store *store, unsigned tables, char reason[static STORE_REASON_SIZE])
{
    struct store_txn *txn;
    struct reading reading = {0};
    enum store_status status = store_read(store, &txn);
    if (status != STORE_OK)
        return status;
    for (unsigned i = 0; status == STORE_OK && i < tables; i++)
        status = store_visit(txn, i, NULL, 0, read_record, &reading);
    if (status == STORE_OK)
        status = store_jobs(txn, read_job, NULL);
    if (status == STORE_OK && store_copied_ms(txn) == 0) {
        snprintf(reason, STORE_REASON_SIZE, "the copy does not know that it is one");
        status = STORE_INVALID;
    }
    store_read_end(txn);
    return status;
}

static enum store_status verify(const struct copies *copies, const char *path, char reason[static STORE_REASON_SIZE])
{
    struct store_config settings = copies->at.settings;
    struct store *store;
    settings.path = path;
    enum store_status status = store_open_to_read(&settings, &store, reason);
    if (status != STORE_OK)
        return status;
    snprintf(reason, STORE_REASON_SIZE, "%.400s: not all of the copy can be read", path);
    status = read_all(store, settings.table_count, reason);
    store_close(store);
    return status;
}

static enum store_status publish(const struct copies *copies, const char *grown, const char *path,
                                 char reason[static STORE_REASON_SIZE])
{
    int code = renameat2(AT_FDCWD, grown, AT_FDCWD, path, RENAME_NOREPLACE) == 0 ? 0 : errno;
    if (code == 0 && durable_sync_folder(wanted(copies)->folder))
        return STORE_OK;
    if (code == 0)
        code = errno;
    snprintf(reason, STORE_REASON_SIZE, "%.400s: %s", path, strerror(code));
    return STORE_IO;
}

static enum store_status make_copy(const struct copies *copies, const char *name, char reason[static STORE_REASON_SIZE])
{
    char grown[PATH_SIZE], path[PATH_SIZE];
    if (!path_of(copies, name, NEW, grown) || !path_of(copies, name, "", path)) {
        snprintf(reason, STORE_REASON_SIZE, "%.400s: this path is too long", wanted(copies)->folder);
        return STORE_INVALID;
    }
    enum store_status status = store_backup(copies->at.store, grown, reason);
    if (status == STORE_OK)
        status = verify(copies, grown, reason);
    return status == STORE_OK ? publish(copies, grown, path, reason) : status;
}

/* ---- what became of it ---- */

static enum store_status write_diary(struct store_txn *txn, void *arg)
{
    const struct backup_diary *done = arg;
    struct backup_diary diary;
    enum store_status status = diary_load_backup(txn, &diary);
    if (status != STORE_OK && status != STORE_INVALID)
        return status;
    if (done->done_ms) {
        diary = *done;
    } else {
        diary.failures++;
        memcpy(diary.note, done->note, sizeof diary.note);
    }
    return diary_save_backup(txn, &diary);
}

/* The diary of a store that is full says nothing of the failure; the log and the metrics do. */
static void note_end(struct copies *copies, struct backup_diary *end)
{
    enum store_status status = store_call(copies->at.store, write_diary, end);
    if (status != STORE_OK)
        log_warning("the store does not take down how the scheduled backup went; see to it", "reason",
                    store_status_text(status));
}

static void back_up(struct copies *copies)
{
    char reason[STORE_REASON_SIZE] = "";
    struct backup_diary end = {.done_ms = 0};
    name_of(copies, clock_ms(), end.name);
    remove_left_over(copies);
    enum store_status status = make_copy(copies, end.name, reason);
    copies->failed = status != STORE_OK;
    copies->tried_boot_ms = clock_boot_ms();
    metrics_count(METRIC_BACKUPS, !copies->failed);
    if (copies->failed) {
        snprintf(end.note, sizeof end.note, "%.*s", DIARY_NOTE_MAX, *reason ? reason : store_status_text(status));
        log_error(
            "the scheduled backup failed, and is tried again; the last good one grows old: see to what the reason "
            "names",
            "folder", wanted(copies)->folder, "reason", end.note);
        remove_left_over(copies);
    } else {
        end.done_ms = clock_ms();
        log_info("a scheduled backup is written, and can be read", "folder", wanted(copies)->folder, "name", end.name);
        rotate(copies, end.name);
    }
    note_end(copies, &end);
}

/* ---- when ---- */

static uint64_t retry_ms(const struct copies *copies)
{
    uint64_t part_ms = wanted(copies)->every_s * 1000ull / PARTS_OF_RETRY;
    return part_ms < RETRY_MIN_MS ? RETRY_MIN_MS : part_ms > RETRY_MAX_MS ? RETRY_MAX_MS : part_ms;
}

/* In how long; 0: now. */
static uint64_t due_in_ms(const struct copies *copies)
{
    uint64_t every_ms = wanted(copies)->every_s * 1000ull, now_ms = clock_ms();
    struct backup_diary diary = {.done_ms = 0};
    struct store_txn *txn;
    if (copies->failed) {
        uint64_t gone_ms = clock_boot_ms() - copies->tried_boot_ms;
        return gone_ms < retry_ms(copies) ? retry_ms(copies) - gone_ms : 0;
    }
    if (store_read(copies->at.store, &txn) != STORE_OK)
        return retry_ms(copies);
    diary_load_backup(txn, &diary);
    store_read_end(txn);
    metrics_set(METRIC_BACKUP_LAST, (int64_t)diary.done_ms, 0);
    metrics_set(METRIC_BACKUP_EVERY, (int64_t)every_ms, 0);
    return clock_is_over(diary.done_ms, every_ms, now_ms) ? 0 : diary.done_ms + every_ms - now_ms;
}

static uint64_t take_turn(struct copies *copies)
{
    if (!wanted(copies)->folder)
        return UINT64_MAX;
    if (due_in_ms(copies) == 0)
        back_up(copies);
    return due_in_ms(copies);
}

uint64_t copies_turn(struct copies *copies)
{
    copies->config = config_take(copies->at.configs);
    uint64_t next_ms = take_turn(copies);
    config_drop(copies->config);
    copies->config = NULL;
    return next_ms;
}
