/* watch: the thread that looks for what is to be told. It may wait for the disk, and nothing waits for it. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "gateway/notify/look.h"
#include "gateway/notify/tell.h"
#include "gateway/notify/told.h"
#include "gateway/tables.h"

/* Tables are read whole at the start, and then so seldom. */
static const uint64_t ENDS_EVERY_MS = HOUR_MS;

struct watcher {
    struct notifier_config at;
    uint64_t ends_boot_ms; /* when what expires is looked at next */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

/* Whether the events have to be stored. */
static bool gather(struct watcher *watcher, const struct look *look, struct events *events, bool *news)
{
    struct store_txn *txn;
    struct told_news found = {.config = look->config, .events = events, .now_ms = look->now_ms};
    if (clock_boot_ms() >= watcher->ends_boot_ms) {
        look_at_ends(look, events);
        watcher->ends_boot_ms = clock_boot_ms() + ENDS_EVERY_MS;
    }
    if (store_read(look->store, &txn) != STORE_OK)
        return false;
    look_at_money(look, txn, events);
    look_at_logins(look, txn, events);
    look_at_issuances(look, txn, events);
    *news = told_is_news(txn, &found);
    metrics_set(METRIC_NOTICES, (int64_t)store_count(txn, ISSUE_NOTICES), 0);
    store_read_end(txn);
    return !events->failed;
}

/* In how many milliseconds to look again. */
static uint32_t look_around(struct watcher *watcher)
{
    const struct config *config = config_take(watcher->at.configs);
    struct events events = {0};
    const struct look look = {
        .config = config, .store = watcher->at.store, .upstream = watcher->at.upstream, .now_ms = clock_ms()};
    bool news = false;
    enum store_status status = STORE_OK;
    struct told_news found = {.config = look.config, .events = &events, .now_ms = look.now_ms};
    if (gather(watcher, &look, &events, &news) && news)
        status = store_call(look.store, told_store, &found);
    if (status != STORE_OK && status != STORE_CLOSED) {
        watcher->ends_boot_ms = 0;
        log_error("what is to be told cannot be stored, and is looked for again; see to the store's disk", "reason",
                  store_status_text(status));
    }
    events_clear(&events);
    uint32_t rest_ms = config->notify.look_ms;
    config_drop(config);
    return rest_ms;
}

/* True when it is to end. */
static bool rest(struct watcher *watcher, uint32_t rest_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += rest_ms / 1000;
    until.tv_nsec += (long)(rest_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&watcher->lock);
    int waited = 0;
    while (!watcher->stopping && waited == 0)
        waited = pthread_cond_timedwait(&watcher->wake, &watcher->lock, &until);
    bool stopping = watcher->stopping;
    pthread_mutex_unlock(&watcher->lock);
    return stopping;
}

static void *watch(void *arg)
{
    pthread_setname_np(pthread_self(), "watcher");
    while (!rest(arg, look_around(arg)))
        continue;
    return NULL;
}

static void free_watcher(struct watcher *watcher)
{
    pthread_cond_destroy(&watcher->wake);
    pthread_mutex_destroy(&watcher->lock);
    free(watcher);
}

struct watcher *watcher_start(const struct notifier_config *config)
{
    pthread_condattr_t monotonic;
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return NULL;
    watcher->at = *config;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watcher->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&watcher->lock, NULL);
    if (pthread_create(&watcher->thread, NULL, watch, watcher) == 0)
        return watcher;
    free_watcher(watcher);
    return NULL;
}

void watcher_stop(struct watcher *watcher)
{
    if (!watcher)
        return;
    pthread_mutex_lock(&watcher->lock);
    watcher->stopping = true;
    pthread_cond_signal(&watcher->wake);
    pthread_mutex_unlock(&watcher->lock);
    pthread_join(watcher->thread, NULL);
    free_watcher(watcher);
}
