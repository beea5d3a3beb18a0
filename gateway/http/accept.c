/* accept: connections of one loop, from accept to close, and their number. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "gateway/http/bodies.h"
#include "gateway/http/internal.h"
#include "gateway/http/linger.h"
#include "gateway/http/proxy.h"
#include "gateway/http/setup.h"
#include "gateway/memory.h"
#include "store/shortage.h"

enum {
    IDLE_ROOM_MS = 5000, /* so long a served connection may be idle before it has to make room */
    ROOM_LOOKS = 64,     /* connections looked at to find one that can make room */
    ROOM_LOOK_MS = 1000, /* until that is tried again where nobody left */
    NEXT_MS = 1000,      /* so long who has come or was answered may take to ask while we are stopping */
    FAIR_SHARE = 4,      /* connections more than another loop has, from which on newcomers are left to it */
    DECLINE_MS = 3,      /* so long it is left there: that loop may be busy */
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
};

/* As h2o accepts, but the kernel tells the address with the connection, and what is set on the listener (listen.c) need
 * not be set again. NULL: errno. */
static h2o_socket_t *accept_one(h2o_socket_t *listener, h2o_evloop_t *events, union address *peer)
{
    socklen_t len = sizeof *peer;
    *peer = (union address){.any = {.sa_family = AF_UNSPEC}};
    int fd = accept4(h2o_socket_get_fd(listener), &peer->any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return NULL;
    h2o_socket_t *sock = h2o_evloop_socket_create(events, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    h2o_socket_setpeername(sock, &peer->any, len);
    return sock;
}

/* The address alone; an IPv4 address that came by an IPv6 socket as IPv4, so that lists of addresses match. */
static void address_text(const union address *peer, char text[static INET6_ADDRSTRLEN])
{
    static const size_t mapped_at = 12;
    text[0] = '\0';
    if (peer->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &peer->v4.sin_addr, text, INET6_ADDRSTRLEN);
    else if (peer->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer->v6.sin6_addr))
        inet_ntop(AF_INET, peer->v6.sin6_addr.s6_addr + mapped_at, text, INET6_ADDRSTRLEN);
    else if (peer->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &peer->v6.sin6_addr, text, INET6_ADDRSTRLEN);
}

/* ---- crowds ---- */

void accept_init(struct loop *loop)
{
    RAND_bytes((unsigned char *)&loop->last_request, sizeof loop->last_request);
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        struct crowd *crowd = &loop->crowds[kind];
        h2o_linklist_init_anchor(&crowd->silent);
        h2o_linklist_init_anchor(&crowd->served);
    }
}

unsigned accept_count(const struct loop *loop)
{
    unsigned count = 0;
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++)
        count += loop->crowds[kind].count;
    return count;
}

/* Odd steps from a random beginning, so that none comes twice; 0 is no id. */
static uint64_t next_id(struct loop *loop)
{
    static const uint64_t step = 0x9e3779b97f4a7c15;
    loop->last_request += step;
    return loop->last_request ? loop->last_request : (loop->last_request += step);
}

void accept_begin_request(struct connection *connection)
{
    bool acme = connection_kind(connection) == HTTP_ACME;
    connection->request = (struct request){.began_us = metrics_now_us(),
                                           .id = next_id(connection->loop),
                                           .resource = acme ? ACME_RESOURCES - 1 : metrics_resource("nowhere")};
    memcpy(connection->request.peer, connection->peer, sizeof connection->peer);
    connection->asking = true;
    connection->body.max = 0;
    log_set_request(connection->request.id);
}

void accept_note_request(const h2o_req_t *req)
{
    struct connection *connection = connection_of(req);
    accept_begin_request(connection);
    proxy_find_client(req, connection->request.peer);
    connection->asked_ms = connection->request.began_us / 1000;
    connection->waits_since_ms = 0;
    h2o_linklist_unlink(&connection->link);
    h2o_linklist_insert(&connection->crowd->served, &connection->link);
}

/* Half-closing makes h2o read the end of the stream and close by itself; closing its socket here would pull it from
 * under its feet. A request that is already in the kernel's buffer is still read and answered. */
void accept_ask_to_leave(struct connection *connection)
{
    if (connection->asked_to_leave)
        return;
    connection->asked_to_leave = true;
    shutdown(h2o_socket_get_fd(connection->sock), SHUT_RD);
}

