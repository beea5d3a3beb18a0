/* scheduler: due jobs are handed out once, again after their release, and not before their time. */
#include "tests/unit/gateway/temp_store.h"

#include <pthread.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/scheduler.h"

struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
    uint64_t when_ms, when_boot_ms; /* by the clock that jobs go by, and by the one of rests */
    char subject[8];
};

static void on_job(void *ctx, const struct store_job *job)
{
    struct seen *seen = ctx;
    pthread_mutex_lock(&seen->lock);
    seen->count++;
    seen->when_ms = clock_ms();
    seen->when_boot_ms = clock_boot_ms();
    memcpy(seen->subject, job->subject, job->subject_len);
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

/* True when count was reached within ms. */
static bool await(struct seen *seen, unsigned count, uint64_t ms)
{
    struct timespec until;
    uint64_t end_ms = clock_ms() + ms;
    until.tv_sec = (time_t)(end_ms / 1000);
    until.tv_nsec = (long)(end_ms % 1000) * 1000000;
    int error = 0;
    pthread_mutex_lock(&seen->lock);
    while (seen->count < count && error == 0)
        error = pthread_cond_timedwait(&seen->changed, &seen->lock, &until);
    bool reached = seen->count >= count;
    pthread_mutex_unlock(&seen->lock);
    return reached;
}

struct due {
    uint64_t ms;
    bool clear;
};

static enum store_status set(struct store_txn *txn, void *arg)
{
    const struct due *due = arg;
    return due->clear ? store_job_clear(txn, JOB_ISSUANCE, "s", 1) : store_job_set(txn, JOB_ISSUANCE, "s", 1, due->ms);
}

struct world {
    struct temp_store temp;
    struct scheduler *scheduler;
    struct seen seen;
};

static void start(struct world *world)
{
    memset(world, 0, sizeof *world);
    temp_store_open(&world->temp);
    pthread_mutex_init(&world->seen.lock, NULL);
    pthread_cond_init(&world->seen.changed, NULL);
    world->scheduler = scheduler_make(world->temp.store);
    scheduler_handle(world->scheduler, JOB_ISSUANCE, on_job, &world->seen);
    assert_true(scheduler_start(world->scheduler));
}

static void stop(struct world *world)
{
    scheduler_stop(world->scheduler);
    temp_store_close(&world->temp);
    scheduler_free(world->scheduler);
}

static void put(struct world *world, uint64_t due_ms)
{
    struct due due = {.ms = due_ms};
    assert_int_equal(store_call(world->temp.store, set, &due), STORE_OK);
}

static void test_lease(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    put(&world, clock_ms());
    assert_true(await(&world.seen, 1, 5000));
    assert_int_equal(scheduler_busy(world.scheduler), 1);
    assert_false(await(&world.seen, 2, 100)); /* still due, but leased */
    scheduler_release(world.scheduler, JOB_ISSUANCE, "s", 1);
    assert_true(await(&world.seen, 2, 5000));
    struct due none = {.clear = true};
    assert_int_equal(store_call(world.temp.store, set, &none), STORE_OK);
    scheduler_release(world.scheduler, JOB_ISSUANCE, "s", 1);
    assert_false(await(&world.seen, 3, 100));
    assert_int_equal(scheduler_busy(world.scheduler), 0);
    stop(&world);
}

static void test_due_time(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    uint64_t due_ms = clock_ms() + 300;
    put(&world, due_ms + 3600 * 1000);
    put(&world, due_ms); /* moved to an earlier time */
    assert_true(await(&world.seen, 1, 5000));
    assert_true(world.seen.when_ms >= due_ms);
    stop(&world);
}

static void test_rest(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    put(&world, clock_ms());
    assert_true(await(&world.seen, 1, 5000));
    uint64_t released_boot_ms = clock_boot_ms();
    scheduler_release_after(world.scheduler, JOB_ISSUANCE, "s", 1, 200);
    assert_true(await(&world.seen, 2, 5000));
    assert_true(world.seen.when_boot_ms >= released_boot_ms + 200);
    stop(&world);
}

/* A push, or an operator, has made the job due: its rest is over. A job that is being done is left alone. */
static void test_wake(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    put(&world, clock_ms());
    assert_true(await(&world.seen, 1, 5000));
    scheduler_wake(world.scheduler, JOB_ISSUANCE, "s", 1);
    assert_false(await(&world.seen, 2, 100));
    scheduler_release_after(world.scheduler, JOB_ISSUANCE, "s", 1, 3600 * 1000);
    assert_false(await(&world.seen, 2, 100));
    scheduler_wake(world.scheduler, JOB_ISSUANCE, "s", 1);
    assert_true(await(&world.seen, 2, 5000));
    stop(&world);
}

/* After a jump of the clock nothing waits for a time that an earlier clock has said. */
static void test_judged_anew(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    put(&world, clock_ms() + 365ull * 24 * 3600 * 1000);
    assert_false(await(&world.seen, 1, 100));
    scheduler_judge_anew(world.scheduler);
    assert_true(await(&world.seen, 1, 5000));
    stop(&world);
}

/* ---- without a thread, and with a clock of one's own ---- */

static uint64_t simulated_ms;

static int64_t simulate(clockid_t id)
{
    return (int64_t)simulated_ms + (id == CLOCK_REALTIME ? 1000000000000 : 0);
}

static void take_turns(struct world *world, uint64_t *wait_ms)
{
    while (scheduler_step(world->scheduler, wait_ms)) {
    }
}

static void test_stepped(void **state)
{
    struct world world = {.seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}};
    uint64_t wait_ms;
    (void)state;
    clock_simulate(simulate);
    temp_store_open(&world.temp);
    world.scheduler = scheduler_make(world.temp.store);
    scheduler_handle(world.scheduler, JOB_ISSUANCE, on_job, &world.seen);
    put(&world, clock_ms() + 30ull * 24 * 3600 * 1000);
    take_turns(&world, &wait_ms);
    assert_int_equal(world.seen.count, 0);
    assert_int_equal(wait_ms, 30ull * 24 * 3600 * 1000);
    simulated_ms += wait_ms;
    take_turns(&world, &wait_ms);
    assert_int_equal(world.seen.count, 1);
    scheduler_release_after(world.scheduler, JOB_ISSUANCE, "s", 1, 3600 * 1000);
    take_turns(&world, &wait_ms);
    assert_int_equal(wait_ms, 3600 * 1000);
    simulated_ms += wait_ms;
    take_turns(&world, &wait_ms);
    assert_int_equal(world.seen.count, 2);
    scheduler_free(world.scheduler);
    temp_store_close(&world.temp);
    clock_simulate(NULL);
}

