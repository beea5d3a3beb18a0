/* standby: a gateway that waits while another one owns the store, and answers who asks how it is.
 *
 * It reads nothing of the store and calls nobody. Of its listeners the metrics' alone is open: /healthz says that the
 * process runs, /readyz that it is not ready, so that balancers leave it out. Main thread.
 */
#ifndef GATEWAY_STANDBY_H
#define GATEWAY_STANDBY_H

#include <stdbool.h>

#include "gateway/config/config.h"
#include "gateway/gateway.h"
#include "gateway/http/http.h"
#include "store/store.h"

struct standby {
    const struct config *config;
    const struct gateway_wait *wait;
    struct http_server *http;    /* once it waits; NULL: nobody listens */
    char why[STORE_REASON_SIZE]; /* it waits, as said last; "": it does not */
};

/* Whether the key file is the store's, as far as that can be told before it is one's turn: a gateway that could not take
 * over is worth nothing. False: *reason. */
bool standby_fits(const struct config *config, char reason[static GATEWAY_REASON_MAX]);
/* For store_config: begins, and goes on. */
bool standby_wait(void *standby, const char *why, unsigned ms);
/* Its turn has come, or it was given up. */
void standby_end(struct standby *standby);

/* For store_config: ends the process at once, since nothing that is under way can be stored any more. Any thread. */
void standby_replaced(void *unused) __attribute__((noreturn));

#endif
