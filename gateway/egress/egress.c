#include "gateway/egress/egress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/egress/internal.h"
#include "gateway/log.h"
#include "gateway/memory.h"
#include "store/shortage.h"

/* ---- descriptors and timers ---- */

static void on_watch_event(void *ctx, int fd, int events)
{
    struct egress_watch *watch = ctx;
    struct egress_loop *loop = &watch->egress->loop;
    egress_loop_disarm(loop, watch);
    egress_loop_forget(loop, fd);
    watch->fn(watch->ctx, events);
}

void egress_watch(struct egress *egress, struct egress_watch *watch)
{
    watch->egress = egress;
    bool listening =
        watch->fd < 0 || egress_loop_listen(&egress->loop, watch->fd, watch->events, on_watch_event, watch);
    watch->unwatched = !listening;
    if (egress->failing || !listening)
        watch->deadline_ms = 0;
    egress_loop_arm(&egress->loop, watch);
}

void egress_unwatch(struct egress *egress, struct egress_watch *watch)
{
    if (!watch->armed)
        return;
    egress_loop_disarm(&egress->loop, watch);
    egress_loop_forget(&egress->loop, watch->fd);
}

/* ---- posts ---- */

static void wake(struct egress *egress)
{
    uint64_t one = 1;
    ssize_t written = write(egress->wake_fd, &one, sizeof one);
    (void)written; /* a full counter wakes as well */
}

bool egress_post(struct egress *egress, struct egress_post *post)
{
    post->next = NULL;
    pthread_mutex_lock(&egress->lock);
    bool accepted = !egress->stop;
    bool first = egress->posts == NULL;
    if (accepted) {
        *egress->last_post = post;
        egress->last_post = &post->next;
    }
    pthread_mutex_unlock(&egress->lock);
    if (accepted && first)
        wake(egress);
    return accepted;
}

/* ---- other resolvers ---- */

static void free_list(const char *const *list, size_t count)
{
    for (size_t i = 0; list != NULL && i < count; i++)
        free((char *)(uintptr_t)list[i]);
    free((void *)(uintptr_t)list);
}

static bool copy_list(const char *const *from, size_t count, const char *const **to)
{
    char **list = shortage_calloc(count + 1, sizeof *list);
    bool good = list != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = (list[i] = shortage_strdup(from[i])) != NULL;
    *to = (const char *const *)list;
    return good;
}

static bool copy_view(const struct egress_config *from, struct egress_config *to)
{
    *to = (struct egress_config){.resolver_count = from->resolver_count,
                                 .insecure_zone_count = from->insecure_zone_count};
    to->trust_anchor_file = from->trust_anchor_file != NULL ? shortage_strdup(from->trust_anchor_file) : NULL;
    return (from->trust_anchor_file == NULL || to->trust_anchor_file != NULL) &&
           copy_list(from->resolvers, from->resolver_count, &to->resolvers) &&
           copy_list(from->insecure_zones, from->insecure_zone_count, &to->insecure_zones);
}

void egress_prepared_free(struct egress_prepared *prepared)
{
    for (unsigned view = 0; prepared != NULL && view < EGRESS_VIEWS; view++) {
        struct egress_config *config = &prepared->views[view];
        free_list(config->resolvers, config->resolver_count);
        free_list(config->insecure_zones, config->insecure_zone_count);
        free((char *)(uintptr_t)config->trust_anchor_file);
    }
    free(prepared);
}

struct egress_prepared *egress_prepare(const struct egress_config *config, char reason[static EGRESS_REASON_MAX])
{
    struct egress_prepared *prepared = NULL;
    if (!egress_try(config, reason) || (config->outside != NULL && !egress_try(config->outside, reason)))
        return NULL;
    snprintf(reason, EGRESS_REASON_MAX, "out of memory");
    prepared = shortage_calloc(1, sizeof *prepared);
    if (prepared == NULL)
        return NULL;
    struct egress_config *own = &prepared->views[EGRESS_OWN_VIEW], *outside = &prepared->views[EGRESS_OUTSIDE_VIEW];
    if (copy_view(config, own) && (config->outside == NULL || copy_view(config->outside, outside))) {
        own->outside = config->outside != NULL ? outside : NULL;
        return prepared;
    }
    egress_prepared_free(prepared);
    return NULL;
}

static void on_adopt(void *ctx)
{
    struct egress_prepared *prepared = ctx;
    char reason[EGRESS_REASON_MAX];
    if (!egress_dns_replace(prepared->egress, prepared, reason))
        log_error("names are looked up as before the configuration changed; reload it again, or restart the gateway. "
                  "See what is short",
                  "reason", reason);
    egress_prepared_free(prepared);
}

void egress_adopt(struct egress *egress, struct egress_prepared *prepared)
{
    prepared->egress = egress;
    prepared->post = (struct egress_post){.fn = on_adopt, .ctx = prepared};
    if (!egress_post(egress, &prepared->post))
        egress_prepared_free(prepared);
}

