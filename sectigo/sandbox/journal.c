#include "sectigo/sandbox/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool read_line(const char *line, size_t len, journal_read_fn *read, void *arg)
{
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *value;
    const char *kind;
    bool ok = json_object_size(object) == 1;
    if (ok) {
        json_object_foreach(object, kind, value) ok = read(arg, kind, value);
    }
    json_decref(object);
    return ok;
}

static bool read_lines(const char *path, journal_read_fn *read, void *arg, char reason[static JOURNAL_REASON_MAX])
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t len;
    bool ok = true;
    if (!file && errno == ENOENT)
        return true;
    if (!file) {
        snprintf(reason, JOURNAL_REASON_MAX, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    while (ok && (len = getline(&line, &size, file)) > 0 && line[len - 1] == '\n') {
        number++;
        ok = read_line(line, (size_t)len, read, arg);
    }
    if (!ok)
        snprintf(reason, JOURNAL_REASON_MAX, "%s, line %zu: not a line of this program's journal", path, number);
    free(line);
    fclose(file);
    return ok;
}

bool journal_open(struct journal *journal, const char *path, journal_read_fn *read, void *arg,
                  char reason[static JOURNAL_REASON_MAX])
{
    *journal = (struct journal){.fd = -1, .path = strdup(path)};
    if (!journal->path) {
        snprintf(reason, JOURNAL_REASON_MAX, "out of memory");
        return false;
    }
    return read_lines(path, read, arg, reason);
}

bool journal_append(struct journal *journal, const char *kind, json_t *value)
{
    json_t *object = value ? json_pack("{s:o}", kind, value) : NULL;
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    size_t len = line ? strlen(line) : 0;
    bool ok = false;
    if (line) {
        line[len] = '\n'; /* in place of the terminator: the line goes out in one write */
        ok = write(journal->fd, line, len + 1) == (ssize_t)(len + 1);
    }
    if (!ok)
        fprintf(stderr, "sectigo-sandbox: cannot write to %s: %s\n", journal->path, strerror(errno));
    free(line);
    json_decref(object);
    return ok;
}

static char *new_path(const struct journal *journal)
{
    char *path = NULL;
    return asprintf(&path, "%s.new", journal->path) < 0 ? NULL : path;
}

bool journal_rewrite(struct journal *journal)
{
    char *path = new_path(journal);
    if (path)
        journal->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    free(path);
    return journal->fd >= 0;
}

bool journal_rewritten(struct journal *journal)
{
    char *path = new_path(journal);
    bool ok = path && rename(path, journal->path) == 0;
    free(path);
    return ok;
}

void journal_close(struct journal *journal)
{
    if (journal->path && journal->fd >= 0)
        close(journal->fd);
    free(journal->path);
    *journal = (struct journal){.fd = -1};
}
