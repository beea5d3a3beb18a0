/* internal: what the files of this room share.
 *
 * struct http_server is made by http_start and read-only while threads run. A struct loop, and every connection and job
 * on it, belongs to its thread; other threads reach it only by loop_send.
 */
#ifndef GATEWAY_HTTP_INTERNAL_H
#define GATEWAY_HTTP_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include <h2o.h>

#include "acme/durations.h"
#include "gateway/http/hold.h"
#include "gateway/http/http.h"
#include "gateway/http/peers.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"

enum {
    BODY_CEILING = 320 * 1024,    /* octets; h2o answers beyond. Above all limits that are ours (bodies.c) */
    PUBLIC_BODY_MAX = 256 * 1024, /* a pushed certificate chain */
    OPERATOR_BODY_MAX = 128 * 1024,
    BODY_BUDGET = 32 * 1024 * 1024,   /* octets that a kind of listener has for bodies, over all its connections */
    BODY_SHARE_MIN = 4 * 1024 * 1024, /* of one loop */
    HANDSHAKE_TIMEOUT_MS = 10 * SECOND_MS,
    REQUEST_TIMEOUT_MS = 30 * SECOND_MS,
    /* Above every Retry-After of an order (durations.h), and above what clients and proxies keep an unused connection
     * for (Go 90 s, curl 118 s, nginx 60 s): who ends first must not be the one to whom a request is under way. */
    IDLE_TIMEOUT_MS = 180 * SECOND_MS,
    WRITE_TIMEOUT_MS = 30 * SECOND_MS, /* a peer that takes nothing */
    CONNECTIONS_DEFAULT = 5000,
    ADMIN_CONNECTIONS = 64,
    ADMIN_REQUESTS_MAX = 8, /* under way at once */
    API_REQUESTS_MAX = 32,  /* browsers ask six at once */
    METRICS_CONNECTIONS = 64,
    STORE_WAIT_MS = 15 * SECOND_MS, /* for a store over the network; below what clients wait for a reply */
    LISTEN_BACKLOG = 1024,
    ACCEPT_BATCH = 16,
    ACCEPT_PAUSE_MS = 200, /* after the process or the system ran out of descriptors */
};

struct loop;

enum message_kind {
    MESSAGE_COMMITTED,
    MESSAGE_BACK,
    MESSAGE_NOTICE,
    MESSAGE_PROBED,
    MESSAGE_SETUP,
    MESSAGE_TURN,
    MESSAGE_STOP,
};

/* What other threads send to a loop; embedded first in what it brings. Zeroed before it is sent. */
struct message {
    h2o_multithread_message_t super;
    enum message_kind kind;
};

/* What another thread does for a loop: somewhere it may wait, and then back on the loop. Zeroed first; embedded in what
 * it is about, which has one owner at a time. */
struct handoff {
    struct message message; /* MESSAGE_BACK */
    struct loop *loop;
    void (*run)(struct handoff *handoff, struct acme_thread *thread); /* there; thread is NULL for an operator's */
    void (*back)(struct handoff *handoff);                            /* on the loop's thread */
    struct handoff *next;                                             /* worker.c's */
};

struct setup;
struct new_setup {
    struct message message;
    struct setup *setup; /* a hold on it */
};

/* One configured address: a descriptor for each loop (the Unix socket: for the first only; -1 elsewhere). */
struct listener {
    atomic_uint holds;
    enum http_listener kind;
    char wanted[HTTP_ADDRESS_MAX];  /* as it is configured */
    char address[HTTP_ADDRESS_MAX]; /* as it is bound */
    int *descriptors;               /* count of them; -1 also where a loop has taken its own */
    unsigned count;
    bool handed;     /* by the service manager: one socket for all loops */
    bool bound_name; /* the address is a file to remove at the end */
};

/* See setup.h. */
struct setup {
    atomic_uint holds;
    SSL_CTX *tls[HTTP_LISTENER_KINDS];              /* NULL where plain */
    struct http_limits limits[HTTP_LISTENER_KINDS]; /* of one loop */
    char **trusted[HTTP_LISTENER_KINDS];            /* NULL-terminated */
    bool protocol[HTTP_LISTENER_KINDS];
    bool log_access;
    char *user_field, *role_field; /* NULL: none */
    struct listener **listeners;   /* a hold on each */
    size_t listener_count;
};

