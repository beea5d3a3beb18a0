/* settings: what a configuration is to each part. */
#include "gateway/parts.h"

#include <stdlib.h>

#include "gateway/issue/issuer.h"
#include "gateway/key_lists.h"
#include "gateway/log.h"
#include "gateway/monitor/monitor.h"
#include "gateway/validate/validation.h"

void settings_egress(const struct config *config, struct egress_settings *settings)
{
    const struct config_validation *validation = &config->validation;
    const struct config_dcv *dcv = &config->dcv;
    settings->outside =
        (struct egress_config){.resolvers = (const char *const *)dcv->resolvers.list,
                               .resolver_count = dcv->resolvers.count,
                               .trust_anchor_file = dcv->trust_anchor ? dcv->trust_anchor : validation->trust_anchor,
                               .insecure_zones = (const char *const *)dcv->insecure_zones.list,
                               .insecure_zone_count = dcv->insecure_zones.count};
    settings->own = (struct egress_config){.resolvers = (const char *const *)validation->resolvers.list,
                                           .resolver_count = validation->resolvers.count,
                                           .trust_anchor_file = validation->trust_anchor,
                                           .insecure_zones = (const char *const *)validation->insecure_zones.list,
                                           .insecure_zone_count = validation->insecure_zones.count,
                                           .outside = dcv->resolvers.count > 0 ? &settings->outside : NULL};
}

/* ---- ACME ---- */

/* What one struct acme_config points to. */
struct acme_owner {
    const struct config *config; /* a hold on it */
    struct key_lists *lists;
    struct acme_profile *profiles;
};

void settings_acme_drop(const void *pointer)
{
    struct acme_owner *owner = (struct acme_owner *)(uintptr_t)pointer;
    if (!owner)
        return;
    config_drop(owner->config);
    key_lists_free(owner->lists);
    free(owner->profiles);
    free(owner);
}

static struct acme_owner *make_owner(const struct config *config, char reason[static GATEWAY_REASON_MAX])
{
    char why[KEY_LISTS_REASON_MAX] = "out of memory";
    struct acme_owner *owner = calloc(1, sizeof *owner);
    if (owner) {
        owner->config = config_hold(config);
        owner->profiles = calloc(config->profile_count, sizeof *owner->profiles);
    }
    if (owner && owner->profiles)
        owner->lists = key_lists_load(config->acme.keys.blocked, config->acme.keys.weak, why);
    if (!owner || !owner->lists) {
        parts_fail(reason, why);
        settings_acme_drop(owner);
        return NULL;
    }
    for (unsigned i = 0; i < config->profile_count; i++) {
        const struct config_profile *from = &config->profiles[i];
        owner->profiles[i] = (struct acme_profile){from->name, from->description ? from->description : from->name};
    }
    return owner;
}

bool settings_acme(struct gateway *g, const struct config *config, struct acme_config *acme,
                   char reason[static GATEWAY_REASON_MAX])
{
    const struct config_acme *from = &config->acme;
    const struct config_validation *validation = &config->validation;
    struct acme_owner *owner = make_owner(config, reason);
    if (!owner)
        return false;
    *acme = (struct acme_config){
        .store = g->store,
        .base_url = from->url,
        .instance = config->instance,
        .shares = config->store.postgresql.share,
        .external_account_required = from->external_account_required,
        .seal = g->seal,
        .terms_of_service = from->terms_of_service,
        .website = from->website,
        .caa_identities = from->caa_identities.count ? (const char *const *)from->caa_identities.list : NULL,
        .profiles = owner->profiles,
        .profile_count = config->profile_count,
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
        .key_lists = owner->lists,
        .rates = {from->limits.address, from->limits.account, from->limits.external_key},
        .owner = owner,
        .drop = settings_acme_drop,
    };
    issuer_hooks(g->issuer, &acme->hooks);
    acme->hooks.validate = validation_hook;
    acme->hooks.validate_soon = validation_soon;
    acme->hooks.validator = g->validation;
    acme->hooks.revoke = issuer_revoke;
    return true;
}

/* ---- listeners ---- */

/* Where another gateway's word does not come. */
enum { LOOK_AGAIN_MS = 1000 };

static struct http_proxies proxies_of(const struct config_proxies *from)
{
    return (struct http_proxies){.trusted = from->trusted.count ? (const char *const *)from->trusted.list : NULL,
                                 .protocol = from->protocol};
}

void settings_http(struct gateway *g, const struct config *config, struct http_config *http)
{
    *http = (struct http_config){
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
        .broken = parts_broken,
        .broken_ctx = g,
        .proxies = {[HTTP_ACME] = proxies_of(&config->acme.proxies),
                    [HTTP_PUBLIC] = proxies_of(&config->public.proxies),
                    [HTTP_API] = {.trusted = config->admin.trusted.count
                                                 ? (const char *const *)config->admin.trusted.list
                                                 : NULL}},
        .log_access = config->log_requests,
        .admin_socket = config->admin.socket,
        .acme = g->acme,
        .store = g->store,
        .look_again_ms = config->store.postgresql.share ? LOOK_AGAIN_MS : 0,
        .takes_push = public_takes_push,
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
}

/* ---- the log ---- */

void gateway_set_log(const struct config *config)
{
    static const enum log_format formats[] = {
        [CONFIG_LOG_JSON] = LOG_JSON, [CONFIG_LOG_RFC5424] = LOG_RFC5424, [CONFIG_LOG_JOURNAL] = LOG_JOURNAL};
    log_set_level(config->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    log_set_format(formats[config->log_format]);
}
