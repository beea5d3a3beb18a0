#include "acme/route.h"

#include <string.h>

static const struct acme_route routes[] = {
    {"/directory", .get = acme_get_directory, .post = acme_post_directory, .is_directory = true, .noun = "directory"},
    {"/acme/new-nonce", .get = acme_get_nonce, .post = acme_post_nonce, .name = "newNonce"},
    {"/acme/new-account", ACME_SIGNED_BY_JWK, .post = acme_post_new_account, .name = "newAccount", .limited = true, .large = true},
    {"/acme/new-order", .post = acme_post_new_order, .name = "newOrder", .limited = true, .large = true},
    {"/acme/new-authz", .post = acme_post_new_authz, .name = "newAuthz", .limited = true},
    {"/acme/revoke-cert", ACME_SIGNED_BY_EITHER, .post = acme_post_revoke_cert, .name = "revokeCert", .limited = true, .large = true},
    {"/acme/key-change", .post = acme_post_key_change, .name = "keyChange", .limited = true},
    {"/acme/account/:id", .post = acme_post_account, .noun = "account"},
    {"/acme/account/:id/orders", .post = acme_post_orders, .noun = "orders"},
    {"/acme/order/:id", .post = acme_post_order, .noun = "order"},
    {"/acme/order/:id/finalize", .post = acme_post_finalize, .large = true, .noun = "finalize"},
    {"/acme/authz/:id", .post = acme_post_authz, .noun = "authorization"},
    {"/acme/challenge/:id/:type", .post = acme_post_challenge, .noun = "challenge"},
    {"/acme/certificate/:id", .post = acme_post_certificate, .noun = "certificate"},
    {"/acme/certificate/:id/:text", .post = acme_post_alternate, .noun = "alternate"},
    {"/acme/renewal-info/:text", .get = acme_get_renewal_info, .name = "renewalInfo"},
};

const struct acme_route *acme_route_at(size_t i)
{
    return i < sizeof routes / sizeof *routes ? &routes[i] : NULL;
}

unsigned acme_route_number(const struct acme_route *route)
{
    return route ? (unsigned)(route - routes) : ACME_RESOURCES - 1;
}

const char *acme_resource_text(unsigned resource)
{
    _Static_assert(sizeof routes / sizeof *routes == ACME_RESOURCES - 1, "a number for each");
    if (resource >= ACME_RESOURCES - 1)
        return resource == ACME_RESOURCES - 1 ? "none" : NULL;
    return routes[resource].name ? routes[resource].name : routes[resource].noun;
}

static bool parse_type(const char *text, size_t len, enum acme_challenge_type *type)
{
    for (unsigned i = 1; i < ACME_CHALLENGE_TYPES; i++) {
        const char *name = acme_challenge_type_text(i);
        if (strlen(name) == len && memcmp(name, text, len) == 0) {
            *type = i;
            return true;
        }
    }
    return false;
}

/* One segment of the pattern against one of the path. */
static bool segment_matches(const char *pattern, size_t pattern_len, const char *text, size_t len, struct acme_id *id,
                            enum acme_challenge_type *type)
{
    if (pattern_len == 3 && memcmp(pattern, ":id", 3) == 0)
        return acme_id_parse(text, len, id);
    if (pattern_len == 5 && memcmp(pattern, ":type", 5) == 0)
        return parse_type(text, len, type);
    if (pattern_len == 5 && memcmp(pattern, ":text", 5) == 0)
        return len > 0;
    return pattern_len == len && memcmp(pattern, text, len) == 0;
}

static bool matches(const char *pattern, const char *path, size_t len, struct acme_id *id,
                    enum acme_challenge_type *type)
{
    const char *end = path + len;
    while (*pattern == '/' && path < end && *path == '/') {
        pattern++;
        path++;
        size_t pattern_len = strcspn(pattern, "/");
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t segment_len = (size_t)((slash ? slash : end) - path);
        if (!segment_matches(pattern, pattern_len, path, segment_len, id, type))
            return false;
        pattern += pattern_len;
        path += segment_len;
    }
    return !*pattern && path == end;
}

const struct acme_route *acme_route_find(const char *path, size_t len, struct acme_id *id,
                                         enum acme_challenge_type *type)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes && len <= ACME_PATH_MAX; i++)
        if (matches(routes[i].pattern, path, len, id, type))
            return &routes[i];
    return NULL;
}

size_t acme_route_body_max(const struct acme_route *route)
{
    return !route ? ACME_BODY_NOWHERE_MAX : route->large ? ACME_BODY_MAX : ACME_BODY_PLAIN_MAX;
}

size_t acme_body_max(const char *path, size_t len)
{
    struct acme_id id;
    enum acme_challenge_type type;
    return acme_route_body_max(acme_route_find(path, len, &id, &type));
}