/* Up to `wanted` connections of one list that wait for a request, or for the rest of one. */
static unsigned make_room_in(h2o_linklist_t *list, unsigned wanted, uint64_t now_ms)
{
    unsigned looks = 0, found = 0;
    for (h2o_linklist_t *node = list->next; node != list && found < wanted && looks++ < ROOM_LOOKS; node = node->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);
        if (connection->asked_ms && now_ms - connection->asked_ms < IDLE_ROOM_MS)
            break; /* those behind it asked later */
        if (connection->asked_to_leave || h2o_socket_is_reading(connection->sock)) {
            accept_ask_to_leave(connection);
            found++;
        }
    }
    return found;
}

/* The silent ones leave first, then who has been idle longest. Where nobody can, the next look finds somebody. */
static void make_room(struct crowd *crowd, unsigned wanted)
{
    uint64_t now_ms = monotonic_ms();
    unsigned found = make_room_in(&crowd->silent, wanted, now_ms);
    if (found == 0)
        make_room_in(&crowd->served, wanted, now_ms);
}

/* ---- doors ---- */

static void on_accept(h2o_socket_t *listener, const char *err);

static struct crowd *crowd_of(const struct door *door)
{
    return &door->loop->crowds[door->kind];
}

/* Opens what is to be open, shuts what is to be shut. */
static void set_doors(struct loop *loop)
{
    for (struct door *door = loop->doors; door; door = door->next) {
        bool open = !loop->accept_again_ms && !crowd_of(door)->full;
        if (door->sock && open && !h2o_socket_is_reading(door->sock))
            h2o_socket_read_start(door->sock, on_accept);
        else if (door->sock && !open && h2o_socket_is_reading(door->sock))
            h2o_socket_read_stop(door->sock);
    }
}

static void on_close(void *arg)
{
    struct connection *connection = arg;
    struct loop *loop = connection->loop;
    struct crowd *crowd = connection->crowd;
    linger_begin(connection);
    bodies_forget(connection);
    if (connection->tls)
        SSL_CTX_free(connection->tls);
    metrics_change(METRIC_CONNECTIONS, -1, (unsigned)connection_kind(connection));
    peers_leave(&crowd->peers, connection->counted);
    h2o_linklist_unlink(&connection->link);
    free(connection);
    crowd->count--;
    atomic_fetch_sub(&loop->taken, 1);
    if (crowd->full && !loop->draining) {
        crowd->full = false;
        set_doors(loop);
    }
}

