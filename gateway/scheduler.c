#include "gateway/scheduler.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "store/wake.h"

enum {
    LEASE_BUCKETS = 1024,
    LEASES_MAX = 8192,     /* handed out at once; what is due beyond waits in the store */
    POSTS_AT_ONCE = 32,    /* then jobs have their turn */
    UNREAD_MS = 1000,      /* until the next look where the jobs cannot be read */
    STARVED_MS = 200,      /* until the next look where there was no lease left */
    SLEEP_MAX_MS = 1000,   /* a clock that was set is noticed after this; what is due later wakes nobody now */
    SLEEP_MOVED_MS = 20,   /* the same where a test moves it */
    JUDGED_MAX = 4096,     /* jobs that are judged anew in one transaction */
    SPREAD_MAX_MS = 60000, /* over which they come due */
    SPREAD_EACH_MS = 20,
    UNSTORED_REST_MS = 5000, /* after the store would not take it */
};

struct lease {
    struct lease *next;
    uint64_t release_ms; /* when it ends by itself, CLOCK_BOOTTIME; 0: when it is released */
    bool passed_over;    /* its job was due while it was leased */
    uint8_t kind, subject_len;
    uint8_t subject[STORE_SUBJECT_MAX];
};

struct scheduler {
    struct store *store;
    struct {
        scheduler_handler_fn *fn;
        void *ctx;
    } handlers[JOB_KINDS];
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* guards all below */
    struct wake wake;
    bool stopping;
    uint64_t next_due_ms;  /* when to look at the store again */
    uint64_t asleep_ms;    /* until when the thread sleeps, if it does */
    uint64_t next_rest_ms; /* CLOCK_BOOTTIME: when the next rest is over */
    uint64_t judge_ms;     /* CLOCK_BOOTTIME: from when on all jobs are to be made due; UINT64_MAX: never */
    bool judging;          /* that is being stored */
    bool posted;           /* the last turn was that of posts */
    struct scheduler_post *posts, **posts_end;
    struct lease *leases[LEASE_BUCKETS];
    unsigned lease_count, resting_count;

    struct store_op op; /* of judging */
    size_t made_due;
};

static unsigned bucket_of(uint8_t kind, const uint8_t *subject, size_t len)
{
    uint32_t hash = 2166136261u ^ kind;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ subject[i]) * 16777619u;
    return hash % LEASE_BUCKETS;
}

static struct lease **find_lease(struct scheduler *s, uint8_t kind, const uint8_t *subject, size_t len)
{
    struct lease **at = &s->leases[bucket_of(kind, subject, len)];
    while (*at && !((*at)->kind == kind && (*at)->subject_len == len && memcmp((*at)->subject, subject, len) == 0))
        at = &(*at)->next;
    return at;
}

/* Looks no later than due_ms. Whether it would sleep through that: then it is to be woken. */
static bool look_by(struct scheduler *s, uint64_t due_ms)
{
    bool sooner = due_ms < s->next_due_ms;
    if (sooner)
        s->next_due_ms = due_ms;
    return sooner && due_ms < s->asleep_ms;
}

static void unlock_and_wake(struct scheduler *s, bool wake)
{
    wake_unlock(&s->wake, &s->lock, wake);
}

static void on_jobs(void *ctx, uint64_t earliest_due_ms)
{
    struct scheduler *s = ctx;
    pthread_mutex_lock(&s->lock);
    unlock_and_wake(s, look_by(s, earliest_due_ms));
}

struct scheduler *scheduler_make(struct store *store)
{
    struct scheduler *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    wake_init(&s->wake);
    pthread_mutex_init(&s->lock, NULL);
    s->store = store;
    s->posts_end = &s->posts;
    s->next_rest_ms = s->judge_ms = UINT64_MAX;
    store_on_jobs(store, on_jobs, s);
    return s;
}

void scheduler_handle(struct scheduler *s, enum job_kind kind, scheduler_handler_fn *fn, void *ctx)
{
    s->handlers[kind].fn = fn;
    s->handlers[kind].ctx = ctx;
}

/* The due jobs of one look, copied out of the snapshot. */
struct due {
    struct scheduler *scheduler;
    uint64_t now_ms, next_due_ms;
    struct store_job jobs[64];
    unsigned count, room; /* room: leases that may still be given */
    bool starved;         /* more was due than there was room for */
};

