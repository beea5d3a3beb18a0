/* server: start, stop, and what other threads ask of the loops. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/http/internal.h"
#include "gateway/http/listen.h"
#include "gateway/http/setup.h"
#include "gateway/log.h"
#include "store/shortage.h"

static const char no_memory[] = "out of memory while starting the listeners";

static bool fail_server(char *reason, const char *what)
{
    snprintf(reason, HTTP_REASON_MAX, "%s", what);
    return false;
}

/* ---- making ---- */

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
    sigdelset(&all, SIGBUS); /* blocked, it would end the process without a word (torn.h) */
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
    server->loops = shortage_calloc(server->loop_count, sizeof *server->loops);
    if (!server->loops)
        return fail_server(reason, no_memory);
    server->setup = setup_make(server, config, NULL, reason);
    return server->setup &&
           (workers_start(server) ||
            fail_server(reason, "cannot start the request workers: out of memory or of threads")) &&
           start_threads(server, reason);
}

struct http_server *http_start(const struct http_config *config, char reason[static HTTP_REASON_MAX])
{
    struct http_server *server = shortage_calloc(1, sizeof *server);
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

void http_address(struct http_server *server, enum http_listener kind, size_t index, char text[static HTTP_ADDRESS_MAX])
{
    text[0] = '\0';
    pthread_mutex_lock(&server->reload_lock);
    for (size_t i = 0; i < server->setup->listener_count; i++) {
        const struct listener *listener = server->setup->listeners[i];
        if (listener->kind == kind && index-- == 0)
            memcpy(text, listener->address, HTTP_ADDRESS_MAX);
    }
    pthread_mutex_unlock(&server->reload_lock);
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

struct http_change {
    struct setup *setup;
    struct new_setup *messages[]; /* one for each loop */
};

void http_change_free(struct http_change *change, const struct http_server *server)
{
    for (unsigned i = 0; change && i < server->loop_count; i++)
        free(change->messages[i]);
    if (change)
        setup_drop(change->setup);
    free(change);
}

struct http_change *http_prepare(struct http_server *server, const struct http_config *config,
                                 char reason[static HTTP_REASON_MAX])
{
    struct http_change *change = shortage_calloc(1, sizeof *change + server->loop_count * sizeof *change->messages);
    bool ok = change != NULL;
    for (unsigned i = 0; ok && i < server->loop_count; i++)
        ok = (change->messages[i] = shortage_calloc(1, sizeof *change->messages[i])) != NULL;
    if (!ok) {
        fail_server(reason, "out of memory while making the listeners");
    } else {
        change->setup = setup_make(server, config, server->setup, reason);
        if (change->setup)
            return change;
    }
    http_change_free(change, server);
    return NULL;
}

void http_adopt(struct http_server *server, struct http_change *change)
{
    /* http_address may look meanwhile. */
    pthread_mutex_lock(&server->reload_lock);
    struct setup *old = server->setup;
    server->setup = change->setup;
    pthread_mutex_unlock(&server->reload_lock);
    setup_retire(old, server->setup);
    for (unsigned i = 0; i < server->loop_count; i++) {
        struct new_setup *message = change->messages[i];
        message->message.kind = MESSAGE_SETUP;
        message->setup = setup_hold(server->setup);
        change->messages[i] = NULL;
        if (!loop_send(&server->loops[i], &message->message)) {
            setup_drop(message->setup);
            free(message);
        }
    }
    setup_drop(old);
    change->setup = NULL;
    http_change_free(change, server);
}

/* ---- ending ---- */

void http_free(struct http_server *server)
{
    if (!server || server->abandoned)
        return;
    setup_drop(server->setup);
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
    for (size_t i = 0; server->setup && i < server->setup->listener_count; i++)
        listen_close(server->setup->listeners[i]);
    server->running = 0;
}
