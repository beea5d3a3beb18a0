#include "store/wake.h"

#include <errno.h>
#include <time.h>

void wake_init(struct wake *wake)
{
    *wake = (struct wake){.sleepers = 0};
    sem_init(&wake->tokens, 0, 0);
}

void wake_destroy(struct wake *wake)
{
    sem_destroy(&wake->tokens);
}

/* Whether a token was taken; a signal only makes it look again. */
static bool take_token(struct wake *wake, uint64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000), .tv_nsec = (long)(until_us % 1000000) * 1000};
    int result;
    do {
        result = until_us == UINT64_MAX ? sem_wait(&wake->tokens)
                                        : sem_clockwait(&wake->tokens, CLOCK_MONOTONIC, &until);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* A token that comes too late for who was to have it is found by the next, who looks in vain once. */
void wake_sleep(struct wake *wake, pthread_mutex_t *lock, uint64_t until_us)
{
    wake->sleepers++;
    pthread_mutex_unlock(lock);
    bool taken = take_token(wake, until_us);
    pthread_mutex_lock(lock);
    wake->sleepers--;
    if (taken)
        wake->given--;
}

/* The token after the lock is free, which the sleeper would wait for otherwise. */
void wake_unlock(struct wake *wake, pthread_mutex_t *lock, bool wanted)
{
    bool gives = wanted && wake->given < wake->sleepers;
    if (gives)
        wake->given++;
    pthread_mutex_unlock(lock);
    if (gives)
        sem_post(&wake->tokens);
}
