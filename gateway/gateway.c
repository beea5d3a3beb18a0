#include "gateway/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "acme/limiter.h"
#include "gateway/clock.h"
#include "gateway/days.h"
#include "gateway/issue/issuer.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/keep/keeper.h"
#include "gateway/log.h"
#include "gateway/marker.h"
#include "gateway/monitor/monitor.h"
#include "gateway/own/own.h"
#include "gateway/recount.h"
#include "gateway/reload.h"
#include "gateway/scheduler.h"
#include "gateway/seal.h"
#include "gateway/share.h"
#include "gateway/standby.h"
#include "gateway/systemd.h"
#include "gateway/tables.h"
#include "gateway/validate/validation.h"

enum {
    /* 4: certificates in parts (acme/certificate.c), which no older program reads; old ones stay as they are */
    SCHEMA = 6,
    HTTP_DEADLINE_MS = 5000,    /* for connections to end at stop */
    EGRESS_DEADLINE_MS = 20000, /* for calls to Sectigo to end at stop: what is cut off has to be settled */
};

/* Here, and at whoever serves beside this one. */
static void notify(void *ctx, const struct acme_id *topic)
{
    struct gateway *g = ctx;
    http_notify(g->http, topic);
    store_tell(g->store, topic->octets, sizeof topic->octets);
}

bool parts_fail(char reason[static GATEWAY_REASON_MAX], const char *text)
{
    snprintf(reason, GATEWAY_REASON_MAX, "%s", text);
    return false;
}

static void report(void *ctx, const char *text)
{
    (void)ctx;
    log_error(text);
}

unsigned gateway_schema(void)
{
    return SCHEMA;
}

struct store_config gateway_store_config(const struct config *config)
{
    static const char *const tables[] = {ACME_TABLE_NAMES, ISSUE_TABLE_NAMES};
    static store_migrate_fn *const migrations[] = {numbers_migrate, recount_migrate, NULL, days_migrate,
                                                   acme_serials_migrate};
    _Static_assert(sizeof migrations / sizeof *migrations == SCHEMA - 1, "from each schema to the next");
    _Static_assert(sizeof tables / sizeof *tables == ISSUE_TABLE_END, "every table has a name");
    return (struct store_config){.engine = config->store.engine == CONFIG_POSTGRESQL ? STORE_POSTGRESQL : STORE_LMDB,
                                 .connection = config->store.postgresql.connection,
                                 .writers = config->store.postgresql.writers,
                                 .readers =
                                     config->store.engine == CONFIG_POSTGRESQL ? config->store.postgresql.readers : 0,
                                 .path = config->store.path,
                                 .map_size = config->store.map_size,
                                 .tables = tables,
                                 .table_count = ISSUE_TABLE_END,
                                 .schema = SCHEMA,
                                 .migrations = migrations,
                                 .report = report};
}

const char *gateway_place_key(const struct config *config)
{
    return config->store.engine == CONFIG_POSTGRESQL ? "store.postgresql" : "store.path";
}

void parts_broken(void *ctx)
{
    struct gateway *g = ctx;
    atomic_store(&g->broken, true);
    kill(getpid(), GATEWAY_BROKEN_SIGNAL);
}

/* make: for --init, also where something says that there was a store. */
static bool open_store(struct gateway *g, bool make, char reason[static GATEWAY_REASON_MAX])
{
    struct store_config store = gateway_store_config(g->config);
    char why[GATEWAY_REASON_MAX], sign[GATEWAY_REASON_MAX];
    store.must_exist = marker_find(g->config, sign) && !make;
    store.moved_too = make;
    struct standby standby = {.config = g->config, .wait = g->wait};
    const struct config_postgresql *postgresql = &g->config->store.postgresql;
    if (g->wait && (postgresql->standby || postgresql->share)) {
        if (!standby_fits(g->config, reason))
            return false;
        store.wait = standby_wait;
        store.wait_ctx = &standby;
        store.share = postgresql->share ? share_hooks(g) : NULL;
    }
    store.replaced = standby_replaced;
    store.broken = make ? NULL : parts_broken;
    store.broken_ctx = g;
    enum store_status status = store_open(&store, &g->store, why);
    standby_end(&standby);
    atomic_store(&g->owns, status == STORE_OK && store_owns(g->store));
    if (status == STORE_NOT_FOUND) {
        marker_explain(why, sign, reason);
        memcpy(why, reason, sizeof why);
    }
    return status == STORE_OK || config_say(g->config, reason, gateway_place_key(g->config), "%s", why);
}

