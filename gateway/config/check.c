/* config_check: what no single key can tell. */
#include "acme/durations.h"
#include "gateway/config/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "gateway/address.h"
#include "sectigo/dcv.h"
#include "sectigo/product.h"

enum { SECRET_TEXT_MAX = 1024 };

static bool check_proxies(struct config_reading *r, const struct config_proxies *proxies, const char *path)
{
    if (proxies->protocol && proxies->trusted.count == 0)
        return config_fail(r, path, "is of use with trusted_proxies only, whose connections begin with it");
    return true;
}

static bool check_push(struct config_reading *r, const struct config_push *push)
{
    if ((push->user == NULL) != (push->password == NULL))
        return config_fail(r, "public.push", "needs both user and password_file, or neither");
    if (strncmp(push->path, SECTIGO_DCV_PATH, sizeof SECTIGO_DCV_PATH - 1) == 0)
        return config_fail(r, "public.push.path",
                           "\"%.200s\" is where the answers to Sectigo's domain control are; pushes need another path",
                           push->path);
    return true;
}

static bool check_admin(struct config_reading *r, const struct config_admin *admin)
{
    bool listens = admin->listen.count > 0;
    if (listens && admin->tls.certificate == NULL)
        return config_fail(r, "admin.listen",
                           "needs admin.tls: tokens and what is done with them are for nobody's ears");
    if (!listens && admin->tls.certificate != NULL)
        return config_fail(r, "admin.tls", "is of no use without admin.listen");
    if (!listens && admin->trusted.count > 0)
        return config_fail(r, "admin.trusted_proxies", "is of no use without admin.listen");
    if (admin->user_field != NULL && admin->trusted.count == 0)
        return config_fail(r, "admin.proxy", "needs admin.trusted_proxies: who else may say who somebody is?");
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): user_header is required */
    if (admin->role_field != NULL && strcasecmp(admin->user_field, admin->role_field) == 0)
        return config_fail(r, "admin.proxy.role_header", "is user_header already; a role needs a field of its own");
    return true;
}

/* ---- addresses to listen on ---- */

static bool is_any(const struct sockaddr_storage *where)
{
    if (where->ss_family == AF_INET)
        return ((const struct sockaddr_in *)where)->sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)where)->sin6_addr);
}

/* Whether one socket of them leaves no room for the other. Port 0 takes a free one each time, and IPv6 sockets take
 * IPv6 alone. */
static bool collide(const char *a, const char *b)
{
    struct sockaddr_storage x = {0}, y = {0};
    socklen_t x_len, y_len;
    if (!address_to_listen(a, &x, &x_len) || !address_to_listen(b, &y, &y_len) || x.ss_family != y.ss_family)
        return false;
    const struct sockaddr_in6 *x6 = (const struct sockaddr_in6 *)&x, *y6 = (const struct sockaddr_in6 *)&y;
    if (x6->sin6_port != y6->sin6_port || x6->sin6_port == 0) /* which stands at the same place in both families */
        return false;
    return is_any(&x) || is_any(&y) || memcmp(&x, &y, x_len) == 0;
}

enum { LISTENERS = 4 };

struct listeners {
    const struct config_strings *lists[LISTENERS];
    const char *names[LISTENERS];
};

/* The first entry of one list that collides with one of the other; of the same list with an earlier one. */
static bool find_collision(const struct config_strings *list, const struct config_strings *other, unsigned *at,
                           unsigned *before)
{
    for (*at = 0; *at < list->count; (*at)++) {
        unsigned end = list == other ? *at : other->count;
        for (*before = 0; *before < end; (*before)++) {
            if (collide(list->list[*at], other->list[*before]))
                return true;
        }
    }
    return false;
}

static bool check_listen(struct config_reading *r, const struct config *config)
{
    const struct listeners all = {
        {&config->acme.listen, &config->public.listen, &config->metrics.listen, &config->admin.listen},
        {"acme.listen", "public.listen", "metrics.listen", "admin.listen"}};
    char path[CONFIG_PATH_MAX];
    unsigned at, before;
    for (unsigned i = 0; i < LISTENERS; i++) {
        for (unsigned j = 0; j <= i; j++) {
            if (!find_collision(all.lists[i], all.lists[j], &at, &before))
                continue;
            snprintf(path, sizeof path, "%s[%u]", all.names[i], at + 1);
            return config_fail(r, path, "\"%s\" is taken by %s[%u] already, \"%s\"", all.lists[i]->list[at],
                               all.names[j], before + 1, all.lists[j]->list[before]);
        }
    }
    return true;
}

/* ---- logins ---- */

