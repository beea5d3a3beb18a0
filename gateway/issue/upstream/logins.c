#include "gateway/issue/upstream/logins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/metrics/metrics.h"
#include "gateway/pem.h"

/* Of one login. */
struct new_terms {
    char *name, *url;
    struct terms *terms;
    unsigned pace, rest_ms;
    struct upstream_login *fresh; /* it is not known yet */
};

struct upstream_terms {
    struct new_terms *list;
    unsigned count;
};

/* ---- terms ---- */

static X509_STORE *load_anchors(const struct config_login *config, char reason[static UPSTREAM_REASON_MAX])
{
    char why[PEM_REASON_MAX];
    X509_STORE *anchors = pem_load_anchors(config->trust_anchors, why);
    if (!anchors)
        snprintf(reason, UPSTREAM_REASON_MAX, "login %.64s: trust_anchors: %.200s: %.200s", config->name,
                 config->trust_anchors, why);
    return anchors;
}

void login_terms_drop(struct terms *terms)
{
    if (!terms || atomic_fetch_sub(&terms->holds, 1) != 1)
        return;
    if (terms->client)
        sectigo_client_free(terms->client);
    X509_STORE_free(terms->anchors);
    free(terms);
}

static struct terms *make_terms(const struct config_login *config, char reason[static UPSTREAM_REASON_MAX])
{
    struct sectigo_client_config client = {
        .url = config->url,
        .login_name = config->login,
        .login_password = config->password,
        .ca_file = config->ca_file,
        .client_certificate = config->client_certificate,
        .client_key = config->client_key,
        .proxy = config->proxy,
        .user_agent = "acmegate/" ACMEGATE_VERSION,
        .connect_timeout_ms = (long)config->connect_timeout_ms,
        .timeout_ms = (long)config->timeout_ms,
    };
    char why[SECTIGO_MESSAGE_MAX] = "out of memory";
    struct terms *terms = calloc(1, sizeof *terms);
    if (terms) {
        atomic_init(&terms->holds, 1);
        terms->client = sectigo_client_make(&client, why);
    }
    if (!terms || !terms->client)
        snprintf(reason, UPSTREAM_REASON_MAX, "login %s: %.400s", config->name, why);
    else
        terms->anchors = load_anchors(config, reason);
    if (terms && terms->anchors)
        return terms;
    login_terms_drop(terms);
    return NULL;
}

struct terms *login_terms_take(struct upstream_login *login)
{
    pthread_mutex_lock(&login->upstream->lock);
    struct terms *terms = login->terms;
    atomic_fetch_add(&terms->holds, 1);
    pthread_mutex_unlock(&login->upstream->lock);
    return terms;
}

/* ---- logins ---- */

static void free_login(struct upstream_login *login)
{
    if (!login)
        return;
    login_terms_drop(login->terms);
    accept_cache_free(login->cas);
    free(login->name);
    free(login->url);
    free(login);
}

static struct upstream_login *make_login(struct upstream *upstream, const struct config_login *config)
{
    struct upstream_login *login = calloc(1, sizeof *login);
    if (!login)
        return NULL;
    login->upstream = upstream;
    login->egress = upstream->egress;
    login->name = strdup(config->name);
    login->url = strdup(config->url);
    login->cas = accept_cache_make();
    login->number = metrics_login(config->name);
    login->refilled_ms = egress_now_ms();
    for (unsigned i = 0; i < LANES; i++)
        login->waiting[i].end = &login->waiting[i].first;
    if (login->name && login->url)
        return login;
    free_login(login);
    return NULL;
}

static struct upstream_login *find_login(struct upstream *upstream, const char *name, const char *url)
{
    pthread_mutex_lock(&upstream->lock);
    struct upstream_login *login = upstream->logins;
    while (login && (strcmp(login->name, name) != 0 || strcmp(login->url, url) != 0))
        login = login->next;
    pthread_mutex_unlock(&upstream->lock);
    return login;
}

/* ---- making, and changing ---- */

static bool prepare_login(struct upstream *upstream, const struct config *config, unsigned index,
                          struct new_terms *made, char reason[static UPSTREAM_REASON_MAX])
{
    const struct config_login *login = &config->logins[index];
    *made = (struct new_terms){.name = strdup(login->name),
                               .url = strdup(login->url),
                               .pace = login->calls_per_minute,
                               .rest_ms = config->issuance.later_ms};
    bool good = made->name && made->url;
    if (good && !find_login(upstream, login->name, login->url))
        good = (made->fresh = make_login(upstream, login)) != NULL;
    if (!good) {
        snprintf(reason, UPSTREAM_REASON_MAX, "out of memory");
        return false;
    }
    made->terms = make_terms(login, reason);
    return made->terms != NULL;
}

