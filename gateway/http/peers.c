#include "gateway/http/peers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "store/shortage.h"

enum { PREFIX_LEN = 8 }; /* octets of an IPv6 address that count */

/* IPv4 as the mapped IPv6 address that it also comes as. False: neither. */
static bool key_of(const struct sockaddr *address, uint8_t key[static PEERS_KEY_LEN])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    memset(key, 0, PEERS_KEY_LEN);
    if (address->sa_family == AF_INET) {
        memcpy(key, mapped, sizeof mapped);
        memcpy(key + sizeof mapped, &v4->sin_addr, sizeof v4->sin_addr);
    } else if (address->sa_family == AF_INET6) {
        memcpy(key, &v6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? PEERS_KEY_LEN : PREFIX_LEN);
    }
    return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

static struct peer **find_peer(struct peers *peers, const uint8_t key[static PEERS_KEY_LEN])
{
    uint32_t hash = 2166136261u;
    for (unsigned i = 0; i < PEERS_KEY_LEN; i++)
        hash = (hash ^ key[i]) * 16777619u;
    struct peer **at = &peers->buckets[hash % PEERS_BUCKETS];
    while (*at && memcmp((*at)->key, key, PEERS_KEY_LEN) != 0)
        at = &(*at)->next;
    return at;
}

bool peers_enter(struct peers *peers, const struct sockaddr *address, unsigned max, struct peer **peer)
{
    uint8_t key[PEERS_KEY_LEN];
    *peer = NULL;
    if (!key_of(address, key))
        return true;
    struct peer **at = find_peer(peers, key);
    if (*at && max > 0 && (*at)->connections >= max)
        return false;
    if (!*at) {
        *at = shortage_calloc(1, sizeof **at);
        if (!*at)
            return false;
        memcpy((*at)->key, key, sizeof key);
    }
    (*at)->connections++;
    *peer = *at;
    return true;
}

void peers_leave(struct peers *peers, struct peer *peer)
{
    if (!peer || --peer->connections > 0)
        return;
    struct peer **at = find_peer(peers, peer->key);
    *at = peer->next;
    free(peer);
}
