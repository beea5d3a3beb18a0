/* work: a job goes through its steps, each on its thread, and its lease ends as the last of them says. */
#include "tests/unit/gateway/temp_store.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "gateway/clock.h"
#include "gateway/work.h"

enum { LOG_SIZE = 4096 };

struct world {
    struct temp_store temp;
    struct egress *egress;
    struct runner runner;
    sem_t ended;                          /* posted when a work is cleared */
    pthread_mutex_t lock;                 /* guards what follows */
    char steps[LOG_SIZE];                 /* what ran, in order: "load ask decide apply stored clear" */
    char lines[LOG_SIZE];                 /* what was logged */
    char loader[16], asker[16];           /* names of the threads */
    bool move;                            /* load moves the other job away */
    enum store_status unreadable, refuse; /* what load, and apply, answer; STORE_OK: they do what they should */
    unsigned refuse_times;                /* how often apply does */
    enum work_next first;                 /* what stored answers the first time; WORK_DONE from then on */
    unsigned rounds;
    bool stops; /* stored stops the runner */
};

struct parcel {
    struct work work;
    int answer;
};

static void note(struct world *world, const char *step)
{
    pthread_mutex_lock(&world->lock);
    size_t len = strlen(world->steps);
    snprintf(world->steps + len, sizeof world->steps - len, "%s%s", len ? " " : "", step);
    pthread_mutex_unlock(&world->lock);
}

static enum store_status clear_second(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_job_clear(txn, JOB_NOTICE, "second", 6);
}

static enum store_status load(struct store_txn *txn, struct work *work)
{
    struct world *world = work->owner;
    (void)txn;
    note(world, "load");
    pthread_getname_np(pthread_self(), world->loader, sizeof world->loader);
    if (world->move)
        assert_int_equal(store_call(world->temp.store, clear_second, NULL), STORE_OK);
    return world->unreadable;
}

static enum work_next ask(struct work *work)
{
    static const int answer = 7;
    struct world *world = work->owner;
    note(world, "ask");
    pthread_getname_np(pthread_self(), world->asker, sizeof world->asker);
    work_answer(work, &answer);
    return WORK_WAIT;
}

static enum work_next decide(struct work *work, const void *answer, uint64_t now_ms)
{
    note(work->owner, "decide");
    assert_true(now_ms + 1000 > clock_ms());
    ((struct parcel *)work)->answer = *(const int *)answer;
    return WORK_STORE;
}

static enum store_status apply(struct store_txn *txn, struct work *work, uint64_t now_ms)
{
    struct world *world = work->owner;
    (void)now_ms;
    note(world, "apply");
    assert_int_equal(((struct parcel *)work)->answer, 7);
    if (world->refuse_times > 0) {
        world->refuse_times--;
        return world->refuse;
    }
    return work_clear_job(txn, work);
}

static enum work_next stored(struct work *work, enum store_status status)
{
    struct world *world = work->owner;
    note(world, status == STORE_OK ? "stored" : "not-stored");
    if (status != STORE_OK)
        return WORK_REST;
    if (world->stops)
        runner_stop(&world->runner);
    return world->rounds++ == 0 ? world->first : WORK_DONE;
}

static enum work_next stop(struct work *work)
{
    note(work->owner, "stop");
    return WORK_REST;
}

static void clear(struct work *work)
{
    struct world *world = work->owner;
    note(world, "clear");
    sem_post(&world->ended);
}

static void write_log(const struct work *work, enum log_level level, const char *msg, const char *reason)
{
    struct world *world = work->owner;
    (void)level;
    pthread_mutex_lock(&world->lock);
    snprintf(world->lines, sizeof world->lines, "%s: %s", msg, reason);
    pthread_mutex_unlock(&world->lock);
}

static const struct work_kind KIND = {.job = JOB_NOTICE,
                                      .size = sizeof(struct parcel),
                                      .subject_min = 5,
                                      .subject_max = 6,
                                      .load = load,
                                      .ask = ask,
                                      .decide = decide,
                                      .apply = apply,
                                      .stored = stored,
                                      .stop = stop,
                                      .clear = clear,
                                      .log = write_log,
                                      .unreadable = "it cannot be read",
                                      .unstored = "it cannot be stored"};
static const struct work_kind *const KINDS[] = {&KIND};

