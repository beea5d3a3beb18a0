/* proxy: who really asks, where proxies stand in front. Only those that the configuration trusts are believed. On the
 * loop's thread. */
#ifndef GATEWAY_HTTP_PROXY_H
#define GATEWAY_HTTP_PROXY_H

#include "gateway/http/internal.h"

/* Whether that address is one of the listener's trusted proxies. */
bool proxy_is_trusted(const struct loop *loop, enum http_listener kind, const char *address);
/* Whether the connection is to begin with a header of the PROXY protocol. */
bool proxy_speaks_first(const struct connection *connection);
/* Reads that header, then hands the connection to h2o; ends it where that is none. */
void proxy_begin(struct connection *connection);
/* Who asks: the last address of X-Forwarded-For that is none of the trusted proxies', where the connection comes from
 * one; else where the connection comes from. */
void proxy_find_client(const h2o_req_t *req, char client[static INET6_ADDRSTRLEN]);

#endif