/* Where its place cannot be written to, the key file alone says that there was a store. */
static bool keep_marker(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    char why[GATEWAY_REASON_MAX];
    if (!marker_check(g->config, g->store, why))
        return config_say(g->config, reason, gateway_place_key(g->config), "%s", why);
    if (!marker_write(g->config, g->store, why))
        log_warning(
            "the marker beside the key file cannot be written, and another store in the place of this one is not "
            "noticed without it: mend what the reason names",
            "reason", why);
    return true;
}

static bool load_seal(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    char why[GATEWAY_REASON_MAX];
    const char *file = g->config->store.key_file;
    if (!atomic_load(&g->owns) && access(file, F_OK) != 0) /* one of its own would be of no use to the others */
        return config_say(g->config, reason, "store.key_file",
                          "\"%.300s\" is not there: copy it from the gateway that owns the store", file);
    return seal_load(file, g->store, g->seal, why) ||
           config_say(g->config, reason, "store.key_file", "%s", why);
}

/* ---- --check-config ---- */

uint64_t orphans_sum(const struct orphans *o)
{
    return o->by_profile + o->by_login + o->by_policy + o->under_way;
}

void parts_say_orphans(const struct config *config, const struct orphans *o, char line[static GATEWAY_REASON_MAX])
{
    const char *path = config->store.path ? config->store.path : "the store";
    uint64_t count = o->by_profile + o->by_login + o->by_policy;
    int len = snprintf(line, GATEWAY_REASON_MAX, "%s: %" PRIu64 " paid subscriptions, all of which go on serving", path,
                       o->live);
    if (count > 0)
        len = snprintf(line, GATEWAY_REASON_MAX,
                       "%s: WARNING: of %" PRIu64 " paid subscriptions %" PRIu64
                       " would serve no order any more, and their names would be bought anew: %" PRIu64
                       " whose profile is not configured, %" PRIu64
                       " whose profile has another login or whose login has another url or test, %" PRIu64
                       " whose policy is gone",
                       path, o->live, count, o->by_profile, o->by_login, o->by_policy);
    if (o->under_way > 0 && len > 0 && len < GATEWAY_REASON_MAX)
        len +=
            snprintf(line + len, GATEWAY_REASON_MAX - (size_t)len,
                     "; WARNING: %" PRIu64 " purchases under way would go no further, without their profile or login",
                     o->under_way);
    if (o->unreadable > 0 && len > 0 && len < GATEWAY_REASON_MAX)
        snprintf(line + len, GATEWAY_REASON_MAX - (size_t)len, "; %" PRIu64 " cannot be read", o->unreadable);
}

static void add_advice(struct store *store, char line[static GATEWAY_REASON_MAX])
{
    char advice[STORE_REASON_SIZE];
    size_t len = strlen(line);
    if (store_advice(store, advice))
        snprintf(line + len, GATEWAY_REASON_MAX - len, "%sWARNING: %s", len > 0 ? "\n" : "", advice);
}

/* Without a store there is nothing to lose, and one of an older program is brought up to date by the start. */
static bool explain_store(const struct config *config, enum store_status status, const char *why,
                          char line[static GATEWAY_REASON_MAX])
{
    char sign[GATEWAY_REASON_MAX], whole[GATEWAY_REASON_MAX];
    if (status == STORE_NOT_FOUND && marker_find(config, sign)) {
        marker_explain(why, sign, whole);
        return config_say(config, line, gateway_place_key(config), "%s", whole);
    }
    if (status == STORE_NOT_FOUND)
        snprintf(line, GATEWAY_REASON_MAX, "%.512s; the start makes one", why);
    else if (status == STORE_INVALID)
        snprintf(line, GATEWAY_REASON_MAX, "%.512s; its subscriptions are not counted", why);
    else
        return config_say(config, line, gateway_place_key(config), "%s", why);
    return true;
}

