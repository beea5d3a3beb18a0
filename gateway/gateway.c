#include "gateway/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "acme/acme.h"
#include "gateway/clock.h"
#include "gateway/days.h"
#include "gateway/egress/egress.h"
#include "gateway/http/http.h"
#include "gateway/issue/issuer.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upkeep/orphans.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/keep/keeper.h"
#include "gateway/key_lists.h"
#include "gateway/log.h"
#include "gateway/marker.h"
#include "gateway/monitor/monitor.h"
#include "gateway/notify/notifier.h"
#include "gateway/operate/admin.h"
#include "gateway/own/own.h"
#include "gateway/public.h"
#include "gateway/recount.h"
#include "gateway/scheduler.h"
#include "gateway/seal.h"
#include "gateway/systemd.h"
#include "gateway/tables.h"
#include "gateway/validate/validation.h"

enum {
    /* 4: certificates in parts (acme/certificate.c), which no older program reads; old ones stay as they are */
    SCHEMA = 5,
    HTTP_DEADLINE_MS = 5000,    /* for connections to end at stop */
    EGRESS_DEADLINE_MS = 20000, /* for calls to Sectigo to end at stop: what is cut off has to be settled */
};

struct gateway {
    const struct config *config;
    struct store *store;
    struct egress *egress;
    struct upstream *upstream;
    struct scheduler *scheduler;
    struct issuer *issuer;
    struct validation *validation;
    struct key_lists *key_lists;
    struct acme *acme;
    struct acme_profile *profiles; /* of acme */
    struct http_server *http;
    struct monitor *monitor;
    struct keeper *keeper;
    struct notifier *notifier;
    struct refusals *refusals;
    struct own *own;
    struct public public;
    struct admin admin;
    struct access *access;
    uint8_t seal[EXTERNAL_KEY_SEAL_LEN];
    char account_urls[ACME_URL_MAX], account_hashes[ACME_URL_MAX];
    struct egress_rules rules; /* of the validators */
};

static void notify(void *ctx, const struct acme_id *topic)
{
    struct gateway *g = ctx;
    http_notify(g->http, topic);
}

static bool fail_start(char reason[static GATEWAY_REASON_MAX], const char *text)
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

static struct store_config store_config(const struct config *config)
{
    static const char *const tables[] = {ACME_TABLE_NAMES, ISSUE_TABLE_NAMES};
    static store_migrate_fn *const migrations[] = {numbers_migrate, recount_migrate, NULL, days_migrate};
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

/* The key that says where the store is. */
static const char *place_key(const struct config *config)
{
    return config->store.engine == CONFIG_POSTGRESQL ? "store.postgresql" : "store.path";
}

/* make: also where something says that there was a store. */
static bool open_store(struct gateway *g, bool make, char reason[static GATEWAY_REASON_MAX])
{
    struct store_config store = store_config(g->config);
    char why[GATEWAY_REASON_MAX], sign[GATEWAY_REASON_MAX];
    store.must_exist = marker_find(g->config, sign) && !make;
    enum store_status status = store_open(&store, &g->store, why);
    if (status == STORE_NOT_FOUND) {
        marker_explain(why, sign, reason);
        memcpy(why, reason, sizeof why);
    }
    return status == STORE_OK || config_say(g->config, reason, place_key(g->config), "%s", why);
}

/* Where its place cannot be written to, the key file alone says that there was a store. */
static bool keep_marker(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    char why[GATEWAY_REASON_MAX];
    if (!marker_check(g->config, g->store, why))
        return config_say(g->config, reason, place_key(g->config), "%s", why);
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
    return seal_load(g->config->store.key_file, g->store, g->seal, why) ||
           config_say(g->config, reason, "store.key_file", "%s", why);
}

/* ---- --check-config ---- */

static void say_orphans(const char *path, const struct orphans *o, char line[static GATEWAY_REASON_MAX])
{
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
        return config_say(config, line, place_key(config), "%s", whole);
    }
    if (status == STORE_NOT_FOUND)
        snprintf(line, GATEWAY_REASON_MAX, "%.512s; the start makes one", why);
    else if (status == STORE_INVALID)
        snprintf(line, GATEWAY_REASON_MAX, "%.512s; its subscriptions are not counted", why);
    else
        return config_say(config, line, place_key(config), "%s", why);
    return true;
}

