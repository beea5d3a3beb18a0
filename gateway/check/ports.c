/* ports: may this process listen where it is told to? Tried by doing it, without SO_REUSEPORT, which would let two
 * processes of one user share an address without a word. */
#include "gateway/check/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/address.h"
#include "gateway/systemd.h"

/* 0, or errno. */
static int try_address(const char *kind, const char *text)
{
    struct sockaddr_storage where;
    socklen_t len;
    int on = 1, error = 0;
    if (!address_to_listen(text, &where, &len))
        return EINVAL;
    if (systemd_socket(kind, (const struct sockaddr *)&where) >= 0)
        return 0;
    int fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (where.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, (const struct sockaddr *)&where, len) != 0)
        error = errno;
    close(fd);
    return error;
}

/* Once for all of them; nothing where a daemon holds them. */
static bool warn_of_unit(struct look *look, const char *path, const char *address)
{
    if (look->owner == 0 && !look->ports)
        look_warn(look, path,
                  "\"%s\": this user may not listen on such ports; the unit gives the daemon CAP_NET_BIND_SERVICE",
                  address);
    look->ports = true;
    return true;
}

static bool judge_address(struct look *look, const char *path, const char *address, int error)
{
    switch (error) {
    case 0:
        return true;
    case EADDRINUSE:
        return look->owner != 0 || config_say(look->config, look->reason, path,
                                              "\"%s\" is in use by another process; see ss -ltnp", address);
    case EADDRNOTAVAIL:
        return config_say(look->config, look->reason, path, "\"%s\" is no address of this machine; see ip address",
                          address);
    case EACCES:
        if (look->occasion == CHECK_ALONE)
            return warn_of_unit(look, path, address);
        return config_say(look->config, look->reason, path,
                          "\"%s\": this user may not listen there; it needs CAP_NET_BIND_SERVICE, as the unit gives",
                          address);
    default:
        return config_say(look->config, look->reason, path, "\"%s\": cannot listen there: %s", address,
                          strerror(error));
    }
}

static bool look_at_list(struct look *look, const char *kind, const struct config_strings *addresses)
{
    char path[64];
    for (unsigned i = 0; i < addresses->count; i++) {
        snprintf(path, sizeof path, "%s.listen[%u]", kind, i + 1);
        if (!judge_address(look, path, addresses->list[i], try_address(kind, addresses->list[i])))
            return false;
    }
    return true;
}

bool look_at_ports(struct look *look)
{
    return look_at_list(look, "acme", &look->config->acme.listen) &&
           look_at_list(look, "public", &look->config->public.listen) &&
           look_at_list(look, "metrics", &look->config->metrics.listen) &&
           look_at_list(look, "admin", &look->config->admin.listen);
}
