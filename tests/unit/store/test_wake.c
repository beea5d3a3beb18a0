/* The place where writer and scheduler sleep. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "store/wake.h"

enum { SLEEPERS = 3, ROUNDS = 4000 };

struct place {
    pthread_mutex_t lock;
    struct wake wake;
    unsigned work, done;
    bool over, impatient;
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void place_init(struct place *place)
{
    *place = (struct place){.lock = PTHREAD_MUTEX_INITIALIZER};
    wake_init(&place->wake);
}

/* Takes what there is; who is impatient sometimes waits so shortly that its token comes too late. */
static void *take_work(void *arg)
{
    struct place *place = arg;
    pthread_mutex_lock(&place->lock);
    for (unsigned i = 0; place->work > 0 || !place->over; i++) {
        if (place->work == 0) {
            wake_sleep(&place->wake, &place->lock, place->impatient && i % 3 == 0 ? now_us() + 20 : UINT64_MAX);
            continue;
        }
        place->work--;
        place->done++;
    }
    pthread_mutex_unlock(&place->lock);
    return NULL;
}

/* Gives the lock back until nothing is left to do and all sleep. */
static void let_all_sleep(struct place *place)
{
    while (place->work > 0 || place->wake.sleepers < SLEEPERS) {
        pthread_mutex_unlock(&place->lock);
        sched_yield();
        pthread_mutex_lock(&place->lock);
    }
}

/* A wake-up that was lost would leave a sleeper asleep for ever: the join, and with it the test, would not end. */
static void work_is_done(bool impatient)
{
    struct place place;
    pthread_t threads[SLEEPERS];

    place_init(&place);
    place.impatient = impatient;
    for (unsigned i = 0; i < SLEEPERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_work, &place), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&place.lock);
        if (i % 4 == 0)
            let_all_sleep(&place);
        place.work++;
        wake_unlock(&place.wake, &place.lock, true);
    }
    pthread_mutex_lock(&place.lock);
    place.over = true;
    for (unsigned i = 0; i < SLEEPERS; i++) {
        wake_unlock(&place.wake, &place.lock, true);
        pthread_mutex_lock(&place.lock);
    }
    pthread_mutex_unlock(&place.lock);
    for (unsigned i = 0; i < SLEEPERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(place.done, ROUNDS);
    assert_int_equal(place.wake.sleepers, 0);
    wake_destroy(&place.wake);
}

static void no_wake_up_is_lost(void **state)
{
    (void)state;
    work_is_done(false);
}

static void nor_where_one_came_too_late(void **state)
{
    (void)state;
    work_is_done(true);
}

static void sleeps_no_longer_than_it_may(void **state)
{
    struct place place;

    (void)state;
    place_init(&place);
    pthread_mutex_lock(&place.lock);
    uint64_t until = now_us() + 20000;
    wake_sleep(&place.wake, &place.lock, until);
    assert_true(now_us() >= until);
    wake_unlock(&place.wake, &place.lock, true); /* nobody sleeps: nothing is kept for the next */
    pthread_mutex_lock(&place.lock);
    until = now_us() + 20000;
    wake_sleep(&place.wake, &place.lock, until);
    assert_true(now_us() >= until);
    pthread_mutex_unlock(&place.lock);
    wake_destroy(&place.wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(nor_where_one_came_too_late),
        cmocka_unit_test(sleeps_no_longer_than_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
