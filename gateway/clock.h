/* clock: the time of day. Stored times and jobs use it; deadlines inside the process use egress_now_ms (monotonic). Any
 * thread.
 *
 * For tests only: ACMEGATE_DEBUG_CLOCK names a file of eight octets, a signed number of milliseconds in the machine's
 * order, that is added to the time of day and may change while the process runs. Log lines, and TLS as client and
 * server, keep the machine's own time.
 */
#ifndef GATEWAY_CLOCK_H
#define GATEWAY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Once, before any thread starts. False where the file of the debugging variable cannot be read: errno. */
bool clock_open(void);
/* UNIX time in milliseconds. */
uint64_t clock_ms(void);
/* Whether a test moves the clock, so that nothing may sleep for long until a time of day. */
bool clock_is_moved(void);

#endif
