#include "gateway/systemd.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    FIRST_SOCKET = 3, /* SD_LISTEN_FDS_START */
    SOCKETS_MAX = 64,
    NAME_ROOM = 64,
    MESSAGE_MAX = 2048,
};

static struct {
    int notify; /* -1: nobody listens */
    struct sockaddr_un where;
    socklen_t where_len;
    uint64_t watchdog_ms;
    struct handed {
        int fd;
        char name[NAME_ROOM];
        struct sockaddr_storage where;
        socklen_t len;
        atomic_bool wanted; /* somebody has asked for it */
    } sockets[SOCKETS_MAX];
    unsigned count;
} manager = {.notify = -1};

/* A number of the environment; 0 where there is none. */
static unsigned long long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return 0;
    unsigned long long number = strtoull(text, &end, 10);
    return *end == '\0' ? number : 0;
}

/* Whether what stands in the environment was written for this process, and not for one above it. */
static bool is_mine(const char *name)
{
    return !getenv(name) || number_of(name) == (unsigned long long)getpid();
}

/* A path, or a name of the abstract kind, which begins with @ here and with 0 in the kernel. */
static void find_listener(const char *path)
{
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof manager.where.sun_path || (*path != '/' && *path != '@'))
        return;
    manager.where.sun_family = AF_UNIX;
    memcpy(manager.where.sun_path, path, len + 1);
    if (*path == '@')
        manager.where.sun_path[0] = '\0';
    manager.where_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*path == '/' ? 1 : 0));
    manager.notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* LISTEN_FDNAMES has a name for each, colons between them. */
static void take_sockets(unsigned long long count, const char *names)
{
    for (unsigned i = 0; i < count && i < SOCKETS_MAX; i++) {
        struct handed *handed = &manager.sockets[manager.count++];
        size_t len = names ? strcspn(names, ":") : 0;
        handed->fd = FIRST_SOCKET + (int)i;
        handed->len = sizeof handed->where;
        fcntl(handed->fd, F_SETFD, FD_CLOEXEC);
        if (getsockname(handed->fd, (struct sockaddr *)&handed->where, &handed->len) != 0)
            handed->len = 0;
        snprintf(handed->name, sizeof handed->name, "%.*s", (int)(len < NAME_ROOM ? len : 0), names ? names : "");
        if (names)
            names += len + (names[len] == ':' ? 1 : 0);
    }
}

void systemd_open(void)
{
    static const char *const meant_for_us[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                               "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};
    if (getenv("LISTEN_PID") && is_mine("LISTEN_PID"))
        take_sockets(number_of("LISTEN_FDS"), getenv("LISTEN_FDNAMES"));
    find_listener(getenv("NOTIFY_SOCKET"));
    if (is_mine("WATCHDOG_PID"))
        manager.watchdog_ms = number_of("WATCHDOG_USEC") / 1000;
    for (size_t i = 0; i < sizeof meant_for_us / sizeof *meant_for_us; i++)
        unsetenv(meant_for_us[i]);
}

void systemd_tell(const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list values;
    if (manager.notify < 0)
        return;
    va_start(values, format);
    int len = vsnprintf(message, sizeof message, format, values);
    va_end(values);
    if (len < 0)
        return;
    /* A service manager that is not listening now has lost a beat, or a line for people: not worth waiting for. */
    sendto(manager.notify, message, (size_t)len < sizeof message ? (size_t)len : sizeof message - 1, MSG_NOSIGNAL,
           (const struct sockaddr *)&manager.where, manager.where_len);
}

uint64_t systemd_watchdog_ms(void)
{
    return manager.watchdog_ms;
}

/* ---- sockets ---- */

static bool is_at(const struct handed *handed, const struct sockaddr *where)
{
    const struct sockaddr *mine = (const struct sockaddr *)&handed->where;
    if (handed->len == 0 || mine->sa_family != where->sa_family)
        return false;
    if (where->sa_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)mine, *b = (const struct sockaddr_in *)where;
        return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
    }
    if (where->sa_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)mine, *b = (const struct sockaddr_in6 *)where;
        return a->sin6_port == b->sin6_port && IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr);
    }
    return where->sa_family == AF_UNIX &&
           strcmp(((const struct sockaddr_un *)mine)->sun_path, ((const struct sockaddr_un *)where)->sun_path) == 0;
}

static bool is_of_kind(const struct handed *handed, const char *kind)
{
    static const char *const kinds[] = {"acme", "public", "admin", "metrics"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(handed->name, kinds[i]) == 0)
            return strcmp(kind, kinds[i]) == 0;
    }
    return true;
}

int systemd_socket(const char *kind, const struct sockaddr *where)
{
    for (unsigned i = 0; i < manager.count; i++) {
        struct handed *handed = &manager.sockets[i];
        if (is_of_kind(handed, kind) && is_at(handed, where)) {
            atomic_store(&handed->wanted, true);
            return handed->fd;
        }
    }
    return -1;
}

static void write_address(const struct handed *handed, char text[static SYSTEMD_ADDRESS_MAX])
{
    const struct sockaddr *where = (const struct sockaddr *)&handed->where;
    char host[INET6_ADDRSTRLEN], port[8];
    if (where->sa_family == AF_UNIX)
        snprintf(text, SYSTEMD_ADDRESS_MAX, "%.107s", ((const struct sockaddr_un *)where)->sun_path);
    else if (getnameinfo(where, handed->len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) ==
             0)
        snprintf(text, SYSTEMD_ADDRESS_MAX, where->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    else
        snprintf(text, SYSTEMD_ADDRESS_MAX, "descriptor %d", handed->fd);
}

void systemd_left_over(unsigned index, char text[static SYSTEMD_ADDRESS_MAX])
{
    text[0] = '\0';
    for (unsigned i = 0; i < manager.count; i++) {
        if (!atomic_load(&manager.sockets[i].wanted) && index-- == 0)
            write_address(&manager.sockets[i], text);
    }
}
