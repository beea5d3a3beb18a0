/* server: start, stop, and what other threads ask of the loops. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/http/internal.h"
#include "gateway/http/listen.h"
#include "gateway/http/tls.h"
#include "gateway/log.h"

enum { DESCRIPTORS_SHARE = 4 }; /* one in so many is left to the store, upstream calls and look-ups */

static const char no_memory[] = "out of memory while starting the listeners";

static bool fail_server(char *reason, const char *what)
{
    snprintf(reason, HTTP_REASON_MAX, "%s", what);
    return false;
}

/* ---- making ---- */

/* Of the listener's own certificate. */
static void note_expiry(enum http_listener kind, SSL_CTX *context)
{
    struct tm when;
    const X509 *certificate = context ? SSL_CTX_get0_certificate(context) : NULL;
    if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) == 1)
        metrics_set(METRIC_TLS_EXPIRY, timegm(&when), (unsigned)kind);
}

static bool copy_tls(struct http_server *server, enum http_listener kind, const struct http_tls *tls, char *reason)
{
    if (!tls->certificate_file)
        return true;
    server->tls_files[kind][0] = strdup(tls->certificate_file);
    server->tls_files[kind][1] = strdup(tls->key_file ? tls->key_file : "");
    if (!server->tls_files[kind][0] || !server->tls_files[kind][1])
        return fail_server(reason, no_memory);
    server->tls[kind] = tls_load(server->tls_files[kind][0], server->tls_files[kind][1], reason);
    note_expiry(kind, server->tls[kind]);
    return server->tls[kind] != NULL;
}

/* Hosts tell the listeners apart: an accept context knows its own host only. One handler each does its own routing. */
static void configure_hosts(struct http_server *server)
{
    static const struct {
        const char *name;
        int (*on_req)(h2o_handler_t *, h2o_req_t *);
    } kinds[HTTP_LISTENER_KINDS] = {
        [HTTP_ACME] = {"acme", on_acme_request},    [HTTP_PUBLIC] = {"public", on_public_request},
        [HTTP_ADMIN] = {"admin", on_admin_request}, [HTTP_METRICS] = {"metrics", on_metrics_request},
        [HTTP_API] = {"api", on_api_request},
    };
    h2o_globalconf_t *conf = &server->globalconf;
    h2o_config_init(conf);
    conf->server_name = h2o_iovec_init(NULL, 0);
    conf->max_request_entity_size = BODY_CEILING;
    conf->handshake_timeout = HANDSHAKE_TIMEOUT_MS;
    /* also between two; what one request may take is for overdue.c */
    conf->http1.req_timeout = server->config.idle_timeout_ms ? server->config.idle_timeout_ms : IDLE_TIMEOUT_MS;
    conf->http1.upgrade_to_http2 = 0;
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        h2o_hostconf_t *host =
            h2o_config_register_host(conf, h2o_iovec_init(kinds[kind].name, strlen(kinds[kind].name)), 65535);
        h2o_handler_t *handler = h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof *handler);
        handler->on_req = kinds[kind].on_req;
        server->hosts[kind][0] = host;
        fallback_register(host, kind == HTTP_ACME);
    }
}

static bool add_listener(struct http_server *server, enum http_listener kind, const char *address, char *reason)
{
    struct listener *listener = &server->listeners[server->listener_count];
    if (strlen(address) >= sizeof listener->address) {
        snprintf(reason, HTTP_REASON_MAX, "cannot listen on %.200s: the address is too long", address);
        return false;
    }
    listener->kind = kind;
    memcpy(listener->address, address, strlen(address) + 1);
    listener->descriptors = calloc(server->loop_count, sizeof *listener->descriptors);
    if (!listener->descriptors)
        return fail_server(reason, no_memory);
    for (unsigned i = 0; i < server->loop_count; i++)
        listener->descriptors[i] = -1;
    server->listener_count++;
    return kind == HTTP_ADMIN ? listen_unix(listener, reason) : listen_tcp(listener, server->loop_count, reason);
}

static bool add_listeners(struct http_server *server, enum http_listener kind, const char *const *addresses,
                          size_t count, char *reason)
{
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = add_listener(server, kind, addresses[i], reason);
    return good;
}

