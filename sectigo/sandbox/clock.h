/* clock: the time of day at Sectigo: orders, certificates and what is due go by it. Any thread.
 *
 * For tests only: ACMEGATE_DEBUG_CLOCK names a file of eight octets, a signed number of milliseconds in the machine's
 * order, that is added to the time of day and may change while the process runs. The HTTPS certificate keeps the
 * machine's own time.
 */
#ifndef SANDBOX_CLOCK_H
#define SANDBOX_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Once, before any thread starts. False: said on stderr. */
bool now_open(void);
/* UNIX time in milliseconds. */
int64_t now_ms(void);
/* What pthread_cond_timedwait takes to wait so long; where a test moves the clock no longer than until it should look
 * at it again. */
struct timespec now_until(int64_t wait_ms);
/* The same whatever a test does. */
struct timespec now_after(int64_t wait_ms);

#endif
