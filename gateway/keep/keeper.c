#include "gateway/keep/keeper.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/clock.h"
#include "gateway/keep/copies.h"
#include "gateway/keep/sweep.h"

/* When what is due is asked again at the latest: time may jump. */
enum { LOOK_EVERY_MS = 60000, LOOK_MOVED_MS = 200 };

struct keeper {
    struct copies copies;
    struct sweep sweep;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

static void add_ms(struct timespec *time, uint64_t ms)
{
    time->tv_sec += (time_t)(ms / 1000);
    time->tv_nsec += (long)(ms % 1000) * 1000000;
    if (time->tv_nsec >= 1000000000) {
        time->tv_sec++;
        time->tv_nsec -= 1000000000;
    }
}

/* True when it is to end. */
static bool sleep_a_while(struct keeper *keeper, uint64_t rest_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    add_ms(&until, rest_ms);
    pthread_mutex_lock(&keeper->lock);
    int waited = 0;
    while (!keeper->stopping && waited == 0)
        waited = pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until);
    bool stopping = keeper->stopping;
    pthread_mutex_unlock(&keeper->lock);
    return stopping;
}

static uint64_t take_turn(struct keeper *keeper)
{
    uint64_t longest_ms = clock_is_moved() ? LOOK_MOVED_MS : LOOK_EVERY_MS;
    uint64_t copies_ms = copies_turn(&keeper->copies), sweep_ms = sweep_turn(&keeper->sweep);
    uint64_t rest_ms = copies_ms < sweep_ms ? copies_ms : sweep_ms;
    return rest_ms < longest_ms ? rest_ms : longest_ms;
}

static void *run(void *arg)
{
    pthread_setname_np(pthread_self(), "keeper");
    while (!sleep_a_while(arg, take_turn(arg)))
        continue;
    return NULL;
}

static void free_keeper(struct keeper *keeper)
{
    pthread_cond_destroy(&keeper->wake);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

struct keeper *keeper_start(const struct keeper_config *config)
{
    pthread_condattr_t monotonic;
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper)
        return NULL;
    copies_begin(&keeper->copies, config);
    sweep_begin(&keeper->sweep, config);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&keeper->lock, NULL);
    if (pthread_create(&keeper->thread, NULL, run, keeper) == 0)
        return keeper;
    free_keeper(keeper);
    return NULL;
}

void keeper_stop(struct keeper *keeper)
{
    if (!keeper)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    free_keeper(keeper);
}
