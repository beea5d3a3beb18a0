/* proxy_header: what a connection begins with where its proxy speaks the PROXY protocol, versions 1 and 2 (haproxy's
 * doc/proxy-protocol.txt). Pure; any thread. */
#ifndef GATEWAY_HTTP_PROXY_HEADER_H
#define GATEWAY_HTTP_PROXY_HEADER_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum proxy_header_verdict {
    PROXY_HEADER_MORE, /* it is not whole yet */
    PROXY_HEADER_BAD,  /* it is none, or longer than any proxy's */
    PROXY_HEADER_GOOD,
};

/* Nobody sends more; version 2 could. */
enum { PROXY_HEADER_MAX = 1024 };

/* Reads the header at the beginning of data. GOOD: *used octets of it are the header's, and client is who connected to
 * the proxy as text; "": the proxy speaks for itself, or does not know. */
enum proxy_header_verdict proxy_header_read(const uint8_t *data, size_t len, char client[static INET6_ADDRSTRLEN],
                                            size_t *used);

#endif