static bool check_credentials(struct config_reading *r, const struct config_login *login, const char *path)
{
    bool certificate = login->client_certificate != NULL || login->client_key != NULL;
    if (certificate && (login->client_certificate == NULL || login->client_key == NULL))
        return config_fail(r, path, "needs both client_certificate and client_key, or neither");
    if (certificate && login->password != NULL)
        return config_fail(r, path, "has a password_file and a client_certificate; one of them must go");
    if (certificate)
        return true;
    if (login->password == NULL)
        return config_fail(r, path, "needs a password_file, or a client_certificate and client_key");
    return login->login != NULL || config_fail(r, path, "has a password_file and needs the login name it belongs to");
}

const struct config_login *config_login_named(const struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->login_count; i++)
        if (strcmp(config->logins[i].name, name) == 0)
            return &config->logins[i];
    return NULL;
}

static bool check_logins(struct config_reading *r, const struct config *config)
{
    char path[CONFIG_PATH_MAX];
    for (unsigned i = 0; i < config->login_count; i++) {
        const struct config_login *login = &config->logins[i];
        snprintf(path, sizeof path, "logins[%u]", i + 1);
        if (!check_credentials(r, login, path))
            return false;
        snprintf(path, sizeof path, "logins[%u].name", i + 1);
        if (config_login_named(config, login->name) != login)
            return config_fail(r, path, "\"%s\" is the name of an earlier login; each must have its own", login->name);
    }
    return true;
}

/* ---- profiles ---- */

const struct config_profile *config_profile_named(const struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->profile_count; i++)
        if (strcmp(config->profiles[i].name, name) == 0)
            return &config->profiles[i];
    return NULL;
}

static bool is_term(unsigned days)
{
    static const unsigned terms[] = {30, 90, 365, 730, 1095, 1461, 1826};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
        if (days == terms[i])
            return true;
    return false;
}

static bool has_shape(const struct sectigo_product *product, enum sectigo_shape shape)
{
    return product->shape == shape || (shape == SECTIGO_MULTI_DOMAIN && product->shape == SECTIGO_UCC);
}

/* Of the first product that is known: how a profile's certificates are validated. */
static enum sectigo_validation validation_of(const struct config_profile *profile)
{
    const unsigned codes[] = {profile->product_single, profile->product_wildcard, profile->product_multi};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const struct sectigo_product *product = sectigo_product_find((int)codes[i]);
        if (product)
            return product->validation;
    }
    return SECTIGO_NO_VALIDATION;
}

static bool check_product(struct config_reading *r, const struct config_profile *profile, const char *path,
                          const char *key, unsigned code, enum sectigo_shape shape)
{
    char at[CONFIG_PATH_MAX];
    if (code == 0)
        return true;
    snprintf(at, sizeof at, "%.200s.products.%s", path, key);
    const struct sectigo_product *product = sectigo_product_find((int)code);
    if (product == NULL)
        return config_fail(r, at, "%u is not a product code of Sectigo", code);
    if (!has_shape(product, shape))
        return config_fail(r, at, "%u is %s: %s, %s; a product for %s names must stand here", code, product->name,
                           sectigo_validation_name(product->validation), sectigo_shape_name(product->shape),
                           sectigo_shape_name(shape));
    if (product->validation != validation_of(profile))
        return config_fail(r, at, "%u is %s: %s; all products of a profile must be of one kind, DV, OV or EV", code,
                           product->name, sectigo_validation_name(product->validation));
    if (!sectigo_product_allows_days(product, (int)profile->days))
        return config_fail(r, at, "%u is %s, which is not sold for %u days", code, product->name, profile->days);
    return true;
}

/* A limit in money that is fed by unknown prices would hold nothing back. */
static bool check_price(struct config_reading *r, const char *path, const char *key, unsigned code, int64_t cents)
{
    char at[CONFIG_PATH_MAX];
    snprintf(at, sizeof at, "%.200s.prices", path);
    return code == 0 || cents > 0 ||
           config_fail(r, at, "needs a price for %s, because spending limits the amount", key);
}

static bool check_prices(struct config_reading *r, const struct config *config, const struct config_profile *profile,
                         const char *path)
{
    if (config->spending.amount_per_day_cents == 0 && config->spending.amount_per_month_cents == 0)
        return true;
    return check_price(r, path, "single", profile->product_single, profile->prices.single_cents) &&
           check_price(r, path, "wildcard", profile->product_wildcard, profile->prices.wildcard_cents) &&
           check_price(r, path, "multi", profile->product_multi, profile->prices.multi_cents);
}

