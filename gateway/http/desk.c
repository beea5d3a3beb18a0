/* desk: an operator's request from its arrival to its reply. Its handler may block (a commit, a backup), so each runs
 * on a thread of its own, a few at a time.
 *
 * A visit has one owner at a time, as a job has (job.c): the thread until its message is back, then the request's pool.
 */
#include "gateway/http/framing.h"
#include "gateway/http/internal.h"
#include "gateway/http/reply.h"

#include <stdlib.h>

enum { VISITS_MAX = 8 };

struct visit {
    struct message message; /* MESSAGE_VISITED */
    struct loop *loop;
    h2o_req_t *req; /* NULL: gone while the thread had the visit */
    bool running;
    h2o_mem_pool_t pool; /* of the strings of `call`; the loop's thread makes and clears it */
    struct http_call call;
    struct http_answer answer;
    uint64_t began_ms;
};

static void visit_free(struct visit *visit)
{
    h2o_mem_clear_pool(&visit->pool);
    free(visit->answer.body);
    free(visit);
}

static void on_request_gone(void *arg)
{
    struct visit *visit = arg;
    visit->req = NULL;
    if (!visit->running)
        visit_free(visit);
}

void desk_init(struct desk *desk)
{
    desk->visits = 0;
    pthread_mutex_init(&desk->lock, NULL);
    pthread_cond_init(&desk->left, NULL);
}

void desk_free(struct desk *desk)
{
    pthread_cond_destroy(&desk->left);
    pthread_mutex_destroy(&desk->lock);
}

static bool desk_enter(struct desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    bool room = desk->visits < VISITS_MAX;
    if (room)
        desk->visits++;
    pthread_mutex_unlock(&desk->lock);
    return room;
}

static void desk_leave(struct desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    desk->visits--;
    pthread_cond_signal(&desk->left);
    pthread_mutex_unlock(&desk->lock);
}

void desk_wait(struct desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    while (desk->visits > 0)
        pthread_cond_wait(&desk->left, &desk->lock);
    pthread_mutex_unlock(&desk->lock);
}

/* The visit's thread. */
static void *visit_main(void *arg)
{
    struct visit *visit = arg;
    struct http_server *server = visit->loop->server;
    server->config.admin_handler(server->config.admin_ctx, &visit->call, &visit->answer);
    loop_send(visit->loop, &visit->message);
    desk_leave(&server->desk);
    return NULL;
}

static bool visit_start(struct visit *visit)
{
    pthread_t thread;
    struct desk *desk = &visit->loop->server->desk;
    if (!desk_enter(desk))
        return false;
    visit->running = true;
    visit->loop->submitted++;
    if (pthread_create(&thread, NULL, visit_main, visit) == 0) {
        pthread_detach(thread);
        return true;
    }
    visit->running = false;
    visit->loop->submitted--;
    desk_leave(desk);
    return false;
}

void desk_on_visited(struct loop *loop, struct message *message)
{
    struct visit *visit = H2O_STRUCT_FROM_MEMBER(struct visit, message, message);
    loop->submitted--;
    visit->running = false;
    if (!visit->req) {
        visit_free(visit);
        return;
    }
    struct http_answer answer = visit->answer;
    visit->answer.body = NULL; /* the request's now */
    call_answer(visit->req, &answer, visit->began_ms);
}

int on_admin_request(h2o_handler_t *self, h2o_req_t *req)
{
    const char *fault = framing_fault(req);
    (void)self;
    accept_note_request(req);
    if (fault) {
        reply_text(req, 400, fault);
        return 0;
    }
    struct visit *visit = calloc(1, sizeof *visit);
    if (!visit) {
        reply_text(req, 503, ACME_OUT_OF_MEMORY "\n");
        return 0;
    }
    h2o_mem_init_pool(&visit->pool);
    visit->message.kind = MESSAGE_VISITED;
    visit->loop = loop_of(req);
    visit->req = req;
    visit->began_ms = monotonic_ms();
    visit->answer.status = 500;
    reply_own(req, visit, on_request_gone);
    if (!call_read(req, &visit->pool, &visit->call))
        reply_text(req, 413, "The body is too large.\n");
    else if (!visit_start(visit))
        reply_text(req, 503, "Too many requests are under way on this socket; try again.\n");
    return 0;
}
