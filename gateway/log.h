/* log: one entry a line on stderr, or one to the journal.
 *
 * Any thread; an entry is one write(2) or one datagram. Values are escaped, invalid UTF-8 is replaced. Never pass a
 * secret. An entry that says the same as one before, its request's id apart, is written REPEATS_MAX times in a minute
 * and then held back; the next one that is written says how many were ("repeated").
 */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* log_info("order is valid", "order", id, "names", names): msg, then pairs of key and value, all strings. A NULL value
 * leaves its key out. */
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__, (char *)0)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__, (char *)0)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__, (char *)0)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__, (char *)0)

void log_line(enum log_level level, const char *msg, ...) __attribute__((sentinel));
/* The same for what is never a repetition: the access log. */
void log_each(enum log_level level, const char *msg, ...) __attribute__((sentinel));
/* Lines below are dropped. LOG_LEVEL_INFO at start. */
void log_set_level(enum log_level level);
/* Whether a line of this level would be written: asked before its values are put together at some cost. */
bool log_enabled(enum log_level level);

/* How entries are written; LOG_JSON at start. */
enum log_format {
    LOG_JSON,    /* one JSON object a line, on stderr */
    LOG_RFC5424, /* one message of RFC 5424 a line, on stderr; the pairs are structured data */
    LOG_JOURNAL, /* to systemd's journal, the pairs as fields ACMEGATE_KEY; on stderr as JSON where there is none */
};
/* Before other threads log. */
void log_set_format(enum log_format format);

/* The request that this thread is at: every entry carries its id from now on, as request_id in 16 hexadecimal digits.
 * 0: none. */
void log_set_request(uint64_t id);
/* What is done about this subject from here on is caused by the request that this thread is at. In memory alone, for
 * the last thousands of subjects: also in a store_fn, and not beyond a restart. */
void log_note_cause(const void *subject, size_t len);
/* As log_set_request, with the request that caused what is done about the subject; none where that is forgotten. */
void log_set_cause(const void *subject, size_t len);

/* Entries of that level since the start, those that were held back included; those below the level are not counted. */
uint64_t log_count(enum log_level level);

#endif
