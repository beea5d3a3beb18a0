/* tcp_peer: a server for tests, a thread on loopback that serves one connection after another.
 *
 * http_serve answers from a table of paths; with a TLS context the same over TLS. tls_serve does a handshake only.
 */
#ifndef TESTS_TCP_PEER_H
#define TESTS_TCP_PEER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

struct tcp_peer;
typedef void tcp_serve_fn(struct tcp_peer *peer, int fd);

#define HTTP_HANG "" /* answers nothing, keeps the connection */

struct http_route {
    const char *path;   /* NULL: any other */
    const char *answer; /* whole, with its header; NULL: the connection is closed */
};

struct tcp_peer {
    tcp_serve_fn *serve;
    const struct http_route *routes; /* ends with a NULL path and an answer */
    SSL_CTX *tls;                    /* NULL: plain */
    int v4, v6, stop_fd;             /* v6 -1: not listened to */
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    char request[4096]; /* the last one */
};

static inline int tcp_listen(int family, uint16_t port)
{
    int one = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int bound =
        family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof v4) : bind(fd, (struct sockaddr *)&v6, sizeof v6);
    if (fd >= 0 && bound == 0 && listen(fd, 64) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Waits for the peer to end the connection, or for the end of the test. */
static inline void tcp_wait_end(const struct tcp_peer *peer, int fd)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLRDHUP}, {.fd = peer->stop_fd, .events = POLLIN}};
    poll(fds, 2, 10000);
}

static inline void *tcp_peer_main(void *ctx)
{
    struct tcp_peer *peer = ctx;
    for (;;) {
        struct pollfd fds[3] = {{.fd = peer->stop_fd, .events = POLLIN},
                                {.fd = peer->v4, .events = POLLIN},
                                {.fd = peer->v6, .events = POLLIN}};
        poll(fds, 3, -1);
        if (fds[0].revents != 0)
            return NULL;
        int fd = accept4(fds[1].revents != 0 ? peer->v4 : peer->v6, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        struct timeval patience = {.tv_sec = 5};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        peer->serve(peer, fd);
        close(fd);
    }
}

/* peer->serve, routes and tls are set. both: IPv6 as well, on the same port. */
static inline bool tcp_peer_start(struct tcp_peer *peer, bool both)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    peer->v6 = -1;
    peer->stop_fd = eventfd(0, EFD_CLOEXEC);
    peer->v4 = tcp_listen(AF_INET, 0);
    pthread_mutex_init(&peer->lock, NULL);
    if (peer->v4 < 0 || getsockname(peer->v4, (struct sockaddr *)&address, &len) != 0)
        return false;
    peer->port = ntohs(address.sin_port);
    if (both)
        peer->v6 = tcp_listen(AF_INET6, peer->port);
    return (!both || peer->v6 >= 0) && pthread_create(&peer->thread, NULL, tcp_peer_main, peer) == 0;
}

static inline void tcp_peer_stop(struct tcp_peer *peer)
{
    uint64_t one = 1;
    ssize_t written = write(peer->stop_fd, &one, sizeof one);
    (void)written;
    pthread_join(peer->thread, NULL);
    pthread_mutex_destroy(&peer->lock);
    close(peer->v4);
    if (peer->v6 >= 0)
        close(peer->v6);
    close(peer->stop_fd);
}

/* ---- HTTP ---- */

static inline const char *http_answer(struct tcp_peer *peer, const char *request)
{
    char path[1024] = "";
    sscanf(request, "%*s %1023s", path);
    const struct http_route *route = peer->routes;
    while (route->path != NULL && strcmp(route->path, path) != 0)
        route++;
    pthread_mutex_lock(&peer->lock);
    snprintf(peer->request, sizeof peer->request, "%s", request);
    pthread_mutex_unlock(&peer->lock);
    return route->answer;
}

static inline void http_serve(struct tcp_peer *peer, int fd)
{
    char request[4096];
    size_t len = 0;
    SSL *ssl = NULL;
    if (peer->tls != NULL) {
        ssl = SSL_new(peer->tls);
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) != 1)
            goto out;
    }
    while (len == 0 || strstr(request, "\r\n\r\n") == NULL) {
        ssize_t got = ssl != NULL ? SSL_read(ssl, request + len, (int)(sizeof request - 1 - len))
                                  : recv(fd, request + len, sizeof request - 1 - len, 0);
        if (got <= 0)
            goto out;
        len += (size_t)got;
        request[len] = '\0';
    }
    const char *answer = http_answer(peer, request);
    if (answer == NULL)
        goto out;
    if (answer[0] == '\0')
        tcp_wait_end(peer, fd);
    else if (ssl != NULL)
        SSL_write(ssl, answer, (int)strlen(answer));
    else
        send(fd, answer, strlen(answer), MSG_NOSIGNAL);
out:
    SSL_free(ssl);
}

/* ---- TLS ---- */

static inline void tls_serve(struct tcp_peer *peer, int fd)
{
    SSL *ssl = SSL_new(peer->tls);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        tcp_wait_end(peer, fd);
    SSL_free(ssl);
}

#endif
