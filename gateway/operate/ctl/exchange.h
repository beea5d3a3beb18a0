/* exchange: one request to the daemon, and its answer. */
#ifndef CTL_EXCHANGE_H
#define CTL_EXCHANGE_H

#include <jansson.h>

#include "gateway/operate/ctl/command.h"

/* Says on stderr what went wrong. DONE: *text (malloc'd) is the answer and *json the same parsed, both the caller's. */
enum outcome exchange(const struct asked *asked, char **text, json_t **json);

#endif