/* A listener on one loop. h2o keeps pointers to `accept` during handshakes, so doors live as long as their loop. */
struct door {
    struct loop *loop;
    struct listener *listener; /* a hold on it while the door is open */
    struct door *next;
    enum http_listener kind;
    h2o_accept_ctx_t accept;
    h2o_socket_t *sock;
    bool shared; /* with the other loops */
};

/* The connections of one kind of listener on one loop. */
struct crowd {
    h2o_linklist_t silent; /* no request has come yet; oldest first */
    h2o_linklist_t served; /* longest without a new request first */
    unsigned count, max, max_per_address;
    h2o_linklist_t unfinished; /* whose request is not whole; longest without a new octet first (bodies.c) */
    size_t body_octets, body_budget;
    uint64_t told_ms; /* monotonic, that the budget is used up; 0: never */
    struct peers peers;
    bool full;              /* its doors are shut until one of them ends, or it is time to look again */
    uint64_t look_again_ms; /* monotonic */
};

/* The one that a connection is at; HTTP/1.1 has one at a time. */
struct request {
    uint64_t began_us;              /* monotonic, of its head */
    unsigned resource;              /* of metrics.h */
    uint64_t id;                    /* of log_set_request */
    char peer[INET6_ADDRSTRLEN];    /* who asks (proxy.h) */
    char subject[ACME_ID_TEXT + 1]; /* the order or account it is about; "" for none */
};

/* On every accepted socket's on_close. */
struct connection {
    h2o_linklist_t link; /* of its crowd's list */
    struct loop *loop;
    struct crowd *crowd;
    struct peer *counted;    /* in crowd->peers */
    uint64_t asked_ms;       /* monotonic, of its latest request; 0: none */
    uint64_t waits_since_ms; /* monotonic, for the rest of a request; for the first: its accept. 0: for nothing */
    uint64_t free_ms;        /* monotonic, of its accept or its latest answer: since when it may ask */
    bool asked_to_leave;
    h2o_socket_t *sock;
    SSL_CTX *tls;  /* a reference: h2o takes none until the ClientHello is there */
    SSL *ssl;      /* h2o's, once the ClientHello is there; NULL */
    int linger_fd; /* -1, or a duplicate that outlives h2o's (see linger.h) */
    struct door *door;
    char peer[INET6_ADDRSTRLEN]; /* where it comes from, or what its trusted proxy's PROXY header says */
    int64_t uid;                 /* of a Unix socket's peer; -1 */
    struct request request;
    bool asking; /* a request has come, and has no answer yet */
    struct {
        h2o_linklist_t link;      /* of crowd->unfinished */
        h2o_linklist_t unwatched; /* of the loop's list */
        h2o_socket_cb on_read;    /* h2o's own */
        size_t octets;            /* of the buffer, as counted in crowd->body_octets */
        size_t max;               /* octets of head and body, once the head is known; 0: it is not */
    } body;                       /* bodies.c's */
};

/* Whether the store takes a write: asked when somebody asks for it, once for all who do, at most once a second. */
struct readiness {
    struct message message; /* MESSAGE_PROBED */
    struct store_op op;
    struct loop *loop;
    bool under_way, good;
    enum store_status status;    /* of op */
    uint64_t began_ms, known_ms; /* monotonic; 0: never */
    h2o_linklist_t waiting;
};