static bool check_products(struct config_reading *r, const struct config_profile *profile, const char *path)
{
    char at[CONFIG_PATH_MAX];
    snprintf(at, sizeof at, "%.200s.products", path);
    if (profile->product_single == 0 && profile->product_wildcard == 0 && profile->product_multi == 0)
        return config_fail(r, at, "at least one of single, wildcard and multi must have a product code");
    if (profile->csr_without_cn == CONFIG_CN_MULTI_DOMAIN && profile->product_multi == 0)
        return config_fail(r, at, "csr_without_cn: multi_domain needs a code for multi");
    return check_product(r, profile, path, "single", profile->product_single, SECTIGO_SINGLE) &&
           check_product(r, profile, path, "wildcard", profile->product_wildcard, SECTIGO_WILDCARD) &&
           check_product(r, profile, path, "multi", profile->product_multi, SECTIGO_MULTI_DOMAIN);
}

static bool check_profile(struct config_reading *r, const struct config *config, const struct config_profile *profile,
                          const char *path)
{
    char at[CONFIG_PATH_MAX];
    snprintf(at, sizeof at, "%.200s.name", path);
    if (config_profile_named(config, profile->name) != profile)
        return config_fail(r, at, "\"%s\" is the name of an earlier profile; each must have its own", profile->name);
    snprintf(at, sizeof at, "%.200s.login", path);
    if (config_login_named(config, profile->login) == NULL)
        return config_fail(r, at, "\"%s\" is not the name of a login; see logins", profile->login);
    snprintf(at, sizeof at, "%.200s.days", path);
    if (!is_term(profile->days))
        return config_fail(r, at, "\"%u\" is not one of 30, 90, 365, 730, 1095, 1461, 1826", profile->days);
    return check_products(r, profile, path) && check_prices(r, config, profile, path);
}

/* People have to act before OV and EV certificates are issued. */
static void set_deadline(const struct config_reading *r, struct config_profile *profile, const char *path)
{
    enum { DAYS = 30 };
    char at[CONFIG_PATH_MAX];
    snprintf(at, sizeof at, "%.200s.deadline", path);
    if (validation_of(profile) >= SECTIGO_OV && !config_stands(r, at))
        profile->deadline_s = DAYS * DAY_S;
}

static bool check_profiles(struct config_reading *r, struct config *config)
{
    char path[CONFIG_PATH_MAX];
    for (unsigned i = 0; i < config->profile_count; i++) {
        snprintf(path, sizeof path, "profiles[%u]", i + 1);
        if (!check_profile(r, config, &config->profiles[i], path))
            return false;
        set_deadline(r, &config->profiles[i], path);
    }
    if (config->default_profile == NULL) {
        config->default_profile = strdup(config->profiles[0].name);
        return config->default_profile != NULL || config_fail(r, "", "out of memory");
    }
    if (config_profile_named(config, config->default_profile) == NULL)
        return config_fail(r, "default_profile", "\"%s\" is not the name of a profile; see profiles",
                           config->default_profile);
    return true;
}

/* ---- domain control ---- */

static bool is_base64(const char *text)
{
    uint8_t octets[SECRET_TEXT_MAX];
    size_t len = strlen(text);
    bool good = len <= sizeof octets && EVP_DecodeBlock(octets, (const unsigned char *)text, (int)len) > 0;
    explicit_bzero(octets, sizeof octets);
    return good;
}

static bool check_server(struct config_reading *r, const struct config_dcv_zone *zone, const char *path)
{
    char at[CONFIG_PATH_MAX];
    if (zone->tsig_name == NULL || zone->tsig_secret == NULL)
        return config_fail(r, path, "has a server and needs tsig_name and tsig_secret_file");
    snprintf(at, sizeof at, "%.200s.tsig_secret_file", path);
    return is_base64(zone->tsig_secret) || config_fail(r, at, "does not hold a key in base64 on its first line");
}

static bool check_zone(struct config_reading *r, const struct config_dcv *dcv, const struct config_dcv_zone *zone,
                       const char *path)
{
    for (const struct config_dcv_zone *other = dcv->zones; other < zone; other++)
        if (strcasecmp(other->zone, zone->zone) == 0)
            return config_fail(r, path, "\"%s\" is an earlier zone; each may stand here once", zone->zone);
    if (sectigo_is_public_suffix(zone->zone))
        return config_fail(r, path, "\"%s\" is a public suffix, below which names belong to others; name your own zone",
                           zone->zone);
    if (zone->server != NULL)
        return check_server(r, zone, path);
    if (zone->tsig_name != NULL || zone->tsig_secret != NULL)
        return config_fail(r, path, "has a TSIG key and needs the server that it is for");
    return dcv->hook.program != NULL ||
           config_fail(r, path, "needs a server, or dcv.hook.program, which then serves it");
}

