/* accept: connections of one loop, from accept to close, and their number. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/http/internal.h"
#include "gateway/http/linger.h"

/* The address alone; an IPv4 address that came by an IPv6 socket as IPv4, so that lists of addresses match. */
static void peer_text(h2o_socket_t *sock, char text[static INET6_ADDRSTRLEN])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } peer = {.any = {.sa_family = AF_UNSPEC}};
    static const size_t mapped_at = 12;

    text[0] = '\0';
    if (h2o_socket_getpeername(sock, &peer.any) == 0)
        return;
    if (peer.any.sa_family == AF_INET)
        inet_ntop(AF_INET, &peer.v4.sin_addr, text, INET6_ADDRSTRLEN);
    else if (peer.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr))
        inet_ntop(AF_INET, peer.v6.sin6_addr.s6_addr + mapped_at, text, INET6_ADDRSTRLEN);
    else if (peer.any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &peer.v6.sin6_addr, text, INET6_ADDRSTRLEN);
}

static void on_accept(h2o_socket_t *listener, const char *err);

static void start_accepting(struct loop *loop)
{
    loop->accepting = true;
    loop->accept_again_ms = 0;
    for (size_t i = 0; i < loop->server->listener_count; i++) {
        if (loop->doors[i].sock)
            h2o_socket_read_start(loop->doors[i].sock, on_accept);
    }
}

static void stop_accepting(struct loop *loop, uint64_t again_ms)
{
    loop->accepting = false;
    loop->accept_again_ms = again_ms;
    for (size_t i = 0; i < loop->server->listener_count; i++) {
        if (loop->doors[i].sock)
            h2o_socket_read_stop(loop->doors[i].sock);
    }
}

static void on_close(void *arg)
{
    struct connection *connection = arg;
    struct loop *loop = connection->loop;
    linger_begin(connection);
    if (connection->tls)
        SSL_CTX_free(connection->tls);
    h2o_linklist_unlink(&connection->link);
    free(connection);
    loop->connection_count--;
    if (!loop->accepting && !loop->draining)
        start_accepting(loop);
}

static bool take(struct door *door, h2o_socket_t *sock)
{
    struct loop *loop = door->loop;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        h2o_socket_close(sock);
        return false;
    }
    connection->loop = loop;
    connection->sock = sock;
    connection->linger_fd = -1;
    connection->tls = door->accept.ssl_ctx;
    if (connection->tls)
        SSL_CTX_up_ref(connection->tls);
    peer_text(sock, connection->peer);
    h2o_linklist_insert(&loop->connections, &connection->link);
    loop->connection_count++;
    sock->on_close.cb = on_close;
    sock->on_close.data = connection;
    h2o_accept(&door->accept, sock);
    return true;
}

/* A bounded batch, so that a burst of newcomers does not starve who is served. */
static void on_accept(h2o_socket_t *listener, const char *err)
{
    struct door *door = listener->data;
    struct loop *loop = door->loop;
    if (err)
        return;
    for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
        if (loop->connection_count >= loop->connections_max) {
            stop_accepting(loop, 0);
            return;
        }
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (!sock) {
            /* The loop is level-triggered: without a pause it would spin on a connection that it cannot take. */
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                stop_accepting(loop, monotonic_ms() + ACCEPT_PAUSE_MS);
            return;
        }
        if (!take(door, sock))
            return;
    }
}

bool accept_open(struct loop *loop)
{
    struct http_server *server = loop->server;
    loop->doors = calloc(server->listener_count, sizeof *loop->doors);
    if (!loop->doors)
        return false;
    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        struct door *door = &loop->doors[i];
        door->loop = loop;
        door->kind = listener->kind;
        door->accept.ctx = &loop->context;
        door->accept.hosts = server->hosts[listener->kind];
        door->accept.ssl_ctx = server->tls[listener->kind];
        if (door->accept.ssl_ctx)
            SSL_CTX_up_ref(door->accept.ssl_ctx);
        if (listener->descriptors[loop->index] < 0)
            continue;
        door->sock =
            h2o_evloop_socket_create(loop->context.loop, listener->descriptors[loop->index], H2O_SOCKET_FLAG_DONT_READ);
        door->sock->data = door;
        listener->descriptors[loop->index] = -1;
    }
    start_accepting(loop);
    return true;
}

void accept_close(struct loop *loop)
{
    for (size_t i = 0; loop->doors && i < loop->server->listener_count; i++) {
        struct door *door = &loop->doors[i];
        if (door->sock)
            h2o_socket_close(door->sock);
        door->sock = NULL;
        if (door->accept.ssl_ctx)
            SSL_CTX_free(door->accept.ssl_ctx);
        door->accept.ssl_ctx = NULL;
    }
}

void accept_resume(struct loop *loop, uint64_t now_ms)
{
    if (loop->accept_again_ms && now_ms >= loop->accept_again_ms)
        start_accepting(loop);
}

void accept_swap_tls(struct loop *loop, const struct new_tls *tls)
{
    for (size_t i = 0; i < loop->server->listener_count; i++) {
        struct door *door = &loop->doors[i];
        SSL_CTX *fresh = tls->contexts[door->kind];
        if (!fresh || !door->accept.ssl_ctx)
            continue; /* plain, or closed */
        SSL_CTX_up_ref(fresh);
        SSL_CTX_free(door->accept.ssl_ctx); /* connections have references of their own */
        door->accept.ssl_ctx = fresh;
    }
}

void accept_free_tls(struct new_tls *tls)
{
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++)
        SSL_CTX_free(tls->contexts[kind]);
    free(tls);
}

/* Whether the connection waits for the first octet of a request, or for a handshake. */
static bool is_idle(const struct connection *connection)
{
    return h2o_socket_is_reading(connection->sock) && connection->sock->input->size == 0;
}

/* Half-closing makes h2o read the end of the stream and close by itself; closing its socket here would pull it from
 * under its feet. A request that is already in the kernel's buffer is still read and answered. */
void accept_end_idle(struct loop *loop)
{
    for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections; node = node->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);
        if (is_idle(connection))
            shutdown(h2o_socket_get_fd(connection->sock), SHUT_RD);
    }
}

void accept_cut(struct loop *loop)
{
    for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections; node = node->next)
        shutdown(h2o_socket_get_fd(H2O_STRUCT_FROM_MEMBER(struct connection, link, node)->sock), SHUT_RDWR);
}
