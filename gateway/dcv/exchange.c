#include "gateway/dcv/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_PORT = 53, PREFIX = 2 }; /* over TCP the length goes before each message */

struct exchange {
    struct egress *egress;
    exchange_done_fn *done;
    void *ctx;
    int fd, error;
    bool sent;
    uint8_t *buffer; /* what is to be sent, then what comes */
    size_t at, len;  /* done, of all */
    struct egress_watch watch;
};

static void end_exchange(struct exchange *x, const char *reason)
{
    exchange_done_fn *done = x->done;
    void *ctx = x->ctx;
    uint8_t *buffer = x->buffer;
    if (x->fd >= 0)
        close(x->fd);
    size_t len = x->len - PREFIX;
    free(x);
    done(ctx, reason ? NULL : buffer + PREFIX, reason ? 0 : len, reason);
    free(buffer);
}

static void end_with(struct exchange *x, const char *what, int error)
{
    char reason[128];
    snprintf(reason, sizeof reason, "%s: %s", what, strerror(error));
    end_exchange(x, reason);
}

static void listen_on(struct exchange *x, int events)
{
    x->watch.events = events;
    egress_watch(x->egress, &x->watch);
}

/* ---- reading ---- */

/* The length is known: make room for the rest. */
static bool grow(struct exchange *x)
{
    x->len = PREFIX + (size_t)(x->buffer[0] << 8 | x->buffer[1]);
    uint8_t *buffer = realloc(x->buffer, x->len);
    if (buffer)
        x->buffer = buffer;
    return buffer != NULL;
}

static void receive(struct exchange *x)
{
    ssize_t got = recv(x->fd, x->buffer + x->at, x->len - x->at, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        listen_on(x, EGRESS_READABLE);
        return;
    }
    if (got <= 0) {
        end_with(x, "the server ended the connection", got < 0 ? errno : ECONNRESET);
        return;
    }
    x->at += (size_t)got;
    if (x->at == PREFIX && x->len == PREFIX && !grow(x))
        end_exchange(x, "out of memory");
    else if (x->at == x->len)
        end_exchange(x, NULL);
    else
        listen_on(x, EGRESS_READABLE);
}

/* ---- sending ---- */

static void transmit(struct exchange *x)
{
    ssize_t put = send(x->fd, x->buffer + x->at, x->len - x->at, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN && errno != EINTR) {
        end_with(x, "the server cannot be reached", errno);
        return;
    }
    if (put > 0)
        x->at += (size_t)put;
    x->sent = x->at == x->len;
    if (x->sent) {
        x->at = 0;
        x->len = PREFIX;
    }
    listen_on(x, x->sent ? EGRESS_READABLE : EGRESS_WRITABLE);
}

static void on_socket_event(void *ctx, int event)
{
    struct exchange *x = ctx;
    if (x->fd < 0)
        end_with(x, "the server cannot be reached", x->error);
    else if (event & EGRESS_UNWATCHED)
        end_exchange(x, "the connection to the server cannot be watched: out of memory");
    else if (event & EGRESS_DEADLINE)
        end_exchange(x, x->sent ? "the server gave no answer in time" : "the server could not be reached in time");
    else if (x->sent)
        receive(x);
    else
        transmit(x);
}

/* ---- starting ---- */

static socklen_t read_address(const char *text, struct sockaddr_storage *out)
{
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "@");
    uint16_t port = text[len] ? (uint16_t)strtoul(text + len + 1, NULL, 10) : DNS_PORT;
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    snprintf(address, sizeof address, "%.*s", (int)len, text);
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
        return 0;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof *v6;
}

/* A failure is told by on_event, since nothing may call back from here. */
static void start_exchange(struct exchange *x, const char *server)
{
    struct sockaddr_storage address;
    socklen_t len = read_address(server, &address);
    x->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (x->fd >= 0 && connect(x->fd, (struct sockaddr *)&address, len) != 0 && errno != EINPROGRESS) {
        x->error = errno;
        close(x->fd);
        x->fd = -1;
    } else if (x->fd < 0) {
        x->error = errno;
    }
    x->watch.fd = x->fd;
    if (x->fd < 0)
        x->watch.deadline_ms = 0;
    listen_on(x, EGRESS_WRITABLE);
}

bool exchange(struct egress *egress, const char *server, const uint8_t *message, size_t len, uint32_t timeout_ms,
              exchange_done_fn *done, void *ctx)
{
    struct exchange *x = calloc(1, sizeof *x);
    uint8_t *buffer = len <= UINT16_MAX ? malloc(PREFIX + len) : NULL;
    if (!x || !buffer) {
        free(x);
        free(buffer);
        return false;
    }
    buffer[0] = (uint8_t)(len >> 8);
    buffer[1] = (uint8_t)len;
    memcpy(buffer + PREFIX, message, len);
    *x = (struct exchange){.egress = egress, .done = done, .ctx = ctx, .buffer = buffer, .len = PREFIX + len};
    x->watch = (struct egress_watch){.deadline_ms = egress_now_ms() + timeout_ms, .fn = on_socket_event, .ctx = x};
    start_exchange(x, server);
    return true;
}
