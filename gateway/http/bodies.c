#include "gateway/http/bodies.h"

#include "gateway/http/internal.h"
#include "gateway/http/linger.h"

enum {
    BODY_OTHER_MAX = 4 * 1024, /* where nothing is that takes a body */
    ONCE_MS = 60 * SECOND_MS,  /* a warning */
};

/* The head of a request as it lies in the input. */
struct head {
    h2o_iovec_t path; /* without query */
    size_t len;       /* with the empty line */
    size_t announced; /* octets of body; 0 where they are not told */
};

/* ---- limits ---- */

static size_t limit_of(const struct loop *loop, enum http_listener kind, const char *path, size_t len)
{
    const struct http_config *config = &loop->server->config;
    switch (kind) {
    case HTTP_ACME:
        return acme_body_max(path, len);
    case HTTP_PUBLIC:
        if (config->takes_push && !config->takes_push(config->public_ctx, path, len))
            return BODY_OTHER_MAX;
        return PUBLIC_BODY_MAX;
    case HTTP_METRICS:
        return BODY_OTHER_MAX;
    case HTTP_ADMIN:
    case HTTP_API:
    case HTTP_LISTENER_KINDS:
        break;
    }
    return OPERATOR_BODY_MAX;
}

/* So much is still read, so that the answer is the route's own, and the connection stays. */
static size_t ceiling_of(size_t limit)
{
    return limit + limit / 4;
}

bool bodies_is_too_large(const h2o_req_t *req)
{
    size_t path_len = req->query_at == SIZE_MAX ? req->input.path.len : req->query_at;
    enum http_listener kind = connection_kind(connection_of(req));
    return req->entity.len > limit_of(loop_of(req), kind, req->input.path.base, path_len);
}

/* ---- heads ---- */

static h2o_iovec_t take_word(h2o_iovec_t *line)
{
    const char *end = memchr(line->base, ' ', line->len);
    h2o_iovec_t word = h2o_iovec_init(line->base, end ? (size_t)(end - line->base) : line->len);
    size_t used = end ? word.len + 1 : word.len;
    *line = h2o_iovec_init(line->base + used, line->len - used);
    return word;
}

/* Of several lengths the framing is refused anyway. */
static void read_length(h2o_iovec_t line, size_t *announced)
{
    static const char name[] = "content-length:";
    size_t at = sizeof name - 1;
    if (line.len < at || strncasecmp(line.base, name, at) != 0)
        return;
    while (at < line.len && line.base[at] == ' ')
        at++;
    size_t number = h2o_strtosize(line.base + at, line.len - at);
    *announced = number == SIZE_MAX ? 0 : number;
}

/* False: it is not whole. */
static bool read_head(const h2o_buffer_t *input, struct head *head)
{
    const char *line = input->bytes, *end = line + input->size, *newline;
    bool first = true;
    *head = (struct head){.announced = 0};
    for (; (newline = memchr(line, '\n', (size_t)(end - line))); line = newline + 1) {
        size_t len = (size_t)(newline - line);
        len -= len > 0 && line[len - 1] == '\r' ? 1 : 0;
        h2o_iovec_t text = h2o_iovec_init(line, len);
        if (len == 0 && !first) {
            head->len = (size_t)(newline + 1 - input->bytes);
            return true;
        }
        if (len > 0 && first) {
            take_word(&text); /* the method */
            head->path = take_word(&text);
            const char *query = memchr(head->path.base, '?', head->path.len);
            head->path.len = query ? (size_t)(query - head->path.base) : head->path.len;
        } else {
            read_length(text, &head->announced);
        }
        first = first && len == 0;
    }
    return false;
}

/* ---- refusing ---- */

void bodies_watch_soon(struct connection *connection)
{
    if (!h2o_linklist_is_linked(&connection->body.unwatched))
        h2o_linklist_insert(&connection->loop->unwatched, &connection->body.unwatched);
}

static const char *answer_for(enum http_listener kind, int status)
{
    static const char *const answers[][2] = {
        {"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
         "Content-Length: 108\r\n\r\n{\"type\":\"urn:ietf:params:acme:error:malformed\","
         "\"detail\":\"The body of the request is too large\",\"status\":413}",
         "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Length: 23\r\n\r\nThe body is too large.\n"},
        {"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
         "Content-Type: application/problem+json\r\nContent-Length: 119\r\n\r\n"
         "{\"type\":\"urn:ietf:params:acme:error:serverInternal\","
         "\"detail\":\"Too many bodies come in at once; try again\",\"status\":503}",
         "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
         "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 43\r\n\r\n"
         "Too many bodies come in at once; try again\n"},
    };
    return answers[status == 503][kind != HTTP_ACME];
}

static void charge(struct connection *connection, size_t octets)
{
    struct crowd *crowd = connection->crowd;
    crowd->body_octets += octets;
    crowd->body_octets -= connection->body.octets;
    connection->body.octets = octets;
}

static void leave_list(h2o_linklist_t *link)
{
    if (h2o_linklist_is_linked(link))
        h2o_linklist_unlink(link);
}

/* The answer is with the kernel: h2o ends its connection as if the peer had. */
static void on_refused(h2o_socket_t *sock, const char *err)
{
    struct connection *connection = sock->on_close.data;
    (void)err;
    connection->body.on_read(sock, "the body was refused");
}