bool gateway_check_store(const struct config *config, char line[static GATEWAY_REASON_MAX])
{
    struct store_config settings = store_config(config);
    struct store *store;
    struct store_txn *txn;
    struct orphans orphans;
    char why[GATEWAY_REASON_MAX];
    enum store_status status = store_open_to_read(&settings, &store, why);
    if (status != STORE_OK)
        return explain_store(config, status, why, line);
    bool fits =
        (marker_check(config, store, why) || config_say(config, line, place_key(config), "%s", why)) &&
        (seal_check(config->store.key_file, store, why) || config_say(config, line, "store.key_file", "%s", why));
    status = fits ? store_read(store, &txn) : STORE_REFUSED;
    if (status == STORE_OK) {
        status = orphans_count(txn, config, clock_ms(), &orphans);
        store_read_end(txn);
    }
    if (status == STORE_OK)
        say_orphans(config->store.path, &orphans, line);
    else if (fits)
        snprintf(line, GATEWAY_REASON_MAX, "%s: its subscriptions cannot be counted: %s", config->store.path,
                 store_status_text(status));
    if (fits)
        add_advice(store, line);
    store_close(store);
    return fits;
}

/* At the start: what --check-config says of it, where it is bad news. */
static void warn_of_orphans(const struct gateway *g)
{
    char line[GATEWAY_REASON_MAX];
    struct orphans orphans;
    struct store_txn *txn;
    if (store_read(g->store, &txn) != STORE_OK)
        return;
    if (orphans_count(txn, g->config, clock_ms(), &orphans) == STORE_OK &&
        orphans.by_profile + orphans.by_login + orphans.by_policy > 0) {
        say_orphans(g->config->store.path, &orphans, line);
        log_warning("paid subscriptions have no place in this configuration: mend it, or let it be", "reason", line);
    }
    store_read_end(txn);
}

/* ---- the parts ---- */

static bool open_egress(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    const struct config_validation *validation = &g->config->validation;
    const struct config_dcv *dcv = &g->config->dcv;
    struct egress_config outside = {.resolvers = (const char *const *)dcv->resolvers.list,
                                    .resolver_count = dcv->resolvers.count,
                                    .trust_anchor_file =
                                        dcv->trust_anchor ? dcv->trust_anchor : validation->trust_anchor,
                                    .insecure_zones = (const char *const *)dcv->insecure_zones.list,
                                    .insecure_zone_count = dcv->insecure_zones.count};
    struct egress_config egress = {.resolvers = (const char *const *)validation->resolvers.list,
                                   .resolver_count = validation->resolvers.count,
                                   .trust_anchor_file = validation->trust_anchor,
                                   .insecure_zones = (const char *const *)validation->insecure_zones.list,
                                   .insecure_zone_count = validation->insecure_zones.count,
                                   .outside = dcv->resolvers.count > 0 ? &outside : NULL};
    char why[EGRESS_REASON_MAX];
    g->egress = egress_start(&egress, why);
    return g->egress || fail_start(reason, why);
}

static bool open_upstream(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    char why[UPSTREAM_REASON_MAX];
    g->upstream = upstream_make(g->config, g->egress, why);
    return g->upstream || fail_start(reason, why);
}

static bool make_notifier(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct notifier_config notifier = {.config = g->config,
                                       .store = g->store,
                                       .scheduler = g->scheduler,
                                       .egress = g->egress,
                                       .upstream = g->upstream};
    g->notifier = notifier_make(&notifier);
    return g->notifier || fail_start(reason, "out of memory");
}

