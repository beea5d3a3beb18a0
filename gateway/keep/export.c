#include "gateway/keep/export.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "acme/libraries.h"
#include "gateway/audit.h"
#include "gateway/durable.h"
#include "gateway/log.h"
#include "gateway/tables.h"

enum { LINES_MAX = 200, TIME_LEN = 8, KEY_MAX = 256 };

struct line {
    uint8_t key[KEY_MAX];
    size_t len;
};

struct batch {
    struct export_step *step;
    struct line lines[LINES_MAX];
    unsigned count;
    char month[16]; /* "2026-11", of all of them */
    char *text;     /* owned: the lines, each with its end */
    size_t text_len;
    bool failed;
};

/* ---- the lines ---- */

static uint64_t time_of(struct store_slice key)
{
    uint64_t time_ms = 0;
    for (size_t i = 0; i < TIME_LEN && i < key.len; i++)
        time_ms = time_ms << 8 | key.data[i];
    return time_ms;
}

static void month_of(uint64_t time_ms, char month[static 16])
{
    struct tm utc;
    time_t seconds = (time_t)(time_ms / 1000);
    if (!gmtime_r(&seconds, &utc) || strftime(month, 16, "%Y-%m", &utc) == 0)
        snprintf(month, 16, "0000-00");
}

static bool append_text(struct batch *batch, const json_t *line)
{
    char *text = libraries_dump(line, JSON_COMPACT);
    size_t len = text ? strlen(text) : 0;
    char *grown = text ? realloc(batch->text, batch->text_len + len + 1) : NULL;
    if (grown) {
        memcpy(grown + batch->text_len, text, len);
        grown[batch->text_len + len] = '\n';
        batch->text = grown;
        batch->text_len += len + 1;
    }
    free(text);
    return grown != NULL;
}

/* False: it is not to be removed. */
static bool write_line(struct batch *batch, struct store_slice key, struct store_slice value)
{
    json_t *line = batch->step->folder ? audit_read(key, value) : NULL;
    bool unreadable = batch->step->folder && !line;
    batch->failed = key.len > KEY_MAX || (line && !append_text(batch, line));
    json_decref(line);
    return !batch->failed && !unreadable;
}

static bool take_line(void *ctx, struct store_slice key, struct store_slice value)
{
    struct batch *batch = ctx;
    char month[16];
    uint64_t time_ms = time_of(key);
    bool old = time_ms <= batch->step->now_ms && batch->step->now_ms - time_ms > batch->step->age_ms;
    month_of(time_ms, month);
    if (!old || batch->count == LINES_MAX || (batch->count > 0 && strcmp(month, batch->month) != 0))
        return false;
    if (!write_line(batch, key, value))
        return !batch->failed;
    memcpy(batch->month, month, sizeof month);
    memcpy(batch->lines[batch->count].key, key.data, key.len);
    batch->lines[batch->count++].len = key.len;
    return true;
}

static enum store_status gather(struct store *store, struct batch *batch)
{
    struct store_txn *txn;
    enum store_status status = store_read(store, &txn);
    if (status != STORE_OK)
        return status;
    status = store_visit(txn, ISSUE_AUDIT, NULL, 0, take_line, batch);
    store_read_end(txn);
    return status == STORE_OK && batch->failed ? STORE_IO : status;
}

/* ---- the file ---- */

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            text += written;
            len -= (size_t)written;
        }
    }
    return true;
}

/* What stands behind the lines that the store has given up is of a step that was cut off. One that somebody has made
 * shorter, or put in its place, is his. */
static bool append_to(int fd, const struct batch *batch, bool known, uint64_t known_octets, uint64_t *octets)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return false;
    uint64_t size = (uint64_t)about.st_size;
    if (known && size > known_octets) {
        if (ftruncate(fd, (off_t)known_octets) != 0)
            return false;
        size = known_octets;
    }
    if (lseek(fd, (off_t)size, SEEK_SET) < 0 || !write_all(fd, batch->text, batch->text_len) || fsync(fd) != 0)
        return false;
    *octets = size + batch->text_len;
    return true;
}

static enum store_status write_file(struct batch *batch)
{
    char path[PATH_MAX], name[DIARY_NAME_MAX + 1];
    struct housekeeping_diary *next = &batch->step->next;
    snprintf(name, sizeof name, "audit-%s.jsonl", batch->month);
    bool known = strcmp(next->exported, name) == 0;
    int len = snprintf(path, sizeof path, "%s/%s", batch->step->folder, name);
    int fd = len > 0 && len < (int)sizeof path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    bool good = fd >= 0 && append_to(fd, batch, known, next->exported_octets, &next->exported_octets) &&
                durable_sync_folder(batch->step->folder);
    if (!good)
        log_error(
            "old lines of the audit cannot be written, and stay in the store: see to housekeeping.audit_export and "
            "its disk",
            "file", path, "reason", strerror(errno));
    if (fd >= 0)
        close(fd);
    memcpy(next->exported, name, sizeof next->exported);
    return good ? STORE_OK : STORE_IO;
}

/* ---- the store ---- */

static enum store_status remove_lines(struct store_txn *txn, void *arg)
{
    const struct batch *batch = arg;
    enum store_status status = STORE_OK;
    for (unsigned i = 0; status == STORE_OK && i < batch->count; i++)
        status = store_delete(txn, ISSUE_AUDIT, batch->lines[i].key, batch->lines[i].len);
    return status == STORE_OK ? diary_save_housekeeping(txn, &batch->step->next) : status;
}

enum store_status export_audit(struct store *store, struct export_step *step)
{
    struct batch *batch = calloc(1, sizeof *batch);
    step->count = 0;
    if (!batch || step->age_ms == 0) {
        free(batch);
        return step->age_ms == 0 ? STORE_OK : STORE_IO;
    }
    batch->step = step;
    enum store_status status = gather(store, batch);
    if (status == STORE_OK && batch->count > 0 && step->folder)
        status = write_file(batch);
    step->next.removing[REMOVED_AUDIT_LINES] += batch->count;
    step->next.looked_ms = step->now_ms;
    if (status == STORE_OK && batch->count > 0)
        status = store_call(store, remove_lines, batch);
    step->count = batch->count;
    free(batch->text);
    free(batch);
    return status;
}