struct loop {
    struct http_server *server;
    pthread_t thread;
    unsigned index;
    h2o_context_t context;
    h2o_multithread_receiver_t receiver;
    struct acme_thread *acme;
    unsigned shortages;  /* of memory_tell_shortage */
    uint64_t age_ms;     /* monotonic; when acme_thread_age is due */
    struct setup *setup; /* a hold on it */
    struct door *doors;  /* sock NULL where closed */
    struct crowd crowds[HTTP_LISTENER_KINDS];
    uint64_t accept_again_ms; /* monotonic; all doors are shut until then; 0: they are not */
    uint64_t overdue_look_ms; /* monotonic; when overdue_end looks next */
    struct readiness readiness;
    uint64_t last_request; /* its id; the next is a step away */
    h2o_linklist_t unwatched;   /* connections that will read again (bodies.c) */
    struct connection *reading; /* whose input is being read just now; NULL: nobody's, or it is gone */
    h2o_linklist_t lingering;
    unsigned lingering_count;
    struct holds holds;
    uint64_t look_again_ms; /* monotonic: when all of them look for themselves; 0: not said yet */
    struct message notice; /* one for all marks in `holds`: under way, or come and not seen to, while `noticed` */
    atomic_bool noticed;
    bool has_notice;     /* it has come */
    struct message turn; /* asked for, and not seen to, while `turning` */
    atomic_bool turning;
    atomic_uint taken;     /* connections, for other loops to compare */
    uint64_t declining_ms; /* monotonic: since when a newcomer at a shared door is left to other loops; 0: none is */
    unsigned submitted;    /* what the store has, a worker or an operator's thread */
    h2o_linklist_t patient; /* jobs that wait for a store over the network; longest first (job.c) */
    atomic_uint senders;   /* threads inside loop_send: the queue must outlive them */
    atomic_bool deaf;      /* takes no more messages */
    struct message stop;   /* sent by http_stop; only then may the loop end, since its sender needs the queue */
    bool draining;         /* it has come */
    bool ready;            /* set up; false: the thread ended at once */
    bool clean;            /* at its end: nothing refers to this loop any more */
};

/* Requests to the admin or the api listener that are under way, each on a thread of its own. */
struct admin_requests {
    pthread_mutex_t lock;
    pthread_cond_t left;
    unsigned running, max;
};

/* Threads on which requests are read for where the store waits for a network; none elsewhere. */
struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct handoff *first, **end; /* oldest first */
    bool stopping;
    pthread_t *threads;
    unsigned count;
};

struct http_server {
    struct http_config config;
    h2o_globalconf_t globalconf;
    h2o_hostconf_t *hosts[HTTP_LISTENER_KINDS][2]; /* NULL-terminated, as an accept context wants it */
    struct setup *setup;                           /* in force; by reload_lock. A hold on it */
    struct loop *loops;
    unsigned loop_count, running;
    sem_t started;
    struct admin_requests admin_requests, api_requests;
    struct workers workers;
    pthread_mutex_t reload_lock;
    uint64_t deadline_ms; /* monotonic; set before MESSAGE_STOP is sent */
    bool abandoned;       /* stopped while the store still had a job: keeps its memory */
};

/* Deadlines inside the process: a clock that nobody sets. */
static inline uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline struct loop *loop_of(const h2o_req_t *req)
{
    return H2O_STRUCT_FROM_MEMBER(struct loop, context, req->conn->ctx);
}

static inline enum http_listener connection_kind(const struct connection *connection)
{
    return (enum http_listener)(connection->crowd - connection->loop->crowds);
}

