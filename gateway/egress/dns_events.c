/* dns_events: libunbound's sockets and timers in our loop, by the interface that it has for that. Its own way is a
 * thread and two pipes, which cost more system calls than the lookup itself. */
#include "gateway/egress/internal.h"
#include "store/shortage.h"

#include <stdlib.h>
#include <sys/time.h>

struct event {
    struct ub_event head; /* first */
    struct egress_dns_base *base;
    int fd; /* -1: a timer */
    short wanted;
    void (*fn)(int fd, short happened, void *ctx);
    void *ctx;
    uint32_t limit_ms; /* of one that was added with a time limit; 0: none */
    struct egress_watch timer;
};

static struct event *event_of(struct ub_event *head)
{
    return (struct event *)head;
}

static uint32_t ms_of(const struct timeval *time)
{
    return (uint32_t)(time->tv_sec * 1000 + (time->tv_usec + 999) / 1000);
}

static void set_timer(struct event *event, uint32_t after_ms)
{
    egress_loop_disarm(event->base->loop, &event->timer);
    event->timer.deadline_ms = egress_now_ms() + after_ms;
    egress_loop_arm(event->base->loop, &event->timer);
}

static int forget_event(struct ub_event *head)
{
    struct event *event = event_of(head);
    egress_loop_disarm(event->base->loop, &event->timer);
    egress_loop_forget(event->base->loop, event->fd);
    return 0;
}

/* One that does not persist is over; the limit of one that does begins anew. */
static void happen(struct event *event, short what)
{
    if (!(event->wanted & UB_EV_PERSIST))
        forget_event(&event->head);
    else if (event->limit_ms > 0)
        set_timer(event, event->limit_ms);
    event->fn(event->fd, what, event->ctx);
}

static void on_ready(void *ctx, int fd, int events)
{
    struct event *event = ctx;
    int what = (events & EGRESS_READABLE ? UB_EV_READ : 0) | (events & EGRESS_WRITABLE ? UB_EV_WRITE : 0);
    (void)fd;
    happen(event, (short)(what & event->wanted));
}

/* Where everything fails, libunbound need not try again. */
static void on_time(void *ctx, int events)
{
    struct event *event = ctx;
    (void)events;
    if (!event->base->closing)
        happen(event, UB_EV_TIMEOUT);
}

static void add_bits(struct ub_event *head, short bits)
{
    event_of(head)->wanted |= bits;
}

static void del_bits(struct ub_event *head, short bits)
{
    event_of(head)->wanted &= (short)~bits;
}

static void set_fd(struct ub_event *head, int fd)
{
    event_of(head)->fd = fd;
}

static void free_event(struct ub_event *head)
{
    forget_event(head);
    free(head);
}

static int add_event(struct ub_event *head, struct timeval *limit)
{
    struct event *event = event_of(head);
    int events =
        (event->wanted & UB_EV_READ ? EGRESS_READABLE : 0) | (event->wanted & UB_EV_WRITE ? EGRESS_WRITABLE : 0);
    if (event->fd >= 0 && !egress_loop_listen(event->base->loop, event->fd, events, on_ready, event))
        return -1;
    event->limit_ms = limit != NULL && event->wanted & UB_EV_TIMEOUT ? ms_of(limit) : 0;
    if (event->limit_ms > 0)
        set_timer(event, event->limit_ms);
    return 0;
}

static int add_timer(struct ub_event *head, struct ub_event_base *base, void (*fn)(int, short, void *), void *ctx,
                     struct timeval *after)
{
    struct event *event = event_of(head);
    (void)base;
    event->fn = fn;
    event->ctx = ctx;
    set_timer(event, ms_of(after));
    return 0;
}

/* What is missing is for servers that handle signals, and for Windows. */
static struct ub_event_vmt event_functions = {.add_bits = add_bits,
                                              .del_bits = del_bits,
                                              .set_fd = set_fd,
                                              .free = free_event,
                                              .add = add_event,
                                              .del = forget_event,
                                              .add_timer = add_timer,
                                              .del_timer = forget_event};

static struct ub_event *new_event(struct ub_event_base *base, int fd, short bits, void (*fn)(int, short, void *),
                                  void *ctx)
{
    struct event *event = shortage_malloc(sizeof *event);
    if (event == NULL)
        return NULL;
    *event = (struct event){.head = {.magic = UB_EVENT_MAGIC, .vmt = &event_functions},
                            .base = (struct egress_dns_base *)base,
                            .fd = fd,
                            .wanted = bits,
                            .fn = fn,
                            .ctx = ctx};
    event->timer = (struct egress_watch){.fd = -1, .fn = on_time, .ctx = event};
    return &event->head;
}

void egress_dns_base_init(struct egress_dns_base *base, struct egress_loop *loop)
{
    static struct ub_event_base_vmt functions = {.new_event = new_event};
    *base = (struct egress_dns_base){.head = {.magic = UB_EVENT_MAGIC, .vmt = &functions}, .loop = loop};
}
