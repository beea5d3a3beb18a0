/* wake: where threads sleep until another has something for them.
 *
 * What a condition variable is for, in two system calls a wake-up instead of three: who was asleep in one takes the
 * lock as if others waited for it, and then has to tell the kernel when it gives it back. Several may sleep in one.
 */
#ifndef STORE_WAKE_H
#define STORE_WAKE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

/* One lock of the caller's guards it, always the same, and whatever the sleepers look at. */
struct wake {
    sem_t tokens;
    unsigned sleepers; /* in wake_sleep */
    unsigned given;    /* tokens that no sleeper has taken yet: so many of them are on their way out */
};

void wake_init(struct wake *wake);
/* Nobody sleeps in it, and nobody is about to wake anybody. */
void wake_destroy(struct wake *wake);

/* With the lock, which it gives back while it sleeps: until woken, or until CLOCK_MONOTONIC says until_us (UINT64_MAX:
 * no such time). May return for no cause: look again at what was waited for. */
void wake_sleep(struct wake *wake, pthread_mutex_t *lock, uint64_t until_us);

/* With the lock, which it gives back: and then wakes one sleeper, if `wanted` and one is there that nobody has woken.
 * The wake has to be there still after the lock is free. */
void wake_unlock(struct wake *wake, pthread_mutex_t *lock, bool wanted);

#endif