bool gateway_check_store(const struct config *config, char line[static GATEWAY_REASON_MAX])
{
    struct store_config settings = gateway_store_config(config);
    struct store *store;
    struct orphans_look look = {.config = config};
    char why[GATEWAY_REASON_MAX];
    enum store_status status = store_open_to_read(&settings, &store, why);
    if (status != STORE_OK)
        return explain_store(config, status, why, line);
    bool fits =
        (marker_check(config, store, why) || config_say(config, line, gateway_place_key(config), "%s", why)) &&
        (seal_check(config->store.key_file, store, why) || config_say(config, line, "store.key_file", "%s", why));
    status = fits ? orphans_count(store, &look, 1, clock_ms(), NULL, NULL) : STORE_REFUSED;
    if (status == STORE_OK)
        parts_say_orphans(config, &look.found, line);
    else if (fits)
        snprintf(line, GATEWAY_REASON_MAX, "%s: its subscriptions cannot be counted: %s", config->store.path,
                 store_status_text(status));
    if (fits)
        add_advice(store, line);
    store_close(store);
    return fits;
}

/* ---- the parts ---- */

static bool open_egress(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct egress_settings settings;
    char why[EGRESS_REASON_MAX];
    settings_egress(g->config, &settings);
    g->egress = egress_start(&settings.own, why);
    return g->egress || parts_fail(reason, why);
}

static bool open_upstream(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    char why[UPSTREAM_REASON_MAX];
    g->upstream = upstream_make(g->config, g->egress, why);
    return g->upstream || parts_fail(reason, why);
}

static bool make_notifier(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct notifier_config notifier = {.configs = g->configs,
                                       .store = g->store,
                                       .scheduler = g->scheduler,
                                       .egress = g->egress,
                                       .upstream = g->upstream};
    g->notifier = notifier_make(&notifier);
    return g->notifier || parts_fail(reason, "out of memory");
}

static bool make_workers(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    g->scheduler = scheduler_make(g->store);
    if (!g->scheduler)
        return parts_fail(reason, "out of memory");
    struct issuer_config issuer = {.configs = g->configs,
                                   .store = g->store,
                                   .scheduler = g->scheduler,
                                   .egress = g->egress,
                                   .upstream = g->upstream,
                                   .notify = notify,
                                   .notify_ctx = g};
    struct validation_config validation = {.store = g->store,
                                           .scheduler = g->scheduler,
                                           .egress = g->egress,
                                           .configs = g->configs,
                                           .notify = notify,
                                           .notify_ctx = g};
    g->issuer = issuer_make(&issuer);
    g->validation = validation_make(&validation);
    if (!g->issuer || !g->validation)
        return parts_fail(reason, "out of memory");
    return make_notifier(g, reason) && (atomic_load(&g->owns) ? parts_recover(g, reason) : share_rest(g));
}

bool parts_recover(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    enum store_status status = issuer_recover(g->issuer);
    if (status != STORE_OK)
        snprintf(reason, GATEWAY_REASON_MAX, "the orders under way cannot be taken up again: %s",
                 store_status_text(status));
    return status == STORE_OK;
}

static bool make_acme(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct acme_config acme;
    if (!settings_acme(g, g->config, &acme, reason))
        return false;
    g->acme = acme_make(&acme);
    if (g->acme)
        return true;
    settings_acme_drop(acme.owner);
    return parts_fail(reason, "out of memory");
}

/* A port 0 has become a number. */
void parts_tell_listeners(struct http_server *server)
{
    static const char *const names[HTTP_LISTENER_KINDS] = {"acme", "public", "admin", "metrics", "api"};
    char address[HTTP_ADDRESS_MAX], left[SYSTEMD_ADDRESS_MAX];

    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        for (size_t i = 0; http_address(server, (enum http_listener)kind, i, address), *address; i++)
            log_info("listening", "listener", names[kind], "address", address);
    }
    for (unsigned i = 0; systemd_left_over(i, left), *left; i++)
        log_warning("no listener of the configuration has the address of a socket that systemd hands over, so nobody "
                    "serves it: add it there, or take it out of acmegate.socket",
                    "address", left);
}

