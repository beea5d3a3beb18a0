/* address: IP addresses against prefixes, and those to listen on. Any thread. */
#ifndef GATEWAY_ADDRESS_H
#define GATEWAY_ADDRESS_H

#include <stdbool.h>

#include <netinet/in.h>
#include <sys/socket.h>

/* A prefix is "10.0.0.0/8", "2001:db8::/32" or one address. */
bool address_is_prefix(const char *text);
/* False where either does not parse or the families differ; an IPv4-mapped IPv6 address is its IPv4 address. */
bool address_in_prefix(const char *address, const char *prefix);
/* In one of them? NULL-terminated; NULL: none. */
bool address_in_any(const char *address, const char *const *prefixes);
/* The address, of that family (AF_INET, AF_INET6), in the one way that it is written in; out may be text.
 * False where it is none. */
bool address_rewrite(int family, const char *text, char out[static INET6_ADDRSTRLEN]);
/* "192.0.2.1:443" or "[::]:443", as a socket is bound to it. False where it is none. */
bool address_to_listen(const char *text, struct sockaddr_storage *where, socklen_t *len);

#endif
