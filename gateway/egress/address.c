#include "gateway/egress/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/address.h"

static void set(struct egress_address *address, int family, const void *octets)
{
    *address = (struct egress_address){.family = family};
    memcpy(address->octets, octets, family == AF_INET6 ? 16 : 4);
    inet_ntop(family, octets, address->text, sizeof address->text);
}

bool egress_address_parse(const char *text, struct egress_address *address)
{
    unsigned char octets[16];
    int family = inet_pton(AF_INET, text, octets) == 1    ? AF_INET
                 : inet_pton(AF_INET6, text, octets) == 1 ? AF_INET6
                                                          : 0;
    if (family != 0 && address != NULL)
        set(address, family, octets);
    return family != 0;
}

socklen_t egress_address_socket(const struct egress_address *address, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (address->family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        memcpy(&v6->sin6_addr, address->octets, 16);
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    memcpy(&v4->sin_addr, address->octets, 4);
    return sizeof *v4;
}

/* ---- the two lookups ---- */

/* RFC 6890 and its successors, with what translates to IPv4; the last five are where clouds tell a machine its secrets.
 */
static const char *const never[] = {"0.0.0.0/8",     "127.0.0.0/8",     "169.254.0.0/16",
                                    "192.0.0.0/24",  "224.0.0.0/4",     "240.0.0.0/4",
                                    "::/96",         "::ffff:0:0:0/96", "2001::/32",
                                    "2002::/16",     "64:ff9b::/96",    "64:ff9b:1::/48",
                                    "fe80::/10",     "fec0::/10",       "ff00::/8",
                                    "168.63.129.16", "fd00:ec2::254",   "fd20:ce::254",
                                    "fd00:42::42",   "100.100.100.200", NULL};

/* RFC 1918, RFC 6598, RFC 4193. */
static const char *const private[] = {"10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16",
                                      "100.64.0.0/10", "fc00::/7",      NULL};

bool egress_address_private(const char *address)
{
    return address_in_any(address, private);
}

static bool is_below_any(const char *host, const char *const *zones)
{
    for (size_t len = strlen(host); *zones; zones++) {
        size_t zone = strlen(*zones);
        if (len >= zone && strcasecmp(host + len - zone, *zones) == 0 && (len == zone || host[len - zone - 1] == '.'))
            return true;
    }
    return false;
}

bool egress_address_allowed(const struct egress_rules *rules, const char *host, const char *address)
{
    if (address_in_any(address, rules->allow))
        return true;
    if (address_in_any(address, never) || address_in_any(address, rules->deny))
        return false;
    return !rules->private_zones || !egress_address_private(address) || is_below_any(host, rules->private_zones);
}

/* Whether the rules let us connect to it; one that they do not is remembered for the reason. */
static bool allowed(struct egress_addresses *addresses, const struct egress_address *address)
{
    if (!addresses->rules || egress_address_allowed(addresses->rules, addresses->host, address->text))
        return true;
    memcpy(addresses->denied, address->text, sizeof addresses->denied);
    return false;
}

static void finish_addresses(struct egress_addresses *addresses)
{
    memcpy(addresses->list + addresses->count, addresses->v4, addresses->v4_count * sizeof *addresses->v4);
    addresses->count += addresses->v4_count;
    if (addresses->count == 0 && addresses->denied[0])
        snprintf(addresses->reason, sizeof addresses->reason,
                 "this server may not connect to its address %s (validation.deny, validation.private_zones)",
                 addresses->denied);
    addresses->fn(addresses->ctx, addresses);
}

static void on_later(void *ctx, int event)
{
    (void)event;
    finish_addresses(ctx);
}

/* What may not be connected to takes no place of what may. */
static void keep_addresses(struct egress_addresses *addresses, struct egress_address *list, unsigned *count, int family,
                           const struct egress_dns_answer *answer)
{
    size_t octets = family == AF_INET6 ? 16 : 4;
    for (size_t i = 0; i < answer->record_count && *count < EGRESS_ADDRESSES_PER_FAMILY; i++) {
        if (answer->rdata_len[i] != octets)
            continue;
        set(&list[*count], family, answer->rdata[i]);
        *count += allowed(addresses, &list[*count]);
    }
}

/* One type that is absent is no failure; of two failures the later one is told. */
static void note_failure(struct egress_addresses *addresses, const char *type, const struct egress_dns_answer *answer)
{
    addresses->recent = addresses->recent || answer->recent;
    addresses->bogus = addresses->bogus || answer->status == EGRESS_DNS_BOGUS;
    addresses->shortage = addresses->shortage || answer->status == EGRESS_DNS_SHORTAGE;
    if (answer->status == EGRESS_DNS_NXDOMAIN)
        snprintf(addresses->reason, sizeof addresses->reason, "the name does not exist (NXDOMAIN)");
    else if (answer->status != EGRESS_DNS_ANSWER && answer->status != EGRESS_DNS_NODATA)
        snprintf(addresses->reason, sizeof addresses->reason, "looking up its %s record: %s", type, answer->reason);
    if (--addresses->pending > 0)
        return;
    if (addresses->reason[0] == '\0')
        snprintf(addresses->reason, sizeof addresses->reason, "it has neither an AAAA nor an A record");
    finish_addresses(addresses);
}

static void on_aaaa(void *ctx, const struct egress_dns_answer *answer)
{
    struct egress_addresses *addresses = ctx;
    keep_addresses(addresses, addresses->list, &addresses->count, AF_INET6, answer);
    note_failure(addresses, "AAAA", answer);
}

static void on_a(void *ctx, const struct egress_dns_answer *answer)
{
    struct egress_addresses *addresses = ctx;
    keep_addresses(addresses, addresses->v4, &addresses->v4_count, AF_INET, answer);
    note_failure(addresses, "A", answer);
}

void egress_addresses(struct egress *egress, struct egress_addresses *addresses)
{
    addresses->count = addresses->v4_count = addresses->pending = 0;
    addresses->reason[0] = addresses->denied[0] = '\0';
    addresses->bogus = addresses->shortage = addresses->recent = false;
    if (egress_address_parse(addresses->host, &addresses->list[0])) {
        addresses->count = allowed(addresses, &addresses->list[0]);
    } else {
        addresses->pending += egress_resolve_recent(egress, addresses->view, addresses->host, EGRESS_RR_AAAA,
                                                    addresses->timeout_ms, addresses->recent_ms, on_aaaa, addresses);
        addresses->pending += egress_resolve_recent(egress, addresses->view, addresses->host, EGRESS_RR_A,
                                                    addresses->timeout_ms, addresses->recent_ms, on_a, addresses);
        addresses->shortage = addresses->pending < 2;
        if (addresses->pending > 0)
            return;
        snprintf(addresses->reason, sizeof addresses->reason, "the lookup could not be started: out of memory");
    }
    addresses->later = (struct egress_watch){.fd = -1, .fn = on_later, .ctx = addresses};
    egress_watch(egress, &addresses->later);
}
