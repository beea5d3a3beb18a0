/* covers: gateway/http/framing.c
 *
 * Requests as octets, through the whole HTTP layer: a listener in this process, and a connection for each input, that
 * the client has nothing more to say on. It ends, and what came before that is HTTP.
 *
 * The first octet chooses the listener: the public one, the same behind the PROXY protocol, that for metrics. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* WAIT_S: far longer than a connection lives whose client has said all. */
enum { LISTENERS = 3, WAIT_S = 20, PORTS = 10000 };

static struct http_server *servers[2];
static struct sockaddr_in addresses[LISTENERS];

/* Reads all of it, so that a sanitizer sees what is not there. */
static void echo(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    (void)ctx;
    const char *const texts[] = {call->method, call->path, call->query, call->authorization,
                                 call->cookie, call->csrf, call->user,  call->content_type,
                                 call->role,   call->peer, call->if_none_match};
    size_t sum = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        sum += strlen(texts[i]);
    for (size_t i = 0; i < call->body_len; i++)
        sum += (unsigned char)call->body[i];
    if (strncmp(call->path, "/teapot", 7) == 0)
        http_answer_text(answer, 418, "short\n");
    else
        http_answer_text(answer, sum % 2 ? 200 : 404, "an answer\n");
}

static void find_address(struct http_server *server, enum http_listener kind, struct sockaddr_in *out)
{
    char text[HTTP_ADDRESS_MAX];
    http_address(server, kind, 0, text);
    char *colon = strrchr(text, ':');
    if (!colon)
        abort();
    *out = (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((uint16_t)atoi(colon + 1))};
}

/* They live as long as the process: h2o keeps something of each that ends. */
static void start(void)
{
    static const char *const any_port[] = {"127.0.0.1:0"}, *const trusted[] = {"127.0.0.0/8", NULL};
    char reason[HTTP_REASON_MAX];
    for (unsigned i = 0; i < 2; i++) {
        struct http_config config = {.threads = 1,
                                     .public_listen = any_port,
                                     .public_listen_count = 1,
                                     .metrics_listen = any_port,
                                     .metrics_listen_count = i == 0,
                                     .public_handler = echo,
                                     .metrics_handler = echo,
                                     .proxies[HTTP_PUBLIC] = {.trusted = i ? trusted : NULL, .protocol = i == 1}};
        servers[i] = http_start(&config, reason);
        if (!servers[i])
            abort();
        find_address(servers[i], HTTP_PUBLIC, &addresses[i]);
    }
    find_address(servers[0], HTTP_METRICS, &addresses[2]);
}

/* libFuzzer has an alarm clock: what it interrupts goes on by itself, and is waited for. */
static bool connect_to(int fd, const struct sockaddr_in *address)
{
    int fault = 0;
    socklen_t size = sizeof fault;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return true;
    if (errno != EINTR)
        return false;
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    while (poll(&writable, 1, WAIT_S * 1000) < 0 && errno == EINTR)
        continue;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size) == 0 && fault == 0 && (writable.revents & POLLOUT);
}

static ssize_t send_some(int fd, const uint8_t *data, size_t size)
{
    ssize_t sent;
    do {
        sent = send(fd, data, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

/* Who closes first keeps the port for a minute: one address has not enough of them. */
static int ask(const struct sockaddr_in *address, const uint8_t *data, size_t size)
{
    static unsigned count;
    struct timeval limit = {.tv_sec = WAIT_S};
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 * (count++ / PORTS % 1000))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), later = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later) != 0 ||
        bind(fd, (const struct sockaddr *)&from, sizeof from) != 0 || !connect_to(fd, address))
        abort();
    while (size > 0) {
        ssize_t sent = send_some(fd, data, size);
        if (sent <= 0)
            break; /* it has heard enough */
        data += sent;
        size -= (size_t)sent;
    }
    shutdown(fd, SHUT_WR);
    return fd;
}

static ssize_t read_some(int fd, char *out, size_t size)
{
    ssize_t got;
    do {
        got = recv(fd, out, size, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

static void check_reply(int fd)
{
    static char reply[1 << 16];
    size_t len = 0;
    ssize_t got;
    while ((got = read_some(fd, reply + len, sizeof reply - len)) > 0)
        len = len + (size_t)got < sizeof reply ? len + (size_t)got : 0;
    if (got < 0 && errno != ECONNRESET)
        abort(); /* it hangs */
    if (got == 0 && len >= 9 && memcmp(reply, "HTTP/1.1 ", 9) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (!servers[0])
        start();
    int fd = ask(&addresses[data[0] % LISTENERS], data + 1, size - 1);
    check_reply(fd);
    close(fd);
    return 0;
}
