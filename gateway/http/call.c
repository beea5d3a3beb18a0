/* call: requests to the public and the admin listener, answered at once by the handlers of the configuration. */
#include <stdlib.h>

#include "gateway/http/internal.h"
#include "gateway/http/reply.h"

/* Handlers get strings that end with NUL; h2o's do not. */
static const char *copy(h2o_req_t *req, const char *base, size_t len)
{
    return h2o_strdup(&req->pool, base, len).base;
}

static const char *header(h2o_req_t *req, const h2o_token_t *token)
{
    ssize_t at = h2o_find_header(&req->headers, token, -1);
    return at < 0 ? "" : copy(req, req->headers.entries[at].value.base, req->headers.entries[at].value.len);
}

static void answer_send(h2o_req_t *req, struct http_answer *answer, uint64_t began_ms)
{
    if (answer->body)
        reply_own(req, answer->body, free);
    if (answer->content_type)
        reply_header(req, "Content-Type", answer->content_type);
    if (answer->www_authenticate)
        reply_header(req, "WWW-Authenticate", answer->www_authenticate);
    reply_retry_after(req, answer->retry_after_s);
    reply_log(req, answer->status, NULL, began_ms);
    reply_send(req, answer->status, answer->body ? answer->body : "", answer->body ? answer->body_len : 0);
}

static int call(h2o_req_t *req, http_handler_fn *handler, void *ctx)
{
    uint64_t began_ms = monotonic_ms();
    size_t path_len = req->query_at == SIZE_MAX ? req->input.path.len : req->query_at;
    bool query = path_len < req->input.path.len;
    struct http_answer answer = {.status = 500};

    if (req->entity.len > PUBLIC_BODY_MAX) {
        reply_text(req, 413, "The body is too large.\n");
        return 0;
    }
    struct http_call request = {
        .method = copy(req, req->input.method.base, req->input.method.len),
        .path = copy(req, req->input.path.base, path_len),
        .query = query ? copy(req, req->input.path.base + path_len + 1, req->input.path.len - path_len - 1) : "",
        .authorization = header(req, H2O_TOKEN_AUTHORIZATION),
        .content_type = header(req, H2O_TOKEN_CONTENT_TYPE),
        .body = copy(req, req->entity.base ? req->entity.base : "", req->entity.len),
        .body_len = req->entity.len,
        .peer = connection_of(req)->peer,
    };
    handler(ctx, &request, &answer);
    answer_send(req, &answer, began_ms);
    return 0;
}

int on_public_request(h2o_handler_t *self, h2o_req_t *req)
{
    const struct http_config *config = &loop_of(req)->server->config;
    (void)self;
    return call(req, config->public_handler, config->public_ctx);
}

int on_admin_request(h2o_handler_t *self, h2o_req_t *req)
{
    const struct http_config *config = &loop_of(req)->server->config;
    (void)self;
    return call(req, config->admin_handler, config->admin_ctx);
}
