#include "responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOKEN_MAX = 127, ANSWER_MAX = 192, REQUEST_MAX = 4096, TIMEOUT_S = 2 };

struct answer {
    char token[TOKEN_MAX + 1]; /* "": free */
    char thumbprint[ANSWER_MAX - TOKEN_MAX - 1];
};

struct responder {
    int listener, stop; /* stop: an eventfd */
    pthread_t thread;
    pthread_mutex_t lock;
    struct answer *answers; /* open addressing, never removed */
    size_t capacity, count; /* capacity is a power of two */
};

/* ---- the tokens ---- */

static struct answer *slot_of(const struct responder *r, const char *token)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *c = token; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    size_t i = hash & (r->capacity - 1);
    while (r->answers[i].token[0] != '\0' && strcmp(r->answers[i].token, token) != 0)
        i = (i + 1) & (r->capacity - 1);
    return &r->answers[i];
}

bool responder_add(struct responder *r, const char *token, const char *thumbprint)
{
    if (token[0] == '\0' || strlen(token) > TOKEN_MAX || strlen(thumbprint) >= sizeof r->answers->thumbprint)
        return false;
    pthread_mutex_lock(&r->lock);
    bool room = r->count < r->capacity / 2;
    if (room) {
        struct answer *answer = slot_of(r, token);
        r->count += answer->token[0] == '\0';
        snprintf(answer->token, sizeof answer->token, "%s", token);
        snprintf(answer->thumbprint, sizeof answer->thumbprint, "%s", thumbprint);
    }
    pthread_mutex_unlock(&r->lock);
    return room;
}

/* "" where the token is unknown. */
static void key_authorization(struct responder *r, const char *token, char out[static ANSWER_MAX + 1])
{
    pthread_mutex_lock(&r->lock);
    const struct answer *answer = slot_of(r, token);
    out[0] = '\0';
    if (answer->token[0] != '\0')
        snprintf(out, ANSWER_MAX + 1, "%s.%s", answer->token, answer->thumbprint);
    pthread_mutex_unlock(&r->lock);
}

/* ---- one connection, one request ---- */

/* Reads to the end of the header; false on a time-out or too long a one. */
static bool read_request(int fd, char request[static REQUEST_MAX + 1])
{
    size_t len = 0;
    while (len < REQUEST_MAX) {
        ssize_t got = read(fd, request + len, REQUEST_MAX - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        request[len] = '\0';
        if (strstr(request, "\r\n\r\n") != NULL)
            return true;
    }
    return false;
}

static void serve(struct responder *r, int fd)
{
    char request[REQUEST_MAX + 1], token[TOKEN_MAX + 1] = "", body[ANSWER_MAX + 1] = "", reply[ANSWER_MAX + 200];
    if (!read_request(fd, request))
        return;
    if (sscanf(request, "GET /.well-known/acme-challenge/%127[A-Za-z0-9_-] ", token) == 1)
        key_authorization(r, token, body);
    int len = snprintf(reply, sizeof reply,
                       "HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n%s",
                       body[0] != '\0' ? "200 OK" : "404 Not Found", strlen(body), body);
    /* MSG_NOSIGNAL: a server that has hung up is its own affair. */
    if (send(fd, reply, (size_t)len, MSG_NOSIGNAL) == len)
        shutdown(fd, SHUT_WR);
}

static void *responder_main(void *arg)
{
    struct responder *r = arg;
    struct pollfd fds[] = {{.fd = r->listener, .events = POLLIN}, {.fd = r->stop, .events = POLLIN}};
    static const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
        if (fds[1].revents != 0)
            break;
        int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        serve(r, fd);
        close(fd);
    }
    return NULL;
}

/* ---- start and stop ---- */

static int listen_on(const char *address, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    static const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && inet_pton(AF_INET, address, &to.sin_addr) == 1 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&to, sizeof to) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    fprintf(stderr, "acmebench: cannot listen on %s:%u: %s\n", address, port, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

struct responder *responder_start(const char *address, uint16_t port, size_t tokens)
{
    struct responder *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    for (r->capacity = 64; r->capacity < 4 * tokens;)
        r->capacity *= 2;
    r->answers = calloc(r->capacity, sizeof *r->answers);
    r->listener = listen_on(address, port);
    r->stop = eventfd(0, EFD_CLOEXEC);
    if (r->answers != NULL && r->listener >= 0 && r->stop >= 0 &&
        pthread_create(&r->thread, NULL, responder_main, r) == 0)
        return r;
    if (r->listener >= 0)
        close(r->listener);
    if (r->stop >= 0)
        close(r->stop);
    free(r->answers);
    free(r);
    return NULL;
}

void responder_stop(struct responder *r)
{
    if (r == NULL)
        return;
    eventfd_write(r->stop, 1);
    pthread_join(r->thread, NULL);
    close(r->listener);
    close(r->stop);
    pthread_mutex_destroy(&r->lock);
    free(r->answers);
    free(r);
}