/* ---- whether it goes round ---- */

static void on_turn(void *ctx)
{
    struct egress *egress = ctx;
    atomic_store(&egress->turning, false);
}

bool egress_turned(struct egress *egress)
{
    if (atomic_load(&egress->turning))
        return false;
    atomic_store(&egress->turning, true);
    egress->turn = (struct egress_post){.fn = on_turn, .ctx = egress};
    egress_post(egress, &egress->turn);
    return true;
}

/* The whole queue at once: several wakes may have become one. */
static void on_wake(void *ctx, int fd, int events)
{
    (void)events;
    struct egress *egress = ctx;
    uint64_t wakes;
    ssize_t got = read(fd, &wakes, sizeof wakes);
    (void)got; /* only its readiness matters */
    pthread_mutex_lock(&egress->lock);
    struct egress_post *post = egress->posts;
    egress->posts = NULL;
    egress->last_post = &egress->posts;
    bool stop = egress->stop;
    uint32_t within_ms = egress->stop_within_ms;
    pthread_mutex_unlock(&egress->lock);
    while (post != NULL) {
        struct egress_post *next = post->next; /* the post is gone once it ran */
        post->fn(post->ctx);
        post = next;
    }
    if (stop && !egress->draining) {
        egress->draining = true;
        egress->drain_until_ms = egress_now_ms() + within_ms;
    }
}

/* ---- the thread ---- */

static bool busy(const struct egress *egress)
{
    return egress->transfers.list != NULL || egress->dns.under_way > 0 || egress->loop.armed_fds > 0;
}

bool egress_failing(const struct egress *egress)
{
    return egress->failing;
}

/* Lookups and watches end as their deadlines do, transfers have none of ours. What callbacks start from here on fails
 * as well, later: hence the loop. */
static void fail_all(struct egress *egress)
{
    egress->failing = egress->dns.base.closing = true;
    do {
        egress_transfers_fail(egress);
    } while (egress_loop_expire(&egress->loop) || busy(egress));
}

static void turn_egress(struct egress *egress, uint64_t until_ms)
{
    egress_loop_step(&egress->loop, until_ms);
    memory_tell_shortage(&egress->shortages);
}

static void *thread_main(void *ctx)
{
    struct egress *egress = ctx;
    while (!egress->draining)
        turn_egress(egress, UINT64_MAX);
    while (busy(egress) && egress_now_ms() < egress->drain_until_ms)
        turn_egress(egress, egress->drain_until_ms);
    fail_all(egress);
    return NULL;
}

/* Signals belong to the signal thread; a blocked SIGPIPE is what lets OpenSSL write to a closed connection. */
static int start_thread(struct egress *egress)
{
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* blocked, it would end the process without a word (torn.h) */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&egress->thread, NULL, thread_main, egress);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(egress->thread, "egress");
    return error;
}

static void release(struct egress *egress)
{
    egress_transfers_close(egress);
    egress_dns_close(egress);
    if (egress->wake_fd >= 0)
        close(egress->wake_fd);
    egress_loop_close(&egress->loop);
    pthread_mutex_destroy(&egress->lock);
    free(egress);
    curl_global_cleanup();
}

struct egress *egress_start(const struct egress_config *config, char reason[static EGRESS_REASON_MAX])
{
    struct egress *egress = shortage_calloc(1, sizeof *egress);
    if (egress == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(reason, EGRESS_REASON_MAX, "the egress thread cannot be started: out of memory");
        free(egress);
        return NULL;
    }
    egress->last_post = &egress->posts;
    egress->loop.epoll = -1;
    pthread_mutex_init(&egress->lock, NULL);
    egress->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (egress->wake_fd < 0 || !egress_loop_open(&egress->loop) ||
        !egress_loop_listen(&egress->loop, egress->wake_fd, EGRESS_READABLE, on_wake, egress)) {
        snprintf(reason, EGRESS_REASON_MAX, "the egress thread cannot be started: %s", strerror(errno));
        goto failed;
    }
    if (!egress_transfers_open(egress, config, reason) || !egress_dns_open(egress, config, reason))
        goto failed;
    int error = start_thread(egress);
    if (error == 0)
        return egress;
    snprintf(reason, EGRESS_REASON_MAX, "the egress thread cannot be started: %s", strerror(error));
failed:
    release(egress);
    return NULL;
}

void egress_stop(struct egress *egress, uint32_t deadline_ms)
{
    pthread_mutex_lock(&egress->lock);
    egress->stop = true;
    egress->stop_within_ms = deadline_ms;
    pthread_mutex_unlock(&egress->lock);
    wake(egress);
    pthread_join(egress->thread, NULL);
}

void egress_free(struct egress *egress)
{
    if (egress)
        release(egress);
}
