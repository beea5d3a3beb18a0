/* failing: to be loaded before libc (LD_PRELOAD): calls of the kinds below fail when a test wants it.
 *
 * The test and the process share a file, which FAILING_CALLS names (struct control): the test reads there how often
 * each kind was called, and arms one of them, so that its nth call from then on fails. Without the variable none
 * does. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* As failing.py has them. WRITE: to a file. OPEN: of a file to write to. CHANGE: of a folder. SEND, RECEIVE: by a
 * socket. LOG: a write to stderr. */
enum kind {
    NONE,
    WRITE,
    FLUSH,
    TRUNCATE,
    OPEN,
    CHANGE,
    SOCKET,
    CONNECT,
    ACCEPT,
    SEND,
    RECEIVE,
    POLL,
    LOG,
    KINDS
};

struct control {
    atomic_uint armed;   /* a kind */
    atomic_uint nth;     /* the call that fails, from 1 */
    atomic_uint error;   /* its errno */
    atomic_uint lasting; /* whether all after it fail too */
    atomic_uint seen;    /* calls of that kind since it was armed */
    atomic_uint failed;
    atomic_uint calls[KINDS]; /* of each kind, ever */
};

static struct control nobody, *control = &nobody;
static __thread bool inside; /* next, which may call what stands here */

__attribute__((constructor)) static void join_test(void)
{
    const char *path = getenv("FAILING_CALLS");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd >= 0 ? mmap(NULL, sizeof nobody, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (shared != MAP_FAILED)
        control = shared;
    if (fd >= 0)
        close(fd);
}

static bool fails(enum kind kind)
{
    if (kind == NONE || inside)
        return false;
    atomic_fetch_add(&control->calls[kind], 1);
    if (atomic_load(&control->armed) != kind)
        return false;
    unsigned seen = atomic_fetch_add(&control->seen, 1) + 1, nth = atomic_load(&control->nth);
    if (seen != nth && !(atomic_load(&control->lasting) && seen > nth))
        return false;
    atomic_fetch_add(&control->failed, 1);
    errno = (int)atomic_load(&control->error);
    return true;
}

/* A connection that broke stays broken: whoever writes or reads again is told the same. */
static bool breaks(enum kind kind, int fd)
{
    bool failed = fails(kind);
    if (failed && (kind == SEND || kind == RECEIVE)) {
        int error = errno;
        shutdown(fd, SHUT_RDWR);
        errno = error;
    }
    return failed;
}

static void *next(const char *name)
{
    inside = true;
    void *found = dlsym(RTLD_NEXT, name);
    inside = false;
    return found;
}

/* What a descriptor that is written to is: pipes and event counters, by which threads wake each other, never fail. */
static enum kind kind_of(int fd, enum kind file, enum kind socket)
{
    struct stat about;
    if (fd == STDERR_FILENO)
        return file == WRITE ? LOG : NONE;
    if (fstat(fd, &about) != 0)
        return NONE;
    return S_ISREG(about.st_mode) ? file : S_ISSOCK(about.st_mode) ? socket : NONE;
}

/* A function that fails where it is told to, and is the next one of its name otherwise. */
#define FAILING(told, type, bad, name, parameters, arguments)                                                          \
    type name parameters                                                                                               \
    {                                                                                                                  \
        static type(*real) parameters;                                                                                 \
        if (told)                                                                                               \
            return bad;                                                                                                \
        if (!real)                                                                                                     \
            *(void **)&real = next(#name); /* as dlsym(3) has it: ISO C knows no such conversion */                    \
        return real arguments;                                                                                         \
    }

FAILING(breaks(kind_of(fd, WRITE, SEND), fd), ssize_t, -1, write, (int fd, const void *data, size_t len),
        (fd, data, len))
FAILING(breaks(kind_of(fd, WRITE, SEND), fd), ssize_t, -1, writev, (int fd, const struct iovec *data, int count),
        (fd, data, count))
FAILING(fails(WRITE), ssize_t, -1, pwrite, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
FAILING(fails(WRITE), ssize_t, -1, pwrite64, (int fd, const void *data, size_t len, off64_t at), (fd, data, len, at))
FAILING(fails(WRITE), ssize_t, -1, pwritev, (int fd, const struct iovec *data, int count, off_t at),
        (fd, data, count, at))
FAILING(fails(WRITE), ssize_t, -1, pwritev64, (int fd, const struct iovec *data, int count, off64_t at),
        (fd, data, count, at))
FAILING(fails(FLUSH), int, -1, fsync, (int fd), (fd))
FAILING(fails(FLUSH), int, -1, fdatasync, (int fd), (fd))
FAILING(fails(TRUNCATE), int, -1, ftruncate, (int fd, off_t len), (fd, len))
FAILING(fails(TRUNCATE), int, -1, ftruncate64, (int fd, off64_t len), (fd, len))
FAILING(fails(CHANGE), int, -1, unlink, (const char *path), (path))
FAILING(fails(CHANGE), int, -1, rename, (const char *from, const char *to), (from, to))
FAILING(fails(CHANGE), int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
FAILING(fails(SOCKET), int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol))
FAILING(fails(CONNECT), int, -1, connect, (int fd, __CONST_SOCKADDR_ARG to, socklen_t len), (fd, to, len))
FAILING(fails(ACCEPT), int, -1, accept4, (int fd, __SOCKADDR_ARG from, socklen_t *len, int flags),
        (fd, from, len, flags))
FAILING(breaks(SEND, fd), ssize_t, -1, send, (int fd, const void *data, size_t len, int flags),
        (fd, data, len, flags))
FAILING(breaks(SEND, fd), ssize_t, -1, sendto,
        (int fd, const void *data, size_t len, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_len),
        (fd, data, len, flags, to, to_len))
FAILING(breaks(SEND, fd), ssize_t, -1, sendmsg, (int fd, const struct msghdr *message, int flags),
        (fd, message, flags))
FAILING(breaks(kind_of(fd, NONE, RECEIVE), fd), ssize_t, -1, read, (int fd, void *data, size_t len),
        (fd, data, len))
FAILING(breaks(RECEIVE, fd), ssize_t, -1, recv, (int fd, void *data, size_t len, int flags),
        (fd, data, len, flags))
FAILING(breaks(RECEIVE, fd), ssize_t, -1, recvfrom,
        (int fd, void *data, size_t len, int flags, __SOCKADDR_ARG from, socklen_t *from_len),
        (fd, data, len, flags, from, from_len))
FAILING(breaks(RECEIVE, fd), ssize_t, -1, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
FAILING(fails(POLL), int, -1, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event),
        (epoll, what, fd, event))

/* The one with a mode, where a file may be made. */
static mode_t mode_of(int flags, va_list more)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

#define FAILING_OPEN(name)                                                                                             \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list more;                                                                                                  \
        if (fails(flags & (O_WRONLY | O_RDWR | O_CREAT) ? OPEN : NONE))                                                \
            return -1;                                                                                                 \
        va_start(more, flags);                                                                                         \
        mode_t mode = mode_of(flags, more);                                                                            \
        va_end(more);                                                                                                  \
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);                                                  \
    }

FAILING_OPEN(open)
FAILING_OPEN(open64)
