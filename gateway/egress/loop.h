/* egress_loop: what the egress thread sleeps in: one epoll, and a heap of deadlines. Internal to egress*.c.
 *
 * One event a step, so that whatever a callback closes or frees leaves no stale event behind, and a few deadlines, so
 * that neither kind starves the other. Egress thread only.
 */
#ifndef GATEWAY_EGRESS_LOOP_H
#define GATEWAY_EGRESS_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/egress/egress.h"

typedef void egress_loop_fn(void *ctx, int fd, int events);

struct egress_loop_source {
    egress_loop_fn *fn; /* NULL: not listened to */
    void *ctx;
};

struct egress_loop {
    int epoll;
    struct egress_loop_source *sources; /* by descriptor */
    size_t source_count;
    struct egress_watch *timers; /* root of a pairing heap: no insertion can fail */
    size_t armed_fds;            /* those in the heap that have a descriptor */
};

/* False: errno says why. */
bool egress_loop_open(struct egress_loop *loop);
void egress_loop_close(struct egress_loop *loop);

/* Calls fn at every event of events (EGRESS_READABLE, EGRESS_WRITABLE) until forgotten; a second call for a descriptor
 * changes what is wanted. False when there is no memory or the descriptor cannot be polled. */
bool egress_loop_listen(struct egress_loop *loop, int fd, int events, egress_loop_fn *fn, void *ctx);
/* Harmless on one that is not listened to. Before the descriptor is closed. */
void egress_loop_forget(struct egress_loop *loop, int fd);

/* Puts the watch in the heap by its deadline. */
void egress_loop_arm(struct egress_loop *loop, struct egress_watch *watch);
void egress_loop_disarm(struct egress_loop *loop, struct egress_watch *watch);

/* Sleeps until something happens, at most until until_ms; one event, then deadlines that are over. */
void egress_loop_step(struct egress_loop *loop, uint64_t until_ms);
/* The deadline that is next of all is treated as over. False when there is none. */
bool egress_loop_expire(struct egress_loop *loop);

#endif