static bool collect_job(void *ctx, const struct store_job *job)
{
    struct due *due = ctx;
    struct scheduler *s = due->scheduler;
    if (job->due_ms > due->now_ms) {
        due->next_due_ms = job->due_ms;
        return false;
    }
    bool known = job->kind < JOB_KINDS && s->handlers[job->kind].fn;
    pthread_mutex_lock(&s->lock);
    struct lease *lease = known ? *find_lease(s, job->kind, job->subject, job->subject_len) : NULL;
    if (lease)
        lease->passed_over = true;
    pthread_mutex_unlock(&s->lock);
    if (known && !lease && due->count >= due->room) {
        due->starved = true;
        return false;
    }
    if (known && !lease)
        due->jobs[due->count++] = *job;
    if (due->count == sizeof due->jobs / sizeof *due->jobs) {
        due->next_due_ms = due->now_ms;
        return false;
    }
    return true;
}

bool scheduler_lease(struct scheduler *s, enum job_kind kind, const void *subject, size_t subject_len)
{
    bool leased = false;
    pthread_mutex_lock(&s->lock);
    struct lease **at = find_lease(s, (uint8_t)kind, subject, subject_len);
    struct lease *new = *at || s->lease_count >= LEASES_MAX ? NULL : calloc(1, sizeof *new);
    if (new) {
        new->kind = (uint8_t)kind;
        new->subject_len = (uint8_t)subject_len;
        memcpy(new->subject, subject, subject_len);
        *at = new;
        s->lease_count++;
        leased = true;
    }
    pthread_mutex_unlock(&s->lock);
    return leased;
}

static void end_lease(struct scheduler *s, struct lease **at)
{
    struct lease *ended = *at;
    *at = ended->next;
    s->lease_count--;
    if (ended->release_ms)
        s->resting_count--;
    free(ended);
}

/* Ends the leases whose rest is over. */
static void end_rests(struct scheduler *s)
{
    uint64_t now_ms = clock_boot_ms(), next_ms = UINT64_MAX;
    pthread_mutex_lock(&s->lock);
    if (now_ms < s->next_rest_ms) {
        pthread_mutex_unlock(&s->lock);
        return;
    }
    for (unsigned i = 0; s->resting_count > 0 && i < LEASE_BUCKETS; i++) {
        struct lease **at = &s->leases[i];
        while (*at) {
            if ((*at)->release_ms && (*at)->release_ms <= now_ms) {
                end_lease(s, at);
                continue;
            }
            if ((*at)->release_ms && (*at)->release_ms < next_ms)
                next_ms = (*at)->release_ms;
            at = &(*at)->next;
        }
    }
    s->next_rest_ms = next_ms;
    pthread_mutex_unlock(&s->lock);
}

/* Hands out what is due; returns when to look again. */
static uint64_t hand_out(struct scheduler *s)
{
    struct due due; /* whose jobs are written before they are read: there are many, and often none is due */
    struct store_txn *txn;
    due.scheduler = s;
    due.now_ms = clock_ms();
    due.next_due_ms = UINT64_MAX;
    due.count = 0;
    due.starved = false;
    end_rests(s);
    pthread_mutex_lock(&s->lock);
    due.room = LEASES_MAX - s->lease_count;
    pthread_mutex_unlock(&s->lock);
    if (store_read(s->store, &txn) != STORE_OK) {
        log_error("cannot read the jobs table; trying again in a second. See to the store's disk");
        return due.now_ms + UNREAD_MS;
    }
    enum store_status status = store_jobs(txn, collect_job, &due);
    store_read_end(txn);
    if (status != STORE_OK)
        due.next_due_ms = due.now_ms + UNREAD_MS;
    for (unsigned i = 0; i < due.count; i++) {
        const struct store_job *job = &due.jobs[i];
        if (!scheduler_lease(s, job->kind, job->subject, job->subject_len))
            due.starved = true;
        else
            s->handlers[job->kind].fn(s->handlers[job->kind].ctx, job);
    }
    return due.starved ? due.now_ms + STARVED_MS : due.next_due_ms;
}

static void run_posts(struct scheduler *s)
{
    struct scheduler_post *post = s->posts, *last = post;
    for (unsigned i = 1; i < POSTS_AT_ONCE && last->next; i++)
        last = last->next;
    s->posts = last->next;
    last->next = NULL;
    if (!s->posts)
        s->posts_end = &s->posts;
    pthread_mutex_unlock(&s->lock);
    while (post) {
        struct scheduler_post *next = post->next; /* fn may free the post */
        post->fn(post->ctx);
        post = next;
    }
    pthread_mutex_lock(&s->lock);
}

/* ---- after a jump of the clock ---- */

struct judgement {
    uint64_t now_ms;
    struct store_job *jobs; /* JUDGED_MAX of them */
    size_t count;
};

