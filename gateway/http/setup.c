#include "gateway/http/setup.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/http/listen.h"
#include "gateway/http/tls.h"
#include "store/shortage.h"

enum { DESCRIPTORS_SHARE = 4 }; /* one in so many is left to the store, upstream calls and look-ups */

static const char no_memory[] = "out of memory while making the listeners";

static bool fail_setup(char *reason, const char *what)
{
    snprintf(reason, HTTP_REASON_MAX, "%s", what);
    return false;
}

/* ---- how many connections ---- */

static rlim_t descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return RLIM_INFINITY;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

static unsigned at_least_one(unsigned long long count)
{
    return count == 0 ? 1 : (unsigned)count;
}

/* The share of one loop, such that all loops together leave descriptors for the rest of the process. */
static struct http_limits share_of(unsigned loops, const struct http_limits *wanted, unsigned long long all,
                                   unsigned long long room)
{
    unsigned long long connections = wanted->connections ? wanted->connections : CONNECTIONS_DEFAULT;
    if (all > room)
        connections = connections * room / all;
    return (struct http_limits){.connections = at_least_one((connections + loops - 1) / loops),
                                .per_address = (wanted->per_address + loops - 1) / loops};
}

static void share_connections(struct setup *setup, const struct http_config *config, unsigned loops)
{
    const struct http_limits *wanted[] = {&config->acme_limits, &config->public_limits};
    rlim_t limit = descriptors();
    unsigned long long all = 0, room = limit - limit / DESCRIPTORS_SHARE;
    unsigned operators = ADMIN_CONNECTIONS + (config->api_listen_count ? config->api_limits.connections : 0);
    room = room > operators ? room - operators : 1;
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        all += wanted[i]->connections ? wanted[i]->connections : CONNECTIONS_DEFAULT;
    if (all > room)
        log_warning("the limit of open descriptors allows fewer connections than configured: raise LimitNOFILE, or "
                    "lower acme.connections and public.connections");
    setup->limits[HTTP_ACME] = share_of(loops, wanted[0], all, room);
    setup->limits[HTTP_PUBLIC] = share_of(loops, wanted[1], all, room);
    setup->limits[HTTP_METRICS] = (struct http_limits){.connections = METRICS_CONNECTIONS};
    setup->limits[HTTP_ADMIN] = (struct http_limits){.connections = ADMIN_CONNECTIONS};
    setup->limits[HTTP_API] = share_of(loops, &config->api_limits, 0, 0); /* kept free of what the others take */
}

/* ---- TLS and proxies ---- */

static bool load_tls(struct setup *setup, enum http_listener kind, const struct http_tls *tls, char *reason)
{
    if (!tls->certificate_file)
        return true;
    setup->tls[kind] = tls_load(tls->certificate_file, tls->key_file ? tls->key_file : "", reason);
    return setup->tls[kind] != NULL;
}

static bool copy_field(const char *from, char **to)
{
    *to = from ? shortage_strdup(from) : NULL;
    return !from || *to;
}

static bool copy_fields(struct setup *setup, const struct http_config *config, char *reason)
{
    return (copy_field(config->user_field, &setup->user_field) && copy_field(config->role_field, &setup->role_field)) ||
           fail_setup(reason, no_memory);
}

static bool copy_proxies(struct setup *setup, const struct http_config *config, char *reason)
{
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        const char *const *from = config->proxies[kind].trusted;
        size_t count = 0;
        setup->protocol[kind] = config->proxies[kind].protocol;
        while (from && from[count])
            count++;
        setup->trusted[kind] = shortage_calloc(count + 1, sizeof *setup->trusted[kind]);
        for (size_t i = 0; setup->trusted[kind] && i < count; i++) {
            if (!(setup->trusted[kind][i] = shortage_strdup(from[i])))
                return fail_setup(reason, no_memory);
        }
        if (!setup->trusted[kind])
            return fail_setup(reason, no_memory);
    }
    return true;
}

/* ---- listeners ---- */

void listener_drop(struct listener *listener)
{
    if (!listener || atomic_fetch_sub(&listener->holds, 1) != 1)
        return;
    listen_close(listener);
    free(listener->descriptors);
    free(listener);
}

static struct listener *make_listener(enum http_listener kind, const char *address, unsigned loops, char *reason)
{
    struct listener *listener = shortage_calloc(1, sizeof *listener);
    if (listener)
        listener->descriptors = shortage_calloc(loops, sizeof *listener->descriptors);
    if (!listener || !listener->descriptors) {
        free(listener);
        fail_setup(reason, no_memory);
        return NULL;
    }
    atomic_init(&listener->holds, 1);
    listener->kind = kind;
    memcpy(listener->wanted, address, strlen(address) + 1);
    memcpy(listener->address, address, strlen(address) + 1);
    for (listener->count = 0; listener->count < loops; listener->count++)
        listener->descriptors[listener->count] = -1;
    return listener;
}

static struct listener *find_listener(const struct setup *setup, enum http_listener kind, const char *address)
{
    for (size_t i = 0; setup && i < setup->listener_count; i++) {
        struct listener *listener = setup->listeners[i];
        if (listener->kind == kind && strcmp(listener->wanted, address) == 0)
            return listener;
    }
    return NULL;
}

