/* http: listeners, loops, routing and replies. The only room that knows h2o.
 *
 * http_start makes one thread, context and loop per `threads`; each has its own SO_REUSEPORT socket for every listener.
 * HTTP/1.1 only. The acme listener speaks TLS and hands requests to the ACME room; the public listener serves push and
 * DCV files; the admin listener is a Unix socket, and the api listener is what is like it over TLS; the metrics
 * listener is for who watches the gateway. It and the acme listener answer /healthz (this process runs) and /readyz
 * (the store takes a write, and the gateway is not stopping).
 */
#ifndef GATEWAY_HTTP_HTTP_H
#define GATEWAY_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/acme.h"
#include "gateway/refusals.h"
#include "store/store.h"

struct http_server;

enum { HTTP_REASON_MAX = 512 };
enum http_listener { HTTP_ACME, HTTP_PUBLIC, HTTP_ADMIN, HTTP_METRICS, HTTP_API, HTTP_LISTENER_KINDS };

struct http_tls {
    const char *certificate_file, *key_file; /* PEM; NULL certificate: plain HTTP (not the acme and api listeners) */
};

/* A request to any listener but acme's. Pointers live during the call; header fields that are absent are "". */
struct http_call {
    const char *method, *path, *query; /* NUL-terminated; query may be "" */
    const char *authorization, *content_type, *cookie, *if_none_match;
    const char *csrf;        /* X-CSRF-Token */
    const char *user, *role; /* what a trusted proxy says, by the fields that http_config names; "" from others */
    bool ambiguous;          /* a field of these, X-CSRF-Token or Authorization stands there twice */
    const char *body;
    size_t body_len;
    const char *peer; /* address without port, of who asks behind trusted proxies; "" on the Unix socket */
    int64_t uid;      /* user of the process behind the Unix socket, when it connected; -1 on others */
    uint64_t id;      /* of log_set_request */
};
struct http_answer {
    int status;
    const char *content_type; /* static */
    char *body;               /* malloc'd, taken over; may be NULL */
    size_t body_len;
    const char *www_authenticate, *allow, *etag, *cache_control,
        *security_policy;   /* header fields, static; NULL: none */
    char *set_cookie;       /* malloc'd, taken over; NULL: none */
    uint32_t retry_after_s; /* 0: none */
    const char *resource;   /* what was asked for, a word that metrics_resource knows; NULL: nothing of these */
};
/* Answers with a line of plain text. */
void http_answer_text(struct http_answer *answer, int status, const char *text);

/* The public and the metrics handler: on a loop thread, must not block (short snapshots are fine); the public one on a
 * worker where there are any. The admin and the api handler: each call on a thread of its own, a bounded number of each
 * at a time, and may block. */
typedef void http_handler_fn(void *ctx, const struct http_call *call, struct http_answer *answer);

/* Of one kind of listener, over all threads; each thread has its share, which the kernel's spreading of connections
 * makes good enough. */
struct http_limits {
    unsigned connections; /* at once; 0: 5,000 */
    unsigned per_address; /* of one IPv4 address or IPv6 /64; 0: all of them */
};

/* Of one kind of listener: proxies in front of it, who say who asks. */
struct http_proxies {
    const char *const *trusted; /* addresses and prefixes, NULL-terminated; must outlive the server. NULL: none */
    bool protocol;              /* their connections begin with a header of the PROXY protocol */
};

