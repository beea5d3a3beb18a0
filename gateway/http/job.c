/* job: an ACME request from its arrival to its reply, across the store's commit and the wait for a topic.
 *
 * A job is on the heap and has one owner at a time: its request (whose pool ends it), the store while its change is
 * submitted, or a worker that asks the ACME room, where the store waits for a network (worker.c). All its pointers are
 * read and written on the loop's thread; the writer touches only `status` and the message, a worker `step` and `task`,
 * and neither anything once the job is on its way back.
 */
#include <stdlib.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/http/bodies.h"
#include "gateway/http/framing.h"
#include "gateway/http/internal.h"
#include "gateway/http/reply.h"
#include "gateway/log.h"
#include "store/shortage.h"

/* What the ACME room is asked. */
enum question { QUESTION_BEGIN, QUESTION_COMMITTED, QUESTION_RESUME };

struct job {
    struct message message; /* MESSAGE_COMMITTED */
    struct handoff handoff;
    struct loop *loop;
    h2o_req_t *req; /* NULL: gone while the job was away */
    struct acme_task *task;
    enum question question;
    struct acme_request asked; /* for QUESTION_BEGIN */
    h2o_mem_pool_t pool;       /* of what `asked` points to, where a worker reads it; the loop's thread clears it */
    enum acme_step step;       /* what the ACME room said */
    struct store_op op;
    enum store_status status; /* what became of op */
    bool away, answered;      /* away: the store has it, or a worker */
    bool given_up;            /* answered without it: what comes back is of no use to anybody */
    h2o_linklist_t patient;   /* of loop->patient, while it is away at a store over the network */
    uint64_t away_ms;         /* monotonic, since when it is */
    bool over;                /* its time is, so that it is not held on */
    bool marked;              /* its topic was, while it was away */
    struct hold hold;
    uint64_t hold_until_ms; /* monotonic; 0: not held yet */
    uint64_t request;       /* its id in the log */
    uint64_t submitted_us;  /* monotonic */
};

/* The job is away; where the store waits for a network, that has an end (job_give_up). */
static void job_leaves(struct job *job)
{
    job->away = true;
    if (!workers_read(job->loop) || job->answered || !job->req)
        return;
    job->away_ms = monotonic_ms();
    h2o_linklist_insert(&job->loop->patient, &job->patient);
}

/* Nobody waits for it any more, or it is back. */
static void stop_patience(struct job *job)
{
    if (h2o_linklist_is_linked(&job->patient))
        h2o_linklist_unlink(&job->patient);
}

static void job_returns(struct job *job)
{
    job->away = false;
    stop_patience(job);
}

static void job_free(struct job *job)
{
    hold_remove(&job->loop->holds, &job->hold);
    if (job->task)
        acme_task_free(job->task);
    if (workers_read(job->loop))
        h2o_mem_clear_pool(&job->pool);
    free(job);
}

/* The request's pool is cleared: the reply is out, or the connection is gone. */
static void on_request_gone(void *arg)
{
    struct job *job = arg;
    job->req = NULL;
    stop_patience(job);
    if (!job->away)
        job_free(job);
}

/* On the writer's thread. */
static void on_done(struct store_op *op, enum store_status status)
{
    struct job *job = op->arg;
    job->status = status;
    metrics_observe(METRIC_COMMIT_DURATION, metrics_now_us() - job->submitted_us, 0);
    loop_send(job->loop, &job->message);
}

static enum store_status run_change(struct store_txn *txn, void *arg)
{
    struct job *job = arg;
    log_set_request(job->request);
    enum store_status status = acme_change(txn, job->task);
    log_set_request(0);
    return status;
}

