/* linger: closing a connection whose peer is still sending.
 *
 * h2o answers a body that is too large and closes at once. The kernel resets a connection that is closed with unread
 * octets, and the reset may overtake the answer. So a duplicate of the descriptor is kept, and what still comes is read
 * and thrown away for a short while. On the loop's thread.
 */
#ifndef GATEWAY_HTTP_LINGER_H
#define GATEWAY_HTTP_LINGER_H

#include <stdint.h>

struct connection;
struct loop;

/* The connection will be closed with its answer: keep a duplicate. */
void linger_prepare(struct connection *connection);
/* h2o has closed its descriptor: go on with the duplicate, where there is one. */
void linger_begin(struct connection *connection);
/* Ends those whose time is over at now_ms (monotonic); UINT64_MAX: all. */
void linger_expire(struct loop *loop, uint64_t now_ms);
/* When linger_expire has work next, UINT64_MAX: never. */
uint64_t linger_next_ms(const struct loop *loop);

#endif