struct http_config {
    unsigned threads; /* 0: one per core */
    unsigned workers; /* threads that read the store for requests; 0: the loops do, since it never waits */
    const char *const *acme_listen; /* "127.0.0.1:14000", "[::]:443" */
    size_t acme_listen_count;
    struct http_tls acme_tls;
    const char *const *public_listen;
    size_t public_listen_count;
    struct http_tls public_tls;
    const char *const *metrics_listen;
    size_t metrics_listen_count;
    struct http_tls metrics_tls;
    const char *admin_socket; /* NULL: none. Made with mode 0660; its connections have a limit of their own */
    const char *const *api_listen;
    size_t api_listen_count;
    struct http_tls api_tls;
    const char *user_field, *role_field; /* by which api's trusted proxies say who signed in; NULL: they do not */
    struct http_limits acme_limits, public_limits, api_limits;
    struct http_proxies proxies[HTTP_LISTENER_KINDS];
    bool log_access; /* a line a request at `log: info` */
    /* For a request, from its first octet, or from the accept for the first of a connection; 0: 30 s. For a connection
     * between two requests; 0: three minutes. */
    uint32_t request_timeout_ms, idle_timeout_ms;
    struct acme *acme;
    struct store *store;
    uint32_t look_again_ms;    /* so often what held replies wait for is looked at, whoever tells of it; 0: never */
    struct refusals *refusals; /* who is refused over ACME; NULL: nobody keeps them */
    const char *not_ready; /* what /readyz says instead of looking, static; NULL: it looks */
    /* Called on an event loop that has failed, so that another process serves soon. NULL: it goes on as it can. */
    void (*broken)(void *ctx);
    void *broken_ctx;
    store_fn *probe; /* a write that leaves nothing behind, for /readyz; its argument is NULL. NULL: none is tried */
    /* Whether that is where a push with its certificate may come, whose body is larger than others'; NULL: everywhere.
     * On a loop thread, with public_ctx. */
    bool (*takes_push)(void *ctx, const char *path, size_t len);
    http_handler_fn *public_handler, *admin_handler, *metrics_handler, *api_handler;
    void *public_ctx, *admin_ctx, *metrics_ctx, *api_ctx;
};

/* Ignores SIGPIPE, raises the limit of open descriptors to what the kernel allows, and lowers the limits of
 * connections where even that does not suffice. A listener's port 0 takes a free one (http_address tells which);
 * an address of which the service manager has handed over a socket (gateway/systemd.h) is served on that one.
 * Strings of config may go after the call; acme, store and the handlers' contexts must outlive the server. Binds
 * everything, starts the threads, returns when all loops run. NULL: *reason names the listener or file and what to do.
 */
struct http_server *http_start(const struct http_config *config, char reason[static HTTP_REASON_MAX]);

enum { HTTP_ADDRESS_MAX = 128 };
/* The address that listener `index` of that kind is bound to ("127.0.0.1:14000", or the socket's path); "" where there
 * is none. Any thread. */
void http_address(struct http_server *server, enum http_listener kind, size_t index,
                  char text[static HTTP_ADDRESS_MAX]);

/* Wakes replies held for this topic. Any thread, until http_free; a NULL server has none. Call it after the change that
 * it tells of was committed. */
void http_notify(struct http_server *server, const struct acme_id *topic);
/* A change in two steps: reads certificates and keys anew and binds what is not bound yet, and changes nothing (NULL:
 * *reason, as of http_start); then serves by that from the next connection on, which cannot fail. Of config addresses,
 * TLS files, limits, proxies and log_access count; all else stays as it was. An address that is gone is closed, and
 * connections that came by it stay. One thread at a time, until http_stop. */
struct http_change;
struct http_change *http_prepare(struct http_server *server, const struct http_config *config,
                                 char reason[static HTTP_REASON_MAX]);
void http_adopt(struct http_server *server, struct http_change *change);
/* Of what is not adopted. NULL is fine. */
void http_change_free(struct http_change *change, const struct http_server *server);
/* Whether every loop has gone round since the last call, and asks them all to do so again: true at first, false as long
 * as one of them is stuck. One thread at a time, until http_stop. */
bool http_turned(struct http_server *server);
/* Takes who has connected already, stops accepting, answers held replies now, ends connections as they become idle (a
 * second after they came or were answered, since a next request may be on its way), and joins, at most after
 * deadline_ms; then waits for the admin and api handlers to end what they have begun. The store must still run. */
void http_stop(struct http_server *server, uint32_t deadline_ms);
/* After http_stop, once nobody calls http_notify any more. Where the store had not answered a request's change by the
 * deadline, the memory stays, since it will. NULL is allowed. */
void http_free(struct http_server *server);

#endif