bool parts_start_monitor(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    const struct config *config = config_take(g->configs);
    bool wanted = config->metrics.listen.count > 0;
    config_drop(config);
    struct monitor_config monitor = {
        .configs = g->configs, .store = g->store, .scheduler = g->scheduler, .upstream = g->upstream};
    if (!wanted || g->monitor)
        return true; /* nobody looks, or it is there */
    g->monitor = monitor_start(&monitor);
    return g->monitor || parts_fail(reason, "out of memory, or of threads, for the metrics");
}

/* Threads of their own, for which nothing waits. */
static bool start_caretakers(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    const struct config *config = config_take(g->configs);
    struct keeper_config keeper = {
        .configs = g->configs, .store = g->store, .settings = gateway_store_config(config)};
    config_drop(config);
    keeper.settings.path = keeper.settings.connection = NULL; /* a copy is a folder elsewhere */
    g->keeper = keeper_start(&keeper);
    if (!g->keeper)
        return parts_fail(reason, "out of memory, or of threads, for what looks after the store");
    return notifier_start(g->notifier) || parts_fail(reason, "out of memory, or of threads, for notifications");
}

static bool open_listeners(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct http_config http;
    char why[HTTP_REASON_MAX];
    g->refusals = refusals_make(g->store);
    g->access = access_make(g->store, g->config->admin.user_field, g->config->admin.role_field);
    g->public = (struct public){.configs = g->configs, .issuer = g->issuer, .wrong = limiter_make()};
    if (!g->refusals || !g->access || !g->public.wrong)
        return parts_fail(reason, "out of memory");
    g->admin = (struct admin){.store = g->store,
                              .configs = g->configs,
                              .seal = g->seal,
                              .scheduler = g->scheduler,
                              .upstream = g->upstream,
                              .issuer = g->issuer,
                              .notifier = g->notifier,
                              .egress = g->egress,
                              .access = g->access,
                              .refusals = g->refusals,
                              .reload = reload_for_operator,
                              .reload_ctx = g};
    settings_http(g, g->config, &http);
    g->http = http_start(&http, why);
    if (!g->http)
        return parts_fail(reason, why);
    atomic_store(&g->serves, true);
    parts_tell_listeners(g->http);
    return true;
}

/* The file is read as any other certificate of a listener. On own's thread, which a reload ends: not under its lock. */
static void serve_own_certificate(void *ctx)
{
    struct gateway *g = ctx;
    char reason[HTTP_REASON_MAX];
    struct http_config http;
    pthread_mutex_lock(&g->http_lock);
    const struct config *config = config_take(g->configs);
    settings_http(g, config, &http);
    struct http_change *change = http_prepare(g->http, &http, reason);
    if (change)
        http_adopt(g->http, change);
    else
        log_error("the new certificate of the ACME listener is not served yet: mend what the reason names, then send "
                  "SIGHUP",
                  "reason", reason);
    config_drop(config);
    pthread_mutex_unlock(&g->http_lock);
}

bool parts_own_certificate(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    const struct config *config = config_take(g->configs);
    struct own_config own = {
        .config = config, .store = g->store, .acme = g->acme, .installed = serve_own_certificate, .ctx = g};
    char why[OWN_REASON_MAX];
    own_stop(g->own);
    g->own = NULL;
    bool good = !config->acme.own.file || (g->own = own_start(&own, why)) != NULL || parts_fail(reason, why);
    config_drop(config);
    return good;
}

static enum store_status settle_moved(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_moved_settle(txn);
}

/* One that was moved away is told to go on. */
static bool take_back(const struct config *config, struct store *store, char line[static GATEWAY_REASON_MAX])
{
    enum store_status status = store_call(store, settle_moved, NULL);
    return status == STORE_OK ||
           config_say(config, line, gateway_place_key(config), "cannot be taken back: %s", store_status_text(status));
}