/* For the operator, and as one line at `log: info`, every no: who asked for what, and why not. */
static void log_remark(const struct job *job)
{
    struct acme_remark r;
    const char *peer = connection_of(job->req)->request.peer;
    if (!acme_task_remark(job->task, &r))
        return;
    if (r.problem) {
        struct refusal refusal = {.address = peer,
                                  .account = r.account,
                                  .key = r.external_key,
                                  .policy = r.policy,
                                  .request = r.request,
                                  .problem = r.problem,
                                  .reason = r.reason,
                                  .names = r.names};
        refusals_note(job->loop->server->config.refusals, &refusal, clock_ms());
    }
    log_info(r.msg, "request", r.request, "peer", peer, "account", r.account, "external_key", r.external_key, "policy",
             r.policy, "order", r.order, "names", r.names, "serial", r.serial, "replaces", r.replaces, "problem",
             r.problem, "reason", r.reason);
}

static void job_answer(struct job *job)
{
    const struct acme_reply *reply = acme_task_reply(job->task);
    h2o_req_t *req = job->req;
    bool get = h2o_memis(req->method.base, req->method.len, H2O_STRLIT("GET"));

    job->answered = true;
    stop_patience(job);
    if (reply->content_type)
        reply_header(req, "Content-Type", reply->content_type);
    if (reply->location[0])
        reply_header(req, "Location", reply->location);
    for (unsigned i = 0; i < reply->link_count; i++)
        reply_header(req, "Link", reply->links[i]);
    if (reply->nonce[0])
        reply_header(req, "Replay-Nonce", reply->nonce);
    if (reply->nonce[0] || !get)
        reply_header(req, "Cache-Control", "no-store");
    if (reply->allow)
        reply_header(req, "Allow", reply->allow);
    reply_retry_after(req, reply->retry_after_s);
    log_remark(job);
    reply_about(req, acme_task_resource(job->task), acme_task_subject(job->task));
    if (acme_task_problem(job->task) != ACME_PROBLEM_NONE)
        metrics_count(METRIC_PROBLEMS, (unsigned)acme_task_problem(job->task));
    reply_send(req, reply->status, reply->body, reply->body_len);
}

/* ---- one step after another ---- */

static void job_advance(struct job *job);

/* Where reading may wait. */
static void put_question(struct job *job, struct acme_thread *thread)
{
    uint64_t now_ms = clock_ms();
    log_set_request(job->request);
    switch (job->question) {
    case QUESTION_BEGIN:
        job->step = acme_begin(job->loop->server->config.acme, thread, &job->asked, &job->task);
        break;
    case QUESTION_COMMITTED:
        job->step = acme_committed(job->task, thread, job->status, now_ms);
        break;
    case QUESTION_RESUME:
        job->step = acme_resume(job->task, thread, job->over, now_ms);
        break;
    }
}

static void run_question(struct handoff *handoff, struct acme_thread *thread)
{
    put_question(H2O_STRUCT_FROM_MEMBER(struct job, handoff, handoff), thread);
}

/* Asks the ACME room, here or on a worker, and goes on with what it says. The job may be gone afterwards. */
static void job_ask(struct job *job, enum question question)
{
    job->question = question;
    job->marked = false;
    if (workers_read(job->loop)) {
        job_leaves(job);
        workers_take(job->loop, &job->handoff);
    } else {
        put_question(job, job->loop->acme);
        job_advance(job);
    }
}

/* Puts the job into the table and looks once more: the topic may have been notified before it was there. */
static void job_hold(struct job *job)
{
    struct loop *loop = job->loop;
    bool looked = hold_is_linked(&job->hold);
    uint64_t now_ms = monotonic_ms();
    if (!job->hold_until_ms)
        job->hold_until_ms = now_ms + acme_hold_ms(job->task);
    job->over = loop->draining || now_ms >= job->hold_until_ms;
    if (job->over)
        hold_remove(&loop->holds, &job->hold);
    else if (!looked)
        hold_add(&loop->holds, &job->hold, acme_hold_topic(job->task), job->hold_until_ms);
    if (job->over || job->marked || !looked)
        job_ask(job, QUESTION_RESUME);
}

static bool has_change(const struct job *job)
{
    return job->step == ACME_COMMIT || job->step == ACME_NOTE;
}

