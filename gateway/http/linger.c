#include "gateway/http/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/http/internal.h"
#include "store/shortage.h"

enum { LINGER_MS = 2000, LINGER_OCTETS = 16 * 1024 * 1024, LINGER_COUNT_MAX = 128 };

struct lingering {
    h2o_linklist_t link; /* in order of end */
    struct loop *loop;
    h2o_socket_t *sock;
    uint64_t until_ms;
    size_t left; /* octets */
};

void linger_prepare(struct connection *connection)
{
    if (connection->linger_fd < 0)
        connection->linger_fd = fcntl(h2o_socket_get_fd(connection->sock), F_DUPFD_CLOEXEC, 0);
}

static void end_lingering(struct lingering *lingering)
{
    h2o_linklist_unlink(&lingering->link);
    lingering->loop->lingering_count--;
    h2o_socket_close(lingering->sock);
    free(lingering);
}

static void on_readable(h2o_socket_t *sock, const char *err)
{
    struct lingering *lingering = sock->data;
    char octets[16 * 1024];
    ssize_t got = err ? 0 : read(h2o_socket_get_fd(sock), octets, sizeof octets);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || (size_t)got >= lingering->left)
        end_lingering(lingering);
    else
        lingering->left -= (size_t)got;
}

void linger_begin(struct connection *connection)
{
    struct loop *loop = connection->loop;
    struct lingering *lingering;
    if (connection->linger_fd < 0)
        return;
    shutdown(connection->linger_fd, SHUT_WR);
    bool room = !loop->draining && loop->lingering_count < LINGER_COUNT_MAX;
    if (!room || !(lingering = shortage_calloc(1, sizeof *lingering))) {
        close(connection->linger_fd);
        return;
    }
    lingering->loop = loop;
    loop->lingering_count++;
    lingering->sock = h2o_evloop_socket_create(loop->context.loop, connection->linger_fd, H2O_SOCKET_FLAG_DONT_READ);
    lingering->sock->data = lingering;
    lingering->until_ms = monotonic_ms() + LINGER_MS;
    lingering->left = LINGER_OCTETS;
    h2o_linklist_insert(&loop->lingering, &lingering->link);
    h2o_socket_read_start(lingering->sock, on_readable);
}

void linger_expire(struct loop *loop, uint64_t now_ms)
{
    while (!h2o_linklist_is_empty(&loop->lingering)) {
        struct lingering *first = H2O_STRUCT_FROM_MEMBER(struct lingering, link, loop->lingering.next);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who ends is no more in the list */
        if (first->until_ms > now_ms)
            return;
        end_lingering(first);
    }
}

uint64_t linger_next_ms(const struct loop *loop)
{
    const h2o_linklist_t *first = loop->lingering.next;
    return first == &loop->lingering ? UINT64_MAX : H2O_STRUCT_FROM_MEMBER(struct lingering, link, first)->until_ms;
}
