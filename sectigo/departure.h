/* departure: the time by which a request has to have left holds also for who is stopped after he has asked for it.
 *
 * Between the last look at the clock and the first octet lies a moment, and a process may be stopped in it (SIGSTOP, a
 * frozen machine) and go on when another one has long decided what to do. A timer of the kernel's ends that: its signal is
 * handled before anything else that the thread does, and closes the socket if nothing of the request has gone. */
#ifndef SECTIGO_DEPARTURE_H
#define SECTIGO_DEPARTURE_H

#include <stdint.h>

/* Of CLOCK_BOOTTIME. */
uint64_t departure_now_ms(void);
/* What is written to this connected TCP socket from here on has to begin before by_ms; on the thread that writes, and for
 * one socket at a time. Where the kernel cannot tell what was sent, nothing is done. */
void departure_arm(int fd, uint64_t by_ms);
/* It has been written, or is over. The same thread. */
void departure_disarm(void);

#endif