/* The kernel's word for who connected to a Unix socket; -1 of others. */
static int64_t uid_of(h2o_socket_t *sock, const union address *peer)
{
    struct ucred who;
    socklen_t len = sizeof who;
    if (peer->any.sa_family != AF_UNIX ||
        getsockopt(h2o_socket_get_fd(sock), SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return -1;
    return who.uid;
}

/* False when the newcomer is turned away: memory is short, or its address has as many connections as it may. */
static bool take_connection(struct door *door, h2o_socket_t *sock, const union address *peer)
{
    struct loop *loop = door->loop;
    struct crowd *crowd = crowd_of(door);
    struct connection *connection = shortage_calloc(1, sizeof *connection);
    char text[INET6_ADDRSTRLEN];
    address_text(peer, text);
    /* Behind a proxy are many, so that it is for the proxy to say how many connections each may have. */
    bool proxy = proxy_is_trusted(loop, door->kind, text);
    if (!connection ||
        (!proxy && !peers_enter(&crowd->peers, &peer->any, crowd->max_per_address, &connection->counted))) {
        free(connection);
        h2o_socket_close(sock);
        metrics_count(METRIC_TURNED_AWAY, (unsigned)door->kind);
        return false;
    }
    connection->loop = loop;
    connection->crowd = crowd;
    connection->sock = sock;
    connection->linger_fd = -1;
    connection->waits_since_ms = connection->free_ms = monotonic_ms();
    connection->tls = door->accept.ssl_ctx;
    if (connection->tls)
        SSL_CTX_up_ref(connection->tls);
    connection->door = door;
    memcpy(connection->peer, text, sizeof text);
    connection->uid = uid_of(sock, peer);
    h2o_linklist_insert(&crowd->silent, &connection->link);
    crowd->count++;
    atomic_fetch_add(&loop->taken, 1);
    metrics_change(METRIC_CONNECTIONS, 1, (unsigned)door->kind);
    sock->on_close.cb = on_close;
    sock->on_close.data = connection;
    if (proxy_speaks_first(connection))
        proxy_begin(connection);
    else
        bodies_accept(connection);
    return true;
}

/* The loop is level-triggered: without a pause it would spin on a connection that it cannot take. */
static void pause_all(struct loop *loop)
{
    loop->accept_again_ms = monotonic_ms() + ACCEPT_PAUSE_MS;
    set_doors(loop);
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++)
        make_room_in(&loop->crowds[kind].silent, ACCEPT_BATCH, monotonic_ms());
}

/* No more than an eighth at once, so that who has just come has time to speak. */
static void shut_until_room(struct loop *loop, struct crowd *crowd)
{
    unsigned share = crowd->max / 8 + 1;
    crowd->full = true;
    crowd->look_again_ms = monotonic_ms() + ROOM_LOOK_MS;
    set_doors(loop);
    make_room(crowd, share < ACCEPT_BATCH ? share : ACCEPT_BATCH);
}

/* A socket that all loops share wakes them all, and without a rule one of them gets nearly everybody. The loop that has
 * more than its share leaves the newcomer to the others, who were woken too. */
static bool leaves_to_others(struct loop *loop)
{
    unsigned mine = atomic_load(&loop->taken), least = mine;
    for (unsigned i = 0; i < loop->server->loop_count; i++) {
        unsigned count = atomic_load(&loop->server->loops[i].taken);
        least = count < least ? count : least;
    }
    uint64_t now_ms = monotonic_ms();
    if (loop->declining_ms == 0)
        loop->declining_ms = now_ms;
    bool leaves = mine > least + FAIR_SHARE && now_ms - loop->declining_ms < DECLINE_MS;
    if (leaves)
        sched_yield();
    else
        loop->declining_ms = 0;
    return leaves;
}

/* A bounded batch, so that a burst of newcomers does not starve who is served. */
static void on_accept(h2o_socket_t *listener, const char *err)
{
    struct door *door = listener->data;
    struct crowd *crowd = crowd_of(door);
    if (err)
        return;
    if (crowd->count >= crowd->max) {
        shut_until_room(door->loop, crowd);
        return;
    }
    if (door->shared && leaves_to_others(door->loop))
        return;
    /* Whether another waits beyond the limit is told by the next event. */
    unsigned batch = door->shared ? 1 : ACCEPT_BATCH;
    for (unsigned i = 0; i < batch && crowd->count < crowd->max; i++) {
        union address peer;
        h2o_socket_t *sock = accept_one(listener, door->loop->context.loop, &peer);
        if (!sock) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_all(door->loop);
            return;
        }
        take_connection(door, sock, &peer);
    }
}

/* ---- setups ---- */

static void set_tls(struct door *door, SSL_CTX *context)
{
    if (context)
        SSL_CTX_up_ref(context);
    SSL_CTX_free(door->accept.ssl_ctx); /* connections have references of their own */
    door->accept.ssl_ctx = context;
}

/* Who has connected already is not to suffer for it. */
static void take_waiting(struct door *door)
{
    unsigned before = 0, count = 1;
    for (unsigned i = 0; i < LISTEN_BACKLOG / ACCEPT_BATCH && count > before; i++) {
        before = crowd_of(door)->count;
        on_accept(door->sock, NULL);
        count = crowd_of(door)->count;
    }
}

static void close_door(struct door *door)
{
    if (door->sock) {
        take_waiting(door);
        h2o_socket_close(door->sock);
    }
    door->sock = NULL;
    set_tls(door, NULL);
    listener_drop(door->listener);
    door->listener = NULL;
}

