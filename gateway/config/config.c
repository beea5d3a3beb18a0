/* config: reading the file, and saying where it is wrong. */
#include "gateway/config/internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

/* ---- messages ---- */

void config_join(char out[static CONFIG_PATH_MAX], const char *path, const char *name)
{
    snprintf(out, CONFIG_PATH_MAX, "%s%s%s", path, path[0] != '\0' ? "." : "", name);
}

/* The last place of that path: what stands twice is reported where it stands again. */
static unsigned line_at(const struct config_reading *r, const char *path, size_t len)
{
    for (unsigned i = r->place_count; i > 0; i--) {
        const struct config_place *place = &r->places[i - 1];
        if (strlen(place->path) == len && strncmp(place->path, path, len) == 0)
            return place->line;
    }
    return 0;
}

bool config_stands(const struct config_reading *r, const char *path)
{
    return line_at(r, path, strlen(path)) > 0;
}

/* The line of path, or of the nearest thing above it that is there. */
static unsigned line_of(const struct config_reading *r, const char *path)
{
    size_t len = strlen(path);
    while (len > 0) {
        unsigned line = line_at(r, path, len);
        if (line > 0)
            return line;
        do
            len--;
        while (len > 0 && path[len] != '.' && path[len] != '[');
    }
    return 1;
}

/* One line, whatever the file holds. */
static void clean(char *text)
{
    for (; *text != '\0'; text++)
        if (iscntrl((unsigned char)*text))
            *text = '?';
}

static bool vfail(const struct config_reading *r, unsigned line, const char *path, const char *format, va_list args)
{
    char text[CONFIG_REASON_MAX / 2], number[16] = "";
    vsnprintf(text, sizeof text, format, args);
    if (line > 0)
        snprintf(number, sizeof number, ":%u", line);
    snprintf(r->reason, CONFIG_REASON_MAX, "%.200s%s: %s%s%s", r->file, number, path, path[0] != '\0' ? ": " : "",
             text);
    clean(r->reason);
    return false;
}

bool config_fail(struct config_reading *r, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfail(r, line_of(r, path), path, format, args);
    va_end(args);
    return false;
}

bool config_fail_at(struct config_reading *r, unsigned line, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfail(r, line, path, format, args);
    va_end(args);
    return false;
}

bool config_say(const struct config *config, char reason[static CONFIG_REASON_MAX], const char *path,
                const char *format, ...)
{
    struct config_reading r = {.file = ""};
    va_list args;
    if (config->reading != NULL)
        r = *config->reading;
    r.reason = reason;
    va_start(args, format);
    vfail(&r, line_of(&r, path), path, format, args);
    va_end(args);
    return false;
}

/* ---- the file ---- */

/* Reads to the end or to FILE_MAX + 1 octets; -1 with errno. */
static ssize_t read_all(int fd, char *text)
{
    size_t len = 0;
    ssize_t got;
    while (len <= FILE_MAX && (got = read(fd, text + len, FILE_MAX + 1 - len)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

/* malloc'd, NULL with a message. */
static char *read_whole(struct config_reading *r, size_t *len)
{
    char *text = malloc(FILE_MAX + 1);
    int fd = open(r->file, O_RDONLY | O_CLOEXEC);
    ssize_t got = text != NULL && fd >= 0 ? read_all(fd, text) : -1;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        config_fail_at(r, 0, "", "cannot be read: %s", strerror(error));
    else if (got > FILE_MAX)
        config_fail_at(r, 0, "", "is larger than 1 MiB; this is no configuration");
    else if (memchr(text, '\0', (size_t)got) != NULL)
        config_fail_at(r, 0, "", "holds an octet of zero; it must be UTF-8 text");
    else {
        *len = (size_t)got;
        return text;
    }
    free(text);
    return NULL;
}

static struct config *make_config(struct config_reading *r, const struct config_tree *tree)
{
    struct config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        config_fail(r, "", "out of memory");
        return NULL;
    }
    atomic_init(&config->holds, 1);
    if (config_fill(r, &config_root, config_tree_root(tree), config, "") && config_check(r, config))
        return config;
    config_free(config);
    return NULL;
}

static void free_reading(struct config_reading *r)
{
    if (r == NULL)
        return;
    config_scan_free(r);
    for (unsigned i = 0; i < r->secret_count; i++) {
        free(r->secrets[i].path);
        free(r->secrets[i].file);
    }
    free(r->secrets);
    free(r->file);
    free(r);
}

struct config *config_load(const char *file, char reason[static CONFIG_REASON_MAX])
{
    struct config_tree *tree = NULL;
    struct config *config = NULL;
    char *text = NULL;
    size_t len = 0;
    struct config_reading *r = calloc(1, sizeof *r);
    snprintf(reason, CONFIG_REASON_MAX, "out of memory");
    if (r == NULL || (r->file = strdup(file)) == NULL)
        goto out;
    r->reason = reason;
    text = read_whole(r, &len);
    if (text != NULL && config_scan(r, text, len))
        tree = config_tree_load(r, text, len);
    if (tree != NULL)
        config = make_config(r, tree);
out:
    if (config != NULL)
        config->reading = r;
    else
        free_reading(r);
    config_tree_free(tree);
    free(text);
    return config;
}

const char *config_secret_file(const struct config *config, unsigned index, const char **path)
{
    const struct config_reading *r = config->reading;
    if (r == NULL || index >= r->secret_count)
        return NULL;
    *path = r->secrets[index].path;
    return r->secrets[index].file;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    config_clear(&config_root, config);
    free_reading(config->reading);
    free(config);
}
