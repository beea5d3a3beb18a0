/* log: one JSON object a line on stderr.
 *
 * Any thread; a line is one write(2). Values are escaped, invalid UTF-8 is replaced. Never pass a secret.
 */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* log_info("order is valid", "order", id, "names", names): msg, then pairs of key and value, all strings. A NULL value
 * leaves its key out. */
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__, (char *)0)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__, (char *)0)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__, (char *)0)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__, (char *)0)

void log_line(enum log_level level, const char *msg, ...) __attribute__((sentinel));
/* Lines below are dropped. LOG_LEVEL_INFO at start. */
void log_set_level(enum log_level level);
/* Whether a line of this level would be written: asked before its values are put together at some cost. */
bool log_enabled(enum log_level level);

#endif