/* The store has it before anything else can happen to it. */
static void job_lend(struct job *job)
{
    job_leaves(job);
    job->op.patience_ms = acme_patience_ms(job->task);
    job->loop->submitted++;
    job->submitted_us = metrics_now_us();
}

/* Goes on with what the ACME room said. The job may be gone afterwards. */
static void job_advance(struct job *job)
{
    struct store *store = job->loop->server->config.store;
    bool changes = has_change(job);
    log_set_request(job->request);
    if (job->step == ACME_HOLD) {
        job_hold(job);
        return;
    }
    hold_remove(&job->loop->holds, &job->hold);
    if (changes)
        job_lend(job);
    if (job->step == ACME_DONE || job->step == ACME_NOTE)
        job_answer(job);
    if (changes)
        store_submit(store, &job->op);
}

/* From a worker. A change is made also where nobody waits for the answer any more, as the loop itself would have. */
static void on_back(struct handoff *handoff)
{
    struct job *job = H2O_STRUCT_FROM_MEMBER(struct job, handoff, handoff);
    job_returns(job);
    if (job->req && !job->given_up) {
        job_advance(job);
    } else if (has_change(job)) {
        job_lend(job);
        store_submit(job->loop->server->config.store, &job->op);
    } else if (!job->req) {
        job_free(job);
    }
}

void job_on_committed(struct loop *loop, struct message *message)
{
    struct job *job = H2O_STRUCT_FROM_MEMBER(struct job, message, message);
    loop->submitted--;
    job_returns(job);
    if (job->req && !job->answered)
        job_ask(job, QUESTION_COMMITTED);
    else if (!job->req)
        job_free(job);
}

uint64_t job_give_up_ms(const struct loop *loop)
{
    if (h2o_linklist_is_empty((h2o_linklist_t *)&loop->patient))
        return UINT64_MAX;
    return H2O_STRUCT_FROM_MEMBER(struct job, patient, loop->patient.next)->away_ms + STORE_WAIT_MS;
}

/* What was asked goes on, as where a client hangs up: it may be done, and who asks again will see it. */
void job_give_up(struct loop *loop, uint64_t now_ms)
{
    while (now_ms >= job_give_up_ms(loop)) {
        struct job *job = H2O_STRUCT_FROM_MEMBER(struct job, patient, loop->patient.next);
        stop_patience(job);
        hold_remove(&loop->holds, &job->hold);
        job->answered = job->given_up = true;
        reply_retry_after(job->req, ACME_RETRY_STORE_S);
        reply_problem(job->req, 503, "serverInternal", "The server's database does not answer; try again shortly.");
    }
}

static void on_topic(void *ctx, struct hold *hold)
{
    struct job *job = H2O_STRUCT_FROM_MEMBER(struct job, hold, hold);
    (void)ctx;
    if (job->away)
        job->marked = true;
    else
        job_ask(job, QUESTION_RESUME);
}

void job_on_notice(struct loop *loop)
{
    holds_each_marked(&loop->holds, on_topic, loop);
}

uint64_t job_look_again_ms(const struct loop *loop)
{
    bool looks = loop->server->config.look_again_ms > 0 && loop->holds.earliest_ms != UINT64_MAX;
    return looks ? loop->look_again_ms : UINT64_MAX;
}

void job_look_again(struct loop *loop, uint64_t now_ms)
{
    if (now_ms < job_look_again_ms(loop))
        return;
    loop->look_again_ms = now_ms + loop->server->config.look_again_ms;
    holds_each(&loop->holds, on_topic, loop);
}

bool job_expire(struct loop *loop, uint64_t now_ms)
{
    struct hold *hold = holds_due(&loop->holds, now_ms);
    bool any = hold != NULL;
    for (; hold; hold = holds_due(&loop->holds, now_ms)) {
        struct job *job = H2O_STRUCT_FROM_MEMBER(struct job, hold, hold);
        if (job->away)
            continue; /* it sees to that when it is back */
        job->over = true;
        job_ask(job, QUESTION_RESUME);
    }
    return any;
}