struct upstream_terms *upstream_prepare(struct upstream *upstream, const struct config *config,
                                        char reason[static UPSTREAM_REASON_MAX])
{
    struct upstream_terms *terms = calloc(1, sizeof *terms);
    if (terms)
        terms->list = calloc(config->login_count, sizeof *terms->list);
    if (!terms || !terms->list) {
        snprintf(reason, UPSTREAM_REASON_MAX, "out of memory");
        upstream_terms_free(terms);
        return NULL;
    }
    while (terms->count < config->login_count) {
        unsigned i = terms->count++; /* counted before it is made, so that half of one is freed too */
        if (!prepare_login(upstream, config, i, &terms->list[i], reason)) {
            upstream_terms_free(terms);
            return NULL;
        }
    }
    return terms;
}

void upstream_adopt(struct upstream *upstream, struct upstream_terms *terms)
{
    for (unsigned i = 0; i < terms->count; i++) {
        struct new_terms *made = &terms->list[i];
        struct upstream_login *login = made->fresh ? made->fresh : find_login(upstream, made->name, made->url);
        pthread_mutex_lock(&upstream->lock);
        atomic_store(&login->pace, made->pace);
        atomic_store(&login->rest_ms, made->rest_ms);
        struct terms *old = login->terms;
        login->terms = made->terms;
        made->terms = old;
        if (made->fresh) {
            atomic_store(&login->stopping, upstream->stopping);
            login->next = upstream->logins;
            upstream->logins = login;
            made->fresh = NULL;
        }
        pthread_mutex_unlock(&upstream->lock);
    }
    upstream_terms_free(terms);
}

void upstream_terms_free(struct upstream_terms *terms)
{
    if (!terms)
        return;
    for (unsigned i = 0; i < terms->count; i++) {
        free(terms->list[i].name);
        free(terms->list[i].url);
        login_terms_drop(terms->list[i].terms);
        free_login(terms->list[i].fresh);
    }
    free(terms->list);
    free(terms);
}

struct upstream *upstream_make(const struct config *config, struct egress *egress,
                               char reason[static UPSTREAM_REASON_MAX])
{
    struct upstream *upstream = calloc(1, sizeof *upstream);
    if (!upstream) {
        snprintf(reason, UPSTREAM_REASON_MAX, "out of memory");
        return NULL;
    }
    upstream->egress = egress;
    pthread_mutex_init(&upstream->lock, NULL);
    struct upstream_terms *terms = upstream_prepare(upstream, config, reason);
    if (terms) {
        upstream_adopt(upstream, terms);
        return upstream;
    }
    upstream_free(upstream);
    return NULL;
}

void upstream_free(struct upstream *upstream)
{
    if (!upstream)
        return;
    for (struct upstream_login *login = upstream->logins, *next; login; login = next) {
        next = login->next;
        free_login(login);
    }
    pthread_mutex_destroy(&upstream->lock);
    free(upstream);
}

struct upstream_login *upstream_login(struct upstream *upstream, const struct config_login *config)
{
    return config ? find_login(upstream, config->name, config->url) : NULL;
}

bool upstream_login_refused(const struct upstream_login *login)
{
    return atomic_load(&login->breaker.refused);
}

bool upstream_login_broken(const struct upstream_login *login)
{
    return atomic_load(&login->breaker.broken);
}

enum upstream_contact upstream_login_contact(const struct upstream_login *login)
{
    return (enum upstream_contact)atomic_load(&login->contact);
}

X509_STORE *upstream_anchors(struct upstream_login *login)
{
    pthread_mutex_lock(&login->upstream->lock);
    X509_STORE *anchors = login->terms->anchors;
    X509_STORE_up_ref(anchors);
    pthread_mutex_unlock(&login->upstream->lock);
    return anchors;
}

struct accept_cache *upstream_cas(const struct upstream_login *login)
{
    return login->cas;
}

void upstream_stop(struct upstream *upstream)
{
    pthread_mutex_lock(&upstream->lock);
    upstream->stopping = true;
    for (struct upstream_login *login = upstream->logins; login; login = login->next)
        atomic_store(&login->stopping, true);
    pthread_mutex_unlock(&upstream->lock);
}

void upstream_login_reopen(struct upstream_login *login)
{
    breaker_reopen(&login->breaker);
}
