/* lookout: after a start, which paid subscriptions have no place in the configuration? issuance.md section 8.6.
 *
 * What --check-config says of it, told where it is bad news. A million subscriptions take seconds, so nothing waits. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "gateway/parts.h"

enum { REST_MAX_US = 100000 }; /* the end of the gateway waits for it */

struct lookout {
    struct gateway *g;
    pthread_t thread;
    atomic_bool stopping;
    uint64_t piece_us; /* monotonic: when the piece of the table that is looked at was begun */
};

/* As long as the piece took: half a core is for others. */
static bool rest_after_look(void *ctx)
{
    struct lookout *lookout = ctx;
    uint64_t took_us = metrics_now_us() - lookout->piece_us;
    if (took_us > REST_MAX_US)
        took_us = REST_MAX_US;
    nanosleep(&(struct timespec){.tv_nsec = (long)took_us * 1000}, NULL);
    lookout->piece_us = metrics_now_us();
    return !atomic_load(&lookout->stopping);
}

static void warn_of_orphans(struct lookout *lookout, const struct config *config)
{
    char line[GATEWAY_REASON_MAX];
    struct orphans_look look = {.config = config};
    lookout->piece_us = metrics_now_us();
    enum store_status status = orphans_count(lookout->g->store, &look, 1, clock_ms(), rest_after_look, lookout);
    if (status == STORE_OK && orphans_sum(&look.found) > 0) {
        parts_say_orphans(config, &look.found, line);
        log_warning("paid subscriptions have no place in this configuration: mend it, or let it be", "reason", line);
    } else if (status != STORE_OK && status != STORE_CLOSED) {
        log_warning("it is not known whether paid subscriptions have no place in this configuration: ask acmegate "
                    "--check-config",
                    "reason", store_status_text(status));
    }
}

/* A reload tells only of orphans that it adds: so where one came between, those that it kept are looked for anew. */
static void *look_out(void *arg)
{
    struct lookout *lookout = arg;
    bool same = false;
    pthread_setname_np(pthread_self(), "lookout");
    while (!same && !atomic_load(&lookout->stopping)) {
        const struct config *config = config_take(lookout->g->configs);
        warn_of_orphans(lookout, config);
        const struct config *now = config_take(lookout->g->configs);
        same = now == config;
        config_drop(now);
        config_drop(config);
    }
    return NULL;
}

struct lookout *parts_start_lookout(struct gateway *g)
{
    struct lookout *lookout = calloc(1, sizeof *lookout);
    if (!lookout)
        return NULL;
    lookout->g = g;
    if (pthread_create(&lookout->thread, NULL, look_out, lookout) == 0)
        return lookout;
    free(lookout);
    return NULL;
}

void parts_stop_lookout(struct lookout *lookout)
{
    if (!lookout)
        return;
    atomic_store(&lookout->stopping, true);
    pthread_join(lookout->thread, NULL);
    free(lookout);
}