/* As pushes that come faster than they are looked at. */
struct endless {
    struct scheduler_post post;
    struct scheduler *scheduler;
    unsigned runs;
};

static void post_again(void *ctx)
{
    struct endless *endless = ctx;
    endless->runs++;
    scheduler_post(endless->scheduler, &endless->post);
}

static void post_nothing(void *ctx)
{
    (void)ctx;
}

static void test_jobs_among_endless_posts(void **state)
{
    struct world world = {.seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}};
    static struct endless many[100];
    uint64_t wait_ms;
    (void)state;
    temp_store_open(&world.temp);
    world.scheduler = scheduler_make(world.temp.store);
    scheduler_handle(world.scheduler, JOB_ISSUANCE, on_job, &world.seen);
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        many[i] = (struct endless){{.fn = post_again, .ctx = &many[i]}, world.scheduler, 0};
        scheduler_post(world.scheduler, &many[i].post);
    }
    put(&world, 1);
    for (int turn = 0; turn < 2; turn++)
        assert_true(scheduler_step(world.scheduler, &wait_ms));
    assert_int_equal(world.seen.count, 1);
    assert_int_equal(many[0].runs, 1);
    assert_int_equal(many[99].runs, 0);
    for (int turn = 0; turn < 4; turn++)
        assert_true(scheduler_step(world.scheduler, &wait_ms));
    assert_int_equal(many[99].runs, 1);
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        many[i].post.fn = post_nothing;
    scheduler_free(world.scheduler);
    temp_store_close(&world.temp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lease), cmocka_unit_test(test_due_time),    cmocka_unit_test(test_rest),
        cmocka_unit_test(test_wake),  cmocka_unit_test(test_judged_anew),
        cmocka_unit_test(test_stepped), cmocka_unit_test(test_jobs_among_endless_posts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
