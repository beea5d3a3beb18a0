/* call: requests to the public, metrics, admin and api listeners as their handlers see them, and those that are
 * answered at once. */
#include <stdlib.h>

#include "gateway/http/bodies.h"
#include "gateway/http/framing.h"
#include "gateway/http/internal.h"
#include "gateway/http/proxy.h"
#include "gateway/http/reply.h"
#include "store/shortage.h"

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

static bool field_is(const h2o_header_t *field, const char *name, size_t len)
{
    return field->name->len == len && strncasecmp(field->name->base, name, len) == 0;
}

/* A field by which somebody is let in may stand there once: of two, a proxy and we could believe different ones. */
static const char *only_field(h2o_req_t *req, struct http_call *call, h2o_mem_pool_t *pool, const char *name)
{
    const char *text = "";
    size_t len = name ? strlen(name) : 0, found = 0;
    for (size_t i = 0; name && i < req->headers.size; i++) {
        const h2o_header_t *field = &req->headers.entries[i];
        if (!field_is(field, name, len))
            continue;
        text = copy_text(pool, field->value.base, field->value.len);
        found++;
    }
    call->ambiguous = call->ambiguous || found > 1;
    return text;
}

/* The api listener's: who asks, by what they hold, or by the word of the proxy that the connection comes from. */
static void read_caller(h2o_req_t *req, h2o_mem_pool_t *pool, struct http_call *call)
{
    const struct connection *connection = connection_of(req);
    const struct setup *setup = connection->loop->setup;
    bool proxy = proxy_is_trusted(connection->loop, HTTP_API, connection->peer);
    call->authorization = only_field(req, call, pool, "authorization");
    call->csrf = only_field(req, call, pool, "x-csrf-token");
    call->user = only_field(req, call, pool, proxy ? setup->user_field : NULL);
    call->role = only_field(req, call, pool, proxy ? setup->role_field : NULL);
}

bool call_read(h2o_req_t *req, h2o_mem_pool_t *pool, struct http_call *call)
{
    size_t path_len = req->query_at == SIZE_MAX ? req->input.path.len : req->query_at;
    bool query = path_len < req->input.path.len;

    if (bodies_is_too_large(req))
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
        .id = connection_of(req)->request.id,
        .cookie = header(req, pool, H2O_TOKEN_COOKIE),
        .if_none_match = header(req, pool, H2O_TOKEN_IF_NONE_MATCH),
        .csrf = "",
        .user = "",
        .role = "",
    };
    if (connection_kind(connection_of(req)) == HTTP_API)
        read_caller(req, pool, call);
    return true;
}

void http_answer_text(struct http_answer *answer, int status, const char *text)
{
    answer->status = status;
    answer->content_type = "text/plain; charset=utf-8";
    answer->body = shortage_strdup(text);
    answer->body_len = answer->body ? strlen(text) : 0;
}

void call_answer(h2o_req_t *req, struct http_answer *answer)
{
    if (answer->body)
        reply_own(req, answer->body, free);
    if (answer->content_type)
        reply_header(req, "Content-Type", answer->content_type);
    if (answer->set_cookie)
        reply_own(req, answer->set_cookie, free);
    const char *const fields[][2] = {{"WWW-Authenticate", answer->www_authenticate},
                                     {"Allow", answer->allow},
                                     {"ETag", answer->etag},
                                     {"Cache-Control", answer->cache_control},
                                     {"Content-Security-Policy", answer->security_policy},
                                     {"Set-Cookie", answer->set_cookie}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i][1])
            reply_header(req, fields[i][0], fields[i][1]);
    }
    reply_retry_after(req, answer->retry_after_s);
    if (answer->resource)
        reply_about(req, metrics_resource(answer->resource), NULL);
    reply_send(req, answer->status, answer->body ? answer->body : "", answer->body ? answer->body_len : 0);
}

void call_handle(http_handler_fn *handler, void *ctx, const struct http_call *call, struct http_answer *answer)
{
    unsigned before = shortage_count();
    handler(ctx, call, answer);
    if (answer->status / 100 != 4 || shortage_count() == before)
        return;
    free(answer->body);
    free(answer->set_cookie);
    *answer = (struct http_answer){.resource = answer->resource, .retry_after_s = ACME_RETRY_MEMORY_S};
    http_answer_text(answer, 503, ACME_OUT_OF_MEMORY "\n");
}

static void serve_at_once(h2o_req_t *req, http_handler_fn *handler, void *ctx)
{
    struct http_call call;
    struct http_answer answer = {.status = 500};
    if (!call_read(req, &req->pool, &call)) {
        reply_text(req, 413, "The body is too large.\n");
    } else {
        call_handle(handler, ctx, &call, &answer);
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