bool gateway_init(const struct config *config, char line[static GATEWAY_REASON_MAX])
{
    struct gateway g = {.config = config};
    char why[GATEWAY_REASON_MAX];
    bool good = open_store(&g, true, line) && take_back(config, g.store, line) &&
                (marker_write(config, g.store, why) || config_say(config, line, "store.key_file", "%s", why)) &&
                load_seal(&g, line);
    if (good)
        snprintf(line, GATEWAY_REASON_MAX, "%.800s is the store from now on", config->store.path);
    OPENSSL_cleanse(g.seal, sizeof g.seal);
    if (g.store)
        store_close(g.store);
    return good;
}

static bool start_parts(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    if (!open_store(g, false, reason) || !keep_marker(g, reason) || !load_seal(g, reason) || !open_egress(g, reason) ||
        !open_upstream(g, reason) || !make_workers(g, reason) || !make_acme(g, reason) ||
        !parts_start_monitor(g, reason) || !open_listeners(g, reason))
        return false;
    share_present(g, g->config);
    return !atomic_load(&g->owns) || parts_begin(g, reason);
}

bool parts_begin(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    if (!start_caretakers(g, reason))
        return false;
    if (!scheduler_start(g->scheduler))
        return parts_fail(reason, "no thread can be made for the scheduler");
    if (!parts_own_certificate(g, reason))
        return false;
    g->lookout = parts_start_lookout(g);
    return g->lookout || parts_fail(reason, "out of memory, or of threads, for the look at paid subscriptions");
}

struct gateway *gateway_start(struct config *config, const char *file, const struct gateway_wait *wait,
                              char reason[static GATEWAY_REASON_MAX])
{
    struct gateway *g = calloc(1, sizeof *g);
    if (g)
        g->configs = config_current_make(config);
    if (!g || !g->configs) {
        parts_fail(reason, "out of memory");
        config_free(config);
        free(g);
        return NULL;
    }
    pthread_mutex_init(&g->reload_lock, NULL);
    pthread_mutex_init(&g->http_lock, NULL);
    g->file = file;
    g->config = config_take(g->configs);
    g->wait = wait;
    bool good = start_parts(g, reason);
    config_drop(g->config);
    g->config = NULL;
    g->wait = NULL;
    if (good)
        return g;
    gateway_stop(g);
    return NULL;
}

bool gateway_broken(const struct gateway *g)
{
    return atomic_load(&g->broken);
}

const char *gateway_stuck(struct gateway *g)
{
    if (!http_turned(g->http))
        return "an event loop";
    if (!store_turned(g->store))
        return "the store's writer";
    return egress_turned(g->egress) ? NULL : "the egress thread";
}

void gateway_stop(struct gateway *g)
{
    /* A reload that is under way ends first; none begins any more. */
    pthread_mutex_lock(&g->reload_lock);
    g->stopping = true;
    struct own *own = g->own;
    pthread_mutex_unlock(&g->reload_lock);
    own_stop(own);
    if (g->issuer)
        issuer_stop(g->issuer);
    if (g->http)
        http_stop(g->http, HTTP_DEADLINE_MS);
    parts_stop_lookout(g->lookout);
    monitor_stop(g->monitor);
    keeper_stop(g->keeper);
    if (g->notifier)
        notifier_stop(g->notifier);
    if (g->scheduler)
        scheduler_stop(g->scheduler);
    if (g->egress)
        egress_stop(g->egress, EGRESS_DEADLINE_MS);
    if (g->store)
        store_close(g->store);
    egress_free(g->egress); /* to which the writer's callbacks posted to the last */
    refusals_free(g->refusals);
    access_free(g->access);
    http_free(g->http); /* whose notices the workers above sent to the last */
    scheduler_free(g->scheduler);
    validation_free(g->validation);
    limiter_free(g->public.wrong);
    issuer_free(g->issuer);
    notifier_free(g->notifier);
    upstream_free(g->upstream);
    if (g->acme)
        acme_free(g->acme);
    config_current_free(g->configs);
    pthread_mutex_destroy(&g->reload_lock);
    pthread_mutex_destroy(&g->http_lock);
    OPENSSL_cleanse(g->seal, sizeof g->seal);
    free(g);
}
