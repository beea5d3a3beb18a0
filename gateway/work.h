/* work: deferred work, a job of the store from its lease to its end. The one place that leases, changes threads, stops,
 * rests, and knows what to do when the store would not take an outcome.
 *
 * A kind of work is a row (struct work_kind): functions that load what the job is about, ask the outside, decide what
 * the answer means, and apply that in the transaction that also moves or clears the job. Each says what comes next. A
 * new kind of deferred work is one file with one row, and a place in the table of whoever handles it (runner_handle).
 *
 * A work is lost with the process and nothing is lost with it: the job is still in the store.
 */
#ifndef GATEWAY_WORK_H
#define GATEWAY_WORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/config/current.h"
#include "gateway/egress/egress.h"
#include "gateway/log.h"
#include "gateway/scheduler.h"
#include "store/store.h"

struct work;

enum work_next {
    WORK_ASK,   /* ask, on the egress thread */
    WORK_WAIT,  /* work_answer will be called, or has been: nothing of it may be touched any more */
    WORK_STORE, /* apply, in a transaction */
    WORK_DONE,  /* the end: the outcome is stored, the job moved or cleared */
    WORK_LOOK,  /* the end: the job may be due still, or again */
    WORK_AGAIN, /* of `stored` alone: what could not be stored is good still, and is stored after runner_unstored_rest_ms */
    WORK_REST,  /* the end: the job is done again after rest_ms, where that is 0 after runner_unstored_rest_ms */
};

/* A row. Those marked with * may be NULL. */
struct work_kind {
    enum job_kind job;
    size_t size;                     /* of the structure that a struct work is the first member of; zeroed at first */
    size_t subject_min, subject_max; /* octets */
    /* On the scheduler thread, in a snapshot in which the job is due. STORE_REFUSED: not now, which has been logged
     * where that is worth a line; any other failure is logged as `unreadable`. Both rest, rest_ms or a minute. */
    enum store_status (*load)(struct store_txn *txn, struct work *work);
    /* On the egress thread: starts what ends in work_answer (WORK_WAIT), or has the outcome already. */
    enum work_next (*ask)(struct work *work);
    /* On the egress thread: what the answer means. What it points to is gone afterwards. NULL: nobody is asked. */
    enum work_next (*decide)(struct work *work, const void *answer, uint64_t now_ms);
    /* A store_fn: the outcome, with the job. It may run more than once. STORE_REFUSED: somebody was faster. */
    enum store_status (*apply)(struct store_txn *txn, struct work *work, uint64_t now_ms);
    /* * On the writer thread, after the flush, or with a failure. NULL: WORK_DONE, or WORK_REST. WORK_REST and WORK_AGAIN
     * after a failure other than STORE_REFUSED are logged as `unstored`. */
    enum work_next (*stored)(struct work *work, enum store_status status);
    /* * On the egress thread in place of ask, where the program stops. NULL: WORK_REST. */
    enum work_next (*stop)(struct work *work);
    /* * The members, not the structure. Any thread. */
    void (*clear)(struct work *work);
    /* A line about it; also of one that could not be loaded. */
    void (*log)(const struct work *work, enum log_level level, const char *msg, const char *reason);
    const char *unreadable, *unstored; /* sentences */
};

/* Plain, so that its owner may embed it; zeroed but for the first four. */
struct runner {
    struct store *store;
    struct scheduler *scheduler;
    struct egress *egress;
    struct config_current *configs;    /* NULL: works have none */
    atomic_bool stopping;              /* nothing new is asked */
    atomic_bool rests;                 /* another process does all of it: nothing is begun here */
    atomic_uint_least64_t unstored_ms; /* monotonic: since when the store takes nothing; 0: it does */
    struct work_row {
        struct runner *runner;
        const struct work_kind *kind;
        void *owner;
    } rows[JOB_KINDS];
};

struct work {
    struct runner *runner;
    const struct work_kind *kind;
    void *owner;
    const struct config *config;            /* the one in force when it began, and to its end */
    uint8_t subject[STORE_SUBJECT_MAX + 1]; /* of the job, a NUL behind it */
    size_t subject_len;
    bool leased;          /* a job began it; otherwise an event, see work_make */
    uint64_t rest_ms;     /* of WORK_REST */
    unsigned patience_ms; /* of WORK_STORE: see struct store_op */
    struct store_op op;
    struct egress_post post;
    struct egress_watch later; /* of WORK_AGAIN */
};

/* Does the jobs of these kinds from now on. Before scheduler_start. kinds are static, owner outlives the scheduler. */
void runner_handle(struct runner *runner, const struct work_kind *const *kinds, size_t count, void *owner);
/* Nothing new is asked from here on. Any thread. */
void runner_stop(struct runner *runner);
/* Another process does what is to be done: nothing is begun here, and whoever would begin something leaves it to its job.
 * Or from now on this one does. Any thread. */
void runner_rest(struct runner *runner, bool rests);
/* How long what the store would not take rests: as long as that lasts already, from one to thirty seconds, so that it
 * goes on soon after a full disk has room again. Any thread. */
uint64_t runner_unstored_rest_ms(struct runner *runner);

/* A work that an event begins beside its job, whether that is due or not: loaded, and now the caller's. NULL where it
 * could not be (which is logged), the runner rests, or the program stops. work_begin takes it over; a WORK_REST of it is its end, since
 * the job is still there. Any thread. */
struct work *work_make(struct runner *runner, enum job_kind job, const void *subject, size_t subject_len);
/* A work of a job that is only about to be stored, leased and not loaded: whoever fills it in goes on with WORK_ASK.
 * NULL where somebody else has the job, the runner rests, memory is short, or the program stops. Any thread. */
struct work *work_lease(struct runner *runner, enum job_kind job, const void *subject, size_t subject_len);
/* The next step. Any thread; it may not be touched afterwards. */
void work_go(struct work *work, enum work_next next);

/* Decides. On the egress thread, once for each WORK_WAIT, also before the function that returns it has returned. */
void work_answer(struct work *work, const void *answer);
/* What a decision has to say, for people. */
enum { WORK_NOTE_MAX = 1024 };
struct work_line {
    enum log_level level;
    const char *msg; /* static; NULL: nothing */
    char reason[WORK_NOTE_MAX];
};
/* Logs it, and returns next. */
enum work_next work_say(const struct work *work, const struct work_line *line, enum work_next next);

/* WORK_REST after rest_ms. */
enum work_next work_rest(struct work *work, uint64_t rest_ms);

/* Its job, inside apply: due at due_ms; no more, STORE_OK also where there was none. */
enum store_status work_set_job(struct store_txn *txn, const struct work *work, uint64_t due_ms);
enum store_status work_clear_job(struct store_txn *txn, const struct work *work);

#endif
