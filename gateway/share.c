#include "gateway/share.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "gateway/config/diff.h"
#include "gateway/issue/issuer.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "gateway/notify/notifier.h"
#include "gateway/systemd.h"
#include "gateway/validate/validation.h"
#include "store/hex.h"

/* ---- what others say ---- */

/* On the store's thread: the main thread does it. */
static void on_owned(void *ctx)
{
    (void)ctx;
    kill(getpid(), GATEWAY_OWNS_SIGNAL);
}

static void on_told(void *ctx, struct store_slice what)
{
    struct gateway *g = ctx;
    struct acme_id topic;
    if (what.len != sizeof topic.octets || !atomic_load(&g->serves))
        return;
    memcpy(topic.octets, what.data, sizeof topic.octets);
    http_notify(g->http, &topic);
}

static void on_differs(void *ctx, const char *name)
{
    (void)ctx;
    metrics_set(METRIC_DIFFERS, name != NULL, 0);
    if (name)
        log_error("another gateway of this store has a configuration, or a key file, that is not this one's, so that clients "
                  "are served one way here and another way there: compare them, make them equal, and let both read them "
                  "anew",
                  "gateway", name);
    else
        log_info("all gateways of this store have the same configuration");
}

const struct store_share *share_hooks(struct gateway *g)
{
    g->hears = (struct store_share){.owned = on_owned, .told = on_told, .differs = on_differs, .ctx = g};
    return &g->hears;
}

/* ---- what this one says ---- */

/* What clients are told and what is spent is the same wherever they ask. Where a gateway listens may be its own. */
static bool has_to_be_equal(const char *path)
{
    static const char *const sections[] = {
        "instance",         "acme.url",           "acme.limits",         "acme.external_account", "acme.terms_of_service",
        "acme.caa",         "acme.identifiers",   "acme.order_lifetime", "acme.authorization",    "acme.hold",
        "public.push",      "validation",         "dcv",                 "logins",                "profiles",
        "default_profile",  "spending",           "issuance",            "store.postgresql.share"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (strncmp(path, sections[i], strlen(sections[i])) == 0)
            return true;
    return false;
}

/* Secrets are not looked at, and files may have other names elsewhere. */
static bool add_key(void *ctx, const struct config_change *key)
{
    EVP_MD_CTX *digest = ctx;
    const char *parts[] = {key->path, key->is ? key->is : ""};
    bool counts = has_to_be_equal(key->path) && !key->secret && parts[1][0] != '/';
    for (size_t i = 0; counts && i < sizeof parts / sizeof *parts; i++)
        EVP_DigestUpdate(digest, parts[i], strlen(parts[i]) + 1);
    return true;
}

/* The key that seals comes first: 32 random octets, of which this tells nothing. */
static void write_digest(const struct gateway *g, const struct config *config, char text[static STORE_DIGEST_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    text[0] = '\0';
    if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, g->seal, sizeof g->seal) == 1 &&
        config_diff(NULL, config, add_key, ctx) && EVP_DigestFinal_ex(ctx, digest, &len) == 1) {
        hex_write(digest, len < STORE_DIGEST_SIZE / 2 ? len : STORE_DIGEST_SIZE / 2, text);
    }
    EVP_MD_CTX_free(ctx);
}

void share_present(struct gateway *g, const struct config *config)
{
    char address[HTTP_ADDRESS_MAX], digest[STORE_DIGEST_SIZE];
    http_address(g->http, HTTP_ACME, 0, address);
    write_digest(g, config, digest);
    store_present(g->store, address, digest);
}

/* ---- beside the owner, and as the owner ---- */

bool share_rest(struct gateway *g)
{
    issuer_rest(g->issuer);
    validation_rest(g->validation, true);
    notifier_rest(g->notifier, true);
    log_info("another gateway owns the store, and this one serves beside it");
    return true;
}

bool gateway_owns(struct gateway *g)
{
    return atomic_load(&g->owns);
}

bool gateway_own(struct gateway *g, char reason[static GATEWAY_REASON_MAX])
{
    if (atomic_load(&g->owns) || !store_owns(g->store))
        return true;
    pthread_mutex_lock(&g->reload_lock);
    bool good = parts_recover(g, reason);
    if (good) {
        validation_rest(g->validation, false);
        notifier_rest(g->notifier, false);
        atomic_store(&g->owns, true);
        good = parts_begin(g, reason);
    }
    pthread_mutex_unlock(&g->reload_lock);
    if (good)
        log_info("this gateway owns the store from now on");
    return good;
}