static bool remember_late(void *ctx, const struct store_job *job)
{
    struct judgement *judgement = ctx;
    if (job->due_ms > judgement->now_ms + SPREAD_MAX_MS)
        judgement->jobs[judgement->count++] = *job;
    return judgement->count < JUDGED_MAX;
}

/* Those that wait for long; the many do not come due in one moment. */
static enum store_status make_due(struct store_txn *txn, void *arg)
{
    struct scheduler *s = arg;
    struct judgement judgement = {.now_ms = clock_ms(), .jobs = calloc(JUDGED_MAX, sizeof *judgement.jobs)};
    s->made_due = 0;
    if (!judgement.jobs)
        return STORE_IO;
    enum store_status status = store_jobs(txn, remember_late, &judgement);
    uint64_t spread_ms =
        judgement.count * SPREAD_EACH_MS < SPREAD_MAX_MS ? judgement.count * SPREAD_EACH_MS : SPREAD_MAX_MS;
    for (size_t i = 0; status == STORE_OK && i < judgement.count; i++) {
        const struct store_job *job = &judgement.jobs[i];
        status = store_job_set(txn, job->kind, job->subject, job->subject_len,
                               judgement.now_ms + spread_ms * i / judgement.count);
    }
    s->made_due = judgement.count;
    free(judgement.jobs);
    return status;
}

static void on_judged(struct store_op *op, enum store_status status)
{
    struct scheduler *s = op->arg;
    if (status != STORE_OK && status != STORE_CLOSED)
        log_error("the jobs cannot be judged anew after the clock was set; trying again. See to the store's disk",
                  "reason", store_status_text(status));
    pthread_mutex_lock(&s->lock);
    s->judging = false;
    if (status != STORE_OK)
        s->judge_ms = clock_boot_ms() + UNSTORED_REST_MS;
    else if (s->made_due == JUDGED_MAX)
        s->judge_ms = 0;
    unlock_and_wake(s, look_by(s, 0)); /* when to look next was by the time of before */
}

/* With the lock, which it lets go. */
static void judge_clock(struct scheduler *s)
{
    s->judge_ms = UINT64_MAX;
    s->judging = true;
    pthread_mutex_unlock(&s->lock);
    s->op = (struct store_op){.fn = make_due, .arg = s, .done = on_judged};
    store_submit(s->store, &s->op);
    pthread_mutex_lock(&s->lock);
}

void scheduler_judge_anew(struct scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    s->judge_ms = 0;
    unlock_and_wake(s, true);
}

/* ---- the thread ---- */

static uint64_t left_ms(uint64_t until_ms, uint64_t now_ms, uint64_t most_ms)
{
    uint64_t left = clock_since(now_ms, until_ms);
    return left < most_ms ? left : most_ms;
}

/* Until a job is due or a rest is over. */
static void sleep_until(struct scheduler *s, uint64_t due_ms, uint64_t now_ms)
{
    uint64_t most_ms = clock_is_moved() ? SLEEP_MOVED_MS : SLEEP_MAX_MS;
    uint64_t wait_ms = left_ms(s->next_rest_ms, clock_boot_ms(), left_ms(due_ms, now_ms, most_ms));
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    s->asleep_ms = now_ms + wait_ms;
    wake_sleep(&s->wake, &s->lock, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 + wait_ms * 1000);
}

/* With the lock. Whether there is something to do at this time besides posts. */
static bool has_jobs(const struct scheduler *s, uint64_t now_ms)
{
    uint64_t boot_ms = clock_boot_ms();
    return (s->judge_ms <= boot_ms && !s->judging) || s->next_due_ms <= now_ms || s->next_rest_ms <= boot_ms;
}

/* With the lock. */
static bool has_turn(const struct scheduler *s, uint64_t now_ms)
{
    return s->posts || has_jobs(s, now_ms);
}

/* With the lock, which it lets go meanwhile: does one thing of what there is. Posts may come faster than they are done,
 * so jobs have every other turn. */
static void do_turn(struct scheduler *s)
{
    s->posted = s->posts && !(s->posted && has_jobs(s, clock_ms()));
    if (s->posted) {
        run_posts(s);
    } else if (s->judge_ms <= clock_boot_ms() && !s->judging) {
        judge_clock(s);
    } else {
        s->next_due_ms = UINT64_MAX; /* what is set from here on lowers it again */
        pthread_mutex_unlock(&s->lock);
        uint64_t next_ms = hand_out(s);
        pthread_mutex_lock(&s->lock);
        look_by(s, next_ms);
    }
}

