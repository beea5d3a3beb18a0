/* call: requests to the public, metrics and admin listeners as their handlers see them, and those that are answered at
 * once. */
#include <stdlib.h>

#include "gateway/http/framing.h"
#include "gateway/http/internal.h"
#include "gateway/http/reply.h"

/* Handlers get strings that end with NUL; h2o's do not. */
static const char *copy_text(h2o_mem_pool_t *pool, const char *base, size_t len)
{
    return h2o_strdup(pool, base, len).base;
}

static const char *header(h2o_req_t *req, h2o_mem_pool_t *pool, const h2o_token_t *token)
{
    ssize_t at = h2o_find_header(&req->headers, token, -1);
    return at < 0 ? "" : copy_text(pool, req->headers.entries[at].value.base, req->headers.entries[at].value.len);
}

bool call_read(h2o_req_t *req, h2o_mem_pool_t *pool, struct http_call *call)
{
    size_t path_len = req->query_at == SIZE_MAX ? req->input.path.len : req->query_at;
    bool query = path_len < req->input.path.len;

    if (req->entity.len > PUBLIC_BODY_MAX)
        return false;
    *call = (struct http_call){
        .method = copy_text(pool, req->input.method.base, req->input.method.len),
        .path = copy_text(pool, req->input.path.base, path_len),
        .query = query ? copy_text(pool, req->input.path.base + path_len + 1, req->input.path.len - path_len - 1) : "",
        .authorization = header(req, pool, H2O_TOKEN_AUTHORIZATION),
        .content_type = header(req, pool, H2O_TOKEN_CONTENT_TYPE),
        .body = copy_text(pool, req->entity.base ? req->entity.base : "", req->entity.len),
        .body_len = req->entity.len,
        .peer = copy_text(pool, connection_of(req)->request.peer, strlen(connection_of(req)->request.peer)),
        .uid = connection_of(req)->uid,
    };
    return true;
}

void http_answer_text(struct http_answer *answer, int status, const char *text)
{
    answer->status = status;
    answer->content_type = "text/plain; charset=utf-8";
    answer->body = strdup(text);
    answer->body_len = answer->body ? strlen(text) : 0;
}

void call_answer(h2o_req_t *req, struct http_answer *answer)
{
    if (answer->body)
        reply_own(req, answer->body, free);
    if (answer->content_type)
        reply_header(req, "Content-Type", answer->content_type);
    if (answer->www_authenticate)
        reply_header(req, "WWW-Authenticate", answer->www_authenticate);
    reply_retry_after(req, answer->retry_after_s);
    if (answer->resource)
        reply_about(req, metrics_resource(answer->resource), NULL);
    reply_send(req, answer->status, answer->body ? answer->body : "", answer->body ? answer->body_len : 0);
}

static void serve_at_once(h2o_req_t *req, http_handler_fn *handler, void *ctx)
{
    struct http_call call;
    struct http_answer answer = {.status = 500};
    if (!call_read(req, &req->pool, &call)) {
        reply_text(req, 413, "The body is too large.\n");
    } else {
        handler(ctx, &call, &answer);
        call_answer(req, &answer);
    }
}

static bool is_well_framed(h2o_req_t *req)
{
    const char *fault = framing_fault(req);
    accept_note_request(req);
    if (fault)
        reply_text(req, 400, fault);
    return !fault;
}

int on_public_request(h2o_handler_t *self, h2o_req_t *req)
{
    const struct http_config *config = &loop_of(req)->server->config;
    (void)self;
    if (!is_well_framed(req))
        return 0;
    if (workers_read(loop_of(req)))
        public_request_hand_over(req);
    else
        serve_at_once(req, config->public_handler, config->public_ctx);
    return 0;
}

int on_metrics_request(h2o_handler_t *self, h2o_req_t *req)
{
    const struct http_config *config = &loop_of(req)->server->config;
    (void)self;
    if (is_well_framed(req) && !health_serve(req))
        serve_at_once(req, config->metrics_handler, config->metrics_ctx);
    return 0;
}
