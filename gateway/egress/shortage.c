/* What this machine lacks says nothing about a peer: it must not end anybody's authorization. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/egress/internal.h"

/* A look-up or a connection needs as many; and what was lacking a moment ago explains what failed since: libunbound
 * answers a SERVFAIL of its own again for five seconds. */
enum { SPARE_MIN = 4, SHORT_FOR_MS = 8000 };

bool egress_is_shortage(int family, int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC:
    case EAGAIN:
        return true;
    case EADDRNOTAVAIL: /* no port left; by IPv6 also where this machine has no address, which is no passing want */
        return family == AF_INET;
    default:
        return false;
    }
}

static bool has_spare(const struct egress *egress)
{
    int spare[SPARE_MIN], count = 0;
    while (count < SPARE_MIN && (spare[count] = fcntl(egress->wake_fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    bool enough = count == SPARE_MIN;
    while (count > 0)
        close(spare[--count]);
    return enough;
}

bool egress_is_short(struct egress *egress)
{
    uint64_t now_ms = egress_now_ms();
    if (!has_spare(egress))
        egress->short_ms = now_ms;
    return egress->short_ms && now_ms < egress->short_ms + SHORT_FOR_MS;
}
