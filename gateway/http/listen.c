#include "gateway/http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/address.h"
#include "gateway/systemd.h"

static bool fail_listen(char *reason, const char *address, const char *what)
{
    snprintf(reason, HTTP_REASON_MAX, "cannot listen on %s: %s", address, what);
    return false;
}

/* Options set on a listening socket are inherited by what it accepts. Returns the bound descriptor, or -1 and errno. */
static int bind_one(const struct sockaddr_storage *where, socklen_t len, bool share)
{
    int on = 1, timeout_ms = WRITE_TIMEOUT_MS;
    int fd = socket(where->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!share || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        (where->ss_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms) == 0 &&
        bind(fd, (const struct sockaddr *)where, len) == 0 && (!share || listen(fd, LISTEN_BACKLOG) == 0))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* SO_REUSEPORT lets a second process of the same user take half of the connections without a word. Without it, bind
 * tells whether somebody is there. */
static bool is_free(const struct sockaddr_storage *where, socklen_t len)
{
    int fd = bind_one(where, len, false);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static void write_address(int fd, struct listener *listener)
{
    struct sockaddr_storage where;
    socklen_t len = sizeof where;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&where, &len) != 0 ||
        getnameinfo((struct sockaddr *)&where, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): getsockname fills it */
    snprintf(listener->address, sizeof listener->address, where.ss_family == AF_INET6 ? "[%.64s]:%.8s" : "%.64s:%.8s",
             host, port);
}

/* Of systemd_socket; the operators' two are told apart by their addresses. */
static const char *const kind_names[HTTP_LISTENER_KINDS] = {"acme", "public", "admin", "metrics", "admin"};

/* The socket that the service manager holds for this address: a duplicate for each loop. 1: done; 0: it has none; -1:
 * *reason. */
static int take_handed(struct listener *listener, const struct sockaddr *where, char *reason)
{
    int on = 1, timeout_ms = WRITE_TIMEOUT_MS, listening = 0;
    socklen_t len = sizeof listening;
    int fd = systemd_socket(kind_names[listener->kind], where);
    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening) {
        fail_listen(reason, listener->address,
                    "the service manager's socket for it does not listen; it has to be a ListenStream= with Accept=no");
        return -1;
    }
    if (where->sa_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    listener->handed = true;
    unsigned count = where->sa_family == AF_UNIX ? 1 : listener->count; /* that is served by the first loop alone */
    for (unsigned i = 0; i < count; i++) {
        listener->descriptors[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (listener->descriptors[i] < 0) {
            fail_listen(reason, listener->address, strerror(errno));
            return -1;
        }
    }
    return 1;
}

bool listen_tcp(struct listener *listener, bool ours, char reason[static HTTP_REASON_MAX])
{
    struct sockaddr_storage where;
    socklen_t len;
    if (!address_to_listen(listener->address, &where, &len))
        return fail_listen(reason, listener->address,
                           "it is not an address and port such as 192.0.2.1:443 or [::]:443");
    int handed = take_handed(listener, (const struct sockaddr *)&where, reason);
    if (handed != 0)
        return handed > 0;
    if (!ours && !is_free(&where, len))
        return fail_listen(reason, listener->address, strerror(errno));
    for (unsigned i = 0; i < listener->count; i++) {
        listener->descriptors[i] = bind_one(&where, len, true);
        if (listener->descriptors[i] < 0)
            return fail_listen(reason, listener->address, strerror(errno));
        if (i == 0) {
            /* The kernel's choice for port 0 holds for the others too. */
            len = sizeof where;
            if (getsockname(listener->descriptors[0], (struct sockaddr *)&where, &len) != 0)
                return fail_listen(reason, listener->address, strerror(errno));
            write_address(listener->descriptors[0], listener);
        }
    }
    return true;
}

/* Removes a socket that nobody answers on. */
static bool clear_stale(const struct sockaddr_un *where, char *reason)
{
    struct stat found;
    if (lstat(where->sun_path, &found) != 0)
        return errno == ENOENT || fail_listen(reason, where->sun_path, strerror(errno));
    if (!S_ISSOCK(found.st_mode))
        return fail_listen(reason, where->sun_path, "there is a file of that name that is not a socket");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_listen(reason, where->sun_path, strerror(errno));
    int got = connect(fd, (const struct sockaddr *)where, sizeof *where), error = errno;
    close(fd);
    if (got == 0)
        return fail_listen(reason, where->sun_path, "another process serves this socket");
    if (error != ECONNREFUSED)
        return fail_listen(reason, where->sun_path, strerror(error));
    return unlink(where->sun_path) == 0 || fail_listen(reason, where->sun_path, strerror(errno));
}

bool listen_unix(struct listener *listener, char reason[static HTTP_REASON_MAX])
{
    enum { MODE = 0660 };
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    size_t len = strlen(listener->address);
    if (len >= sizeof where.sun_path)
        return fail_listen(reason, listener->address, "the path of a Unix socket can have 107 octets at most");
    memcpy(where.sun_path, listener->address, len + 1);
    int handed = take_handed(listener, (const struct sockaddr *)&where, reason);
    if (handed != 0)
        return handed > 0;
    if (!clear_stale(&where, reason))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_listen(reason, listener->address, strerror(errno));
    /* On Linux the mode that the descriptor has before bind is the most that the name gets: nobody slips in between. */
    if (fchmod(fd, MODE) == 0 && bind(fd, (const struct sockaddr *)&where, sizeof where) == 0 &&
        chmod(where.sun_path, MODE) == 0 && listen(fd, LISTEN_BACKLOG) == 0) {
        listener->descriptors[0] = fd;
        listener->bound_name = true;
        return true;
    }
    fail_listen(reason, listener->address, strerror(errno));
    close(fd);
    return false;
}

void listen_close(struct listener *listener)
{
    for (unsigned i = 0; i < listener->count; i++) {
        if (listener->descriptors[i] >= 0)
            close(listener->descriptors[i]);
        listener->descriptors[i] = -1;
    }
    if (listener->bound_name)
        unlink(listener->address);
    listener->bound_name = false;
}
