#include "gateway/issue/upstream.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "gateway/log.h"

static const uint64_t CLOSED_MS = 5 * 60 * 1000;

struct errand {
    struct upstream_login *login;
    enum sectigo_call_kind kind;
    struct sectigo_call *call;
    upstream_done_fn *done;
    void *ctx;
    struct errand *next; /* waiting for its turn */
};

struct upstream_login {
    const struct config_login *config;
    struct sectigo_client *client;
    X509_STORE *anchors;
    struct accept_cache *cas;
    struct egress *egress;
    atomic_bool refused; /* written on the egress thread only */
    /* egress thread only */
    bool probing;
    uint64_t closed_until_ms; /* monotonic */
    bool collecting;
    struct errand *waiting, **waiting_end;
};

struct upstream {
    struct upstream_login *logins;
    unsigned count;
};

/* ---- making ---- */

static X509_STORE *load_anchors(const struct config_login *config, char reason[static UPSTREAM_REASON_MAX])
{
    X509_STORE *anchors = X509_STORE_new();
    if (anchors && X509_STORE_load_file(anchors, config->trust_anchors) == 1)
        return anchors;
    ERR_clear_error();
    X509_STORE_free(anchors);
    snprintf(reason, UPSTREAM_REASON_MAX,
             "login %s: no certificate can be read from trust_anchors file %s: give the PEM file of the roots that its "
             "certificates chain to",
             config->name, config->trust_anchors);
    return NULL;
}

static bool open_login(struct upstream_login *login, const struct config_login *config, struct egress *egress,
                       char reason[static UPSTREAM_REASON_MAX])
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
    char why[SECTIGO_MESSAGE_MAX];

    login->config = config;
    login->egress = egress;
    login->waiting_end = &login->waiting;
    login->client = sectigo_client_make(&client, why);
    if (!login->client) {
        snprintf(reason, UPSTREAM_REASON_MAX, "login %s: %.400s", config->name, why);
        return false;
    }
    login->cas = accept_cache_make();
    login->anchors = load_anchors(config, reason);
    return login->anchors != NULL;
}

struct upstream *upstream_make(const struct config *config, struct egress *egress,
                               char reason[static UPSTREAM_REASON_MAX])
{
    struct upstream *upstream = calloc(1, sizeof *upstream);
    if (upstream)
        upstream->logins = calloc(config->login_count, sizeof *upstream->logins);
    if (!upstream || !upstream->logins) {
        snprintf(reason, UPSTREAM_REASON_MAX, "out of memory");
        goto fail;
    }
    for (; upstream->count < config->login_count; upstream->count++) {
        unsigned i = upstream->count;
        if (!open_login(&upstream->logins[i], &config->logins[i], egress, reason)) {
            upstream->count++; /* half open: to be freed too */
            goto fail;
        }
    }
    return upstream;
fail:
    upstream_free(upstream);
    return NULL;
}

void upstream_free(struct upstream *upstream)
{
    if (!upstream)
        return;
    for (unsigned i = 0; i < upstream->count; i++) {
        if (upstream->logins[i].client)
            sectigo_client_free(upstream->logins[i].client);
        X509_STORE_free(upstream->logins[i].anchors);
        accept_cache_free(upstream->logins[i].cas);
    }
    free(upstream->logins);
    free(upstream);
}

struct upstream_login *upstream_login(struct upstream *upstream, const char *name)
{
    for (unsigned i = 0; i < upstream->count; i++) {
        if (strcmp(upstream->logins[i].config->name, name) == 0)
            return &upstream->logins[i];
    }
    return NULL;
}

struct upstream_login *upstream_login_at(struct upstream *upstream, unsigned index)
{
    return index < upstream->count ? &upstream->logins[index] : NULL;
}

bool upstream_login_refused(const struct upstream_login *login)
{
    return atomic_load(&login->refused);
}

const struct config_login *upstream_login_config(const struct upstream_login *login)
{
    return login->config;
}

X509_STORE *upstream_anchors(const struct upstream_login *login)
{
    return login->anchors;
}

struct accept_cache *upstream_cas(const struct upstream_login *login)
{
    return login->cas;
}

/* ---- a refused login ---- */

