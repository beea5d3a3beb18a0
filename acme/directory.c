/* The directory and newNonce, RFC 8555 sections 7.1.1 and 7.2. */
#include <stdio.h>
#include <string.h>

#include "acme/offer.h"
#include "acme/reply.h"
#include "acme/route.h"

json_t *acme_caa_identities_json(const struct acme_config *config)
{
    json_t *list = json_array();
    for (const char *const *name = config->caa_identities; name && *name; name++) {
        if (json_array_append_new(list, json_string(*name)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *profiles(const struct acme_config *config)
{
    json_t *all = json_object();
    int failed = 0;
    for (unsigned i = 0; i < config->profile_count; i++)
        failed |= json_object_set_new(all, config->profiles[i].name, json_string(config->profiles[i].description));
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return all;
}

static json_t *meta_json(const struct acme_config *config)
{
    json_t *meta = json_object();
    int failed = 0;
    if (config->terms_of_service)
        failed |= json_object_set_new(meta, "termsOfService", json_string(config->terms_of_service));
    if (config->website)
        failed |= json_object_set_new(meta, "website", json_string(config->website));
    if (config->caa_identities)
        failed |= json_object_set_new(meta, "caaIdentities", acme_caa_identities_json(config));
    if (config->profile_count > 0)
        failed |= json_object_set_new(meta, "profiles", profiles(config));
    if (acme_offers_dns(config))
        failed |= json_object_set_new(meta, "subdomainAuthAllowed", json_true()); /* where the policy allows */
    if (config->offer[ACME_DNS_PERSIST_01]) {
        char prefix[ACME_URL_MAX];
        snprintf(prefix, sizeof prefix, "%s" ACME_ACCOUNT_HASH_PATH, config->base_url);
        failed |= json_object_set_new(meta, "issuerDomainNames", acme_caa_identities_json(config));
        failed |= json_object_set_new(meta, "accountHashPrefix", json_string(prefix));
    }
    if (config->external_account_required)
        failed |= json_object_set_new(meta, "externalAccountRequired", json_true());
    if (failed) {
        json_decref(meta);
        return NULL;
    }
    return meta;
}

/* Where valid authorizations serve no later order there is nothing to pre-authorize, and then newAuthz must not be
 * shown (RFC 8555 section 7.1.1). */
static bool is_shown(const struct acme_config *config, const struct acme_route *route)
{
    return route->name && (route->post != acme_post_new_authz || config->authz_valid_s > 0);
}

static json_t *directory_json(const struct acme_view *acme)
{
    json_t *directory = json_object();
    int failed = 0;
    const struct acme_route *route;
    for (size_t i = 0; (route = acme_route_at(i)); i++) {
        char url[ACME_URL_MAX];
        if (!is_shown(&acme->config, route))
            continue;
        acme_path_url(acme, route->pattern, url);
        char *variable = strstr(url, "/:");
        if (variable)
            *variable = '\0';
        failed |= json_object_set_new(directory, route->name, json_string(url));
    }
    failed |= json_object_set_new(directory, "meta", meta_json(&acme->config));
    if (failed) {
        json_decref(directory);
        return NULL;
    }
    return directory;
}

enum acme_step acme_get_directory(struct acme_exchange *x, struct acme_task *task)
{
    (void)x;
    acme_reply_json(task, 200, directory_json(task->acme));
    return ACME_DONE;
}

enum acme_step acme_post_directory(struct acme_exchange *x, struct acme_task *task)
{
    return acme_no_payload(x, task) ? acme_get_directory(x, task) : acme_refuse(task);
}

enum acme_step acme_get_nonce(struct acme_exchange *x, struct acme_task *task)
{
    task->wants_nonce = true;
    task->reply.status = x->request->method == ACME_HEAD ? 200 : 204;
    return ACME_DONE;
}

enum acme_step acme_post_nonce(struct acme_exchange *x, struct acme_task *task)
{
    return acme_no_payload(x, task) ? acme_get_nonce(x, task) : acme_refuse(task);
}
