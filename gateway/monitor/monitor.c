#include "gateway/monitor/monitor.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/metrics/metrics.h"
#include "gateway/monitor/sample.h"
#include "gateway/tables.h"

enum {
    LOOK_EVERY_MS = 1000,
    SCAN_SHARE = 300, /* after a piece of the tables so many times as long as it took nothing is scanned */
    FIRST_SHARE = 10, /* the first time through, when nothing is known yet */
};

struct monitor {
    struct monitor_config at;
    pthread_t thread;
    unsigned share;
    uint64_t piece_us; /* monotonic: when the piece of the tables that is looked at was begun */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

/* Returns once it is to end, or that time has come. */
static void sleep_until(struct monitor *monitor, uint64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000), .tv_nsec = (long)(until_us % 1000000) * 1000};
    pthread_mutex_lock(&monitor->lock);
    int waited = 0;
    while (!monitor->stopping && waited == 0)
        waited = pthread_cond_timedwait(&monitor->wake, &monitor->lock, &until);
    pthread_mutex_unlock(&monitor->lock);
}

static bool is_stopping(struct monitor *monitor)
{
    pthread_mutex_lock(&monitor->lock);
    bool stopping = monitor->stopping;
    pthread_mutex_unlock(&monitor->lock);
    return stopping;
}

/* After a piece of the tables: rests as its share says, while what takes no time is looked at every second. False: it
 * is to end. */
static bool rest_after_piece(void *ctx)
{
    struct monitor *monitor = ctx;
    uint64_t now_us = metrics_now_us(), end_us = now_us + (now_us - monitor->piece_us) * monitor->share;
    while (now_us < end_us && !is_stopping(monitor)) {
        uint64_t next_us = now_us + LOOK_EVERY_MS * 1000;
        sleep_until(monitor, next_us < end_us ? next_us : end_us);
        sample_process();
        sample_store(&monitor->at);
        now_us = metrics_now_us();
    }
    monitor->piece_us = now_us;
    return !is_stopping(monitor);
}

static void *run(void *arg)
{
    struct monitor *monitor = arg;
    pthread_setname_np(pthread_self(), "monitor");
    sample_process();
    sample_store(&monitor->at);
    for (monitor->share = FIRST_SHARE;; monitor->share = SCAN_SHARE) {
        uint64_t began_us = monitor->piece_us = metrics_now_us();
        sample_tables(&monitor->at, rest_after_piece, monitor);
        if (!rest_after_piece(monitor))
            break;
        sleep_until(monitor, began_us + LOOK_EVERY_MS * 1000);
    }
    return NULL;
}

static void free_monitor(struct monitor *monitor)
{
    pthread_cond_destroy(&monitor->wake);
    pthread_mutex_destroy(&monitor->lock);
    free(monitor);
}

struct monitor *monitor_start(const struct monitor_config *config)
{
    pthread_condattr_t monotonic;
    struct monitor *monitor = calloc(1, sizeof *monitor);
    if (!monitor)
        return NULL;
    monitor->at = *config;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&monitor->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&monitor->lock, NULL);
    sample_start();
    if (pthread_create(&monitor->thread, NULL, run, monitor) == 0)
        return monitor;
    free_monitor(monitor);
    return NULL;
}

void monitor_stop(struct monitor *monitor)
{
    if (!monitor)
        return;
    pthread_mutex_lock(&monitor->lock);
    monitor->stopping = true;
    pthread_cond_signal(&monitor->wake);
    pthread_mutex_unlock(&monitor->lock);
    pthread_join(monitor->thread, NULL);
    free_monitor(monitor);
}

/* ---- the listener ---- */

void monitor_handle(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    (void)ctx;
    if (strcmp(call->path, "/metrics") != 0) {
        http_answer_text(answer, 404, "here are /metrics, /healthz and /readyz\n");
        return;
    }
    answer->resource = "metrics";
    if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0) {
        http_answer_text(answer, 405, "metrics are read with GET\n");
        return;
    }
    answer->body = metrics_render(&answer->body_len);
    answer->status = answer->body ? 200 : 503;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
}

enum store_status monitor_probe(struct store_txn *txn, void *arg)
{
    static const char KEY[] = "@probe"; /* no login is called so */
    (void)arg;
    enum store_status status = store_put(txn, ISSUE_LEDGERS, KEY, sizeof KEY - 1, "", 1);
    return status == STORE_OK ? store_delete(txn, ISSUE_LEDGERS, KEY, sizeof KEY - 1) : status;
}
