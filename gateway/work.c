#include "gateway/work.h"

#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "store/shortage.h"

/* After the store or the configuration would not give us what a job is about. */
static const uint64_t UNREADABLE_REST_MS = MINUTE_MS;
/* After the store would not take an outcome (a full disk, say). */
enum { UNSTORED_REST_MIN_MS = 1000, UNSTORED_REST_MAX_MS = 30 * SECOND_MS };

static void note_stored(struct runner *runner, bool stored)
{
    uint_least64_t never = 0;
    if (stored)
        atomic_store(&runner->unstored_ms, 0);
    else
        atomic_compare_exchange_strong(&runner->unstored_ms, &never, egress_now_ms());
}

uint64_t runner_unstored_rest_ms(struct runner *runner)
{
    uint64_t since_ms = atomic_load(&runner->unstored_ms);
    uint64_t rest_ms = since_ms ? egress_now_ms() - since_ms : 0;
    return rest_ms < UNSTORED_REST_MIN_MS   ? UNSTORED_REST_MIN_MS
           : rest_ms > UNSTORED_REST_MAX_MS ? UNSTORED_REST_MAX_MS
                                            : rest_ms;
}

void runner_stop(struct runner *runner)
{
    atomic_store(&runner->stopping, true);
}

void runner_rest(struct runner *runner, bool rests)
{
    atomic_store(&runner->rests, rests);
}

enum work_next work_rest(struct work *work, uint64_t rest_ms)
{
    work->rest_ms = rest_ms;
    return WORK_REST;
}

enum work_next work_say(const struct work *work, const struct work_line *line, enum work_next next)
{
    if (line->msg)
        work->kind->log(work, line->level, line->msg, line->reason[0] ? line->reason : NULL);
    return next;
}

enum store_status work_set_job(struct store_txn *txn, const struct work *work, uint64_t due_ms)
{
    return store_job_set(txn, work->kind->job, work->subject, work->subject_len, due_ms);
}

