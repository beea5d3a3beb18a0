#include "gateway/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 4096 };

static _Atomic int threshold = LOG_LEVEL_INFO;

struct line {
    char text[LINE_MAX_OCTETS];
    size_t len;
};

/* Two octets always stay free for the closing brace and the line feed. */
static void put_text(struct line *line, const char *text, size_t len)
{
    size_t room = sizeof line->text - 2 - line->len;
    if (len > room)
        len = room;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

/* Length of the UTF-8 sequence at p (at most left octets), 0 where it is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char mask, lead;
        size_t length;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    for (size_t form = 0; form < sizeof forms / sizeof *forms; form++) {
        if ((p[0] & forms[form].mask) != forms[form].lead)
            continue;
        size_t length = forms[form].length;
        uint32_t code = p[0] & (unsigned char)~forms[form].mask;
        if (length > left)
            return 0;
        for (size_t i = 1; i < length; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (p[i] & 0x3f);
        }
        bool good = code >= forms[form].least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        return good ? length : 0;
    }
    return 0;
}

static void put_string(struct line *line, const char *text)
{
    size_t left = strlen(text);
    put_text(line, "\"", 1);
    while (left > 0 && line->len + 16 < sizeof line->text) {
        const unsigned char *p = (const unsigned char *)text;
        size_t length = utf8_length(p, left);
        char escape[8];
        if (length == 0) {
            put_text(line, "\xef\xbf\xbd", 3);
            length = 1;
        } else if (*p == '"' || *p == '\\') {
            put_text(line, (char[]){'\\', *text}, 2);
        } else if (*p < 0x20 || *p == 0x7f) {
            put_text(line, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", *p));
        } else {
            put_text(line, text, length);
        }
        text += length;
        left -= length;
    }
    put_text(line, "\"", 1);
}

static void put_pair(struct line *line, const char *key, const char *value)
{
    /* A pair that would not fit whole is left out, so that the line stays JSON. */
    size_t needed = strlen(key) + 24;
    if (line->len + needed > sizeof line->text)
        return;
    put_text(line, ",", 1);
    put_string(line, key);
    put_text(line, ":", 1);
    put_string(line, value);
}

static void put_head(struct line *line, enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    struct timespec now;
    struct tm utc;
    char head[64], stamp[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    int len = snprintf(head, sizeof head, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\"", stamp, now.tv_nsec / 1000000,
                       names[level]);
    put_text(line, head, (size_t)len);
}

void log_line(enum log_level level, const char *msg, ...)
{
    struct line line;
    va_list pairs;
    const char *key;

    if (!log_enabled(level))
        return;
    line.len = 0;
    put_head(&line, level);
    put_pair(&line, "msg", msg);
    va_start(pairs, msg);
    while ((key = va_arg(pairs, const char *)) != NULL) {
        const char *value = va_arg(pairs, const char *);
        if (value)
            put_pair(&line, key, value);
    }
    va_end(pairs);
    memcpy(line.text + line.len, "}\n", 2);
    if (write(STDERR_FILENO, line.text, line.len + 2) < 0)
        return; /* nobody to tell */
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&threshold, memory_order_relaxed);
}
