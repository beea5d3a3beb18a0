/* gateway: all parts of the daemon, started and stopped in order.
 *
 * Up: store, egress, logins, scheduler, issuer, ACME logic, listeners. Down the other way round, each part ending what
 * it has begun.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdbool.h>

#include "gateway/config/config.h"

struct gateway;

enum { GATEWAY_REASON_MAX = 1024 };

/* The newest schema of a store that this program reads, and the one that it writes. */
unsigned gateway_schema(void);

/* --init: makes the store where there is none, whatever says that there was one, and writes the marker of the one that
 * is there from now on (gateway/marker.h). One line either way; false where that failed. Not beside a running daemon.
 */
bool gateway_init(const struct config *config, char line[static GATEWAY_REASON_MAX]);
/* NULL: *reason is one line that says what failed and what to do. config must outlive the gateway. Main thread, all
 * signals blocked. */
struct gateway *gateway_start(const struct config *config, char reason[static GATEWAY_REASON_MAX]);
/* One line about the store that the configuration names, for --check-config: how many subscriptions it has, and how
 * many of them would serve no order any more under this configuration. False: the line says why the daemon would not
 * start with this store, or with its key file. Reads only, also beside a running daemon. */
bool gateway_check_store(const struct config *config, char line[static GATEWAY_REASON_MAX]);
/* NULL where every event loop, the store's writer and the egress thread have gone round since the last call; else the
 * first that has not, for people. One thread at a time. */
const char *gateway_stuck(struct gateway *gateway);
/* Serves new connections with the TLS files as they are now. False: *reason, and the old ones stay. */
bool gateway_reload_tls(struct gateway *gateway, char reason[static GATEWAY_REASON_MAX]);
/* Reads the files of acme.keys anew. False: *reason, and the old lists stay. */
bool gateway_reload_key_lists(struct gateway *gateway, char reason[static GATEWAY_REASON_MAX]);
/* Answers what is held, lets calls to Sectigo end within the deadline, commits, frees. */
void gateway_stop(struct gateway *gateway);

#endif
