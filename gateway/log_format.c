#include "gateway/log_format.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct line {
    char *text;
    size_t len, end; /* end: octets that may be used */
};

static void put(struct line *line, const char *text, size_t len)
{
    size_t room = line->end - line->len;
    if (len > room)
        len = room;
    /* cppcheck-suppress uninitvar ; what is written to need hold nothing before */
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
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

/* How many octets at the beginning need no look at: printable ASCII that no form escapes. Most of every line. */
static size_t plain_length(const char *text, size_t most)
{
    size_t len = 0;
    while (len < most && text[len] >= ' ' && text[len] < 0x7f && text[len] != '"' && text[len] != '\\' &&
           text[len] != ']')
        len++;
    return len;
}

/* The text with an escape before each of `marks`, control characters as \u00XX, and what is no UTF-8 replaced. */
static void put_escaped(struct line *line, const char *text, const char *marks)
{
    size_t left = strlen(text);
    while (left > 0 && line->len + 16 < line->end) {
        const unsigned char *p = (const unsigned char *)text;
        size_t room = line->end - 16 - line->len, plain = plain_length(text, left < room ? left : room);
        size_t length = plain > 0 ? 0 : utf8_length(p, left);
        char escape[8];
        if (plain > 0) {
            put(line, text, plain);
            length = plain;
        } else if (length == 0) {
            put(line, "\xef\xbf\xbd", 3);
            length = 1;
        } else if (strchr(marks, *p)) {
            put(line, (char[]){'\\', *text}, 2);
        } else if (*p < 0x20 || *p == 0x7f) {
            put(line, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", *p));
        } else {
            put(line, text, length);
        }
        text += length;
        left -= length;
    }
}

/* "2026-11-26T18:50:00.123Z" */
static void put_time(struct line *line, const struct timespec *when)
{
    struct tm utc;
    char stamp[32], fraction[32];
    gmtime_r(&when->tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(fraction, sizeof fraction, ".%03ldZ", when->tv_nsec / 1000000);
    put_text(line, stamp);
    put_text(line, fraction);
}

/* Whether a pair may still begin: one that would not fit whole is left out, so that the text stays well-formed. */
static bool has_room(const struct line *line, const char *key)
{
    return line->len + strlen(key) + 24 <= line->end;
}

/* ---- JSON ---- */

static void put_json_string(struct line *line, const char *text)
{
    put(line, "\"", 1);
    put_escaped(line, text, "\"\\");
    put(line, "\"", 1);
}

static void put_json_pair(struct line *line, const char *key, const char *value)
{
    if (!has_room(line, key))
        return;
    put(line, ",", 1);
    put_json_string(line, key);
    put(line, ":", 1);
    put_json_string(line, value);
}

size_t log_format_json(const struct log_entry *entry, char text[static LOG_TEXT_MAX])
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    struct line line = {.text = text, .end = LOG_TEXT_MAX - 2}; /* two octets stay free for the end */
    put_text(&line, "{\"time\":\"");
    put_time(&line, &entry->when);
    put_text(&line, "\",\"level\":\"");
    put_text(&line, names[entry->level]);
    put(&line, "\"", 1);
    put_json_pair(&line, "msg", entry->msg);
    for (unsigned i = 0; i < entry->count; i++)
        put_json_pair(&line, entry->pairs[i].key, entry->pairs[i].value);
    memcpy(text + line.len, "}\n", 2);
    return line.len + 2;
}

/* ---- RFC 5424 ---- */

/* Severities of RFC 5424 section 6.2.1; the journal's priorities are the same. */
static const int severities[] = {
    [LOG_LEVEL_DEBUG] = 7, [LOG_LEVEL_INFO] = 6, [LOG_LEVEL_WARNING] = 4, [LOG_LEVEL_ERROR] = 3};

/* Section 6.3.3: the value's '"', '\' and ']' are escaped. */
static void put_param(struct line *line, const char *key, const char *value)
{
    if (!has_room(line, key))
        return;
    put(line, " ", 1);
    put_text(line, key);
    put_text(line, "=\"");
    put_escaped(line, value, "\"\\]");
    put(line, "\"", 1);
}

/* Facility daemon (3). The message comes before what may be long, within the bound that every receiver takes. */
size_t log_format_rfc5424(const struct log_entry *entry, char text[static LOG_TEXT_MAX])
{
    enum { FACILITY = 3, MSG_ROOM = 600 };
    struct line line = {.text = text, .end = LOG_TEXT_MAX - MSG_ROOM};
    char head[32], host[256] = "-", process[32];
    snprintf(head, sizeof head, "<%d>1 ", FACILITY * 8 + severities[entry->level]);
    gethostname(host, sizeof host - 1);
    snprintf(process, sizeof process, " acmegate %ld - ", (long)getpid());
    put_text(&line, head);
    put_time(&line, &entry->when);
    put(&line, " ", 1);
    put_text(&line, host[0] ? host : "-");
    put_text(&line, process);
    if (entry->count > 0)
        put_text(&line, "[acmegate@32473");
    for (unsigned i = 0; i < entry->count; i++)
        put_param(&line, entry->pairs[i].key, entry->pairs[i].value);
    line.end = LOG_TEXT_MAX - 1;
    put_text(&line, entry->count > 0 ? "] " : "- ");
    put_escaped(&line, entry->msg, "");
    text[line.len] = '\n';
    return line.len + 1;
}

/* ---- the journal ---- */

/* KEY=value, a line each; what the pair's key has that a field's name may not is left out. */
static void put_field(struct line *line, const char *prefix, const char *key, const char *value)
{
    if (!has_room(line, key))
        return;
    put_text(line, prefix);
    for (; *key; key++)
        put(line, (char[]){isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_'}, 1);
    put(line, "=", 1);
    put_escaped(line, value, "");
    put(line, "\n", 1);
}

size_t log_format_journal(const struct log_entry *entry, char text[static LOG_TEXT_MAX])
{
    struct line line = {.text = text, .end = LOG_TEXT_MAX - 1};
    char priority[8];
    snprintf(priority, sizeof priority, "%d", severities[entry->level]);
    put_field(&line, "", "message", entry->msg);
    put_field(&line, "", "priority", priority);
    put_field(&line, "", "syslog_identifier", "acmegate");
    for (unsigned i = 0; i < entry->count; i++)
        put_field(&line, "ACMEGATE_", entry->pairs[i].key, entry->pairs[i].value);
    return line.len;
}
