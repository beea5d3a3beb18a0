/* clock: the time of day, and whether it can be believed. Any thread.
 *
 * Stored times and jobs use clock_ms; what is awaited inside the process uses clock_boot_ms.
 *
 * The system clock may be wrong at the start, and may be set while the gateway runs; both cost money where a term, a
 * deadline or a limit is judged by it. So it is compared with CLOCK_BOOTTIME at every look, and with the time that
 * Sectigo says in the Date of each reply:
 * - The gateway follows the system clock as long as it goes on by less than a minute more or less than CLOCK_BOOTTIME
 *   does. One that is set by more is not followed: time goes on as before, until Sectigo's Date agrees with the new
 *   time.
 * - At the start nothing is known of the time but what the system clock says. The first Date settles it: where the two
 *   differ, Sectigo's time is taken, and the system clock is followed once it agrees.
 * - The clock is in doubt from the start until something has confirmed it, while the system clock is not followed, and
 *   while Sectigo's Date says another time than the gateway has. Then nothing is bought and nothing ends by the clock.
 *
 * For tests only: ACMEGATE_DEBUG_CLOCK names a file of eight octets, a signed number of milliseconds in the machine's
 * order, that is added to the system clock and may change while the process runs. Log lines, and TLS as client and
 * server, keep the machine's own time.
 */
#ifndef GATEWAY_CLOCK_H
#define GATEWAY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Once, before any thread starts. False where the file of the debugging variable cannot be read: errno. */
bool clock_open(void);
/* Both clocks are read there from now on (CLOCK_REALTIME, CLOCK_BOOTTIME; milliseconds), NULL: are the machine's; and
 * nothing is known of the time, as at the start of a process. While nobody else uses the clock. */
typedef int64_t clock_read_fn(clockid_t id);
void clock_simulate(clock_read_fn *read);
/* UNIX time in milliseconds. */
uint64_t clock_ms(void);
/* Milliseconds of CLOCK_BOOTTIME: never set, and goes on while the machine sleeps. */
uint64_t clock_boot_ms(void);
/* Whether a test moves the clock, so that nothing may sleep for long until a time of day. */
bool clock_is_moved(void);

/* ---- whether it can be believed ---- */

/* Then nothing is bought, and nothing ends because of the time. */
bool clock_in_doubt(void);
/* Whether Sectigo or the operator has said since the start of the process what time it is: clock_ms is right from then
 * on, also where the system clock is not. */
bool clock_is_confirmed(void);
/* How long it has been in doubt; 0 where it is not. */
uint64_t clock_doubt_ms(void);
/* How often it has come to be in doubt since the start of the process. */
unsigned clock_doubts(void);
/* How often clock_ms has jumped by more than a minute: what is due has to be judged anew. */
unsigned clock_jumps(void);
/* A reply of Sectigo's, to a request that left at asked_boot_ms, says that it is date_ms (UNIX). */
void clock_heard(uint64_t date_ms, uint64_t asked_boot_ms);
/* The operator says that the system clock is right: it is followed, whatever Sectigo says, until it is set again. */
void clock_trust(void);

struct clock_state {
    bool in_doubt;
    const char *why;       /* static; "" where it is not */
    int64_t ahead_ms;      /* the system clock before the gateway's time */
    int64_t sectigo_ms;    /* the Date that was read last, less the gateway's time then */
    uint64_t heard_ago_ms; /* since then; UINT64_MAX: none was read yet */
    bool trusted;          /* clock_trust holds */
};
void clock_state(struct clock_state *state);

/* ---- times of records ---- */

/* How long since then_ms, a time of a record. One in the future was written by a clock that was wrong: 0. */
uint64_t clock_since(uint64_t then_ms, uint64_t now_ms);
/* Whether a wait of wait_ms that began at then_ms is over; so is one that begins in the future. */
bool clock_is_over(uint64_t then_ms, uint64_t wait_ms, uint64_t now_ms);

#endif
