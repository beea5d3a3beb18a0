/* limiter: the rate limit: how many requests an address, an account and an external account key may make: a token bucket each, that
 * holds a minute's worth and is filled evenly. In memory alone: a restart begins anew.
 *
 * The table is bounded: where it is full, the bucket that has most tokens left is forgotten, which costs nobody
 * anything as long as it is full. Any thread.
 */
#ifndef ACME_LIMITER_H
#define ACME_LIMITER_H

#include <stddef.h>
#include <stdint.h>

enum limiter_kind { LIMITER_ADDRESS = 1, LIMITER_ACCOUNT, LIMITER_EXTERNAL_KEY };

struct limiter;

/* NULL when out of memory. */
struct limiter *limiter_make(void);
/* NULL is fine. */
void limiter_free(struct limiter *limiter);
/* who: its first 128 octets tell it from others. Takes one of the per_minute tokens (0: no limit) of whoever that is;
 * now_ms is any clock's. Returns 0, or in how many whole seconds there will be one: then none is taken. */
uint32_t limiter_take(struct limiter *limiter, enum limiter_kind kind, const void *who, size_t len, unsigned per_minute,
                      uint64_t now_ms);
/* The same for an address in text; those of an IPv6 /64 are one, since a host can have them all. */
uint32_t limiter_take_address(struct limiter *limiter, const char *address, unsigned per_minute, uint64_t now_ms);
/* The same answer, and no token is taken. */
uint32_t limiter_wait_address(struct limiter *limiter, const char *address, unsigned per_minute, uint64_t now_ms);

#endif
