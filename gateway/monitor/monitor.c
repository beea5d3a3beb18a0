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
    SCAN_SHARE = 200, /* after a scan of the tables so many times as long as it took nothing is scanned */
};

struct monitor {
    struct monitor_config at;
    pthread_t thread;
    uint64_t scan_us; /* monotonic: when the tables are next scanned */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

static void look_around(struct monitor *monitor)
{
    uint64_t now_us = metrics_now_us();
    sample_process();
    sample_store(&monitor->at);
    if (now_us < monitor->scan_us)
        return;
    sample_tables(&monitor->at);
    uint64_t took_us = metrics_now_us() - now_us;
    monitor->scan_us = now_us + took_us * SCAN_SHARE;
}

/* True when it is to end. */
static bool sleep_a_while(struct monitor *monitor)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_EVERY_MS / 1000;
    pthread_mutex_lock(&monitor->lock);
    int waited = 0;
    while (!monitor->stopping && waited == 0)
        waited = pthread_cond_timedwait(&monitor->wake, &monitor->lock, &until);
    bool stopping = monitor->stopping;
    pthread_mutex_unlock(&monitor->lock);
    return stopping;
}

static void *run(void *arg)
{
    pthread_setname_np(pthread_self(), "monitor");
    do {
        look_around(arg);
    } while (!sleep_a_while(arg));
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
