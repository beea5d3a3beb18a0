/* Several processes at one store: who waits takes over, at once or within ten seconds, and who was replaced commits
 * nothing. */
#include "tests/unit/store/fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* GIVEN_UP_MS: less than the three seconds after which one that says nothing any more is replaced. */
enum { MOMENT_MS = 1000, SOON_MS = 1500, GIVEN_UP_MS = 2800, KILLED_MS = 6000, REPLACED_MS = 10000, PATIENCE_MS = 20000 };

static uint64_t clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void rest(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

/* ---- an owner in a process of its own ---- */

struct child {
    pid_t pid;
    int commands, answers;
};

static void child_replaced(void *ctx)
{
    (void)ctx;
    _exit(7);
}

/* Stops the process while the server holds the record for it; once, also where it is run again. */
static enum store_status put_and_stop(struct store_txn *txn, void *arg)
{
    static bool stopped;
    enum store_status status = pair_put(txn, arg);
    if (!stopped) {
        stopped = true;
        raise(SIGSTOP);
    }
    return status;
}

/* Opens the store, then stores a value for each octet that comes, and answers by how that ended; closes at the end. */
static void child_main(const struct fixture *f, int commands, int answers)
{
    struct store_config config = f->config;
    struct store *store;
    char reason[STORE_REASON_SIZE], octet;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* also stopped, where a test has failed */
    config.report = NULL;
    config.replaced = child_replaced;
    char status = (char)store_open(&config, &store, reason);
    if (write(answers, &status, 1) != 1 || status != STORE_OK)
        _exit(1);
    while (read(commands, &octet, 1) == 1) {
        char value[2] = {octet, '\0'};
        status = (char)store_call(store, octet == 'S' ? put_and_stop : pair_put, &(struct pair){FRUIT, "a", value});
        if (write(answers, &status, 1) != 1)
            _exit(1);
    }
    store_close(store);
    _exit(0);
}

static void child_start(struct fixture *f, struct child *child)
{
    int commands[2], answers[2];
    assert_int_equal(pipe(commands) | pipe(answers), 0);
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        close(commands[1]);
        close(answers[0]);
        child_main(f, commands[0], answers[1]);
    }
    close(commands[0]);
    close(answers[1]);
    child->commands = commands[1];
    child->answers = answers[0];
    char status = -1;
    assert_int_equal(read(child->answers, &status, 1), 1);
    assert_int_equal(status, STORE_OK);
}

static void child_tell(struct child *child, char octet)
{
    assert_int_equal(write(child->commands, &octet, 1), 1);
}

static enum store_status child_put(struct child *child, char octet)
{
    char status = -1;
    child_tell(child, octet);
    assert_int_equal(read(child->answers, &status, 1), 1);
    return (enum store_status)status;
}

/* How it ended; one that does not is killed, which nobody expects. */
static int child_ended(struct child *child)
{
    int status = 0;
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        if (clock_now_ms() > until_ms)
            kill(child->pid, SIGKILL);
        rest(10);
    }
    if (child->commands >= 0)
        close(child->commands);
    close(child->answers);
    return status;
}

static int child_end(struct child *child)
{
    close(child->commands);
    child->commands = -1;
    return child_ended(child);
}

/* ---- somebody who waits ---- */

struct waiter {
    struct store_config config;
    struct store *store;
    pthread_t thread;
    atomic_bool waiting, gives_up, opened;
    enum store_status status;
    char reason[STORE_REASON_SIZE];
};

static bool keep_waiting(void *ctx, const char *why, unsigned ms)
{
    struct waiter *waiter = ctx;
    assert_true(why[0] != '\0' && ms > 0);
    atomic_store(&waiter->waiting, true);
    rest(ms);
    return !atomic_load(&waiter->gives_up);
}

static void *waiter_main(void *arg)
{
    struct waiter *waiter = arg;
    waiter->status = store_open(&waiter->config, &waiter->store, waiter->reason);
    atomic_store(&waiter->opened, true);
    return NULL;
}

static void await_flag(atomic_bool *flag)
{
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (!atomic_load(flag) && clock_now_ms() < until_ms)
        rest(10);
    assert_true(atomic_load(flag));
}

static void waiter_start(struct fixture *f, struct waiter *waiter)
{
    waiter->config = f->config;
    waiter->config.wait = keep_waiting;
    waiter->config.wait_ctx = waiter;
    assert_int_equal(pthread_create(&waiter->thread, NULL, waiter_main, waiter), 0);
    await_flag(&waiter->waiting);
}

static void waiter_joins(struct waiter *waiter, enum store_status status)
{
    await_flag(&waiter->opened);
    pthread_join(waiter->thread, NULL);
    if (waiter->status != status)
        print_error("%s\n", waiter->reason);
    assert_int_equal(waiter->status, status);
}

/* Milliseconds from now until it has the store, which becomes the fixture's. */
static uint64_t waiter_takes(struct fixture *f, struct waiter *waiter)
{
    uint64_t began_ms = clock_now_ms();
    waiter_joins(waiter, STORE_OK);
    f->store = waiter->store;
    return clock_now_ms() - began_ms;
}

/* ---- the cases ---- */

static void test_a_store_that_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct child child;
    struct waiter waiter = {0};
    child_start(f, &child);
    waiter_start(f, &waiter);
    assert_int_equal(child_put(&child, '1'), STORE_OK);
    uint64_t began_ms = clock_now_ms();
    assert_int_equal(child_end(&child), 0);
    assert_true(clock_now_ms() - began_ms + waiter_takes(f, &waiter) < GIVEN_UP_MS);
    assert_record(f, FRUIT, "a", "1");
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
}

