/* monitor: what the metrics listener answers, and the thread behind it: numbers that nobody counts as they change are
 * looked at every second, off the loops; what takes a whole table to tell, piece by piece with rests between, so that it
 * costs no more than a three-hundredth of one core, the first time a tenth. A scrape reads what was found last.
 */
#ifndef GATEWAY_MONITOR_MONITOR_H
#define GATEWAY_MONITOR_MONITOR_H

#include "gateway/config/current.h"
#include "gateway/http/http.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/scheduler.h"
#include "store/store.h"

struct monitor;

struct monitor_config {
    struct config_current *configs; /* this and what follows must outlive the monitor */
    struct store *store;
    struct scheduler *scheduler;
    struct upstream *upstream;
};

/* Looks once, then starts the thread. NULL: out of memory or threads. */
struct monitor *monitor_start(const struct monitor_config *config);
/* Before store_close. NULL is fine. */
void monitor_stop(struct monitor *monitor);

/* http_handler_fn of the metrics listener: /metrics. ctx is not used. Does not block. */
void monitor_handle(void *ctx, const struct http_call *call, struct http_answer *answer);

/* store_fn: writes and takes back, so that the store's disk is tried; arg is not used. */
enum store_status monitor_probe(struct store_txn *txn, void *arg);

#endif