/* Then somebody is there, and it is us. */
static bool has_port(const struct setup *setup, const char *address)
{
    const char *port = strrchr(address, ':');
    for (size_t i = 0; setup && port && i < setup->listener_count; i++) {
        const char *other = strrchr(setup->listeners[i]->address, ':');
        if (other && strcmp(other, port) == 0)
            return true;
    }
    return false;
}

static bool add_listener(struct setup *setup, const struct setup *old, enum http_listener kind, const char *address,
                         unsigned loops, char *reason)
{
    if (strlen(address) >= HTTP_ADDRESS_MAX) {
        snprintf(reason, HTTP_REASON_MAX, "cannot listen on %.200s: the address is too long", address);
        return false;
    }
    struct listener *listener = find_listener(old, kind, address);
    if (listener) {
        atomic_fetch_add(&listener->holds, 1);
        setup->listeners[setup->listener_count++] = listener;
        return true;
    }
    listener = make_listener(kind, address, loops, reason);
    if (!listener)
        return false;
    setup->listeners[setup->listener_count++] = listener;
    return kind == HTTP_ADMIN ? listen_unix(listener, reason) : listen_tcp(listener, has_port(old, address), reason);
}

static bool listen_all(struct setup *setup, const struct setup *old, const struct http_config *config, unsigned loops,
                       char *reason)
{
    const struct {
        enum http_listener kind;
        const char *const *list;
        size_t count;
    } wanted[] = {{HTTP_ACME, config->acme_listen, config->acme_listen_count},
                  {HTTP_PUBLIC, config->public_listen, config->public_listen_count},
                  {HTTP_METRICS, config->metrics_listen, config->metrics_listen_count},
                  {HTTP_API, config->api_listen, config->api_listen_count},
                  {HTTP_ADMIN, &config->admin_socket, config->admin_socket ? 1 : 0}};
    size_t room = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        room += wanted[i].count;
    setup->listeners = shortage_calloc(room + 1, sizeof *setup->listeners);
    if (!setup->listeners)
        return fail_setup(reason, no_memory);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        for (size_t k = 0; k < wanted[i].count; k++) {
            if (!add_listener(setup, old, wanted[i].kind, wanted[i].list[k], loops, reason))
                return false;
        }
    }
    return true;
}

bool setup_has(const struct setup *setup, const struct listener *listener)
{
    for (size_t i = 0; i < setup->listener_count; i++) {
        if (setup->listeners[i] == listener)
            return true;
    }
    return false;
}

void setup_retire(const struct setup *old, const struct setup *fresh)
{
    for (size_t i = 0; i < old->listener_count; i++) {
        struct listener *listener = old->listeners[i];
        if (setup_has(fresh, listener))
            continue;
        if (listener->bound_name)
            unlink(listener->address);
        listener->bound_name = false;
        if (listener->handed)
            log_warning("systemd holds the socket of a listener that is gone, so who connects there waits in vain: "
                        "change acmegate.socket as well",
                        "address", listener->address);
    }
}

/* ---- all of it ---- */

/* Of the listener's own certificate. */
static void note_expiry(enum http_listener kind, SSL_CTX *context)
{
    struct tm when;
    const X509 *certificate = context ? SSL_CTX_get0_certificate(context) : NULL;
    if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) == 1)
        metrics_set(METRIC_TLS_EXPIRY, timegm(&when), (unsigned)kind);
}

struct setup *setup_make(const struct http_server *server, const struct http_config *config, const struct setup *old,
                         char reason[static HTTP_REASON_MAX])
{
    struct setup *setup = shortage_calloc(1, sizeof *setup);
    if (!setup) {
        fail_setup(reason, no_memory);
        return NULL;
    }
    atomic_init(&setup->holds, 1);
    setup->log_access = config->log_access;
    share_connections(setup, config, server->loop_count);
    if (load_tls(setup, HTTP_ACME, &config->acme_tls, reason) &&
        load_tls(setup, HTTP_PUBLIC, &config->public_tls, reason) &&
        load_tls(setup, HTTP_METRICS, &config->metrics_tls, reason) &&
        load_tls(setup, HTTP_API, &config->api_tls, reason) && copy_fields(setup, config, reason) &&
        copy_proxies(setup, config, reason) && listen_all(setup, old, config, server->loop_count, reason)) {
        for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++)
            note_expiry((enum http_listener)kind, setup->tls[kind]);
        return setup;
    }
    setup_drop(setup);
    return NULL;
}

struct setup *setup_hold(struct setup *setup)
{
    atomic_fetch_add(&setup->holds, 1);
    return setup;
}

void setup_drop(struct setup *setup)
{
    if (!setup || atomic_fetch_sub(&setup->holds, 1) != 1)
        return;
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        SSL_CTX_free(setup->tls[kind]);
        for (char **one = setup->trusted[kind]; one && *one; one++)
            free(*one);
        free(setup->trusted[kind]);
    }
    for (size_t i = 0; i < setup->listener_count; i++)
        listener_drop(setup->listeners[i]);
    free(setup->listeners);
    free(setup->user_field);
    free(setup->role_field);
    free(setup);
}
