#include "gateway/http/reply.h"

#include <stdio.h>
#include <string.h>

#include "gateway/http/bodies.h"
#include "gateway/http/internal.h"
#include "gateway/log.h"

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {413, "Payload Too Large"},
        {415, "Unsupported Media Type"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return "Status";
}

void reply_header(h2o_req_t *req, const char *name, const char *value)
{
    size_t len = strlen(name);
    char lower[64];
    if (len > sizeof lower)
        h2o_fatal("a header's name is longer than any of ours");
    memcpy(lower, name, len);
    h2o_strtolower(lower, len);
    const h2o_token_t *token = h2o_lookup_token(lower, len);
    if (token)
        h2o_add_header(&req->pool, &req->res.headers, token, name, value, strlen(value));
    else
        h2o_add_header_by_str(&req->pool, &req->res.headers, name, len, 0, name, value, strlen(value));
}

static bool has_field(const h2o_headers_t *headers, const char *name)
{
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_iovec_t *found = headers->entries[i].name;
        if (found->len == strlen(name) && strncasecmp(found->base, name, found->len) == 0)
            return true;
    }
    return false;
}

void reply_retry_after(h2o_req_t *req, uint32_t seconds)
{
    enum { SIZE = sizeof "4294967295" };
    if (seconds == 0)
        return;
    char *text = h2o_mem_alloc_pool(&req->pool, SIZE);
    snprintf(text, SIZE, "%u", seconds);
    reply_header(req, "Retry-After", text);
}

struct owned {
    void *p;
    void (*free_fn)(void *);
};

static void on_owner_gone(void *arg)
{
    struct owned *owned = arg;
    owned->free_fn(owned->p);
}

void reply_own(h2o_req_t *req, void *p, void (*free_fn)(void *))
{
    struct owned *owned = h2o_mem_alloc_shared(&req->pool, sizeof *owned, on_owner_gone);
    *owned = (struct owned){.p = p, .free_fn = free_fn};
}

void reply_about(h2o_req_t *req, unsigned resource, const char *subject)
{
    struct request *request = &connection_of(req)->request;
    request->resource = resource;
    snprintf(request->subject, sizeof request->subject, "%s", subject ? subject : "");
}

/* The access log: a line a request, at debug level, or at info where it was asked for. */
static void log_access(h2o_req_t *req, int status, uint64_t took_us)
{
    const struct connection *connection = connection_of(req);
    enum log_level level = loop_of(req)->setup->log_access ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
    char text[16], took[24];
    if (!log_enabled(level))
        return;
    snprintf(text, sizeof text, "%d", status);
    snprintf(took, sizeof took, "%llu", (unsigned long long)took_us / 1000);
    log_each(level, "request", "method", h2o_strdup(&req->pool, req->input.method.base, req->input.method.len).base,
             "path", h2o_strdup(&req->pool, req->input.path.base, req->input.path.len).base, "status", text, "took_ms",
             took, "peer", connection->request.peer, "subject",
             connection->request.subject[0] ? connection->request.subject : NULL, (char *)0);
}

void reply_note(h2o_req_t *req, int status)
{
    struct connection *connection = connection_of(req);
    const struct request *request = &connection->request;
    unsigned kind = (unsigned)connection_kind(connection);
    uint64_t now_us = metrics_now_us(), took_us = now_us - request->began_us;
    metrics_count(METRIC_REQUESTS, kind, request->resource, metrics_status(status));
    metrics_observe(METRIC_REQUEST_DURATION, took_us, kind);
    log_access(req, status, took_us);
    connection->asking = false;
    connection->free_ms = now_us / 1000;
    bodies_watch_soon(connection);
}

void reply_harden(h2o_req_t *req)
{
    static const char *const fields[][2] = {
        {"Strict-Transport-Security", "max-age=31536000"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
        {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    };
    if (connection_kind(connection_of(req)) != HTTP_API)
        return;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!has_field(&req->res.headers, fields[i][0]))
            reply_header(req, fields[i][0], fields[i][1]);
    }
}

void reply_send(h2o_req_t *req, int status, const char *body, size_t len)
{
    static h2o_generator_t generator = {NULL, NULL};
    bool bare = status == 204 || status == 304 || h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));
    h2o_iovec_t buffer = h2o_iovec_init(body, len);

    reply_note(req, status);
    reply_harden(req);
    req->res.status = status;
    req->res.reason = reason_phrase(status);
    /* Without a length h2o would close the connection after anything but a 200; a 204 must have none, and a
     * 304 has that of what it leaves out. */
    if (status != 204)
        req->res.content_length = len;
    h2o_start_response(req, &generator);
    h2o_send(req, &buffer, bare || len == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
}

void reply_text(h2o_req_t *req, int status, const char *text)
{
    reply_header(req, "Content-Type", "text/plain; charset=utf-8");
    reply_send(req, status, text, strlen(text));
}

void reply_problem(h2o_req_t *req, int status, const char *type, const char *detail)
{
    static const char format[] = "{\"type\":\"urn:ietf:params:acme:error:%s\",\"detail\":\"%s\",\"status\":%d}";
    size_t size = sizeof format + strlen(type) + strlen(detail);
    char *text = h2o_mem_alloc_pool(&req->pool, size);
    int len = snprintf(text, size, format, type, detail, status);
    reply_header(req, "Content-Type", "application/problem+json");
    reply_send(req, status, text, (size_t)len);
}
