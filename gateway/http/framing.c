#include "gateway/http/framing.h"

#include <stdbool.h>

struct fields {
    unsigned hosts, lengths, encodings;
};

/* The octets of the head as they came: h2o keeps them at the beginning of the connection's input until the request is
 * answered, the names in lower case, but drops these fields from its own list, of which only the first or last counts
 * for it. */
static h2o_iovec_t raw_head(const h2o_req_t *req)
{
    const h2o_buffer_t *input = req->conn->callbacks->get_socket(req->conn)->input;
    size_t begin = 0;
    while (begin < input->size && (input->bytes[begin] == '\r' || input->bytes[begin] == '\n'))
        begin++; /* an empty line before the request is none of it */
    return h2o_iovec_init(input->bytes + begin, input->size - begin);
}

static bool is_field(const char *line, size_t len, const char *name, size_t name_len)
{
    return len > name_len && line[name_len] == ':' && memcmp(line, name, name_len) == 0;
}

static struct fields count_fields(h2o_iovec_t head)
{
    struct fields fields = {0};
    const char *line = head.base, *end = head.base + head.len, *newline;
    for (; (newline = memchr(line, '\n', (size_t)(end - line))); line = newline + 1) {
        size_t len = (size_t)(newline - line);
        if (len == 0 || (len == 1 && *line == '\r'))
            break;
        fields.hosts += is_field(line, len, H2O_STRLIT("host")) ? 1 : 0;
        fields.lengths += is_field(line, len, H2O_STRLIT("content-length")) ? 1 : 0;
        fields.encodings += is_field(line, len, H2O_STRLIT("transfer-encoding")) ? 1 : 0;
    }
    return fields;
}

static const char *fault_of(const struct fields *fields, bool http10)
{
    if (fields->hosts > 1 || (fields->hosts == 0 && !http10))
        return "The request must have one Host field";
    if (fields->lengths > 1 || fields->encodings > 1)
        return "The request says more than once how long its body is";
    if (fields->lengths > 0 && fields->encodings > 0)
        return "The request has Content-Length beside Transfer-Encoding";
    if (fields->encodings > 0 && http10)
        return "HTTP/1.0 has no Transfer-Encoding";
    return NULL;
}

/* "https://host:port/path?query" becomes "/path?query". */
static void take_path(h2o_req_t *req)
{
    h2o_iovec_t *target = &req->input.path;
    size_t scheme = h2o_strstr(target->base, target->len, H2O_STRLIT("://"));
    if (target->len == 0 || target->base[0] == '/' || scheme == SIZE_MAX)
        return;
    size_t skip = scheme + 3;
    while (skip < target->len && target->base[skip] != '/' && target->base[skip] != '?')
        skip++;
    if (skip == target->len || target->base[skip] == '?')
        return; /* no path: what is nowhere */
    *target = h2o_iovec_init(target->base + skip, target->len - skip);
    const char *query = memchr(target->base, '?', target->len);
    req->query_at = query ? (size_t)(query - target->base) : SIZE_MAX;
}

const char *framing_fault(h2o_req_t *req)
{
    struct fields fields = count_fields(raw_head(req));
    const char *fault = fault_of(&fields, req->version < 0x101);
    if (fault)
        req->http1_is_persistent = 0;
    else
        take_path(req);
    return fault;
}