static bool find_text(const struct config_strings *list, const char *text)
{
    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->list[i], text) == 0)
            return true;
    return false;
}

static bool check_dcv(struct config_reading *r, const struct config_dcv *dcv)
{
    char path[CONFIG_PATH_MAX];
    if (dcv->hook.program != NULL && access(dcv->hook.program, X_OK) != 0)
        return config_fail(r, "dcv.hook.program", "\"%.200s\" cannot be run: %s", dcv->hook.program, strerror(errno));
    if (dcv->zone_count == 0 && !find_text(&dcv->methods, "http"))
        return config_fail(r, "dcv.methods", "has cname alone, and there are no dcv.zones where it could be published");
    if (dcv->resolvers.count == 0 && (dcv->trust_anchor != NULL || dcv->insecure_zones.count > 0))
        return config_fail(r, "dcv", "has a trust_anchor or insecure_zones and needs the resolvers that they are for");
    for (unsigned i = 0; i < dcv->zone_count; i++) {
        snprintf(path, sizeof path, "dcv.zones[%u]", i + 1);
        if (!check_zone(r, dcv, &dcv->zones[i], path))
            return false;
    }
    return true;
}

/* What the challenge and the directory say there is read by clients octet by octet. */
static bool check_persist(struct config_reading *r, const struct config *config)
{
    const struct config_strings *names = &config->acme.caa_identities;
    if (!config->validation.dns_persist_01)
        return true;
    if (names->count == 0 || names->count > 10)
        return config_fail(r, "validation.challenges",
                           "dns-persist-01 needs 1 to 10 acme.caa_identities, which are the names of the issuer");
    for (unsigned i = 0; i < names->count; i++) {
        if (strpbrk(names->list[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") || names->list[i][strlen(names->list[i]) - 1] == '.')
            return config_fail(r, "acme.caa_identities",
                               "\"%s\" has to be lower-case without a final dot for dns-persist-01", names->list[i]);
    }
    return true;
}

static bool name_key_file(struct config_reading *r, struct config_store *store)
{
    size_t len = strlen(store->path);
    while (len > 1 && store->path[len - 1] == '/')
        len--;
    return store->key_file != NULL || asprintf(&store->key_file, "%.*s.key", (int)len, store->path) > 0 ||
           config_fail(r, "", "out of memory");
}

/* postgresql://USER:PASSWORD@HOST/... */
static bool has_password(const char *connection)
{
    const char *user = strstr(connection, "://");
    const char *colon = user != NULL ? strchr(user + 3, ':') : NULL, *at = user != NULL ? strchr(user + 3, '@') : NULL;
    return colon != NULL && at != NULL && colon < at;
}

/* A request leaves within half a minute of its commit, whoever owns the store by then (issuance.md section 11): who
 * takes it over, seven seconds after the owner was frozen, sends no second one sooner. The rest is for the way to
 * Sectigo's report, and for clocks that differ a little. */
enum { TAKEN_OVER_RESEND_MIN_MS = 60 * SECOND_MS };

static bool check_several(struct config_reading *r, const struct config *config)
{
    const struct config_postgresql *store = &config->store.postgresql;
    if (!store->share && !store->standby)
        return true;
    if (store->share && store->standby)
        return config_fail(r, "store.postgresql.share",
                           "is true, and standby too: a gateway beside the owner of the store either serves or waits");
    if (config->issuance.resend_ms < TAKEN_OVER_RESEND_MIN_MS)
        return config_fail(r, "issuance.resend",
                           "is less than 60s: with store.postgresql.standby or share the request of a gateway that was "
                           "frozen may arrive that late, when another one owns the store");
    if (store->share && config->acme.own.file != NULL)
        return config_fail(r, "acme.tls.own",
                           "is for a gateway that serves alone: with store.postgresql.share each needs acme.tls.certificate");
    return true;
}

/* libpq takes a password there, too; ours stand in files. */
static bool check_postgresql(struct config_reading *r, struct config_store *store)
{
    const char *connection = store->postgresql.connection;
    if (store->path != NULL)
        return config_fail(r, "store.path", "is of the engine lmdb alone");
    if (connection == NULL)
        return config_fail(r, "store.postgresql.connection",
                           "is missing: say how the database is reached, such as service=acmegate");
    if (strcasestr(connection, "password") != NULL || has_password(connection))
        return config_fail(r, "store.postgresql.connection",
                           "may hold no password: name a file that has it by passfile=, or a service");
    if (store->key_file == NULL)
        return config_fail(r, "store.key_file", "is missing: there is no store.path whose name it could have");
    store->path = strdup(store->postgresql.schema);
    return store->path != NULL || config_fail(r, "", "out of memory");
}

static bool check_store(struct config_reading *r, struct config *config)
{
    struct config_store *store = &config->store;
    if (store->engine == CONFIG_POSTGRESQL)
        return check_postgresql(r, store) && check_several(r, config);
    if (store->path == NULL)
        return config_fail(r, "store.path", "is missing");
    if (store->postgresql.connection != NULL || store->postgresql.share)
        return config_fail(r, "store.postgresql", "is of no use without store.engine: postgresql");
    return name_key_file(r, store);
}

/* Orders that end are looked at for days yet: a push or a question of the operator's may be about them. */
static bool check_housekeeping(struct config_reading *r, const struct config_housekeeping *ages)
{
    static const struct {
        const char *key;
        size_t at;
        uint32_t least_s;
    } least[] = {{"housekeeping.ended_orders", offsetof(struct config_housekeeping, ended_orders_s), 7 * 86400},
                 {"housekeeping.unused_accounts", offsetof(struct config_housekeeping, unused_accounts_s), 7 * 86400},
                 {"housekeeping.audit", offsetof(struct config_housekeeping, audit_s), 62 * 86400}};
    for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
        uint32_t age_s;
        memcpy(&age_s, (const char *)ages + least[i].at, sizeof age_s);
        if (age_s != 0 && age_s < least[i].least_s)
            return config_fail(r, least[i].key, "is too short; %ud at least, or 0s for never",
                               least[i].least_s / 86400);
    }
    return true;
}

/* A copy inside the store's folder is lost with it. */
static bool check_backup(struct config_reading *r, const struct config *config)
{
    const char *folder = config->backup.folder, *store = config->store.path;
    size_t len = strlen(store);
    if (folder == NULL)
        return true;
    if (config->store.engine == CONFIG_POSTGRESQL)
        return config_fail(r, "backup", "is of the engine lmdb alone: a database is copied by pg_dump");
    while (len > 1 && store[len - 1] == '/')
        len--;
    return strncmp(folder, store, len) != 0 || (folder[len] != '/' && folder[len] != '\0') ||
           config_fail(r, "backup.folder", "\"%s\" is inside store.path, and would be lost with it", folder);
}

static bool check_own_profile(struct config_reading *r, const struct config *config)
{
    const char *profile = config->acme.own.profile;
    return profile == NULL || config_profile_named(config, profile) != NULL ||
           config_fail(r, "acme.tls.own.profile", "\"%s\" is not a profile of this file", profile);
}

void config_host(const char *url, char host[static CONFIG_HOST_MAX])
{
    const char *at = url + strlen("https://");
    size_t len = at[0] == '[' ? strcspn(at, "]") : strcspn(at, ":/");
    snprintf(host, CONFIG_HOST_MAX, "%.*s", (int)len, at);
    if (host[0] == '[')
        memmove(host, host + 1, strlen(host));
}

/* One file for both: what changes at once cannot be at odds after a crash. */
static bool check_listener_certificate(struct config_reading *r, struct config_acme *acme)
{
    const struct config_own *own = &acme->own;
    struct config_tls *tls = &acme->tls;
    if (own->file == NULL)
        return (tls->certificate != NULL ||
                config_fail(r, "acme.tls.certificate", "is missing; it must be a file that can be read")) &&
               (tls->key != NULL || config_fail(r, "acme.tls.key", "is missing; it must be a file that can be read"));
    if (tls->certificate != NULL || tls->key != NULL)
        return config_fail(r, "acme.tls.own", "makes the certificate and its key; certificate and key must go");
    tls->certificate = strdup(own->file);
    tls->key = strdup(own->file);
    return (tls->certificate != NULL && tls->key != NULL) || config_fail(r, "acme.tls.own", "out of memory");
}

bool config_check(struct config_reading *r, struct config *config)
{
    return check_store(r, config) && check_listener_certificate(r, &config->acme) && check_backup(r, config) &&
           check_housekeeping(r, &config->housekeeping) && check_persist(r, config) && check_listen(r, config) &&
           check_proxies(r, &config->acme.proxies, "acme.proxy_protocol") &&
           check_proxies(r, &config->public.proxies, "public.proxy_protocol") && check_push(r, &config->public.push) &&
           check_admin(r, &config->admin) && check_dcv(r, &config->dcv) && config_check_notify(r, config) &&
           check_logins(r, config) && check_profiles(r, config) && check_own_profile(r, config);
}
