/* loop: one thread with its event loop, from set-up to its end. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "gateway/http/bodies.h"
#include "gateway/http/internal.h"
#include "gateway/http/linger.h"
#include "gateway/http/setup.h"
#include "gateway/log.h"

enum { DRAIN_LOOK_MS = 20, AGE_MS = 30 * SECOND_MS };

bool loop_send(struct loop *loop, struct message *message)
{
    message->super = (h2o_multithread_message_t){{NULL, NULL}};
    atomic_fetch_add(&loop->senders, 1);
    bool hears = !atomic_load(&loop->deaf);
    if (hears)
        h2o_multithread_send_message(&loop->receiver, &message->super);
    atomic_fetch_sub(&loop->senders, 1);
    return hears;
}

static void take_setup(struct loop *loop, struct new_setup *fresh)
{
    if (loop->draining)
        setup_drop(fresh->setup);
    else
        accept_apply(loop, fresh->setup);
    free(fresh);
}

static void take_back(struct loop *loop, struct handoff *handoff)
{
    loop->submitted--;
    handoff->back(handoff);
}

/* The library insists that the list is empty on return. */
static void on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, receiver, receiver);
    while (!h2o_linklist_is_empty(messages)) {
        struct message *message = H2O_STRUCT_FROM_MEMBER(struct message, super.link, messages->next);
        h2o_linklist_unlink(&message->super.link);
        log_set_request(0);
        switch (message->kind) {
        case MESSAGE_COMMITTED:
            job_on_committed(loop, message);
            break;
        case MESSAGE_BACK:
            take_back(loop, H2O_STRUCT_FROM_MEMBER(struct handoff, message, message));
            break;
        case MESSAGE_NOTICE:
            loop->has_notice = true;
            break;
        case MESSAGE_PROBED:
            health_on_probed(loop, message);
            break;
        case MESSAGE_SETUP:
            take_setup(loop, H2O_STRUCT_FROM_MEMBER(struct new_setup, message, message));
            break;
        case MESSAGE_TURN:
            atomic_store(&loop->turning, false);
            break;
        case MESSAGE_STOP:
            loop->draining = true;
            break;
        }
    }
}

/* Not where the message is taken: the library takes messages as long as there are any, so that a notifier who never
 * rests would keep the loop there. Until `noticed` is false none is sent, and what is marked after that is seen. */
