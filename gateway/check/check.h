/* check: what a configuration names, looked at before anything is opened: TLS files, roots, secrets, folders,
 * addresses.
 *
 * One look serves the start and --check-config, so both say the same sentence. What cannot work is an error; what works
 * and is most likely not meant is a warning, which stops nothing. Main thread.
 */
#ifndef GATEWAY_CHECK_CHECK_H
#define GATEWAY_CHECK_CHECK_H

#include <stdbool.h>

#include "gateway/config/config.h"

enum check_occasion {
    CHECK_START,  /* this process is about to serve */
    CHECK_RELOAD, /* this process serves: its store, addresses and sockets are its own. Any thread */
    CHECK_ALONE,  /* --check-config: another one may be serving, and what the service manager makes may not be there */
};

/* sentence: "FILE:LINE: key: ...", as an error's; valid during the call. */
typedef void check_warn_fn(void *ctx, const char *sentence);

/* False: *reason is the first error. *owner: the process that has this store open, for CHECK_ALONE; 0: none. Where one
 * has, addresses and socket are its own, and nobody can tell whether another program would be in the way. */
bool check_world(const struct config *config, enum check_occasion occasion, check_warn_fn *warn, void *ctx, long *owner,
                 char reason[static CONFIG_REASON_MAX]);

#endif