static enum store_status put_jobs(struct store_txn *txn, void *arg)
{
    const char *subjects = arg;
    enum store_status status = store_job_set(txn, JOB_NOTICE, "first", 5, 1);
    if (status == STORE_OK && strcmp(subjects, "both") == 0)
        status = store_job_set(txn, JOB_NOTICE, "second", 6, 2);
    return strcmp(subjects, "odd") == 0 ? store_job_set(txn, JOB_NOTICE, "odd", 3, 1) : status;
}

static void start(struct world *world)
{
    char reason[EGRESS_REASON_MAX];
    memset(world, 0, sizeof *world);
    world->first = WORK_DONE;
    sem_init(&world->ended, 0, 0);
    pthread_mutex_init(&world->lock, NULL);
    temp_store_open(&world->temp);
    world->egress = egress_start(&(struct egress_config){.resolver_count = 0}, reason);
    assert_non_null(world->egress);
    world->runner = (struct runner){
        .store = world->temp.store, .scheduler = scheduler_make(world->temp.store), .egress = world->egress};
    runner_handle(&world->runner, KINDS, 1, world);
}

static void put(struct world *world, char *which)
{
    assert_int_equal(store_call(world->temp.store, put_jobs, which), STORE_OK);
    assert_true(scheduler_start(world->runner.scheduler));
}

static void await(struct world *world)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    assert_int_equal(sem_timedwait(&world->ended, &until), 0);
}

static void end(struct world *world)
{
    scheduler_stop(world->runner.scheduler);
    egress_stop(world->egress, 5000);
    temp_store_close(&world->temp);
    egress_free(world->egress);
    scheduler_free(world->runner.scheduler);
}

/* Clearing is the last thing that is done to a work, so the lease has ended when await returns. */
static void test_steps(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    put(&world, "one");
    await(&world);
    assert_int_equal(scheduler_busy(world.runner.scheduler), 0);
    assert_string_equal(world.steps, "load ask decide apply stored clear");
    assert_string_equal(world.loader, "scheduler");
    assert_string_not_equal(world.asker, "scheduler");
    assert_string_equal(world.lines, "");
    end(&world);
}

static void test_once_more(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    world.first = WORK_ASK;
    put(&world, "one");
    await(&world);
    assert_string_equal(world.steps, "load ask decide apply stored ask decide apply stored clear");
    end(&world);
    start(&world);
    world.first = WORK_STORE;
    put(&world, "one");
    await(&world);
    assert_string_equal(world.steps, "load ask decide apply stored apply stored clear");
    end(&world);
}

/* Another gateway does what is to be done: nobody begins anything here, until it is this one's turn. */
static void test_a_runner_that_rests(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    runner_rest(&world.runner, true);
    assert_int_equal(store_call(world.temp.store, put_jobs, "one"), STORE_OK);
    assert_null(work_make(&world.runner, KINDS[0]->job, "first", 5));
    assert_null(work_lease(&world.runner, KINDS[0]->job, "first", 5));
    assert_string_equal(world.steps, "");
    assert_int_equal(scheduler_busy(world.runner.scheduler), 0);
    runner_rest(&world.runner, false);
    assert_true(scheduler_start(world.runner.scheduler));
    await(&world);
    assert_string_equal(world.steps, "load ask decide apply stored clear");
    end(&world);
}

static void test_unreadable_rests(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    world.unreadable = STORE_INVALID;
    put(&world, "one");
    await(&world);
    assert_string_equal(world.steps, "load clear");
    assert_non_null(strstr(world.lines, "it cannot be read: "));
    assert_int_equal(scheduler_busy(world.runner.scheduler), 1); /* its rest */
    end(&world);
}

static void test_not_now_is_silent(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    world.unreadable = STORE_REFUSED;
    put(&world, "one");
    await(&world);
    assert_string_equal(world.lines, "");
    assert_int_equal(scheduler_busy(world.runner.scheduler), 1);
    end(&world);
}

/* The store would not take it: told, and taken again from the beginning after a second. */
static void test_not_stored_is_taken_again(void **state)
{
    static const char steps[] = "load ask decide apply not-stored clear";
    struct world world;
    (void)state;
    start(&world);
    world.refuse = STORE_FULL;
    world.refuse_times = 1;
    put(&world, "one");
    await(&world);
    pthread_mutex_lock(&world.lock); /* it is taken again by itself */
    bool noted = strncmp(world.steps, steps, strlen(steps)) == 0, told = strstr(world.lines, "it cannot be stored: ");
    pthread_mutex_unlock(&world.lock);
    assert_true(noted);
    assert_true(told);
    assert_true(atomic_load(&world.runner.unstored_ms) > 0);
    assert_in_range(runner_unstored_rest_ms(&world.runner), 1000, 30000);
    await(&world);
    assert_int_equal(atomic_load(&world.runner.unstored_ms), 0);
    assert_int_equal(scheduler_busy(world.runner.scheduler), 0);
    end(&world);
}