static bool see_to_notice(struct loop *loop)
{
    if (!loop->has_notice)
        return false;
    loop->has_notice = false;
    atomic_store(&loop->noticed, false);
    job_on_notice(loop);
    return true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void age(struct loop *loop, uint64_t now_ms)
{
    if (now_ms < loop->age_ms)
        return;
    loop->age_ms = now_ms + AGE_MS;
    if (loop->acme)
        acme_thread_age(loop->acme);
}

/* Of the connection that it failed at h2o hears no more, whoever waits there. */
static void on_broken_loop(const struct loop *loop, const char *reason)
{
    const struct http_config *config = &loop->server->config;
    log_error("the event loop failed, and a connection of it gets no answer any more: look after this machine's memory",
              "reason", reason);
    if (config->broken)
        config->broken(config->broken_ctx);
}

/* Waits for events until `until_ms` at most, runs them, and then what is due. */
static void run_once(struct loop *loop, uint64_t until_ms)
{
    uint64_t now_ms = monotonic_ms();
    until_ms = earlier(until_ms, earlier(loop->holds.earliest_ms, linger_next_ms(loop)));
    until_ms = earlier(until_ms, earlier(health_next_ms(loop), overdue_next_ms(loop)));
    until_ms = earlier(until_ms, earlier(job_give_up_ms(loop), loop->age_ms));
    until_ms = earlier(until_ms, job_look_again_ms(loop));
    if (!loop->draining)
        until_ms = earlier(until_ms, accept_next_ms(loop));
    uint64_t wait_ms = until_ms <= now_ms ? 0 : earlier(until_ms - now_ms, INT32_MAX);

    log_set_request(0);
    /* Due replies first: what they write is flushed by the run below, which then must not sleep. */
    bool looked = see_to_notice(loop);
    if (job_expire(loop, now_ms) || looked)
        wait_ms = 0;
    job_give_up(loop, now_ms);
    job_look_again(loop, now_ms);
    health_expire(loop, now_ms);
    linger_expire(loop, now_ms);
    overdue_end(loop, now_ms);
    age(loop, now_ms);
    accept_resume(loop, now_ms);
    bodies_step(loop);
    if (h2o_evloop_run(loop->context.loop, (int32_t)wait_ms) != 0 && errno != EINTR)
        on_broken_loop(loop, strerror(errno));
    accept_end_broken(loop);
}

static bool set_up(struct loop *loop)
{
    struct http_server *server = loop->server;
    /* A request of ours and its head are smaller than the 8 KiB that h2o begins with, and a held one keeps them. */
    h2o_socket_buffer_prototype._initial_buf.capacity = H2O_SOCKET_INITIAL_INPUT_BUFFER_SIZE;
    h2o_context_init(&loop->context, h2o_evloop_create(), &server->globalconf);
    h2o_multithread_register_receiver(loop->context.queue, &loop->receiver, on_messages);
    accept_init(loop);
    bodies_init(loop);
    health_init(loop);
    h2o_linklist_init_anchor(&loop->lingering);
    holds_init(&loop->holds);
    h2o_linklist_init_anchor(&loop->patient);
    if (server->config.acme && !(loop->acme = acme_thread_make()))
        return false;
    accept_apply(loop, setup_hold(server->setup));
    return true;
}

/* Frees what can be freed. h2o keeps its epoll descriptor, its queue's struct and this thread's spare buffers. */
static void tear_down(struct loop *loop)
{
    accept_close(loop);
    linger_expire(loop, UINT64_MAX);
    loop->clean = accept_count(loop) == 0 && loop->submitted == 0;
    if (!loop->clean)
        return; /* h2o would assert, and the store will still write to its job */
    /* A message is here before its sender is through with the queue's pipe. What is still queued is taken below. */
    atomic_store(&loop->deaf, true);
    while (atomic_load(&loop->senders) > 0)
        sched_yield();
    h2o_evloop_t *events = loop->context.loop;
    h2o_evloop_run(events, 0);
    h2o_multithread_unregister_receiver(loop->context.queue, &loop->receiver);
    h2o_context_dispose(&loop->context);
    h2o_evloop_destroy(events);
    if (loop->acme)
        acme_thread_free(loop->acme);
    setup_drop(loop->setup);
    for (struct door *door = loop->doors, *next; door; door = next) {
        next = door->next;
        free(door);
    }
}

/* Answers what is held, lets requests finish, and cuts off what is left when most of the time is over. */
static void drain(struct loop *loop)
{
    uint64_t deadline_ms = loop->server->deadline_ms, now_ms = monotonic_ms();
    uint64_t cut_ms = now_ms + (deadline_ms > now_ms ? deadline_ms - now_ms : 0) / 10 * 9;

    accept_close(loop);
    /* h2o_context_request_shutdown would add HTTP/2's timers, which nobody needs and which forbid disposal. */
    loop->context.shutdown_requested = 1;
    job_expire(loop, UINT64_MAX);
    while ((accept_count(loop) > 0 || loop->submitted > 0) && now_ms < deadline_ms) {
        if (now_ms < cut_ms)
            accept_end_idle(loop);
        else
            accept_cut(loop);
        run_once(loop, earlier(deadline_ms, now_ms + DRAIN_LOOK_MS));
        now_ms = monotonic_ms();
    }
}

void *loop_main(void *arg)
{
    struct loop *loop = arg;
    struct http_server *server = loop->server;
    pthread_setname_np(pthread_self(), "http");
    loop->ready = set_up(loop);
    bool ready = loop->ready;
    sem_post(&server->started);
    if (ready) {
        while (!loop->draining)
            run_once(loop, UINT64_MAX);
        drain(loop);
    }
    tear_down(loop);
    return NULL;
}
