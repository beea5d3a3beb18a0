/* gateway: all parts of the daemon, started and stopped in order.
 *
 * Up: store, egress, logins, scheduler, issuer, ACME logic, listeners. Down the other way round, each part ending what
 * it has begun.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <signal.h>
#include <stdbool.h>

#include "gateway/config/config.h"
#include "gateway/verify/verify.h"
#include "store/store.h"

struct gateway;

enum { GATEWAY_REASON_MAX = 1024 };

/* The newest schema of a store that this program reads, and the one that it writes. */
unsigned gateway_schema(void);

/* How the store that the configuration names is opened, and the key that says where it is. */
struct store_config gateway_store_config(const struct config *config);
const char *gateway_place_key(const struct config *config);

/* --init: makes the store where there is none, whatever says that there was one, and writes the marker of the one that
 * is there from now on (gateway/marker.h). One line either way; false where that failed. Not beside a running daemon.
 */
bool gateway_init(const struct config *config, char line[static GATEWAY_REASON_MAX]);
/* What a gateway does while another one owns its store (store.postgresql.standby): fn takes about ms, and returns false
 * to give up. Main thread. */
struct gateway_wait {
    bool (*fn)(void *ctx, unsigned ms);
    void *ctx;
};
/* Takes config over, which was read from file (must outlive the gateway). NULL: *reason is one line that says what
 * failed and what to do. Main thread, all signals blocked. */
struct gateway *gateway_start(struct config *config, const char *file, const struct gateway_wait *wait,
                              char reason[static GATEWAY_REASON_MAX]);
/* One line about the store that the configuration names, for --check-config: how many subscriptions it has, and how
 * many of them would serve no order any more under this configuration. False: the line says why the daemon would not
 * start with this store, or with its key file. Reads only, also beside a running daemon. */
bool gateway_check_store(const struct config *config, char line[static GATEWAY_REASON_MAX]);
/* Its level and format. Any thread. */
void gateway_set_log(const struct config *config);
/* --verify-store: reads every record; say is called for each that is at fault. One line about all; false where there is
 * a fault, or the store cannot be read. Reads only, also beside a running daemon. */
bool gateway_verify_store(const struct config *config, verify_say_fn *say, void *ctx,
                          char line[static GATEWAY_REASON_MAX]);
/* --export-store: the store that the configuration names into a file, and from then on it counts as moved;
 * --import-store: from such a file into the place that the configuration names, where nothing is yet (store/transfer.h).
 * One line either way; false where that failed. Not beside a running daemon. */
bool gateway_export(const struct config *config, const char *file, char line[static GATEWAY_REASON_MAX]);
bool gateway_import(const struct config *config, const char *file, char line[static GATEWAY_REASON_MAX]);
/* NULL where every event loop, the store's writer and the egress thread have gone round since the last call; else the
 * first that has not, for people. One thread at a time. */
const char *gateway_stuck(struct gateway *gateway);
/* Whether something has failed that only a new process has again: the store that has to be opened anew, an event loop.
 * From then on, GATEWAY_BROKEN_SIGNAL comes, for the main thread to wait for. Any thread. */
enum { GATEWAY_BROKEN_SIGNAL = SIGUSR1 };
bool gateway_broken(const struct gateway *gateway);
/* Reads the file of the configuration, and all files that it names, anew, and goes by them from now on. What is under
 * way ends by the configuration that it began with; no connection is dropped. False: *reason, and nothing has changed:
 * the file is bad, a key needs a restart, or paid subscriptions would serve no order any more. Logs what changed. Any
 * thread, until gateway_stop; blocks. */
bool gateway_reload(struct gateway *gateway, char reason[static GATEWAY_REASON_MAX]);
/* Whether this gateway owns its store; where it serves beside the one that does, GATEWAY_OWNS_SIGNAL comes when its turn
 * has: then gateway_own begins what is the owner's to do, and clients notice nothing. False: *reason; it can only end.
 * Main thread. */
enum { GATEWAY_OWNS_SIGNAL = SIGUSR2 };
bool gateway_owns(struct gateway *gateway);
bool gateway_own(struct gateway *gateway, char reason[static GATEWAY_REASON_MAX]);
/* Answers what is held, lets calls to Sectigo end within the deadline, commits, frees. */
void gateway_stop(struct gateway *gateway);

#endif
