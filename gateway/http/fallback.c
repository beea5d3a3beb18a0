/* fallback: h2o answers some requests before we see them: framing errors, bodies over its ceiling, unknown
 * expectations. Such replies go through the host's fallback path, and nothing of ours does. For ACME clients, who read
 * nothing else, its text/plain becomes a problem document here; and the connection is closed gently.
 */
#include "gateway/http/internal.h"
#include "gateway/http/linger.h"
#include "gateway/http/reply.h"

struct fallback {
    h2o_filter_t super;
    bool problems;
};

struct document {
    h2o_ostream_t super;
    h2o_iovec_t text;
};

static h2o_iovec_t document_for(int status)
{
    static const struct {
        int status;
        const char *text;
    } documents[] = {
        {400, "{\"type\":\"urn:ietf:params:acme:error:malformed\","
              "\"detail\":\"The HTTP request is malformed\",\"status\":400}"},
        {404, "{\"type\":\"urn:ietf:params:acme:error:malformed\","
              "\"detail\":\"There is nothing at this address\",\"status\":404}"},
        {413, "{\"type\":\"urn:ietf:params:acme:error:malformed\","
              "\"detail\":\"The body of the request is too large\",\"status\":413}"},
        {417, "{\"type\":\"urn:ietf:params:acme:error:malformed\","
              "\"detail\":\"The only expectation known here is 100-continue\",\"status\":417}"},
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        if (documents[i].status == status)
            return h2o_iovec_init(documents[i].text, strlen(documents[i].text));
    }
    return h2o_iovec_init(NULL, 0);
}

/* h2o sends its short texts in one piece. */
static void send_document(h2o_ostream_t *super, h2o_req_t *req, h2o_iovec_t *bufs, size_t count, h2o_send_state_t state)
{
    struct document *document = H2O_STRUCT_FROM_MEMBER(struct document, super, super);
    (void)bufs;
    h2o_ostream_send_next(super, req, &document->text, count > 0 ? 1 : 0, state);
}

static void on_setup_ostream(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    const struct fallback *fallback = H2O_STRUCT_FROM_MEMBER(struct fallback, super, self);
    h2o_iovec_t text = document_for(req->res.status);
    if (fallback->problems && text.len > 0) {
        struct document *document = (void *)h2o_add_ostream(req, sizeof *document, slot);
        document->super.do_send = send_document;
        document->text = text;
        slot = &document->super.next;
        req->res.content_length = text.len;
        req->res.headers = (h2o_headers_t){NULL, 0, 0};
        reply_header(req, "Content-Type", "application/problem+json");
    }
    linger_prepare(connection_of(req));
    accept_begin_request(connection_of(req)); /* no handler has seen it */
    reply_note(req, req->res.status);
    reply_harden(req);
    h2o_setup_next_ostream(req, slot);
}

void fallback_register(h2o_hostconf_t *host, bool problems)
{
    struct fallback *fallback = (void *)h2o_create_filter(&host->fallback_path, sizeof *fallback);
    fallback->super.on_setup_ostream = on_setup_ostream;
    fallback->problems = problems;
}
