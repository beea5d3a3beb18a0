/* bodies: what bodies that are not whole yet may take of the memory. h2o keeps one in its connection's input until it
 * is whole, and knows one ceiling for all; so each route has a limit of its own here, and each kind of listener a
 * budget over all its connections. A loop has its share of that. On the loop's thread.
 */
#ifndef GATEWAY_HTTP_BODIES_H
#define GATEWAY_HTTP_BODIES_H

#include <stdbool.h>
#include <stddef.h>

#include <h2o.h>

struct connection;
struct loop;

void bodies_init(struct loop *loop);
/* Hands it to h2o; from now on what h2o reads of it is looked at. */
void bodies_accept(struct connection *connection);
/* It is answered, and will go on to read. */
void bodies_watch_soon(struct connection *connection);
/* Watches those again that have gone on to read; once in each round of the loop. */
void bodies_step(struct loop *loop);
/* It is about to be freed. */
void bodies_forget(struct connection *connection);
/* Whether a body that is whole is larger than its route allows. */
bool bodies_is_too_large(const h2o_req_t *req);

#endif
