/* since: the times that people write. */
#ifndef CTL_SINCE_H
#define CTL_SINCE_H

#include <stdbool.h>
#include <time.h>

/* What since_read takes, for messages and the help. */
extern const char SINCE_FORMS[];

/* today, yesterday, 90m, 7d ("7 days ago" too), 2026-11, 2026-11-22, 2026-11-22T08:30[:00][Z] (UTC), UNIX milliseconds.
 * False where it is none of these. */
bool since_read(const char *text, time_t now, long long *ms);

#endif