static bool make_workers(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    g->scheduler = scheduler_make(g->store);
    if (!g->scheduler)
        return fail_start(reason, "out of memory");
    struct issuer_config issuer = {.config = g->config,
                                   .store = g->store,
                                   .scheduler = g->scheduler,
                                   .egress = g->egress,
                                   .upstream = g->upstream,
                                   .notify = notify,
                                   .notify_ctx = g};
    const struct config_validation *given = &g->config->validation;
    g->rules = (struct egress_rules){(const char *const *)given->deny.list, (const char *const *)given->allow.list,
                                     (const char *const *)given->private_zones.list};
    snprintf(g->account_urls, sizeof g->account_urls, "%s/acme/account/", g->config->acme.url);
    snprintf(g->account_hashes, sizeof g->account_hashes, "%s" ACME_ACCOUNT_HASH_PATH, g->config->acme.url);
    struct validation_config validation = {
        .store = g->store,
        .scheduler = g->scheduler,
        .egress = g->egress,
        .validate = {.http_port = g->config->validation.http_port,
                     .tls_port = g->config->validation.tls_port,
                     .timeout_ms = g->config->validation.timeout_ms,
                     .redirects_max = 10,
                     .account_urls = g->account_urls,
                     .account_hashes = g->account_hashes,
                     .issuer_names = (const char *const *)g->config->acme.caa_identities.list,
                     .rules = &g->rules},
        .notify = notify,
        .notify_ctx = g};
    g->issuer = issuer_make(&issuer);
    g->validation = validation_make(&validation);
    if (!g->issuer || !g->validation)
        return fail_start(reason, "out of memory");
    enum store_status status = issuer_recover(g->issuer);
    if (status != STORE_OK)
        snprintf(reason, GATEWAY_REASON_MAX, "%s: the orders under way cannot be taken up again: %s",
                 g->config->store.path, store_status_text(status));
    return status == STORE_OK && make_notifier(g, reason);
}

static bool make_profiles(struct gateway *g)
{
    g->profiles = calloc(g->config->profile_count, sizeof *g->profiles);
    for (unsigned i = 0; g->profiles && i < g->config->profile_count; i++) {
        const struct config_profile *from = &g->config->profiles[i];
        g->profiles[i] = (struct acme_profile){from->name, from->description ? from->description : from->name};
    }
    return g->profiles != NULL;
}

static bool make_acme(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    const struct config_acme *from = &g->config->acme;
    const struct config_validation *validation = &g->config->validation;
    char why[KEY_LISTS_REASON_MAX];
    if (!make_profiles(g))
        return fail_start(reason, "out of memory");
    g->key_lists = key_lists_load(from->keys.blocked, from->keys.weak, why);
    if (!g->key_lists)
        return fail_start(reason, why);
    struct acme_config acme = {
        .store = g->store,
        .base_url = from->url,
        .instance = g->config->instance,
        .external_account_required = from->external_account_required,
        .seal = g->seal,
        .terms_of_service = from->terms_of_service,
        .website = from->website,
        .caa_identities = from->caa_identities.count ? (const char *const *)from->caa_identities.list : NULL,
        .profiles = g->profiles,
        .profile_count = g->config->profile_count,
        .identifiers_max = from->identifiers_max,
        .offer = {[ACME_HTTP_01] = validation->http_01,
                  [ACME_DNS_01] = validation->dns_01,
                  [ACME_TLS_ALPN_01] = validation->tls_alpn_01,
                  [ACME_DNS_ACCOUNT_01] = validation->dns_account_01,
                  [ACME_DNS_PERSIST_01] = validation->dns_persist_01},
        .order_lifetime_s = from->order_lifetime_s,
        .authz_valid_s = from->authorization_lifetime_s,
        .hold_finalize_ms = from->hold_finalize_ms,
        .hold_challenge_ms = from->hold_challenge_ms,
        .key_listed = key_lists_find,
        .key_lists = g->key_lists,
        .rates = {from->limits.address, from->limits.account, from->limits.external_key},
    };
    issuer_hooks(g->issuer, &acme.hooks);
    acme.hooks.validate = validation_hook;
    acme.hooks.revoke = issuer_revoke;
    g->acme = acme_make(&acme);
    return g->acme || fail_start(reason, "out of memory");
}