static void test_an_owner_that_is_killed(void **state)
{
    struct fixture *f = *state;
    struct child child;
    struct waiter waiter = {0}, other = {0};
    child_start(f, &child);
    waiter_start(f, &waiter);
    assert_int_equal(child_put(&child, '1'), STORE_OK);
    kill(child.pid, SIGKILL);
    assert_true(waiter_takes(f, &waiter) < KILLED_MS);
    assert_true(WIFSIGNALED(child_end(&child)));
    assert_record(f, FRUIT, "a", "1");
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
    /* And one more waits for this one, until it is told to stop. */
    waiter_start(f, &other);
    atomic_store(&other.gives_up, true);
    waiter_joins(&other, STORE_CLOSED);
    assert_record(f, FRUIT, "a", "2");
}

static void test_an_owner_that_is_stopped_for_a_while(void **state)
{
    struct fixture *f = *state;
    struct child child;
    struct waiter waiter = {0};
    child_start(f, &child);
    waiter_start(f, &waiter);
    assert_int_equal(child_put(&child, '1'), STORE_OK);
    child_tell(&child, 'S');
    int status;
    assert_int_equal(waitpid(child.pid, &status, WUNTRACED), child.pid);
    assert_true(WIFSTOPPED(status));
    assert_true(waiter_takes(f, &waiter) < REPLACED_MS);
    assert_int_equal(put(f, FRUIT, "a", "2"), STORE_OK);
    kill(child.pid, SIGCONT);
    status = child_end(&child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_record(f, FRUIT, "a", "2");
}

static void ask_server(const char *sql)
{
    char real[96] = "", command[512];
    assert_int_equal(sscanf(getenv("ACMEGATE_POSTGRESQL"), "host=%95s", real), 1);
    snprintf(command, sizeof command, "psql -q -h %s -U acmegate postgres -c '%s' >/dev/null", real, sql);
    assert_int_equal(system(command), 0);
}

/* Somebody else's word, in one of the two places alone. */
static void test_what_tells_the_owner(void **state)
{
    static const char *const tables[] = {"@writers", "@owner"};
    struct fixture *f = *state;
    char sql[256];
    for (int i = 0; i < 2; i++) {
        struct child child;
        child_start(f, &child);
        assert_int_equal(child_put(&child, '1'), STORE_OK);
        snprintf(sql, sizeof sql, "UPDATE \"%s\".\"%s\" SET owner = 4", f->path, tables[i]);
        ask_server(sql);
        if (i == 0)
            child_tell(&child, '2'); /* the other is noticed without a change */
        int status = child_ended(&child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
        fixture_open(f);
        assert_record(f, FRUIT, "a", "1");
        fixture_close(f);
    }
}

/* As after a failover of the server: the owner's lock went with its session. It keeps the store, and takes the lock
 * anew. */
static void test_a_lock_that_is_lost(void **state)
{
    struct fixture *f = *state;
    struct child child;
    struct waiter waiter = {0};
    struct store *second;
    child_start(f, &child);
    waiter_start(f, &waiter);
    for (int i = 0; i < 2; i++) {
        kill(child.pid, SIGSTOP); /* it needs a moment to take the lock anew, and is given it */
        ask_server(i == 0 ? "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = $$advisory$$"
                          : "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
                            "$$acmegate$$");
        rest(MOMENT_MS);
        assert_false(atomic_load(&waiter.opened));
        kill(child.pid, SIGCONT);
        assert_int_equal(child_put(&child, '1'), STORE_OK);
        rest(SOON_MS);
        assert_false(atomic_load(&waiter.opened));
    }
    assert_int_equal(store_open(&f->config, &second, f->reason), STORE_LOCKED);
    assert_non_null(strstr(f->reason, "another gateway"));
    assert_int_equal(child_put(&child, '3'), STORE_OK);
    assert_false(atomic_load(&waiter.opened));
    assert_int_equal(child_end(&child), 0);
    waiter_takes(f, &waiter);
    assert_record(f, FRUIT, "a", "3");
}

/* Both wait for the same owner: one of them takes over, and the other goes on waiting. */
static void test_two_who_wait(void **state)
{
    struct fixture *f = *state;
    struct child child;
    static struct waiter waiters[2];
    child_start(f, &child);
    waiter_start(f, &waiters[0]);
    waiter_start(f, &waiters[1]);
    assert_int_equal(child_end(&child), 0);
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (!atomic_load(&waiters[0].opened) && !atomic_load(&waiters[1].opened) && clock_now_ms() < until_ms)
        rest(10);
    rest(SOON_MS);
    struct waiter *first = &waiters[atomic_load(&waiters[1].opened)], *second = &waiters[first == waiters];
    assert_false(atomic_load(&second->opened));
    waiter_joins(first, STORE_OK);
    assert_int_equal(store_call(first->store, pair_put, &(struct pair){FRUIT, "a", "1"}), STORE_OK);
    store_close(first->store);
    assert_true(waiter_takes(f, second) < GIVEN_UP_MS);
    assert_record(f, FRUIT, "a", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_store_that_is_given_up, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_owner_that_is_killed, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_owner_that_is_stopped_for_a_while, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_tells_the_owner, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_lock_that_is_lost, fixture_prepare, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_two_who_wait, fixture_prepare, fixture_teardown),
    };
    return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
