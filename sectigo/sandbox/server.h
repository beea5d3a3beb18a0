/* server: HTTPS and, for the control endpoints alone, plain HTTP, over libmicrohttpd; a thread for each connection, so
 * that an endpoint may wait. Faults of requests are played here. */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include "sectigo/sandbox/sandbox.h"

struct server;
/* NULL: a line on stderr says why. */
struct server *server_start(struct sandbox *sandbox);
/* "https://127.0.0.1:8443" */
const char *server_url(const struct server *server);
/* "http://127.0.0.1:8080"; "" where nothing is served plainly. */
const char *server_plain_url(const struct server *server);
/* Waits for requests under way. */
void server_stop(struct server *server);

#endif
