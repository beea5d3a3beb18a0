/* wait: looking again until a certificate is there, with progress on stderr. One thread. */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include "sectigo/cli/command.h"

/* Time between looks, and until they end. */
struct wait {
    const struct session *session;
    double interval_s, end_s; /* of the monotonic clock */
    unsigned looks;
};
void wait_begin(struct wait *wait, const struct session *session);
/* Says what the last look saw, then sleeps. False: the limit is reached, said so. */
bool wait_on(struct wait *wait, const char *what, const char *seen);
void wait_end(const struct wait *wait);

#endif
