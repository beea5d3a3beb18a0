/* admin_request: an operator's request from its arrival to its reply. Its handler may block (a commit, a backup), so
 * each runs on a thread of its own, a few at a time.
 *
 * A request has one owner at a time, as a job has (job.c): the thread until its message is back, then the request's
 * pool.
 */
#include "gateway/http/framing.h"
#include "gateway/http/internal.h"
#include "gateway/http/reply.h"

#include <stdlib.h>

enum { ADMIN_REQUESTS_MAX = 8 };

struct admin_request {
    struct message message; /* MESSAGE_ADMIN_ANSWERED */
    struct loop *loop;
    h2o_req_t *req; /* NULL: gone while the thread had the request */
    bool running;
    uint64_t id;         /* in the log */
    h2o_mem_pool_t pool; /* of the strings of `call`; the loop's thread makes and clears it */
    struct http_call call;
    struct http_answer answer;
};

static void admin_request_free(struct admin_request *request)
{
    h2o_mem_clear_pool(&request->pool);
    free(request->answer.body);
    free(request);
}

static void on_request_gone(void *arg)
{
    struct admin_request *request = arg;
    request->req = NULL;
    if (!request->running)
        admin_request_free(request);
}

void admin_requests_init(struct admin_requests *requests)
{
    requests->running = 0;
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
    bool room = requests->running < ADMIN_REQUESTS_MAX;
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
    struct admin_request *request = arg;
    struct http_server *server = request->loop->server;
    log_set_request(request->id);
    server->config.admin_handler(server->config.admin_ctx, &request->call, &request->answer);
    loop_send(request->loop, &request->message);
    admin_requests_leave(&server->admin_requests);
    return NULL;
}

static bool admin_request_start(struct admin_request *request)
{
    pthread_t thread;
    struct admin_requests *requests = &request->loop->server->admin_requests;
    if (!admin_requests_enter(requests))
        return false;
    request->running = true;
    request->loop->submitted++;
    if (pthread_create(&thread, NULL, admin_request_main, request) == 0) {
        pthread_detach(thread);
        return true;
    }
    request->running = false;
    request->loop->submitted--;
    admin_requests_leave(requests);
    return false;
}

void admin_request_on_answered(struct loop *loop, struct message *message)
{
    struct admin_request *request = H2O_STRUCT_FROM_MEMBER(struct admin_request, message, message);
    loop->submitted--;
    request->running = false;
    if (!request->req) {
        admin_request_free(request);
        return;
    }
    log_set_request(request->id);
    struct http_answer answer = request->answer;
    request->answer.body = NULL; /* the request's now */
    answer.resource = "admin";
    call_answer(request->req, &answer);
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
    struct admin_request *request = calloc(1, sizeof *request);
    if (!request) {
        reply_text(req, 503, ACME_OUT_OF_MEMORY "\n");
        return 0;
    }
    h2o_mem_init_pool(&request->pool);
    request->message.kind = MESSAGE_ADMIN_ANSWERED;
    request->loop = loop_of(req);
    request->req = req;
    request->id = connection_of(req)->request.id;
    request->answer.status = 500;
    reply_own(req, request, on_request_gone);
    if (!call_read(req, &request->pool, &request->call))
        reply_text(req, 413, "The body is too large.\n");
    else if (!admin_request_start(request))
        reply_text(req, 503, "Too many requests are under way on this socket; try again.\n");
    return 0;
}