static void test_who_was_slower_says_nothing(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    world.refuse = STORE_REFUSED;
    world.refuse_times = 1;
    put(&world, "one");
    await(&world);
    assert_string_equal(world.lines, "");
    assert_int_equal(atomic_load(&world.runner.unstored_ms), 0); /* the store is well */
    end(&world);
}

/* Both were seen in one look; the second is done away with before its turn. */
static void test_what_is_not_due_any_more_ends(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    world.move = true;
    put(&world, "both");
    await(&world);
    await(&world);
    assert_null(strstr(strstr(world.steps, "load") + 1, "load"));
    assert_int_equal(scheduler_busy(world.runner.scheduler), 0);
    end(&world);
}

static void test_nothing_is_asked_while_it_stops(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    world.first = WORK_ASK;
    world.stops = true;
    put(&world, "one");
    await(&world);
    assert_string_equal(world.steps, "load ask decide apply stored stop clear");
    end(&world);
    start(&world);
    runner_stop(&world.runner);
    put(&world, "one");
    for (unsigned i = 0; i < 2000 && scheduler_busy(world.runner.scheduler) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(scheduler_busy(world.runner.scheduler), 1); /* handed out, and put to rest */
    assert_string_equal(world.steps, "");
    end(&world);
}

/* Beside a job that is leased to another: it is loaded and done, and the lease stays. */
static void test_an_event_begins_one(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    world.unreadable = STORE_REFUSED;
    assert_null(work_make(&world.runner, JOB_NOTICE, "first", 5)); /* no job at all, and nothing to do */
    await(&world);
    put(&world, "one");
    await(&world);
    assert_int_equal(scheduler_busy(world.runner.scheduler), 1); /* the job rests */
    world.unreadable = STORE_OK;
    world.steps[0] = '\0';
    struct work *work = work_make(&world.runner, JOB_NOTICE, "first", 5);
    assert_non_null(work);
    work_go(work, WORK_ASK);
    await(&world);
    assert_string_equal(world.steps, "load ask decide apply stored clear");
    assert_int_equal(scheduler_busy(world.runner.scheduler), 1);
    assert_null(work_make(&world.runner, JOB_NOTICE, "odd", 3));
    runner_stop(&world.runner);
    assert_null(work_make(&world.runner, JOB_NOTICE, "first", 5));
    end(&world);
}

/* What is begun before its job is stored is not handed out when that is. */
static void test_one_begins_before_its_job(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    struct work *work = work_lease(&world.runner, JOB_NOTICE, "first", 5);
    assert_non_null(work);
    assert_null(work_lease(&world.runner, JOB_NOTICE, "first", 5)); /* it has somebody */
    await(&world);
    world.steps[0] = '\0';
    put(&world, "both");
    await(&world);
    assert_string_equal(world.steps, "load ask decide apply stored clear"); /* the second's */
    world.steps[0] = '\0';
    work_go(work, WORK_ASK);
    await(&world);
    assert_string_equal(world.steps, "ask decide apply stored clear");
    assert_int_equal(scheduler_busy(world.runner.scheduler), 0);
    runner_stop(&world.runner);
    assert_null(work_lease(&world.runner, JOB_NOTICE, "first", 5));
    assert_int_equal(scheduler_busy(world.runner.scheduler), 0);
    end(&world);
}

static void test_odd_subjects_rest(void **state)
{
    struct world world;
    (void)state;
    start(&world);
    put(&world, "odd"); /* beside the first, which tells that both were handed out */
    await(&world);
    assert_string_equal(world.steps, "load ask decide apply stored clear");
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_once_more),
        cmocka_unit_test(test_a_runner_that_rests), cmocka_unit_test(test_unreadable_rests),
        cmocka_unit_test(test_not_now_is_silent),
        cmocka_unit_test(test_not_stored_is_taken_again),
        cmocka_unit_test(test_who_was_slower_says_nothing),
        cmocka_unit_test(test_what_is_not_due_any_more_ends),
        cmocka_unit_test(test_nothing_is_asked_while_it_stops),
        cmocka_unit_test(test_an_event_begins_one),
        cmocka_unit_test(test_one_begins_before_its_job),
        cmocka_unit_test(test_odd_subjects_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