bool scheduler_step(struct scheduler *s, uint64_t *wait_ms)
{
    uint64_t now_ms = clock_ms();
    pthread_mutex_lock(&s->lock);
    bool turned = !s->stopping && has_turn(s, now_ms);
    if (turned) {
        do_turn(s);
        now_ms = clock_ms();
    }
    *wait_ms = left_ms(s->next_rest_ms, clock_boot_ms(), left_ms(s->next_due_ms, now_ms, UINT64_MAX));
    pthread_mutex_unlock(&s->lock);
    return turned;
}

static void *run_scheduler(void *arg)
{
    struct scheduler *s = arg;
    uint64_t wait_ms;
    pthread_setname_np(pthread_self(), "scheduler");
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        uint64_t now_ms = clock_ms();
        if (!has_turn(s, now_ms)) {
            sleep_until(s, s->next_due_ms, now_ms);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        scheduler_step(s, &wait_ms);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

bool scheduler_start(struct scheduler *s)
{
    s->started = pthread_create(&s->thread, NULL, run_scheduler, s) == 0;
    return s->started;
}

void scheduler_stop(struct scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    unlock_and_wake(s, true);
    if (s->started)
        pthread_join(s->thread, NULL);
    s->started = false;
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    while (s->posts)
        run_posts(s);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < LEASE_BUCKETS; i++) {
        while (s->leases[i]) {
            struct lease *next = s->leases[i]->next;
            free(s->leases[i]);
            s->leases[i] = next;
        }
    }
    wake_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void release(struct scheduler *s, enum job_kind kind, const void *subject, size_t subject_len, bool look)
{
    bool wake = false;
    pthread_mutex_lock(&s->lock);
    struct lease **at = find_lease(s, (uint8_t)kind, subject, subject_len);
    if (*at) {
        look = look || (*at)->passed_over;
        end_lease(s, at);
        wake = look && look_by(s, 0);
    }
    unlock_and_wake(s, wake);
}

void scheduler_release(struct scheduler *s, enum job_kind kind, const void *subject, size_t subject_len)
{
    release(s, kind, subject, subject_len, true);
}

enum store_status scheduler_still_due(struct store_txn *txn, enum job_kind kind, const void *subject,
                                      size_t subject_len, bool *due)
{
    uint64_t due_ms = 0;
    enum store_status status = store_job_get(txn, (uint8_t)kind, subject, subject_len, &due_ms);
    *due = status == STORE_OK && due_ms <= clock_ms();
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

void scheduler_done(struct scheduler *s, enum job_kind kind, const void *subject, size_t subject_len)
{
    release(s, kind, subject, subject_len, false);
}

void scheduler_release_after(struct scheduler *s, enum job_kind kind, const void *subject, size_t subject_len,
                             uint64_t delay_ms)
{
    bool wake = false;
    pthread_mutex_lock(&s->lock);
    struct lease *lease = *find_lease(s, (uint8_t)kind, subject, subject_len);
    if (lease && !lease->release_ms) {
        lease->release_ms = clock_boot_ms() + delay_ms;
        s->resting_count++;
        wake = lease->release_ms < s->next_rest_ms;
        if (wake)
            s->next_rest_ms = lease->release_ms;
        wake = wake && delay_ms < SLEEP_MAX_MS;
    }
    unlock_and_wake(s, wake);
}

void scheduler_wake(struct scheduler *s, enum job_kind kind, const void *subject, size_t subject_len)
{
    bool wake = false;
    pthread_mutex_lock(&s->lock);
    struct lease **at = find_lease(s, (uint8_t)kind, subject, subject_len);
    if (*at && (*at)->release_ms) {
        end_lease(s, at);
        wake = look_by(s, 0);
    }
    unlock_and_wake(s, wake);
}

struct count_due {
    uint64_t now_ms;
    struct scheduler_due *due;
};

static bool count_due(void *ctx, const struct store_job *job)
{
    const struct count_due *count = ctx;
    if (job->due_ms > count->now_ms) {
        count->due->next_ms = job->due_ms;
        return false;
    }
    count->due->due++;
    count->due->late += job->due_ms + SCHEDULER_LATE_MS < count->now_ms;
    return true;
}

enum store_status scheduler_count_due(struct store_txn *txn, uint64_t now_ms, struct scheduler_due *due)
{
    struct count_due count = {now_ms, due};
    *due = (struct scheduler_due){0};
    return store_jobs(txn, count_due, &count);
}

unsigned scheduler_busy(struct scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned count = s->lease_count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

void scheduler_post(struct scheduler *s, struct scheduler_post *post)
{
    post->next = NULL;
    pthread_mutex_lock(&s->lock);
    *s->posts_end = post;
    s->posts_end = &post->next;
    unlock_and_wake(s, true);
}
