/* peers: how many connections each address has on one loop. On the loop's thread.
 *
 * An address is an IPv4 address or an IPv6 /64, since a host can have all addresses of one. Those without an address
 * (the Unix socket) are not counted.
 */
#ifndef GATEWAY_HTTP_PEERS_H
#define GATEWAY_HTTP_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { PEERS_BUCKETS = 1024, PEERS_KEY_LEN = 16 };

struct peer {
    struct peer *next;
    uint8_t key[PEERS_KEY_LEN];
    unsigned connections;
};

/* Zeroed before its first use; empty again when each that entered has left. */
struct peers {
    struct peer *buckets[PEERS_BUCKETS];
};

/* One connection more from this address. max: that it may have, 0 for any number. False: it has so many already, or
 * memory is short. *peer is to be handed to peers_leave when the connection ends; NULL where nothing is counted. */
bool peers_enter(struct peers *peers, const struct sockaddr *address, unsigned max, struct peer **peer);
void peers_leave(struct peers *peers, struct peer *peer);

#endif
