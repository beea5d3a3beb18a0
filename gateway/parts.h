/* parts: the daemon's parts, and what a configuration is to each of them. Inside the top of gateway/ alone: gateway.c
 * starts and stops them, reload.c changes them.
 */
#ifndef GATEWAY_PARTS_H
#define GATEWAY_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "acme/acme.h"
#include "acme/external_key.h"
#include "gateway/config/current.h"
#include "gateway/egress/egress.h"
#include "gateway/gateway.h"
#include "gateway/http/http.h"
#include "gateway/issue/upkeep/orphans.h"
#include "gateway/operate/admin.h"
#include "gateway/public.h"

struct gateway {
    const char *file; /* that the configuration is read from */
    struct config_current *configs;
    const struct config *config; /* during the start: the first */
    const struct gateway_wait *wait; /* the same; NULL: no waiting */
    pthread_mutex_t reload_lock; /* one reload at a time */
    bool stopping;               /* none any more; by reload_lock */
    pthread_mutex_t http_lock;   /* one change of the listeners at a time; within reload_lock */
    atomic_bool broken; /* the store or an event loop, as long as this process lives */
    atomic_bool owns;   /* the store; false: it serves beside the gateway that does (share.h) */
    atomic_bool serves; /* http is there */
    struct store_share hears; /* what the store tells of others; NULLs: nothing */
    struct store *store;
    struct egress *egress;
    struct upstream *upstream;
    struct scheduler *scheduler;
    struct issuer *issuer;
    struct validation *validation;
    struct acme *acme;
    struct http_server *http;
    struct monitor *monitor;
    struct keeper *keeper;
    struct notifier *notifier;
    struct refusals *refusals;
    struct access *access;
    struct own *own;
    struct lookout *lookout;
    struct public public;
    struct admin admin;
    uint8_t seal[EXTERNAL_KEY_SEAL_LEN];
};

/* settings.c: pointers into config. */
struct egress_settings {
    struct egress_config own, outside;
};
void settings_egress(const struct config *config, struct egress_settings *settings);
void settings_http(struct gateway *g, const struct config *config, struct http_config *http);
/* With an owner that holds the configuration; false: *reason. settings_acme_drop, or acme_make or acme_change_config,
 * gives it back. */
bool settings_acme(struct gateway *g, const struct config *config, struct acme_config *acme,
                   char reason[static GATEWAY_REASON_MAX]);
void settings_acme_drop(const void *owner);

/* gateway.c */
bool parts_fail(char reason[static GATEWAY_REASON_MAX], const char *text);
/* The argument is the gateway. What failed comes back with a new process only: the main thread ends this one, in order.
 * Any thread. */
void parts_broken(void *ctx);
/* What was under way when whoever owned the store before ended, before anything is begun; and what only the owner has:
 * the threads that do what is to be done. False: *reason. Main thread. */
bool parts_recover(struct gateway *g, char reason[static GATEWAY_REASON_MAX]);
bool parts_begin(struct gateway *g, char reason[static GATEWAY_REASON_MAX]);
/* In place of the one that runs, as the configuration in force wants it. */
bool parts_own_certificate(struct gateway *g, char reason[static GATEWAY_REASON_MAX]);
bool parts_start_monitor(struct gateway *g, char reason[static GATEWAY_REASON_MAX]);
void parts_tell_listeners(struct http_server *server);
uint64_t orphans_sum(const struct orphans *orphans);
/* One line: how many subscriptions there are, and how many would serve no order any more. */
void parts_say_orphans(const struct config *config, const struct orphans *orphans,
                       char line[static GATEWAY_REASON_MAX]);
/* lookout.c: looks for orphans of the configuration in force on a thread of its own, once, and warns of them in the log:
 * the start of a large store would take as long as the look. NULL: out of memory or threads. */
struct lookout *parts_start_lookout(struct gateway *g);
/* Also in the middle of the look; waits for its end. Before store_close. NULL is fine. */
void parts_stop_lookout(struct lookout *lookout);

#endif