static inline struct connection *connection_of(const h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

/* loop.c */
/* The thread: sets up, posts server->started, runs until MESSAGE_STOP, drains. arg is a struct loop. */
void *loop_main(void *arg);
/* Any thread, once the loop is ready. The loop takes over what the message is part of; false when it takes none any
 * more. */
bool loop_send(struct loop *loop, struct message *message);

/* accept.c; on the loop's thread */
/* Makes the crowds; nothing is accepted yet. */
void accept_init(struct loop *loop);
/* A request has come: its connection is none of the silent ones, who have to leave first. To be called by a handler
 * before anything is answered. */
void accept_note_request(const h2o_req_t *req);
/* The same where no handler will see it: the request is about nothing known, and begins now. */
void accept_begin_request(struct connection *connection);
/* Connections of all crowds. */
unsigned accept_count(const struct loop *loop);
/* Takes who waits at the doors, and closes them. */
void accept_close(struct loop *loop);
/* When accept_resume has something to do; UINT64_MAX: never. */
uint64_t accept_next_ms(const struct loop *loop);
/* Opens doors again that were shut for a while. */
void accept_resume(struct loop *loop, uint64_t now_ms);
/* From the next connection on it goes by this setup, whose hold it takes over; connections that are there stay as they
 * are. */
void accept_apply(struct loop *loop, struct setup *setup);
/* Half-closes it, for h2o to end: it is in the middle of no reply. Once is enough. */
void accept_ask_to_leave(struct connection *connection);
/* Ends connections that wait for a request. */
void accept_end_idle(struct loop *loop);
/* After each turn. Ends connections whose TLS has failed for want of memory: OpenSSL never goes on with one, h2o takes
 * no notice, and the client would wait for a reply that will not come. */
void accept_end_broken(struct loop *loop);
/* Cuts all connections off, whatever they do. */
void accept_cut(struct loop *loop);

/* overdue.c; on the loop's thread */
/* Ends connections on which a request has not come, or not whole, in the time that it has. */
void overdue_end(struct loop *loop, uint64_t now_ms);
/* When overdue_end has something to do; UINT64_MAX: never. */
uint64_t overdue_next_ms(const struct loop *loop);

/* job.c; on the loop's thread */
int on_acme_request(h2o_handler_t *self, h2o_req_t *req);
void job_on_committed(struct loop *loop, struct message *message);
/* Looks again at held replies whose topic was marked. */
void job_on_notice(struct loop *loop);
/* Answers those whose store has not for too long: 503. When it has something to do; UINT64_MAX: never. */
void job_give_up(struct loop *loop, uint64_t now_ms);
uint64_t job_give_up_ms(const struct loop *loop);
/* Has every held reply look for itself, as often as the server is told to. When it is time; UINT64_MAX: never. */
void job_look_again(struct loop *loop, uint64_t now_ms);
uint64_t job_look_again_ms(const struct loop *loop);
/* Looks again at every held reply that is due at now_ms; UINT64_MAX: at all. True when there was one. */
bool job_expire(struct loop *loop, uint64_t now_ms);

/* call.c; on the loop's thread */
int on_public_request(h2o_handler_t *self, h2o_req_t *req);
/* What the handler sees, its strings copied into the pool; false where the body is too large. */
bool call_read(h2o_req_t *req, h2o_mem_pool_t *pool, struct http_call *call);
/* Runs the handler. What it refuses while memory is short may be right: that is answered with 503. */
void call_handle(http_handler_fn *handler, void *ctx, const struct http_call *call, struct http_answer *answer);
/* Takes answer->body. */
void call_answer(h2o_req_t *req, struct http_answer *answer);
int on_metrics_request(h2o_handler_t *self, h2o_req_t *req);

/* health.c; on the loop's thread */
void health_init(struct loop *loop);
/* True where the request is for /healthz or /readyz, and will be answered, or has been. */
bool health_serve(h2o_req_t *req);
void health_on_probed(struct loop *loop, struct message *message);
/* When health_expire has something to do; UINT64_MAX: never. */
uint64_t health_next_ms(const struct loop *loop);
/* Answers those who have waited too long for the store. */
void health_expire(struct loop *loop, uint64_t now_ms);

/* worker.c */
void workers_init(struct workers *workers);
/* Starts config.workers of them. False: out of memory or of threads. */
bool workers_start(struct http_server *server);
/* Whether requests are read for on workers, and not on their loop. */
static inline bool workers_read(const struct loop *loop)
{
    return loop->server->workers.count > 0;
}
/* Runs it on a worker. On the loop's thread, which must not touch it before it is back. */
void workers_take(struct loop *loop, struct handoff *handoff);
/* Runs what is waiting, and ends. Once the loops have ended. */
void workers_stop(struct workers *workers);

/* waiting_call.c */
/* At most so many at a time. */
void admin_requests_init(struct admin_requests *requests, unsigned max);
void admin_requests_free(struct admin_requests *requests);
/* Once the loops have ended: until the last one is over. */
void admin_requests_wait(struct admin_requests *requests);
/* On the loop's thread. */
int on_admin_request(h2o_handler_t *self, h2o_req_t *req);
int on_api_request(h2o_handler_t *self, h2o_req_t *req);
/* The same on a worker, for whom nobody counts: a request of the public listener. */
void public_request_hand_over(h2o_req_t *req);

/* fallback.c */
/* Takes care of what h2o answers itself on this host; with problem documents where asked. */
void fallback_register(h2o_hostconf_t *host, bool problems);

#endif