/* A port 0 has become a number. */
static void tell_listeners(const struct http_server *server)
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

static bool start_monitor(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct monitor_config monitor = {
        .config = g->config, .store = g->store, .scheduler = g->scheduler, .upstream = g->upstream};
    if (g->config->metrics.listen.count == 0)
        return true; /* nobody looks */
    g->monitor = monitor_start(&monitor);
    return g->monitor || fail_start(reason, "out of memory, or of threads, for the metrics");
}

/* Threads of their own, for which nothing waits. */
static bool start_caretakers(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct keeper_config keeper = {.config = g->config, .store = g->store, .settings = store_config(g->config)};
    g->keeper = keeper_start(&keeper);
    if (!g->keeper)
        return fail_start(reason, "out of memory, or of threads, for what looks after the store");
    return notifier_start(g->notifier) || fail_start(reason, "out of memory, or of threads, for notifications");
}

static struct http_proxies proxies_of(const struct config_proxies *from)
{
    return (struct http_proxies){.trusted = from->trusted.count ? (const char *const *)from->trusted.list : NULL,
                                 .protocol = from->protocol};
}

static bool open_listeners(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    const struct config *config = g->config;
    char why[HTTP_REASON_MAX];
    g->refusals = refusals_make(g->store);
    g->access = access_make(g->store, config->admin.user_field, config->admin.role_field);
    g->public = (struct public){.push = &config->public.push, .issuer = g->issuer};
    g->admin = (struct admin){.store = g->store,
                              .config = g->config,
                              .seal = g->seal,
                              .scheduler = g->scheduler,
                              .upstream = g->upstream,
                              .issuer = g->issuer,
                              .notifier = g->notifier,
                              .egress = g->egress,
                              .access = g->access,
                              .refusals = g->refusals};
    struct http_config http = {
        .threads = config->acme.threads,
        .workers = store_waits(g->store) ? (config->store.postgresql.readers + 1) / 2 : 0, /* others read, too */
        .acme_listen = (const char *const *)config->acme.listen.list,
        .acme_listen_count = config->acme.listen.count,
        .acme_tls = {config->acme.tls.certificate, config->acme.tls.key},
        .public_listen = (const char *const *)config->public.listen.list,
        .public_listen_count = config->public.listen.count,
        .public_tls = {config->public.tls.certificate, config->public.tls.key},
        .acme_limits = {config->acme.connections, config->acme.connections_per_address},
        .public_limits = {config->public.connections, config->public.connections_per_address},
        .metrics_listen = (const char *const *)config->metrics.listen.list,
        .metrics_listen_count = config->metrics.listen.count,
        .metrics_tls = {config->metrics.tls.certificate, config->metrics.tls.key},
        .metrics_handler = monitor_handle,
        .refusals = g->refusals,
        .probe = monitor_probe,
        .proxies = {[HTTP_ACME] = proxies_of(&config->acme.proxies),
                    [HTTP_PUBLIC] = proxies_of(&config->public.proxies),
                    [HTTP_API] = {.trusted = config->admin.trusted.count
                                                 ? (const char *const *)config->admin.trusted.list
                                                 : NULL}},
        .log_access = config->log_requests,
        .admin_socket = config->admin.socket,
        .acme = g->acme,
        .store = g->store,
        .public_handler = public_handle,
        .public_ctx = &g->public,
        .admin_handler = admin_handle,
        .admin_ctx = &g->admin,
        .api_listen = (const char *const *)config->admin.listen.list,
        .api_listen_count = config->admin.listen.count,
        .api_tls = {config->admin.tls.certificate, config->admin.tls.key},
        .api_limits = {config->admin.connections, config->admin.connections_per_address},
        .api_handler = admin_handle_remote,
        .api_ctx = &g->admin,
        .user_field = config->admin.user_field,
        .role_field = config->admin.role_field,
    };
    g->http = g->refusals && g->access ? http_start(&http, why) : NULL;
    if (!g->refusals || !g->access)
        return fail_start(reason, "out of memory");
    if (!g->http)
        return fail_start(reason, why);
    tell_listeners(g->http);
    return true;
}