static void open_door(struct loop *loop, struct listener *listener)
{
    int fd = listener->descriptors[loop->index];
    struct door *door = fd >= 0 ? shortage_calloc(1, sizeof *door) : NULL;
    if (fd < 0)
        return; /* open already; or a Unix socket, which the first loop serves */
    if (!door) {
        log_error("a thread has no memory for a new listener; others serve it. Restart the gateway", "address",
                  listener->address);
        return;
    }
    atomic_fetch_add(&listener->holds, 1);
    listener->descriptors[loop->index] = -1;
    *door = (struct door){.loop = loop, .listener = listener, .kind = listener->kind, .shared = listener->handed};
    door->accept.ctx = &loop->context;
    door->accept.hosts = loop->server->hosts[listener->kind];
    door->sock = h2o_evloop_socket_create(loop->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    door->sock->data = door;
    door->next = loop->doors;
    loop->doors = door;
}

void accept_apply(struct loop *loop, struct setup *setup)
{
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        struct crowd *crowd = &loop->crowds[kind];
        crowd->max = setup->limits[kind].connections;
        crowd->max_per_address = setup->limits[kind].per_address;
        crowd->full = false; /* who comes next finds out */
    }
    for (struct door *door = loop->doors; door; door = door->next) {
        if (door->listener && !setup_has(setup, door->listener))
            close_door(door);
    }
    for (size_t i = 0; i < setup->listener_count; i++)
        open_door(loop, setup->listeners[i]);
    for (struct door *door = loop->doors; door; door = door->next) {
        if (door->listener)
            set_tls(door, setup->tls[door->kind]);
    }
    setup_drop(loop->setup);
    loop->setup = setup;
    set_doors(loop);
}

void accept_close(struct loop *loop)
{
    for (struct door *door = loop->doors; door; door = door->next)
        close_door(door);
}

uint64_t accept_next_ms(const struct loop *loop)
{
    uint64_t next_ms = loop->accept_again_ms ? loop->accept_again_ms : UINT64_MAX;
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        const struct crowd *crowd = &loop->crowds[kind];
        if (crowd->full && crowd->look_again_ms < next_ms)
            next_ms = crowd->look_again_ms;
    }
    return next_ms;
}

void accept_resume(struct loop *loop, uint64_t now_ms)
{
    if (loop->draining || now_ms < accept_next_ms(loop))
        return;
    if (now_ms >= loop->accept_again_ms)
        loop->accept_again_ms = 0;
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        if (now_ms >= loop->crowds[kind].look_again_ms)
            loop->crowds[kind].full = false;
    }
    set_doors(loop);
}

/* Whether the connection waits for the first octet of a request, or for a handshake. */
static bool is_idle(const struct connection *connection)
{
    return h2o_socket_is_reading(connection->sock) && connection->sock->input->size == 0;
}

/* Who has connected or was answered a moment ago takes this server for one that serves, and may be about to ask. Its
 * request would meet a closing connection; most clients do not send a POST again. */
static bool may_ask(const struct connection *connection)
{
    return monotonic_ms() - connection->free_ms < NEXT_MS;
}

static void end_idle(struct connection *connection)
{
    if (is_idle(connection) && !may_ask(connection))
        accept_ask_to_leave(connection);
}

static void cut(struct connection *connection)
{
    shutdown(h2o_socket_get_fd(connection->sock), SHUT_RDWR);
}

static void each_of(h2o_linklist_t *list, void (*fn)(struct connection *connection))
{
    for (h2o_linklist_t *node = list->next; node != list; node = node->next)
        fn(H2O_STRUCT_FROM_MEMBER(struct connection, link, node));
}

static void each_connection(struct loop *loop, void (*fn)(struct connection *connection))
{
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        each_of(&loop->crowds[kind].silent, fn);
        each_of(&loop->crowds[kind].served, fn);
    }
}

void accept_end_idle(struct loop *loop)
{
    each_connection(loop, end_idle);
}

/* A handshake that has failed is h2o's to end. */
static void end_broken(struct connection *connection)
{
    if (!connection->ssl || !connection->asked_ms || !SSL_in_init(connection->ssl))
        return;
    log_warning("a connection is closed, because its reply could not be encrypted; see to this machine's memory",
                "peer", connection->request.peer, "subject",
                connection->request.subject[0] ? connection->request.subject : NULL);
    cut(connection);
}

void accept_end_broken(struct loop *loop)
{
    if (memory_tell_shortage(&loop->shortages))
        each_connection(loop, end_broken);
}

void accept_cut(struct loop *loop)
{
    each_connection(loop, cut);
}
