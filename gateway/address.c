#include "gateway/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct address {
    uint8_t octets[16];
    unsigned bits; /* 32 or 128 */
};

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool parse_address(const char *text, struct address *out)
{
    if (inet_pton(AF_INET, text, out->octets) == 1) {
        out->bits = 32;
        return true;
    }
    if (inet_pton(AF_INET6, text, out->octets) != 1)
        return false;
    out->bits = 128;
    if (memcmp(out->octets, MAPPED, sizeof MAPPED) == 0) {
        memmove(out->octets, out->octets + sizeof MAPPED, 4);
        out->bits = 32;
    }
    return true;
}

/* Splits at '/', without which the length is the whole address. */
static bool parse_prefix(const char *text, struct address *out, unsigned *length)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (!parse_address(address, out))
        return false;
    *length = out->bits;
    if (!slash)
        return true;
    char *end;
    unsigned long number = strtoul(slash + 1, &end, 10);
    if (slash[1] < '0' || slash[1] > '9' || *end || number > out->bits)
        return false;
    *length = (unsigned)number;
    return true;
}

bool address_is_prefix(const char *text)
{
    struct address address;
    unsigned length;
    return parse_prefix(text, &address, &length);
}

bool address_in_prefix(const char *text, const char *prefix)
{
    struct address address, net;
    unsigned length;
    if (!parse_address(text, &address) || !parse_prefix(prefix, &net, &length) || address.bits != net.bits)
        return false;
    for (unsigned bit = 0; bit < length; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> bit % 8);
        if ((address.octets[bit / 8] ^ net.octets[bit / 8]) & mask)
            return false;
    }
    return true;
}

bool address_in_any(const char *address, const char *const *prefixes)
{
    for (; prefixes && *prefixes; prefixes++) {
        if (address_in_prefix(address, *prefixes))
            return true;
    }
    return false;
}

bool address_rewrite(int family, const char *text, char out[static INET6_ADDRSTRLEN])
{
    struct in6_addr octets;
    return inet_pton(family, text, &octets) == 1 && inet_ntop(family, &octets, out, INET6_ADDRSTRLEN) != NULL;
}

/* ---- to listen on ---- */

enum { HOST_MAX = 128 };

/* "[::1]:443" -> "::1", "443". */
static bool split(const char *text, char host[static HOST_MAX], const char **port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (len == 0 || len >= HOST_MAX || colon[1] == '\0')
        return false;
    if (text[0] == '[') {
        if (len < 3 || text[len - 1] != ']')
            return false;
        text++;
        len -= 2;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

bool address_to_listen(const char *text, struct sockaddr_storage *where, socklen_t *len)
{
    struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[HOST_MAX];
    const char *port;
    if (!split(text, host, &port) || getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    memcpy(where, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}