enum store_status work_clear_job(struct store_txn *txn, const struct work *work)
{
    enum store_status status = store_job_clear(txn, work->kind->job, work->subject, work->subject_len);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* ---- one step after another ---- */

static void release(const struct work *work, enum work_next how)
{
    struct scheduler *scheduler = work->runner->scheduler;
    enum job_kind job = work->kind->job;
    if (how == WORK_DONE)
        scheduler_done(scheduler, job, work->subject, work->subject_len);
    else if (how == WORK_LOOK)
        scheduler_release(scheduler, job, work->subject, work->subject_len);
    else
        scheduler_release_after(scheduler, job, work->subject, work->subject_len,
                                work->rest_ms ? work->rest_ms : runner_unstored_rest_ms(work->runner));
}

static void end_work(struct work *work, enum work_next how)
{
    if (work->leased)
        release(work, how);
    if (work->kind->clear)
        work->kind->clear(work);
    config_drop(work->config);
    free(work);
}

/* On the egress thread. */
static void on_turn(void *ctx)
{
    struct work *work = ctx;
    const struct work_kind *kind = work->kind;
    log_set_cause(work->subject, work->subject_len);
    if (!atomic_load(&work->runner->stopping))
        work_go(work, kind->ask(work));
    else
        work_go(work, kind->stop ? kind->stop(work) : WORK_REST);
    log_set_request(0);
}

void work_answer(struct work *work, const void *answer)
{
    log_set_cause(work->subject, work->subject_len);
    work_go(work, work->kind->decide(work, answer, clock_ms()));
    log_set_request(0);
}

static enum store_status apply(struct store_txn *txn, void *arg)
{
    struct work *work = arg;
    return work->kind->apply(txn, work, clock_ms());
}

/* On the writer thread. */
static void on_stored(struct store_op *op, enum store_status status)
{
    struct work *work = op->arg;
    const struct work_kind *kind = work->kind;
    enum work_next next = status == STORE_OK ? WORK_DONE : WORK_REST;
    log_set_cause(work->subject, work->subject_len);
    if (kind->stored)
        next = kind->stored(work, status);
    bool failed = status != STORE_OK && status != STORE_REFUSED && (next == WORK_REST || next == WORK_AGAIN);
    if (failed || status == STORE_OK)
        note_stored(work->runner, !failed);
    if (failed)
        kind->log(work, LOG_LEVEL_ERROR, kind->unstored, store_status_text(status));
    work_go(work, next);
    log_set_request(0);
}

/* On the egress thread; at its end at once: it is tried a last time. */
static void on_store_due(void *ctx, int event)
{
    (void)event;
    work_go(ctx, WORK_STORE);
}

/* On the egress thread. */
static void store_later(void *ctx)
{
    struct work *work = ctx;
    uint64_t at_ms = egress_now_ms() + runner_unstored_rest_ms(work->runner);
    work->later = (struct egress_watch){.fd = -1, .deadline_ms = at_ms, .fn = on_store_due, .ctx = work};
    egress_watch(work->runner->egress, &work->later);
}

/* Where egress has ended it is taken up after the next start. */
static void post(struct work *work, void (*fn)(void *ctx))
{
    work->post = (struct egress_post){.fn = fn, .ctx = work};
    if (!egress_post(work->runner->egress, &work->post))
        end_work(work, WORK_REST);
}

void work_go(struct work *work, enum work_next next)
{
    switch (next) {
    case WORK_WAIT:
        break;
    case WORK_ASK:
        post(work, on_turn);
        break;
    case WORK_AGAIN:
        post(work, store_later);
        break;
    case WORK_STORE:
        work->op = (struct store_op){.fn = apply, .arg = work, .patience_ms = work->patience_ms, .done = on_stored};
        store_submit(work->runner->store, &work->op);
        break;
    case WORK_DONE:
    case WORK_LOOK:
    case WORK_REST:
        end_work(work, next);
        break;
    }
}

/* ---- the job ---- */

/* A want of memory passes sooner than a record mends. */
static uint64_t unread_rest_ms(struct runner *runner, unsigned shortages)
{
    return shortage_count() != shortages ? runner_unstored_rest_ms(runner) : UNREADABLE_REST_MS;
}

static enum work_next load(struct work *work)
{
    const struct work_kind *kind = work->kind;
    struct store_txn *txn;
    unsigned before = shortage_count();
    bool due = true;
    enum store_status status = store_read(work->runner->store, &txn);
    if (status == STORE_OK) {
        if (work->leased)
            status = scheduler_still_due(txn, kind->job, work->subject, work->subject_len, &due);
        if (status == STORE_OK && due)
            status = kind->load(txn, work);
        store_read_end(txn);
        if (status == STORE_OK && shortage_count() != before) /* who knows what it did not see */
            status = STORE_SHORT;
    }
    if (status == STORE_OK)
        return due ? WORK_ASK : WORK_DONE; /* done or moved before it was looked at */
    if (status != STORE_REFUSED)
        kind->log(work, LOG_LEVEL_ERROR, kind->unreadable,
                  store_status_text(shortage_count() != before ? STORE_SHORT : status));
    return work_rest(work, work->rest_ms ? work->rest_ms : unread_rest_ms(work->runner, before));
}

static struct work *make(const struct work_row *row, const void *subject, size_t subject_len)
{
    const struct work_kind *kind = row->kind;
    bool fits = subject_len >= kind->subject_min && subject_len <= kind->subject_max;
    bool may = !atomic_load(&row->runner->stopping) && !atomic_load(&row->runner->rests);
    struct work *work = fits && may ? shortage_calloc(1, kind->size) : NULL;
    if (!work)
        return NULL;
    work->runner = row->runner;
    work->kind = kind;
    work->owner = row->owner;
    work->config = row->runner->configs ? config_take(row->runner->configs) : NULL;
    memcpy(work->subject, subject, subject_len);
    work->subject_len = subject_len;
    return work;
}

static void on_job(void *ctx, const struct store_job *job)
{
    const struct work_row *row = ctx;
    unsigned before = shortage_count();
    struct work *work = make(row, job->subject, job->subject_len);
    if (work) {
        work->leased = true;
        work_go(work, load(work));
        return;
    }
    if (shortage_count() != before)
        log_warning("a job waits for memory: see to this machine");
    scheduler_release_after(row->runner->scheduler, row->kind->job, job->subject, job->subject_len,
                            unread_rest_ms(row->runner, before));
}

struct work *work_make(struct runner *runner, enum job_kind job, const void *subject, size_t subject_len)
{
    struct work *work = make(&runner->rows[job], subject, subject_len);
    if (work && load(work) != WORK_ASK) {
        end_work(work, WORK_REST);
        return NULL;
    }
    return work;
}

struct work *work_lease(struct runner *runner, enum job_kind job, const void *subject, size_t subject_len)
{
    struct work *work = make(&runner->rows[job], subject, subject_len);
    if (work && !scheduler_lease(runner->scheduler, job, subject, subject_len)) {
        end_work(work, WORK_DONE); /* of what is not leased nothing is released */
        return NULL;
    }
    if (work)
        work->leased = true;
    return work;
}

void runner_handle(struct runner *runner, const struct work_kind *const *kinds, size_t count, void *owner)
{
    for (size_t i = 0; i < count; i++) {
        struct work_row *row = &runner->rows[kinds[i]->job];
        *row = (struct work_row){runner, kinds[i], owner};
        scheduler_handle(runner->scheduler, kinds[i]->job, on_job, row);
    }
}
