/* worker: threads on which requests are read for where the store waits for a network, so that a slow database delays
 * the requests that ask it and nobody else. Where it does not wait there is none, and nothing is handed over. */
#include "gateway/http/internal.h"
#include "gateway/memory.h"
#include "store/shortage.h"

#include <signal.h>
#include <stdlib.h>

struct worker {
    struct workers *workers;
    struct acme_thread *acme;
};

void workers_init(struct workers *workers)
{
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    workers->end = &workers->first;
}

void workers_take(struct loop *loop, struct handoff *handoff)
{
    struct workers *workers = &loop->server->workers;
    loop->submitted++;
    handoff->loop = loop;
    handoff->message.kind = MESSAGE_BACK;
    handoff->next = NULL;
    pthread_mutex_lock(&workers->lock);
    *workers->end = handoff;
    workers->end = &handoff->next;
    pthread_cond_signal(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
}

/* Waits; NULL once they stop and nothing is left to do. */
static struct handoff *next_handoff(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    while (!workers->first && !workers->stopping)
        pthread_cond_wait(&workers->wake, &workers->lock);
    struct handoff *handoff = workers->first;
    if (handoff && !(workers->first = handoff->next))
        workers->end = &workers->first;
    pthread_mutex_unlock(&workers->lock);
    return handoff;
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct handoff *handoff;
    unsigned shortages = shortage_count();
    while ((handoff = next_handoff(worker->workers)) != NULL) {
        handoff->run(handoff, worker->acme);
        memory_tell_shortage(&shortages);
        log_set_request(0);
        loop_send(handoff->loop, &handoff->message);
    }
    if (worker->acme)
        acme_thread_free(worker->acme);
    free(worker);
    return NULL;
}

static bool start_one(struct http_server *server)
{
    struct workers *workers = &server->workers;
    struct worker *worker = shortage_calloc(1, sizeof *worker);
    struct acme *acme = server->config.acme;
    if (!worker)
        return false;
    worker->workers = workers;
    worker->acme = acme ? acme_thread_make() : NULL;
    if ((!acme || worker->acme) && pthread_create(&workers->threads[workers->count], NULL, worker_main, worker) == 0) {
        pthread_setname_np(workers->threads[workers->count++], "request");
        return true;
    }
    if (worker->acme)
        acme_thread_free(worker->acme);
    free(worker);
    return false;
}

/* Signals are for the thread that waits for them. */
bool workers_start(struct http_server *server)
{
    struct workers *workers = &server->workers;
    sigset_t all, before;
    bool ok = true;
    if (server->config.workers == 0)
        return true;
    workers->threads = shortage_calloc(server->config.workers, sizeof *workers->threads);
    if (!workers->threads)
        return false;
    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* blocked, it would end the process without a word (torn.h) */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (ok && workers->count < server->config.workers)
        ok = start_one(server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

void workers_stop(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    while (workers->count > 0)
        pthread_join(workers->threads[--workers->count], NULL);
    free(workers->threads);
    workers->threads = NULL;
}
