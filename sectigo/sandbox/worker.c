#include "sectigo/sandbox/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "sectigo/sandbox/progress.h"

enum { THREADS = 6 };

struct worker {
    struct sandbox *sandbox;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *heap; /* smallest due_ms first */
    size_t count, capacity;
    bool stop;
    pthread_t threads[THREADS];
    struct tools tools[THREADS];
    unsigned opened, started, taken; /* taken: tools handed out so far */
};

static void swap(struct job *a, struct job *b)
{
    struct job c = *a;
    *a = *b;
    *b = c;
}

static void sift_up(struct job *heap, size_t at)
{
    for (; at && heap[at].due_ms < heap[(at - 1) / 2].due_ms; at = (at - 1) / 2)
        swap(&heap[at], &heap[(at - 1) / 2]);
}

static void sift_down(struct job *heap, size_t count)
{
    for (size_t at = 0, child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1].due_ms < heap[child].due_ms)
            child++;
        if (heap[at].due_ms <= heap[child].due_ms)
            break;
        swap(&heap[at], &heap[child]);
    }
}

static bool add_job(struct worker *worker, const struct job *job)
{
    if (worker->count == worker->capacity) {
        size_t capacity = worker->capacity ? 2 * worker->capacity : 256;
        struct job *heap = realloc(worker->heap, capacity * sizeof *heap);
        if (!heap)
            return false;
        worker->heap = heap;
        worker->capacity = capacity;
    }
    worker->heap[worker->count] = *job;
    sift_up(worker->heap, worker->count++);
    pthread_cond_signal(&worker->wake);
    return true;
}

void worker_add(struct sandbox *sandbox, enum job_kind kind, struct order *order, int64_t due_ms, uint64_t number)
{
    struct worker *worker = sandbox->worker;
    struct job job = {.due_ms = due_ms, .kind = kind, .order = order, .number = number};
    pthread_mutex_lock(&worker->lock);
    if (!add_job(worker, &job))
        fprintf(stderr, "sectigo-sandbox: out of memory, order %s stands still\n", order->number);
    pthread_mutex_unlock(&worker->lock);
}

/* Lock held; waits until a job is due or the end has come (false). */
static bool take_due(struct worker *worker, struct job *job)
{
    while (!worker->stop) {
        int64_t due_ms = worker->count ? worker->heap[0].due_ms : INT64_MAX;
        struct timespec until = now_until(worker->count ? due_ms - now_ms() : 0);
        if (due_ms <= now_ms()) {
            *job = worker->heap[0];
            worker->heap[0] = worker->heap[--worker->count];
            sift_down(worker->heap, worker->count);
            return true;
        }
        if (worker->count)
            pthread_cond_timedwait(&worker->wake, &worker->lock, &until);
        else
            pthread_cond_wait(&worker->wake, &worker->lock);
    }
    return false;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct tools *tools;
    struct job job;
    pthread_mutex_lock(&worker->lock);
    tools = &worker->tools[worker->taken++];
    while (take_due(worker, &job)) {
        pthread_mutex_unlock(&worker->lock);
        progress_run(worker->sandbox, tools, &job);
        pthread_mutex_lock(&worker->lock);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static bool open_tools(struct sandbox *sandbox, struct tools *tools)
{
    const struct options *options = &sandbox->options;
    bool ok = dcv_open(&tools->dcv, options->resolver, options->http_port, options->https_port);
    tools->push = curl_easy_init();
    return ok && tools->push;
}

bool worker_start(struct sandbox *sandbox)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return false;
    sandbox->worker = worker;
    worker->sandbox = sandbox;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->wake, NULL);
    while (worker->opened < THREADS) {
        if (!open_tools(sandbox, &worker->tools[worker->opened++])) {
            fprintf(stderr, "sectigo-sandbox: cannot set up DNS lookups; is the resolver's address right?\n");
            return false;
        }
    }
    while (worker->started < THREADS) {
        if (pthread_create(&worker->threads[worker->started], NULL, work, worker)) {
            fprintf(stderr, "sectigo-sandbox: cannot start a thread\n");
            return false;
        }
        worker->started++;
    }
    return true;
}

void worker_stop(struct sandbox *sandbox)
{
    struct worker *worker = sandbox->worker;
    if (!worker)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stop = true;
    pthread_cond_broadcast(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
    for (unsigned i = 0; i < worker->started; i++)
        pthread_join(worker->threads[i], NULL);
    for (unsigned i = 0; i < worker->opened; i++) {
        dcv_close(&worker->tools[i].dcv);
        curl_easy_cleanup(worker->tools[i].push);
    }
    free(worker->heap);
    pthread_mutex_destroy(&worker->lock);
    pthread_cond_destroy(&worker->wake);
    free(worker);
    sandbox->worker = NULL;
}