static bool listen_all(struct http_server *server, const struct http_config *config, char *reason)
{
    size_t room = config->acme_listen_count + config->public_listen_count + config->metrics_listen_count +
                  config->api_listen_count + 1;
    server->listeners = calloc(room, sizeof *server->listeners);
    if (!server->listeners)
        return fail_server(reason, no_memory);
    return add_listeners(server, HTTP_ACME, config->acme_listen, config->acme_listen_count, reason) &&
           add_listeners(server, HTTP_PUBLIC, config->public_listen, config->public_listen_count, reason) &&
           add_listeners(server, HTTP_METRICS, config->metrics_listen, config->metrics_listen_count, reason) &&
           add_listeners(server, HTTP_API, config->api_listen, config->api_listen_count, reason) &&
           (!config->admin_socket || add_listener(server, HTTP_ADMIN, config->admin_socket, reason));
}

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
static struct http_limits share_of(const struct http_server *server, const struct http_limits *wanted,
                                   unsigned long long all, unsigned long long room)
{
    unsigned long long connections = wanted->connections ? wanted->connections : CONNECTIONS_DEFAULT;
    unsigned loops = server->loop_count;
    if (all > room)
        connections = connections * room / all;
    return (struct http_limits){.connections = at_least_one((connections + loops - 1) / loops),
                                .per_address = (wanted->per_address + loops - 1) / loops};
}

static void share_connections(struct http_server *server)
{
    const struct http_limits *wanted[] = {&server->config.acme_limits, &server->config.public_limits};
    rlim_t limit = descriptors();
    unsigned long long all = 0, room = limit - limit / DESCRIPTORS_SHARE;
    unsigned operators =
        ADMIN_CONNECTIONS + (server->config.api_listen_count ? server->config.api_limits.connections : 0);
    room = room > operators ? room - operators : 1;
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        all += wanted[i]->connections ? wanted[i]->connections : CONNECTIONS_DEFAULT;
    if (all > room)
        log_warning("the limit of open descriptors allows fewer connections than configured: raise LimitNOFILE, or "
                    "lower acme.connections and public.connections");
    server->limits[HTTP_ACME] = share_of(server, wanted[0], all, room);
    server->limits[HTTP_PUBLIC] = share_of(server, wanted[1], all, room);
    server->limits[HTTP_METRICS] = (struct http_limits){.connections = METRICS_CONNECTIONS};
    server->limits[HTTP_ADMIN] = (struct http_limits){.connections = ADMIN_CONNECTIONS};
    server->limits[HTTP_API] =
        share_of(server, &server->config.api_limits, 0, 0); /* kept free of what the others take */
}

static unsigned cores(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (unsigned)count;
}

/* Signals are for the thread that waits for them. */
static bool start_threads(struct http_server *server, char *reason)
{
    sigset_t all, before;
    bool ok = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (ok && server->running < server->loop_count) {
        struct loop *loop = &server->loops[server->running];
        loop->server = server;
        loop->index = server->running;
        ok = pthread_create(&loop->thread, NULL, loop_main, loop) == 0;
        server->running += ok ? 1 : 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* Nobody may send to a loop before it has its queue. */
    for (unsigned i = 0; i < server->running; i++) {
        while (sem_wait(&server->started) != 0)
            ;
    }
    for (unsigned i = 0; i < server->running; i++)
        ok = ok && server->loops[i].ready;
    return ok || fail_server(reason, "cannot start the HTTP threads: out of memory or of threads");
}

static bool make_server(struct http_server *server, const struct http_config *config, char *reason)
{
    server->loop_count = config->threads ? config->threads : cores();
    server->loops = calloc(server->loop_count, sizeof *server->loops);
    if (!server->loops)
        return fail_server(reason, no_memory);
    share_connections(server);
    return copy_tls(server, HTTP_ACME, &config->acme_tls, reason) &&
           copy_tls(server, HTTP_PUBLIC, &config->public_tls, reason) &&
           copy_tls(server, HTTP_METRICS, &config->metrics_tls, reason) &&
           copy_tls(server, HTTP_API, &config->api_tls, reason) && listen_all(server, config, reason) &&
           (workers_start(server) ||
            fail_server(reason, "cannot start the request workers: out of memory or of threads")) &&
           start_threads(server, reason);
}

struct http_server *http_start(const struct http_config *config, char reason[static HTTP_REASON_MAX])
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server) {
        fail_server(reason, no_memory);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    server->config = *config;
    sem_init(&server->started, 0, 0);
    pthread_mutex_init(&server->reload_lock, NULL);
    admin_requests_init(&server->admin_requests, ADMIN_REQUESTS_MAX);
    admin_requests_init(&server->api_requests, API_REQUESTS_MAX);
    workers_init(&server->workers);
    configure_hosts(server);
    if (make_server(server, config, reason))
        return server;
    http_stop(server, 0);
    http_free(server);
    return NULL;
}

