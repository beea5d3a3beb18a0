/* processes: an owner or a front in a process of its own, and somebody who waits, for the tests of several of them at
 * one store. */
#ifndef TESTS_POSTGRESQL_PROCESSES_H
#define TESTS_POSTGRESQL_PROCESSES_H

#include "tests/unit/store/fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { PATIENCE_MS = 20000, REPLACED_STATUS = 7 };

static inline uint64_t clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void rest(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

/* ---- an owner in a process of its own ---- */

struct child {
    pid_t pid;
    int commands, answers;
};

/* What child_main knows besides: that it is the owner, and what was told. */
static atomic_bool child_owns;
static atomic_uint child_told;

static inline void child_owned(void *ctx)
{
    (void)ctx;
    atomic_store(&child_owns, true);
}

static inline void child_hears(void *ctx, struct store_slice what)
{
    (void)ctx;
    atomic_store(&child_told, what.len > 0 ? what.data[0] : 0);
}

static inline void child_replaced(void *ctx)
{
    (void)ctx;
    _exit(REPLACED_STATUS);
}

/* Stops the process while the server holds the record for it; once, also where it is run again. */
static inline enum store_status put_and_stop(struct store_txn *txn, void *arg)
{
    static bool stopped;
    enum store_status status = pair_put(txn, arg);
    store_count(txn, FRUIT); /* so that it is sent */
    if (!stopped) {
        stopped = true;
        raise(SIGSTOP);
    }
    return status;
}

static inline bool child_waits(void *ctx, const char *why, unsigned ms)
{
    (void)ctx, (void)why;
    rest(ms);
    return true;
}

static inline enum store_status set_a_job(struct store_txn *txn, void *arg)
{
    (void)arg;
    return store_job_set(txn, 7, "job", 3, 1);
}

/* Does what the octet says, which is stored where it says nothing. */
static inline enum store_status child_do(struct store *store, char octet)
{
    char value[2] = {octet, '\0'};
    switch (octet) {
    case 'O': /* does it own the store? */
        return store_owns(store) && atomic_load(&child_owns) ? STORE_OK : STORE_REFUSED;
    case 'N': /* a number that is good once */
        return store_once(store, 17, 0);
    case 'J':
        return store_call(store, set_a_job, NULL);
    case 'T':
        store_tell(store, "T", 1);
        return STORE_OK;
    case 'H': /* what has it heard? */
        return atomic_load(&child_told) == 'H' ? STORE_OK : STORE_NOT_FOUND;
    case 'D':
        store_present(store, "here", "another digest");
        return STORE_OK;
    default:
        return store_call(store, octet == 'S' ? put_and_stop : pair_put, &(struct pair){FRUIT, "a", value});
    }
}

/* Opens the store, then does what each octet that comes says, and answers by how that ended; closes at the end. */
static inline void child_main(const struct fixture *f, const struct store_share *share, int commands, int answers)
{
    struct store_config config = f->config;
    struct store *store;
    char reason[STORE_REASON_SIZE], octet;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* also stopped, where a test has failed */
    config.report = NULL;
    config.replaced = child_replaced;
    config.share = share;
    config.wait = share != NULL ? child_waits : NULL;
    if (read(commands, &octet, 1) != 1) /* child_begins */
        _exit(1);
    char status = (char)store_open(&config, &store, reason);
    if (write(answers, &status, 1) != 1 || status != STORE_OK)
        _exit(1);
    if (store_owns(store))
        atomic_store(&child_owns, true);
    while (read(commands, &octet, 1) == 1 && octet != 'X') {
        status = (char)child_do(store, octet);
        if (write(answers, &status, 1) != 1)
            _exit(1);
    }
    store_close(store);
    _exit(0);
}

/* A process that opens the store once it is told to: made before this one has threads, whatever it opens itself. share:
 * beside another one, where there is one. */
static inline void child_fork(struct fixture *f, struct child *child, const struct store_share *share)
{
    int commands[2], answers[2];
    assert_int_equal(pipe(commands) | pipe(answers), 0);
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        close(commands[1]);
        close(answers[0]);
        child_main(f, share, commands[0], answers[1]);
    }
    close(commands[0]);
    close(answers[1]);
    child->commands = commands[1];
    child->answers = answers[0];
}

static inline void child_begins(struct child *child)
{
    char status = -1;
    assert_int_equal(write(child->commands, "B", 1), 1);
    assert_int_equal(read(child->answers, &status, 1), 1);
    assert_int_equal(status, STORE_OK);
}

static inline void child_start_with(struct fixture *f, struct child *child, const struct store_share *share)
{
    child_fork(f, child, share);
    child_begins(child);
}

static inline void child_start(struct fixture *f, struct child *child)
{
    child_start_with(f, child, NULL);
}

static inline void child_tell(struct child *child, char octet)
{
    assert_int_equal(write(child->commands, &octet, 1), 1);
}

static inline enum store_status child_asked(struct child *child, char octet)
{
    char status = -1;
    child_tell(child, octet);
    assert_int_equal(read(child->answers, &status, 1), 1);
    return (enum store_status)status;
}

/* How it ended; one that does not is killed, which nobody expects. */
static inline int child_ended(struct child *child)
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

static inline int child_end(struct child *child)
{
    signal(SIGPIPE, SIG_IGN); /* it may have ended by itself */
    if (write(child->commands, "X", 1) == 1) /* the other end may be a younger child's, too */
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

static inline bool keep_waiting(void *ctx, const char *why, unsigned ms)
{
    struct waiter *waiter = ctx;
    assert_true(why[0] != '\0' && ms > 0);
    atomic_store(&waiter->waiting, true);
    rest(ms);
    return !atomic_load(&waiter->gives_up);
}

static inline void *waiter_main(void *arg)
{
    struct waiter *waiter = arg;
    waiter->status = store_open(&waiter->config, &waiter->store, waiter->reason);
    atomic_store(&waiter->opened, true);
    return NULL;
}

static inline void await_flag(atomic_bool *flag)
{
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (!atomic_load(flag) && clock_now_ms() < until_ms)
        rest(10);
    assert_true(atomic_load(flag));
}

static inline void waiter_start(struct fixture *f, struct waiter *waiter)
{
    waiter->config = f->config;
    waiter->config.wait = keep_waiting;
    waiter->config.wait_ctx = waiter;
    assert_int_equal(pthread_create(&waiter->thread, NULL, waiter_main, waiter), 0);
    await_flag(&waiter->waiting);
}

static inline void waiter_joins(struct waiter *waiter, enum store_status status)
{
    await_flag(&waiter->opened);
    pthread_join(waiter->thread, NULL);
    if (waiter->status != status)
        print_error("%s\n", waiter->reason);
    assert_int_equal(waiter->status, status);
}

/* Milliseconds from now until it has the store, which becomes the fixture's. */
static inline uint64_t waiter_takes(struct fixture *f, struct waiter *waiter)
{
    uint64_t began_ms = clock_now_ms();
    waiter_joins(waiter, STORE_OK);
    f->store = waiter->store;
    return clock_now_ms() - began_ms;
}

/* ---- the server itself ---- */

static inline void ask_server(const char *sql)
{
    char real[96] = "", command[512];
    assert_int_equal(sscanf(getenv("ACMEGATE_POSTGRESQL"), "host=%95s", real), 1);
    snprintf(command, sizeof command, "psql -q -h %s -U acmegate postgres -c '%s' >/dev/null", real, sql);
    assert_int_equal(system(command), 0);
}

#endif
