/* scheduler: one thread that does the store's jobs when they are due.
 *
 * A due job is handed to its kind's handler and leased: it is not handed out again until scheduler_release, even though
 * it stays in the store until the transaction that stores its outcome clears or moves it. A kill -9 forgets the leases
 * and nothing else.
 */
#ifndef GATEWAY_SCHEDULER_H
#define GATEWAY_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

/* Kinds of jobs. Stored: never renumber. */
enum job_kind {
    JOB_VALIDATE = 1,    /* subject: authorization id, challenge type (acme/authorization.h) */
    JOB_ISSUANCE = 2,    /* subject: issuance id */
    JOB_REVOKE = 3,      /* subject: certificate id */
    JOB_DCV_RECORDS = 5, /* subject: issuance id. Its CNAME records are published while it lives, removed after */
    JOB_REFUND = 8,      /* subject: subscription id */
    JOB_NOTICE = 9,      /* subject: what was told (gateway/issue/revocation/notice.c), issuance id */
    JOB_BALANCE = 10,    /* subject of these three: login name. Is there credit? */
    JOB_DRIFT = 11,      /* does the store agree with Sectigo's report? */
    JOB_RECONCILE = 12,  /* what the report has, and the store has not, is imported */
    JOB_AUTHORIZE = 13,  /* subject: issuance id. Its order waits for its payment */
    JOB_RECALL = 14,     /* subject: login name. After a start: what does the report know more? */
    JOB_RELAYED = 15,    /* subject: of a push that came to another gateway (gateway/issue/life/relayed.c) */
    JOB_TELL = 30,       /* subject: recipient (gateway/notify/notices.h). It is told what waits for it */
    JOB_KINDS
};

struct scheduler;

/* On the scheduler thread; must not block. Ends, now or later, with scheduler_release. A job may be handed out long
 * before it was to be due (scheduler_judge_anew): what costs money or patience keeps its own times. */
typedef void scheduler_handler_fn(void *ctx, const struct store_job *job);

/* Registers for new jobs with store_on_jobs, so before the store's first submission. NULL when out of memory. */
struct scheduler *scheduler_make(struct store *store);
void scheduler_handle(struct scheduler *scheduler, enum job_kind kind, scheduler_handler_fn *fn, void *ctx);
/* False when no thread can be made. */
bool scheduler_start(struct scheduler *scheduler);
/* One thing that is to be done now, on the calling thread: the scheduler's own, or in place of it a simulation's. False where there is
 * nothing; *wait_ms is how long then nothing will be due, as far as is known now. On one thread. */
bool scheduler_step(struct scheduler *scheduler, uint64_t *wait_ms);
/* Hands out nothing more, joins the thread. Before store_close. */
void scheduler_stop(struct scheduler *scheduler);
/* After store_close, since the store calls until then. Runs what was posted meanwhile, on the calling thread. */
void scheduler_free(struct scheduler *scheduler);

/* Leases a job beforehand: what the caller is about to store it for has begun already. False where it is leased, or too
 * many are. Any thread; ends as that of a job that was handed out. */
bool scheduler_lease(struct scheduler *scheduler, enum job_kind kind, const void *subject, size_t subject_len);
/* Any thread: the job may be handed out again when it is due. */
void scheduler_release(struct scheduler *scheduler, enum job_kind kind, const void *subject, size_t subject_len);
/* The same where the outcome is stored, so that the job has been cleared or moved: the store is looked at only if it
 * fell due meanwhile. Any thread. */
void scheduler_done(struct scheduler *scheduler, enum job_kind kind, const void *subject, size_t subject_len);
/* Whether a job that was handed out is still due: it was seen in an older snapshot, and may have been done or moved since.
 * Reading. */
enum store_status scheduler_still_due(struct store_txn *txn, enum job_kind kind, const void *subject,
                                      size_t subject_len, bool *due);
/* As scheduler_release, but not before delay_ms: for a step that failed here, so that it is not taken again in a tight
 * loop. Any thread. */
void scheduler_release_after(struct scheduler *scheduler, enum job_kind kind, const void *subject, size_t subject_len,
                             uint64_t delay_ms);
/* After a jump of the clock: every job that is not due within a minute comes due within it, since when it was due was
 * said by another time. Any thread; done by the scheduler's. */
void scheduler_judge_anew(struct scheduler *scheduler);
/* Ends such a rest: somebody has made the job due. Any thread. */
void scheduler_wake(struct scheduler *scheduler, enum job_kind kind, const void *subject, size_t subject_len);
/* A job that is due for longer than this, and still there, is late. */
enum { SCHEDULER_LATE_MS = 60000 };
struct scheduler_due {
    uint64_t due, late; /* jobs */
    uint64_t next_ms;   /* when the first is due that is not; 0: there is none */
};
/* What is due at now_ms. Reading. */
enum store_status scheduler_count_due(struct store_txn *txn, uint64_t now_ms, struct scheduler_due *due);
/* Number of jobs handed out and not released. Any thread. */
unsigned scheduler_busy(struct scheduler *scheduler);

/* Any thread: runs fn(ctx) on the scheduler thread, soon. The post is the caller's memory until fn runs. */
struct scheduler_post {
    void (*fn)(void *ctx);
    void *ctx;
    struct scheduler_post *next; /* the scheduler's own */
};
void scheduler_post(struct scheduler *scheduler, struct scheduler_post *post);

#endif