/* ---- a request ---- */

static struct job *job_make(struct loop *loop, h2o_req_t *req)
{
    struct job *job = shortage_calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->message.kind = MESSAGE_COMMITTED;
    job->loop = loop;
    job->req = req;
    job->op = (struct store_op){.fn = run_change, .arg = job, .done = on_done};
    job->handoff.run = run_question;
    job->handoff.back = on_back;
    if (workers_read(loop))
        h2o_mem_init_pool(&job->pool);
    reply_own(req, job, on_request_gone);
    return job;
}

static enum acme_method method_of(const h2o_req_t *req)
{
    static const struct {
        const char *name;
        enum acme_method method;
    } methods[] = {{"POST", ACME_POST}, {"GET", ACME_GET}, {"HEAD", ACME_HEAD}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (h2o_memis(req->method.base, req->method.len, methods[i].name, strlen(methods[i].name)))
            return methods[i].method;
    }
    return ACME_OTHER;
}

static struct acme_request request_of(const h2o_req_t *req)
{
    size_t path_len = req->query_at == SIZE_MAX ? req->input.path.len : req->query_at;
    struct acme_request request = {
        .method = method_of(req),
        .path = req->input.path.base,
        .path_len = path_len,
        .peer = connection_of(req)->request.peer,
        .body_too_large = bodies_is_too_large(req),
        .now_ms = clock_ms(),
        .doubtful = clock_in_doubt(),
    };
    ssize_t type = h2o_find_header(&req->headers, H2O_TOKEN_CONTENT_TYPE, -1);
    ssize_t agent = h2o_find_header(&req->headers, H2O_TOKEN_USER_AGENT, -1);

    if (path_len < req->input.path.len) {
        request.query = req->input.path.base + path_len + 1;
        request.query_len = req->input.path.len - path_len - 1;
    }
    if (type >= 0) {
        request.content_type = req->headers.entries[type].value.base;
        request.content_type_len = req->headers.entries[type].value.len;
    }
    if (agent >= 0) {
        request.user_agent = req->headers.entries[agent].value.base;
        request.user_agent_len = req->headers.entries[agent].value.len;
    }
    if (!request.body_too_large) {
        request.body = (const uint8_t *)req->entity.base;
        request.body_len = req->entity.len;
    }
    return request;
}

static const void *copy(h2o_mem_pool_t *pool, const void *data, size_t len)
{
    return data ? h2o_strdup(pool, data, len).base : NULL;
}

/* What the worker reads is the job's own: the connection may end meanwhile. */
static void keep_request(struct job *job)
{
    struct acme_request *asked = &job->asked;
    asked->path = copy(&job->pool, asked->path, asked->path_len);
    asked->query = copy(&job->pool, asked->query, asked->query_len);
    asked->content_type = copy(&job->pool, asked->content_type, asked->content_type_len);
    asked->user_agent = copy(&job->pool, asked->user_agent, asked->user_agent_len);
    asked->peer = copy(&job->pool, asked->peer, strlen(asked->peer));
    asked->body = copy(&job->pool, asked->body, asked->body_len);
}

int on_acme_request(h2o_handler_t *self, h2o_req_t *req)
{
    struct loop *loop = loop_of(req);
    const char *fault = framing_fault(req);
    (void)self;
    accept_note_request(req);
    if (!fault && health_serve(req))
        return 0;
    if (fault) {
        reply_problem(req, 400, "malformed", fault);
        return 0;
    }
    struct job *job = job_make(loop, req);
    if (!job) {
        reply_retry_after(req, ACME_RETRY_MEMORY_S);
        reply_problem(req, 503, "serverInternal", ACME_OUT_OF_MEMORY);
        return 0;
    }
    job->asked = request_of(req);
    job->request = connection_of(req)->request.id;
    if (workers_read(loop))
        keep_request(job);
    job_ask(job, QUESTION_BEGIN);
    return 0;
}
