/* waiting_call: a request whose handler may wait, from its arrival to its reply. An operator's (a commit, a backup)
 * runs on a thread of its own, a few at a time; one to the public listener on a worker, where the store waits for a
 * network.
 *
 * A call has one owner at a time, as a job has (job.c): the other thread until it is back, then the request's pool.
 */
#include "gateway/http/framing.h"
#include "gateway/http/internal.h"
#include "gateway/http/reply.h"
#include "store/shortage.h"

#include <stdlib.h>

enum { BUSY_RETRY_S = 1 };

struct waiting_call {
    struct handoff handoff; /* first */
    h2o_req_t *req;         /* NULL: gone while the other thread had the call */
    http_handler_fn *handler;
    void *ctx;
    struct admin_requests *among; /* an operator's: that it is one of */
    bool away;
    uint64_t id;         /* in the log */
    h2o_mem_pool_t pool; /* of the strings of `call`; the loop's thread makes and clears it */
    struct http_call call;
    struct http_answer answer;
};

static void call_free(struct waiting_call *waiting)
{
    h2o_mem_clear_pool(&waiting->pool);
    free(waiting->answer.body);
    free(waiting->answer.set_cookie);
    free(waiting);
}

static void on_request_gone(void *arg)
{
    struct waiting_call *waiting = arg;
    waiting->req = NULL;
    if (!waiting->away)
        call_free(waiting);
}

/* On the other thread. */
static void run_handler(struct handoff *handoff, struct acme_thread *thread)
{
    struct waiting_call *waiting = (struct waiting_call *)handoff;
    (void)thread;
    log_set_request(waiting->id);
    call_handle(waiting->handler, waiting->ctx, &waiting->call, &waiting->answer);
}

static void on_back(struct handoff *handoff)
{
    struct waiting_call *waiting = (struct waiting_call *)handoff;
    waiting->away = false;
    if (!waiting->req) {
        call_free(waiting);
        return;
    }
    log_set_request(waiting->id);
    struct http_answer answer = waiting->answer;
    waiting->answer.body = waiting->answer.set_cookie = NULL; /* the request's now */
    call_answer(waiting->req, &answer);
}

/* The strings are still to be read. NULL: answered. */
static struct waiting_call *call_make(h2o_req_t *req, http_handler_fn *handler, void *ctx)
{
    struct waiting_call *waiting = shortage_calloc(1, sizeof *waiting);
    if (!waiting) {
        reply_retry_after(req, ACME_RETRY_MEMORY_S);
        reply_text(req, 503, ACME_OUT_OF_MEMORY "\n");
        return NULL;
    }
    h2o_mem_init_pool(&waiting->pool);
    waiting->handoff =
        (struct handoff){.message = {.kind = MESSAGE_BACK}, .loop = loop_of(req), .run = run_handler, .back = on_back};
    waiting->req = req;
    waiting->handler = handler;
    waiting->ctx = ctx;
    waiting->id = connection_of(req)->request.id;
    waiting->answer.status = 500;
    reply_own(req, waiting, on_request_gone);
    if (call_read(req, &waiting->pool, &waiting->call))
        return waiting;
    reply_text(req, 413, "The body is too large.\n");
    return NULL;
}

void public_request_hand_over(h2o_req_t *req)
{
    const struct http_config *config = &loop_of(req)->server->config;
    struct waiting_call *waiting = call_make(req, config->public_handler, config->public_ctx);
    if (waiting) {
        waiting->away = true;
        workers_take(waiting->handoff.loop, &waiting->handoff);
    }
}

/* ---- an operator's ---- */

void admin_requests_init(struct admin_requests *requests, unsigned max)
{
    requests->running = 0;
    requests->max = max;
    pthread_mutex_init(&requests->lock, NULL);
    pthread_cond_init(&requests->left, NULL);
}

void admin_requests_free(struct admin_requests *requests)
{
    pthread_cond_destroy(&requests->left);
    pthread_mutex_destroy(&requests->lock);
}

static bool admin_requests_enter(struct admin_requests *requests)
{
    pthread_mutex_lock(&requests->lock);
    bool room = requests->running < requests->max;
    if (room)
        requests->running++;
    pthread_mutex_unlock(&requests->lock);
    return room;
}

static void admin_requests_leave(struct admin_requests *requests)
{
    pthread_mutex_lock(&requests->lock);
    requests->running--;
    pthread_cond_signal(&requests->left);
    pthread_mutex_unlock(&requests->lock);
}

void admin_requests_wait(struct admin_requests *requests)
{
    pthread_mutex_lock(&requests->lock);
    while (requests->running > 0)
        pthread_cond_wait(&requests->left, &requests->lock);
    pthread_mutex_unlock(&requests->lock);
}

/* The request's thread. */
static void *admin_request_main(void *arg)
{
    struct waiting_call *waiting = arg;
    struct loop *loop = waiting->handoff.loop;
    struct admin_requests *requests = waiting->among; /* which outlives the call */
    run_handler(&waiting->handoff, NULL);
    loop_send(loop, &waiting->handoff.message);
    admin_requests_leave(requests);
    return NULL;
}

static bool admin_request_start(struct waiting_call *waiting)
{
    pthread_t thread;
    struct loop *loop = waiting->handoff.loop;
    struct admin_requests *requests = waiting->among;
    if (!admin_requests_enter(requests))
        return false;
    waiting->away = true;
    loop->submitted++;
    if (pthread_create(&thread, NULL, admin_request_main, waiting) == 0) {
        pthread_detach(thread);
        return true;
    }
    waiting->away = false;
    loop->submitted--;
    admin_requests_leave(requests);
    return false;
}

static int serve_operator(h2o_req_t *req, struct admin_requests *among, http_handler_fn *handler, void *ctx)
{
    const char *fault = framing_fault(req);
    accept_note_request(req);
    if (fault) {
        reply_text(req, 400, fault);
        return 0;
    }
    struct waiting_call *waiting = call_make(req, handler, ctx);
    if (!waiting)
        return 0;
    waiting->among = among;
    waiting->answer.resource = "admin";
    if (!admin_request_start(waiting)) {
        reply_retry_after(req, BUSY_RETRY_S);
        reply_text(req, 503, "Too many requests are under way here; try again.\n");
    }
    return 0;
}

int on_admin_request(h2o_handler_t *self, h2o_req_t *req)
{
    struct http_server *server = loop_of(req)->server;
    (void)self;
    return serve_operator(req, &server->admin_requests, server->config.admin_handler, server->config.admin_ctx);
}

int on_api_request(h2o_handler_t *self, h2o_req_t *req)
{
    struct http_server *server = loop_of(req)->server;
    (void)self;
    return serve_operator(req, &server->api_requests, server->config.api_handler, server->config.api_ctx);
}
