/* exchange: one DNS message and its answer, over TCP, on the egress thread.
 *
 * TCP only: an update must not be lost silently nor be applied twice by a datagram that was repeated.
 */
#ifndef GATEWAY_DCV_EXCHANGE_H
#define GATEWAY_DCV_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/egress/egress.h"

/* answer NULL: none came, and reason is a clause that says why. It lives during the call. */
typedef void exchange_done_fn(void *ctx, const uint8_t *answer, size_t len, const char *reason);

/* server: ADDRESS or ADDRESS@PORT. Copies the message. Calls done exactly once, later. False when out of memory: done
 * is not called. */
bool exchange(struct egress *egress, const char *server, const uint8_t *message, size_t len, uint32_t timeout_ms,
              exchange_done_fn *done, void *ctx);

#endif
