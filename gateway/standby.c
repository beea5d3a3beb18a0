#include "gateway/standby.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/log.h"
#include "gateway/marker.h"
#include "gateway/monitor/monitor.h"
#include "gateway/seal.h"
#include "gateway/systemd.h"

enum {
    LOOK_DEADLINE_MS = 100, /* for those who ask, at the end: they will ask again */
    EXIT_REPLACED = 75,     /* "temporary failure": the service manager starts it anew, as one that waits */
};

bool standby_fits(const struct config *config, char reason[static GATEWAY_REASON_MAX])
{
    struct store_config settings = gateway_store_config(config);
    struct store *store;
    char why[GATEWAY_REASON_MAX];
    enum store_status status = store_open_to_read(&settings, &store, why);
    if (status == STORE_NOT_FOUND || status == STORE_INVALID) /* not made yet, or of an older program */
        return true;
    if (status != STORE_OK)
        return config_say(config, reason, gateway_place_key(config), "%s", why);
    bool fits =
        (marker_check(config, store, why) || config_say(config, reason, gateway_place_key(config), "%s", why)) &&
        (seal_check(config->store.key_file, store, why) || config_say(config, reason, "store.key_file", "%s", why));
    store_close(store);
    return fits;
}

/* What cannot be listened on is no reason not to wait. */
static void open_health(struct standby *standby)
{
    const struct config_metrics *metrics = &standby->config->metrics;
    char why[HTTP_REASON_MAX];
    struct http_config http = {
        .threads = 1,
        .metrics_listen = (const char *const *)metrics->listen.list,
        .metrics_listen_count = metrics->listen.count,
        .metrics_tls = {metrics->tls.certificate, metrics->tls.key},
        .metrics_handler = monitor_handle,
        .not_ready = "waiting: another gateway owns the store\n",
    };
    if (metrics->listen.count == 0)
        return;
    standby->http = http_start(&http, why);
    if (!standby->http)
        log_warning("while this gateway waits nobody can ask how it is: mend what the reason names", "reason", why);
}

bool standby_wait(void *ctx, const char *why, unsigned ms)
{
    struct standby *standby = ctx;
    if (!standby->why[0]) {
        open_health(standby);
        systemd_tell("READY=1\nSTATUS=waiting: another gateway owns the store");
    }
    if (strcmp(standby->why, why) != 0) {
        snprintf(standby->why, sizeof standby->why, "%s", why);
        log_info("waiting for the store", "why", why);
    }
    return standby->wait->fn(standby->wait->ctx, ms);
}

void standby_end(struct standby *standby)
{
    if (!standby->http)
        return;
    http_stop(standby->http, LOOK_DEADLINE_MS);
    http_free(standby->http);
    standby->http = NULL;
}

void standby_replaced(void *unused)
{
    (void)unused;
    log_error("another gateway has taken the store over, so this one ends at once; look why it did not show for seven "
              "seconds that it lives: was it stopped, or cut off from the database? One that served beside the owner ends "
              "so when a newer version has brought the store up to date: update it, too");
    systemd_tell("STOPPING=1\nSTATUS=another gateway has taken the store over");
    _exit(EXIT_REPLACED);
}