/* ---- while it runs ---- */

void http_address(const struct http_server *server, enum http_listener kind, size_t index,
                  char text[static HTTP_ADDRESS_MAX])
{
    text[0] = '\0';
    for (size_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].kind == kind && index-- == 0)
            memcpy(text, server->listeners[i].address, HTTP_ADDRESS_MAX);
    }
}

void http_notify(struct http_server *server, const struct acme_id *topic)
{
    for (unsigned i = 0; server && i < server->loop_count; i++) {
        struct loop *loop = &server->loops[i];
        if (holds_mark(&loop->holds, topic) && !atomic_exchange(&loop->noticed, true)) {
            loop->notice.kind = MESSAGE_NOTICE;
            loop_send(loop, &loop->notice);
        }
    }
}

bool http_turned(struct http_server *server)
{
    for (unsigned i = 0; i < server->loop_count; i++) {
        if (atomic_load(&server->loops[i].turning))
            return false;
    }
    for (unsigned i = 0; i < server->loop_count; i++) {
        struct loop *loop = &server->loops[i];
        atomic_store(&loop->turning, true);
        loop->turn.kind = MESSAGE_TURN;
        loop_send(loop, &loop->turn);
    }
    return true;
}

static bool send_tls(struct loop *loop, SSL_CTX *const fresh[static HTTP_LISTENER_KINDS])
{
    struct new_tls *tls = malloc(sizeof *tls);
    if (!tls)
        return false;
    *tls = (struct new_tls){.message.kind = MESSAGE_TLS};
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        tls->contexts[kind] = fresh[kind];
        if (fresh[kind])
            SSL_CTX_up_ref(fresh[kind]);
    }
    if (!loop_send(loop, &tls->message))
        accept_free_tls(tls);
    return true;
}

bool http_reload_tls(struct http_server *server, char reason[static HTTP_REASON_MAX])
{
    SSL_CTX *fresh[HTTP_LISTENER_KINDS] = {NULL};
    bool ok = true;
    /* Two reloads at once must reach every loop in the same order. */
    pthread_mutex_lock(&server->reload_lock);
    for (unsigned kind = 0; ok && kind < HTTP_LISTENER_KINDS; kind++) {
        char *const *files = server->tls_files[kind];
        if (files[0])
            ok = (fresh[kind] = tls_load(files[0], files[1], reason)) != NULL;
    }
    for (unsigned kind = 0; ok && kind < HTTP_LISTENER_KINDS; kind++)
        note_expiry((enum http_listener)kind, fresh[kind]);
    for (unsigned i = 0; ok && i < server->loop_count; i++)
        ok = send_tls(&server->loops[i], fresh) || fail_server(reason, "out of memory while reloading certificates");
    pthread_mutex_unlock(&server->reload_lock);
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++)
        SSL_CTX_free(fresh[kind]);
    return ok;
}

/* ---- ending ---- */

void http_free(struct http_server *server)
{
    if (!server || server->abandoned)
        return;
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        SSL_CTX_free(server->tls[kind]);
        free(server->tls_files[kind][0]);
        free(server->tls_files[kind][1]);
    }
    for (size_t i = 0; i < server->listener_count; i++)
        free(server->listeners[i].descriptors);
    free(server->listeners);
    free(server->loops);
    h2o_config_dispose(&server->globalconf);
    admin_requests_free(&server->admin_requests);
    admin_requests_free(&server->api_requests);
    pthread_cond_destroy(&server->workers.wake);
    pthread_mutex_destroy(&server->workers.lock);
    pthread_mutex_destroy(&server->reload_lock);
    sem_destroy(&server->started);
    free(server);
}

void http_stop(struct http_server *server, uint32_t deadline_ms)
{
    server->deadline_ms = monotonic_ms() + deadline_ms;
    for (unsigned i = 0; i < server->running; i++) {
        struct loop *loop = &server->loops[i];
        loop->stop.kind = MESSAGE_STOP;
        if (loop->ready)
            loop_send(loop, &loop->stop);
    }
    for (unsigned i = 0; i < server->running; i++) {
        pthread_join(server->loops[i].thread, NULL);
        server->abandoned = server->abandoned || !server->loops[i].clean;
    }
    workers_stop(&server->workers);
    admin_requests_wait(&server->admin_requests);
    admin_requests_wait(&server->api_requests);
    for (size_t i = 0; i < server->listener_count; i++)
        listen_close(&server->listeners[i], server->loop_count);
    server->running = 0;
}