/* The file is read as any other certificate of a listener. */
static void serve_own_certificate(void *ctx)
{
    struct gateway *g = ctx;
    char reason[HTTP_REASON_MAX];
    if (!http_reload_tls(g->http, reason))
        log_error("the new certificate of the ACME listener is not served yet: mend what the reason names, then send "
                  "SIGHUP",
                  "reason", reason);
}

static bool see_to_own_certificate(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    struct own_config own = {
        .config = g->config, .store = g->store, .acme = g->acme, .installed = serve_own_certificate, .ctx = g};
    char why[OWN_REASON_MAX];
    if (!g->config->acme.own.file)
        return true;
    g->own = own_start(&own, why);
    return g->own || fail_start(reason, why);
}

bool gateway_init(const struct config *config, char line[static GATEWAY_REASON_MAX])
{
    struct gateway g = {.config = config};
    char why[GATEWAY_REASON_MAX];
    bool good = open_store(&g, true, line) &&
                (marker_write(config, g.store, why) || config_say(config, line, "store.key_file", "%s", why)) &&
                load_seal(&g, line);
    if (good)
        snprintf(line, GATEWAY_REASON_MAX, "%.800s is the store from now on", config->store.path);
    OPENSSL_cleanse(g.seal, sizeof g.seal);
    if (g.store)
        store_close(g.store);
    return good;
}

struct gateway *gateway_start(const struct config *config, char reason[static GATEWAY_REASON_MAX])
{
    struct gateway *g = calloc(1, sizeof *g);
    if (!g) {
        fail_start(reason, "out of memory");
        return NULL;
    }
    g->config = config;
    if (open_store(g, false, reason) && keep_marker(g, reason) && load_seal(g, reason) && open_egress(g, reason) &&
        open_upstream(g, reason) && make_workers(g, reason) && make_acme(g, reason) && start_monitor(g, reason) &&
        open_listeners(g, reason) && start_caretakers(g, reason)) {
        if (!scheduler_start(g->scheduler)) {
            fail_start(reason, "no thread can be made for the scheduler");
        } else if (see_to_own_certificate(g, reason)) {
            warn_of_orphans(g);
            return g;
        }
    }
    gateway_stop(g);
    return NULL;
}

const char *gateway_stuck(struct gateway *g)
{
    if (!http_turned(g->http))
        return "an event loop";
    if (!store_turned(g->store))
        return "the store's writer";
    return egress_turned(g->egress) ? NULL : "the egress thread";
}

bool gateway_reload_tls(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    char why[HTTP_REASON_MAX];
    return http_reload_tls(g->http, why) || fail_start(reason, why);
}

bool gateway_reload_key_lists(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    char why[KEY_LISTS_REASON_MAX];
    return key_lists_reload(g->key_lists, why) || fail_start(reason, why);
}

void gateway_stop(struct gateway *g)
{
    own_stop(g->own);
    if (g->issuer)
        issuer_stop(g->issuer);
    if (g->http)
        http_stop(g->http, HTTP_DEADLINE_MS);
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
    issuer_free(g->issuer);
    notifier_free(g->notifier);
    upstream_free(g->upstream);
    if (g->acme)
        acme_free(g->acme);
    key_lists_free(g->key_lists);
    free(g->profiles);
    OPENSSL_cleanse(g->seal, sizeof g->seal);
    free(g);
}
