/* http_client: a small blocking HTTP/1.1 client for the tests of this folder, over TCP, TLS or a Unix socket. Every
 * wait has an end. */
#ifndef TESTS_UNIT_GATEWAY_HTTP_CLIENT_H
#define TESTS_UNIT_GATEWAY_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/ssl.h>

enum { CLIENT_TIMEOUT_S = 20, CLIENT_HEAD_MAX = 16 * 1024, CLIENT_BODY_MAX = 64 * 1024 };

struct client {
    int fd;
    SSL_CTX *context;
    SSL *ssl; /* NULL: plain */
    char input[CLIENT_HEAD_MAX + CLIENT_BODY_MAX];
    size_t have;
};

struct client_reply {
    int status; /* 0: the peer closed the connection, or sent what is no reply */
    char head[CLIENT_HEAD_MAX];
    char body[CLIENT_BODY_MAX + 1];
    size_t body_len;
};

static inline void client_limit(int fd)
{
    struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* address: "127.0.0.1:1234", "[::1]:1234" or a path. -1 where nobody listens. */
static inline int client_connect(const char *address)
{
    struct sockaddr_un unix_at = {.sun_family = AF_UNIX};
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct sockaddr_in6 at6 = {.sin6_family = AF_INET6};
    const struct sockaddr *where = (const struct sockaddr *)&at;
    socklen_t len = sizeof at;
    uint16_t port = htons((uint16_t)atoi(strrchr(address, ':') ? strrchr(address, ':') + 1 : "0"));
    if (address[0] == '/') {
        snprintf(unix_at.sun_path, sizeof unix_at.sun_path, "%.100s", address);
        where = (const struct sockaddr *)&unix_at;
        len = sizeof unix_at;
    } else if (address[0] == '[') {
        at6.sin6_addr = in6addr_loopback;
        at6.sin6_port = port;
        where = (const struct sockaddr *)&at6;
        len = sizeof at6;
    } else {
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        at.sin_port = port;
    }
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    client_limit(fd);
    if (connect(fd, where, len) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline struct client *client_open(const char *address)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        abort();
    client->fd = client_connect(address);
    if (client->fd >= 0)
        return client;
    free(client);
    return NULL;
}

/* The handshake, by which a connection becomes TLS; certificates are not checked. alpn: length-prefixed list or NULL.
 */
static inline bool client_handshake(struct client *client, const char *alpn)
{
    client->context = SSL_CTX_new(TLS_client_method());
    client->ssl = SSL_new(client->context);
    if (alpn)
        SSL_set_alpn_protos(client->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL_set_fd(client->ssl, client->fd);
    return SSL_connect(client->ssl) == 1;
}

static inline struct client *client_open_tls(const char *address)
{
    struct client *client = client_open(address);
    if (client && !client_handshake(client, "\x08http/1.1"))
        abort();
    return client;
}

static inline void client_close(struct client *client)
{
    if (!client)
        return;
    if (client->ssl)
        SSL_shutdown(client->ssl);
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
    free(client);
}

static inline bool client_write(struct client *client, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t sent = client->ssl ? SSL_write(client->ssl, at, len > 16384 ? 16384 : (int)len)
                                   : send(client->fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

static inline bool client_send(struct client *client, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    bool ok = len >= 0 && client_write(client, text, (size_t)len);
    free(text);
    return ok;
}

/* False at the end of the stream, or when nothing comes in time. */
static inline bool client_fill(struct client *client)
{
    size_t room = sizeof client->input - 1 - client->have;
    ssize_t got = client->ssl ? SSL_read(client->ssl, client->input + client->have, (int)room)
                              : recv(client->fd, client->input + client->have, room, 0);
    if (got <= 0)
        return false;
    client->have += (size_t)got;
    client->input[client->have] = '\0';
    return true;
}

/* Value of a header, compared without case, copied to out; false where it is absent. nth counts from 0. */
static inline bool client_header(const struct client_reply *reply, const char *name, unsigned nth, char *out,
                                 size_t size)
{
    size_t len = strlen(name);
    out[0] = '\0';
    for (const char *line = strstr(reply->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        const char *at = line + 2;
        if (strncasecmp(at, name, len) != 0 || at[len] != ':' || nth-- > 0)
            continue;
        at += len + 1 + strspn(at + len + 1, " ");
        snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
        return true;
    }
    return false;
}

/* One reply; without_body: to a HEAD request. */
static inline struct client_reply *client_read(struct client *client, bool without_body)
{
    struct client_reply *reply = calloc(1, sizeof *reply);
    char *end, length[32];
    if (!reply)
        abort();
    client->input[client->have] = '\0';
    while (!(end = strstr(client->input, "\r\n\r\n"))) {
        if (client->have >= CLIENT_HEAD_MAX || !client_fill(client))
            return reply;
    }
    size_t head_len = (size_t)(end - client->input) + 4;
    memcpy(reply->head, client->input, head_len);
    bool sized = client_header(reply, "Content-Length", 0, length, sizeof length);
    size_t body_len = without_body || !sized ? 0 : strtoul(length, NULL, 10);
    while (body_len <= CLIENT_BODY_MAX && client->have < head_len + body_len) {
        if (!client_fill(client))
            return reply;
    }
    if (body_len > CLIENT_BODY_MAX || sscanf(reply->head, "HTTP/1.1 %d", &reply->status) != 1)
        return reply;
    memcpy(reply->body, client->input + head_len, body_len);
    reply->body_len = body_len;
    client->have -= head_len + body_len;
    memmove(client->input, client->input + head_len + body_len, client->have);
    return reply;
}

/* True when the peer has closed the connection and sent nothing more. */
static inline bool client_at_end(struct client *client)
{
    return client->have == 0 && !client_fill(client) && errno != EAGAIN && errno != EWOULDBLOCK;
}

/* True when octets, or the end, can be read at once. */
static inline bool client_readable(struct client *client)
{
    char octet;
    return recv(client->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

#endif
