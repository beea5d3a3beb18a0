/* check: the files that a configuration names. */
#include "gateway/check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/check/internal.h"
#include "gateway/egress/egress.h"
#include "gateway/key_lists.h"
#include "gateway/pem.h"

enum { PATH_MAX_OF_KEY = 128 };

bool look_warn(const struct look *look, const char *path, const char *format, ...)
{
    char text[CONFIG_REASON_MAX / 2], sentence[CONFIG_REASON_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    config_say(look->config, sentence, path, "%s", text);
    look->warn(look->ctx, sentence);
    return true;
}

/* ---- secrets ---- */

/* A group may read what is its own to read (root:acmegate 0640); a file that is not there yet has no mode. */
static bool look_at_mode(const struct look *look, const char *path, const char *file)
{
    struct stat about;
    if (file == NULL || stat(file, &about) != 0 || !(about.st_mode & (S_IROTH | S_IWOTH)))
        return true;
    return config_say(look->config, look->reason, path,
                      "\"%.200s\" can be read by every user of this machine; chmod o= it", file);
}

static bool look_at_client_keys(const struct look *look)
{
    char path[PATH_MAX_OF_KEY];
    for (unsigned i = 0; i < look->config->login_count; i++) {
        snprintf(path, sizeof path, "logins[%u].client_key", i + 1);
        if (!look_at_mode(look, path, look->config->logins[i].client_key))
            return false;
    }
    return true;
}

static bool look_at_secrets(struct look *look)
{
    const struct config *config = look->config;
    const char *key, *file;
    for (unsigned i = 0; (file = config_secret_file(config, i, &key)) != NULL; i++) {
        if (!look_at_mode(look, key, file))
            return false;
    }
    if (config->public.push.user == NULL)
        look_warn(look, "public.push",
                  "has no user and password_file: a push is believed to be Sectigo's for its address alone");
    return look_at_mode(look, "acme.tls.own.file", config->acme.own.file) &&
           look_at_mode(look, "acme.tls.key", config->acme.tls.key) &&
           look_at_mode(look, "public.tls.key", config->public.tls.key) &&
           look_at_mode(look, "metrics.tls.key", config->metrics.tls.key) &&
           look_at_mode(look, "admin.tls.key", config->admin.tls.key) && look_at_client_keys(look);
}

/* ---- TLS ---- */

/* keys: names of the two keys below path. NULL: *look->reason; also where there is no certificate, then *good. */
static SSL_CTX *look_at_pair(const struct look *look, const char *path, const char *const keys[2],
                             const char *certificate, const char *key, bool *good)
{
    char at[PATH_MAX_OF_KEY], why[PEM_REASON_MAX] = "OpenSSL cannot make a TLS context";
    const char *faulty = certificate;
    *good = certificate == NULL;
    if (*good)
        return NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    *good = context != NULL && pem_use_pair(context, certificate, key, &faulty, why);
    if (*good)
        return context;
    snprintf(at, sizeof at, "%.64s.%s", path, faulty == key && key != certificate ? keys[1] : keys[0]);
    config_say(look->config, look->reason, at, "\"%.200s\" %s", faulty, why);
    SSL_CTX_free(context);
    return NULL;
}

static const char *const tls_keys[2] = {"certificate", "key"};

static bool look_at_tls(struct look *look)
{
    const struct config *config = look->config;
    char host[CONFIG_HOST_MAX];
    bool good;
    if (config->acme.own.file && access(config->acme.own.file, F_OK) != 0)
        return true; /* the start makes one */
    SSL_CTX *context =
        look_at_pair(look, "acme.tls", tls_keys, config->acme.tls.certificate, config->acme.tls.key, &good);
    config_host(config->acme.url, host);
    if (context != NULL && !pem_is_for(context, host))
        look_warn(
            look, "acme.tls.certificate",
            "\"%.200s\" is not for %s, the host of acme.url: clients refuse it, unless a proxy ends TLS before it",
            config->acme.tls.certificate, host);
    SSL_CTX_free(context);
    const struct {
        const char *path;
        const struct config_tls *tls;
    } others[] = {
        {"public.tls", &config->public.tls}, {"metrics.tls", &config->metrics.tls}, {"admin.tls", &config->admin.tls}};
    for (size_t i = 0; good && i < sizeof others / sizeof *others; i++)
        SSL_CTX_free(
            look_at_pair(look, others[i].path, tls_keys, others[i].tls->certificate, others[i].tls->key, &good));
    return good;
}

/* ---- logins ---- */

static bool look_at_login(const struct look *look, const struct config_login *login, const char *path)
{
    static const char *const keys[2] = {"client_certificate", "client_key"};
    char at[PATH_MAX_OF_KEY], why[PEM_REASON_MAX];
    bool good;
    SSL_CTX_free(look_at_pair(look, path, keys, login->client_certificate, login->client_key, &good));
    if (!good)
        return false;
    snprintf(at, sizeof at, "%.64s.ca_file", path);
    if (login->ca_file != NULL && !pem_holds_certificates(login->ca_file, why))
        return config_say(look->config, look->reason, at, "\"%.200s\": %s", login->ca_file, why);
    snprintf(at, sizeof at, "%.64s.trust_anchors", path);
    X509_STORE *anchors = pem_load_anchors(login->trust_anchors, why);
    X509_STORE_free(anchors);
    return anchors != NULL || config_say(look->config, look->reason, at, "\"%.200s\": %s", login->trust_anchors, why);
}

static bool look_at_logins(struct look *look)
{
    char path[PATH_MAX_OF_KEY];
    for (unsigned i = 0; i < look->config->login_count; i++) {
        snprintf(path, sizeof path, "logins[%u]", i + 1);
        if (!look_at_login(look, &look->config->logins[i], path))
            return false;
    }
    return true;
}

/* ---- lists of keys, DNS ---- */

static bool look_at_key_list(const struct look *look, const char *path, const char *blocked, const char *weak)
{
    char why[KEY_LISTS_REASON_MAX];
    struct key_lists *lists = key_lists_load(blocked, weak, why);
    bool good = lists != NULL || config_say(look->config, look->reason, path, "%s", why);
    key_lists_free(lists);
    return good;
}

static bool look_at_anchor(const struct look *look, const char *path, const char *file)
{
    static const char *const resolver[] = {"127.0.0.1"}; /* which nobody asks */
    struct egress_config dns = {.resolvers = resolver, .resolver_count = 1, .trust_anchor_file = file};
    char why[EGRESS_REASON_MAX];
    return file == NULL || egress_try(&dns, why) ||
           config_say(look->config, look->reason, path, "\"%.200s\" holds no DNSSEC trust anchors: %.300s", file, why);
}

static bool look_at_files(struct look *look)
{
    const struct config *config = look->config;
    return look_at_key_list(look, "acme.keys.blocked", config->acme.keys.blocked, NULL) &&
           look_at_key_list(look, "acme.keys.weak", NULL, config->acme.keys.weak) &&
           look_at_anchor(look, "validation.trust_anchor", config->validation.trust_anchor) &&
           look_at_anchor(look, "dcv.trust_anchor", config->dcv.trust_anchor);
}

bool check_world(const struct config *config, enum check_occasion occasion, check_warn_fn *warn, void *ctx, long *owner,
                 char reason[static CONFIG_REASON_MAX])
{
    static bool (*const looks[])(struct look *) = {look_at_secrets, look_at_tls,     look_at_logins, look_at_files,
                                                   look_at_store,   look_at_folders, look_at_socket, look_at_ports};
    struct look look = {.config = config, .occasion = occasion, .warn = warn, .ctx = ctx, .reason = reason};
    bool good = true;
    for (size_t i = 0; good && i < sizeof looks / sizeof *looks; i++)
        good = looks[i](&look);
    *owner = look.owner;
    return good;
}
