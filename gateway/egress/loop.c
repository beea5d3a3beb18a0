#include "gateway/egress/loop.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "store/shortage.h"

uint64_t egress_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool egress_loop_open(struct egress_loop *loop)
{
    memset(loop, 0, sizeof *loop);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll >= 0;
}

void egress_loop_close(struct egress_loop *loop)
{
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->sources);
    memset(loop, 0, sizeof *loop);
    loop->epoll = -1;
}

/* ---- descriptors ---- */

static bool make_room(struct egress_loop *loop, size_t wanted)
{
    if (wanted <= loop->source_count)
        return true;
    size_t count = wanted * 2;
    struct egress_loop_source *sources = shortage_realloc(loop->sources, count * sizeof *sources);
    if (sources == NULL)
        return false;
    memset(sources + loop->source_count, 0, (count - loop->source_count) * sizeof *sources);
    loop->sources = sources;
    loop->source_count = count;
    return true;
}

bool egress_loop_listen(struct egress_loop *loop, int fd, int events, egress_loop_fn *fn, void *ctx)
{
    if (fd < 0 || !make_room(loop, (size_t)fd + 1))
        return false;
    struct egress_loop_source *source = &loop->sources[fd];
    struct epoll_event wanted = {.data.fd = fd};
    wanted.events = (events & EGRESS_READABLE ? EPOLLIN : 0u) | (events & EGRESS_WRITABLE ? EPOLLOUT : 0u);
    /* The table may be wrong about a descriptor that was closed without a word: then the other operation is right. */
    bool known = source->fn != NULL;
    if (epoll_ctl(loop->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &wanted) != 0 &&
        epoll_ctl(loop->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &wanted) != 0)
        return false;
    *source = (struct egress_loop_source){.fn = fn, .ctx = ctx};
    return true;
}

void egress_loop_forget(struct egress_loop *loop, int fd)
{
    if (fd < 0 || (size_t)fd >= loop->source_count || loop->sources[fd].fn == NULL)
        return;
    loop->sources[fd] = (struct egress_loop_source){0};
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void dispatch(struct egress_loop *loop, const struct epoll_event *event)
{
    int fd = event->data.fd;
    int events = 0;
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        events |= EGRESS_READABLE;
    if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        events |= EGRESS_WRITABLE;
    struct egress_loop_source source = loop->sources[fd];
    if (source.fn != NULL)
        source.fn(source.ctx, fd, events);
}

/* ---- deadlines: a pairing heap; prev is the elder sibling, or the parent of the eldest ---- */

static struct egress_watch *merge(struct egress_watch *a, struct egress_watch *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    if (b->deadline_ms < a->deadline_ms) {
        struct egress_watch *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child != NULL)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* The classic two passes over the siblings: pairs from the left, then the pairs together. */
static struct egress_watch *merge_siblings(struct egress_watch *first)
{
    struct egress_watch *pairs = NULL;
    while (first != NULL) {
        struct egress_watch *second = first->next;
        struct egress_watch *rest = second != NULL ? second->next : NULL;
        first->next = first->prev = NULL;
        if (second != NULL)
            second->next = second->prev = NULL;
        struct egress_watch *pair = merge(first, second);
        pair->next = pairs;
        pairs = pair;
        first = rest;
    }
    struct egress_watch *root = NULL;
    while (pairs != NULL) {
        struct egress_watch *rest = pairs->next;
        pairs->next = NULL;
        root = merge(root, pairs);
        pairs = rest;
    }
    return root;
}

void egress_loop_arm(struct egress_loop *loop, struct egress_watch *watch)
{
    watch->child = watch->next = watch->prev = NULL;
    watch->armed = true;
    loop->armed_fds += watch->fd >= 0;
    loop->timers = merge(loop->timers, watch);
}

void egress_loop_disarm(struct egress_loop *loop, struct egress_watch *watch)
{
    if (!watch->armed)
        return;
    struct egress_watch *below = merge_siblings(watch->child);
    if (watch == loop->timers) {
        loop->timers = below;
    } else {
        if (watch->prev->child == watch)
            watch->prev->child = watch->next;
        else
            watch->prev->next = watch->next;
        if (watch->next != NULL)
            watch->next->prev = watch->prev;
        loop->timers = merge(loop->timers, below);
    }
    watch->child = watch->next = watch->prev = NULL;
    watch->armed = false;
    loop->armed_fds -= watch->fd >= 0;
}

bool egress_loop_expire(struct egress_loop *loop)
{
    struct egress_watch *watch = loop->timers;
    if (watch == NULL)
        return false;
    egress_loop_disarm(loop, watch);
    egress_loop_forget(loop, watch->fd);
    watch->fn(watch->ctx, watch->unwatched ? EGRESS_UNWATCHED : EGRESS_DEADLINE);
    return true;
}

/* ---- the step ---- */

enum { EXPIRED_MAX = 16 }; /* deadlines a step: what is to be done next is one that is over already */

/* Milliseconds to sleep, -1 for ever. */
static int patience(const struct egress_loop *loop, uint64_t until_ms)
{
    if (loop->timers != NULL && loop->timers->deadline_ms < until_ms)
        until_ms = loop->timers->deadline_ms;
    if (until_ms == UINT64_MAX)
        return -1;
    uint64_t now = egress_now_ms();
    uint64_t left = until_ms > now ? until_ms - now : 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

void egress_loop_step(struct egress_loop *loop, uint64_t until_ms)
{
    struct epoll_event event;
    if (epoll_wait(loop->epoll, &event, 1, patience(loop, until_ms)) == 1)
        dispatch(loop, &event);
    for (unsigned i = 0; i < EXPIRED_MAX && loop->timers != NULL && loop->timers->deadline_ms <= egress_now_ms(); i++)
        egress_loop_expire(loop);
}
