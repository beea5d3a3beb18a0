/* durations: the units in which times are written, and after how long a client is told to come back (Retry-After). */
#ifndef ACME_DURATIONS_H
#define ACME_DURATIONS_H

#include <stdint.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define MINUTE_S 60
#define HOUR_S (60 * MINUTE_S)
#define DAY_S (24 * HOUR_S)

/* Every Retry-After but those that are counted out: a quota's (until midnight UTC), a rate limit's (until there is a
 * token). An order's grows with what it has waited: acme_retry_order_s. */
enum {
    ACME_RETRY_CHALLENGE_S = 2,            /* a challenge is being validated */
    ACME_RETRY_STORE_S = 10,               /* its store cannot be read */
    ACME_RETRY_STOPPING_S = 5,             /* the server is stopping: the next one is asked */
    ACME_RETRY_MEMORY_S = MINUTE_S,        /* it is short of memory */
    ACME_RETRY_FULL_S = 5 * MINUTE_S,      /* its store is full */
    ACME_RETRY_QUEUE_S = 10 * MINUTE_S,    /* too many orders wait for the same names */
    ACME_RETRY_QUOTA_S = DAY_S,            /* a quota that does not end at midnight */
    ACME_RETRY_BLOCKED_S = HOUR_S,         /* the names wait for a refund, or for the operator */
    ACME_RETRY_RENEWAL_S = 6 * HOUR_S,     /* renewal information (ARI) */
    ACME_RETRY_RENEWAL_REVOKED_S = HOUR_S, /* the same of a certificate that is, or will be, revoked */
};

/* How long to wait before an order in processing is read again, by what it has waited since finalize. */
static inline uint32_t acme_retry_order_s(uint64_t waited_s)
{
    return waited_s < 10              ? 3
           : waited_s < 30            ? 5
           : waited_s < 2 * MINUTE_S  ? 10
           : waited_s < 10 * MINUTE_S ? 30
                                      : MINUTE_S;
}

#endif