static bool refuses_login(const struct upstream_reply *reply)
{
    static const char REFUSED[] = "errorCode=-16";
    const char *at = memmem(reply->body, reply->body_len, REFUSED, sizeof REFUSED - 1);
    const char *end = at ? at + sizeof REFUSED - 1 : NULL;
    return at && (end == reply->body + reply->body_len || *end < '0' || *end > '9');
}

static void judge_login(struct upstream_login *login, const struct upstream_reply *reply)
{
    login->probing = false;
    if (reply->outcome != UPSTREAM_ANSWERED)
        return;
    bool refused = refuses_login(reply);
    bool before = atomic_exchange(&login->refused, refused);
    if (refused && !before)
        log_error(
            "Sectigo refuses this login; calls stop, and one every five minutes asks whether it is open again, so that "
            "it does not get locked. Check loginName, password, source address and API permission with Sectigo",
            "login", login->config->name);
    else if (!refused && before)
        log_info("Sectigo takes this login again", "login", login->config->name);
    if (refused)
        login->closed_until_ms = egress_now_ms() + CLOSED_MS;
}

/* While refused, one call at a time and not before the pause is over. */
static bool may_leave(struct upstream_login *login)
{
    if (login->refused && (login->probing || egress_now_ms() < login->closed_until_ms))
        return false;
    login->probing = login->refused;
    return true;
}

/* ---- calls ---- */

static void finish(struct errand *errand, const struct upstream_reply *reply)
{
    errand->done(errand->ctx, reply);
    if (errand->call)
        sectigo_call_free(errand->call);
    free(errand);
}

static void fail(struct errand *errand, const char *reason)
{
    struct upstream_reply reply = {.outcome = UPSTREAM_NEVER_LEFT, .reason = reason};
    finish(errand, &reply);
}

static void on_transfer(void *ctx, CURL *easy, CURLcode result);

/* True when it is on its way; otherwise it has failed and is gone. */
static bool start(struct errand *errand)
{
    struct upstream_login *login = errand->login;
    if (!may_leave(login)) {
        fail(errand, "Sectigo refused the login a moment ago, so nothing is sent with it for now");
        return false;
    }
    if (!egress_transfer(login->egress, sectigo_call_handle(errand->call), on_transfer, errand)) {
        login->probing = false;
        fail(errand, "out of memory");
        return false;
    }
    if (errand->kind == SECTIGO_COLLECT_SSL)
        login->collecting = true;
    return true;
}

/* The next CollectSSL that waited has its turn. */
static void next_collect(struct upstream_login *login)
{
    login->collecting = false;
    while (login->waiting && !login->collecting) {
        struct errand *next = login->waiting;
        login->waiting = next->next;
        if (!login->waiting)
            login->waiting_end = &login->waiting;
        start(next);
    }
}

static void on_transfer(void *ctx, CURL *easy, CURLcode result)
{
    static const enum upstream_outcome outcomes[] = {
        [SECTIGO_ANSWERED] = UPSTREAM_ANSWERED,
        [SECTIGO_NEVER_LEFT] = UPSTREAM_NEVER_LEFT,
        [SECTIGO_LOST] = UPSTREAM_LOST,
    };
    struct errand *errand = ctx;
    struct upstream_login *login = errand->login;
    bool collected = errand->kind == SECTIGO_COLLECT_SSL;
    struct upstream_reply reply = {.outcome = outcomes[sectigo_call_finish(errand->call, result)]};

    (void)easy;
    reply.body = sectigo_call_body(errand->call, &reply.body_len);
    reply.reason = sectigo_call_reason(errand->call);
    judge_login(login, &reply);
    finish(errand, &reply);
    if (collected)
        next_collect(login);
}

void upstream_call(struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
                   upstream_done_fn *done, void *ctx)
{
    static const struct upstream_reply no_memory = {.outcome = UPSTREAM_NEVER_LEFT, .reason = "out of memory"};
    struct errand *errand = calloc(1, sizeof *errand);
    if (!errand) {
        sectigo_form_clear(form);
        done(ctx, &no_memory);
        return;
    }
    *errand = (struct errand){.login = login, .kind = kind, .done = done, .ctx = ctx};
    errand->call = sectigo_call_make(login->client, kind, form);
    if (!errand->call) {
        finish(errand, &no_memory);
    } else if (kind == SECTIGO_COLLECT_SSL && login->collecting) {
        *login->waiting_end = errand;
        login->waiting_end = &errand->next;
    } else {
        start(errand);
    }
}
