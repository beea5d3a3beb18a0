/* log_format: an entry of the log as text. For log.c alone. Any thread. */
#ifndef GATEWAY_LOG_FORMAT_H
#define GATEWAY_LOG_FORMAT_H

#include <stddef.h>
#include <time.h>

#include "gateway/log.h"

enum { LOG_PAIRS_MAX = 24, LOG_TEXT_MAX = 4096 };

struct log_entry {
    enum log_level level;
    struct timespec when;
    const char *msg;
    struct {
        const char *key, *value;
    } pairs[LOG_PAIRS_MAX];
    unsigned count;
};

/* Writes it whole, with the line feed at its end; what does not fit is left out, pair by pair. Returns its length. */
size_t log_format_json(const struct log_entry *entry, char text[static LOG_TEXT_MAX]);
size_t log_format_rfc5424(const struct log_entry *entry, char text[static LOG_TEXT_MAX]);
/* The datagram of the journal's native protocol. */
size_t log_format_journal(const struct log_entry *entry, char text[static LOG_TEXT_MAX]);

#endif