static void refuse_body(struct connection *connection, int status)
{
    h2o_socket_t *sock = connection->sock;
    enum http_listener kind = connection_kind(connection);
    const char *text = answer_for(kind, status);
    h2o_iovec_t buffer = h2o_iovec_init(text, strlen(text));

    leave_list(&connection->body.link);
    if (h2o_socket_is_writing(sock)) { /* "100 Continue" */
        bodies_watch_soon(connection);
        return;
    }
    accept_begin_request(connection); /* no handler will see it */
    metrics_count(METRIC_REQUESTS, (unsigned)kind, connection->request.resource, metrics_status(status));
    /* What was read is given back now, and not when the peer has taken the answer. */
    h2o_socket_read_stop(sock);
    h2o_buffer_dispose(&sock->input);
    h2o_buffer_init(&sock->input, &h2o_socket_buffer_prototype);
    charge(connection, 0);
    linger_prepare(connection);
    h2o_socket_write(sock, &buffer, 1, on_refused);
}

/* Who has sent nothing for longest goes first. */
static void keep_within_budget(struct crowd *crowd)
{
    uint64_t now_ms = monotonic_ms();
    if (crowd->body_octets <= crowd->body_budget || h2o_linklist_is_empty(&crowd->unfinished))
        return;
    if (crowd->told_ms == 0 || now_ms - crowd->told_ms >= ONCE_MS) {
        struct connection *first = H2O_STRUCT_FROM_MEMBER(struct connection, body.link, crowd->unfinished.next);
        crowd->told_ms = now_ms;
        log_warning("bodies that do not come to their end take all the memory that a listener has for them: the ones "
                    "that have been idle longest are answered with 503. Set acme.connections_per_address and "
                    "public.connections_per_address, and look at who sends them",
                    "peer", first->peer);
    }
    while (crowd->body_octets > crowd->body_budget && !h2o_linklist_is_empty(&crowd->unfinished))
        refuse_body(H2O_STRUCT_FROM_MEMBER(struct connection, body.link, crowd->unfinished.next), 503);
}

/* ---- watching ---- */

static bool is_over_limit(struct connection *connection)
{
    const h2o_buffer_t *input = connection->sock->input;
    if (connection->body.max == 0) {
        struct head head;
        if (!read_head(input, &head))
            return false; /* h2o has a limit of its own for heads */
        enum http_listener kind = connection_kind(connection);
        size_t most = ceiling_of(limit_of(connection->loop, kind, head.path.base, head.path.len));
        connection->body.max = head.len + most;
        if (head.announced > most)
            return true;
    }
    return input->size > connection->body.max;
}

/* After something was read, or the request before was answered. A small request lies in what each connection has. */
static void account(struct connection *connection)
{
    h2o_socket_t *sock = connection->sock;
    size_t capacity = sock->input->capacity;
    leave_list(&connection->body.link);
    charge(connection, capacity > H2O_SOCKET_INITIAL_INPUT_BUFFER_SIZE ? capacity : 0);
    if (!h2o_socket_is_reading(sock) || sock->input->size == 0)
        return;
    h2o_linklist_insert(&connection->crowd->unfinished, &connection->body.link);
    if (is_over_limit(connection))
        refuse_body(connection, 413);
    keep_within_budget(connection->crowd);
}

static void watch(struct connection *connection);

/* In h2o's place: h2o's own reading first, which may answer, and may close and free the connection. */
static void on_readable(h2o_socket_t *sock, const char *err)
{
    struct connection *connection = sock->on_close.data;
    struct loop *loop = connection->loop;
    loop->reading = connection;
    connection->body.on_read(sock, err);
    if (loop->reading == connection) {
        loop->reading = NULL;
        watch(connection);
    }
}

static void watch(struct connection *connection)
{
    h2o_socket_t *sock = connection->sock;
    bool reading = h2o_socket_is_reading(sock);
    leave_list(&connection->body.unwatched);
    if (reading && sock->_cb.read != on_readable) {
        connection->body.on_read = sock->_cb.read;
        sock->_cb.read = on_readable;
    } else if (!reading && !connection->asking) {
        bodies_watch_soon(connection); /* in the middle of a handshake */
    }
    account(connection);
}

void bodies_accept(struct connection *connection)
{
    struct loop *loop = connection->loop;
    loop->reading = connection;
    h2o_accept(&connection->door->accept, connection->sock);
    if (loop->reading == connection) {
        loop->reading = NULL;
        watch(connection);
    }
}

void bodies_step(struct loop *loop)
{
    for (h2o_linklist_t *node = loop->unwatched.next, *next; node != &loop->unwatched; node = next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, body.unwatched, node);
        next = node->next;
        if (connection->asking)
            h2o_linklist_unlink(node); /* the next answer brings it back */
        else if (h2o_socket_is_reading(connection->sock))
            watch(connection);
    }
}

void bodies_forget(struct connection *connection)
{
    struct loop *loop = connection->loop;
    loop->reading = loop->reading == connection ? NULL : loop->reading;
    leave_list(&connection->body.link);
    leave_list(&connection->body.unwatched);
    charge(connection, 0);
}

void bodies_init(struct loop *loop)
{
    size_t share = BODY_BUDGET / loop->server->loop_count;
    h2o_linklist_init_anchor(&loop->unwatched);
    for (unsigned kind = 0; kind < HTTP_LISTENER_KINDS; kind++) {
        h2o_linklist_init_anchor(&loop->crowds[kind].unfinished);
        loop->crowds[kind].body_budget = share > BODY_SHARE_MIN ? share : BODY_SHARE_MIN;
    }
}
