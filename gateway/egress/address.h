/* egress_address: the addresses of a host that a client named, in the order to try them.
 *
 * AAAA and A are asked at once; IPv6 comes first (RFC 8555 section 8.3 leaves the choice to us; public servers choose
 * so). Every address that a challenge or a redirect leads us to passes through here, so a rule about addresses has one
 * place. Egress thread.
 */
#ifndef GATEWAY_EGRESS_ADDRESS_H
#define GATEWAY_EGRESS_ADDRESS_H

#include <netinet/in.h>

#include "gateway/egress/egress.h"

enum {
    EGRESS_ADDRESSES_PER_FAMILY = 3,
    EGRESS_ADDRESSES_MAX = 2 * EGRESS_ADDRESSES_PER_FAMILY,
    EGRESS_ADDRESSES_REASON_MAX = 512,
};

struct egress_address {
    int family;               /* AF_INET, AF_INET6 */
    unsigned char octets[16]; /* 4 or 16 of them */
    char text[INET6_ADDRSTRLEN];
};

/* Where a connection may not go, so that a client cannot turn us against our own network: prefixes as of
 * gateway/address.h, NULL-terminated. Loopback, link-local, multicast and reserved addresses and those of cloud
 * metadata are denied in any case, deny adds to them, allow excepts from both. Private addresses are the hosts' in
 * private_zones alone, and such as allow names. */
struct egress_rules {
    const char *const *deny, *const *allow; /* NULL: none */
    const char *const *private_zones;       /* DNS names; NULL: every host may have a private address */
};

/* The caller's memory; must stay until fn is called. */
struct egress_addresses {
    enum egress_view view;
    const char *host; /* DNS name, or IPv4 or IPv6 address (without brackets) */
    uint32_t timeout_ms;
    uint32_t recent_ms;               /* answers no older than this will do (egress_resolve_recent) */
    const struct egress_rules *rules; /* NULL: every address will do */
    /* count 0: reason says why, as a clause: "it has neither an AAAA nor an A record". */
    void (*fn)(void *ctx, struct egress_addresses *addresses);
    void *ctx;

    struct egress_address list[EGRESS_ADDRESSES_MAX];
    unsigned count;
    bool recent;   /* of its lookups one was answered before, to somebody else */
    bool shortage; /* memory or descriptors were short here: there may be more addresses */
    bool bogus; /* DNSSEC says that an answer is forged or broken, whatever the other one brought; reason says more */
    char reason[EGRESS_ADDRESSES_REASON_MAX];

    /* its own */
    char denied[INET6_ADDRSTRLEN]; /* one that the rules forbid; "": none */
    struct egress_address v4[EGRESS_ADDRESSES_PER_FAMILY];
    unsigned v4_count, pending;
    struct egress_watch later;
};

/* The first seven fields are set. Calls fn exactly once, later. */
void egress_addresses(struct egress *egress, struct egress_addresses *addresses);
/* host: whose address it is, a DNS name or the address itself; address: text. Any thread. */
bool egress_address_allowed(const struct egress_rules *rules, const char *host, const char *address);
/* Of networks that are somebody's own (RFC 1918, RFC 6598, RFC 4193); address: text. Any thread. */
bool egress_address_private(const char *address);
/* Text of an IPv4 or IPv6 address? *address may be NULL. */
bool egress_address_parse(const char *text, struct egress_address *address);
/* Fills a socket address; returns its length. */
socklen_t egress_address_socket(const struct egress_address *address, uint16_t port, struct sockaddr_storage *out);

#endif
