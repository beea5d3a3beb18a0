/* health: /healthz and /readyz, for balancers and for who watches.
 *
 * /healthz says that this process answers. /readyz says that the store takes a write now, so it waits for one, a short
 * while; all who ask meanwhile share it, and its outcome serves for a second, so that asking often costs no disk.
 */
#include "gateway/http/internal.h"
#include "gateway/http/reply.h"

enum {
    KNOWN_FOR_MS = 1000, /* so long an outcome serves */
    WAIT_MS = 2000,      /* then the store counts as one that does not answer */
};

static const char STOPPING[] = "stopping\n", SILENT[] = "the store does not answer\n",
                  NO_WRITE[] = "the store takes no write\n", READY[] = "ready\n";

/* Somebody who waits, in the request's pool. */
struct waiter {
    h2o_linklist_t link;
    h2o_req_t *req;
};

static void on_waiter_gone(void *arg)
{
    struct waiter *waiter = arg;
    if (h2o_linklist_is_linked(&waiter->link))
        h2o_linklist_unlink(&waiter->link);
}

void health_init(struct loop *loop)
{
    loop->readiness.loop = loop;
    h2o_linklist_init_anchor(&loop->readiness.waiting);
}

static void say_readiness(h2o_req_t *req, const char *not_ready)
{
    reply_header(req, "Cache-Control", "no-store");
    reply_text(req, not_ready ? 503 : 200, not_ready ? not_ready : READY);
}

static void say_to_all(struct readiness *readiness, const char *not_ready)
{
    while (!h2o_linklist_is_empty(&readiness->waiting)) {
        struct waiter *waiter = H2O_STRUCT_FROM_MEMBER(struct waiter, link, readiness->waiting.next);
        h2o_linklist_unlink(&waiter->link);
        say_readiness(waiter->req, not_ready);
    }
}

/* On the writer's thread. */
static void on_probed(struct store_op *op, enum store_status status)
{
    struct readiness *readiness = op->arg;
    readiness->status = status;
    loop_send(readiness->loop, &readiness->message);
}

static enum store_status try_write(struct store_txn *txn, void *arg)
{
    const struct readiness *readiness = arg;
    return readiness->loop->server->config.probe(txn, NULL);
}

static void probe(struct loop *loop)
{
    struct readiness *readiness = &loop->readiness;
    readiness->under_way = true;
    readiness->began_ms = monotonic_ms();
    readiness->message.kind = MESSAGE_PROBED;
    readiness->op = (struct store_op){.fn = try_write, .arg = readiness, .done = on_probed};
    loop->submitted++;
    store_submit(loop->server->config.store, &readiness->op);
}

void health_on_probed(struct loop *loop, struct message *message)
{
    struct readiness *readiness = &loop->readiness;
    (void)message;
    loop->submitted--;
    readiness->under_way = false;
    readiness->known_ms = monotonic_ms();
    readiness->good = readiness->status == STORE_OK;
    say_to_all(readiness, loop->draining ? STOPPING : readiness->good ? NULL : NO_WRITE);
}

uint64_t health_next_ms(const struct loop *loop)
{
    const struct readiness *readiness = &loop->readiness;
    return h2o_linklist_is_empty((h2o_linklist_t *)&readiness->waiting) ? UINT64_MAX : readiness->began_ms + WAIT_MS;
}

void health_expire(struct loop *loop, uint64_t now_ms)
{
    if (now_ms >= health_next_ms(loop))
        say_to_all(&loop->readiness, SILENT);
}

static void await(struct readiness *readiness, h2o_req_t *req)
{
    struct waiter *waiter = h2o_mem_alloc_shared(&req->pool, sizeof *waiter, on_waiter_gone);
    *waiter = (struct waiter){.req = req};
    h2o_linklist_insert(&readiness->waiting, &waiter->link);
}

static void serve_ready(struct loop *loop, h2o_req_t *req)
{
    struct readiness *readiness = &loop->readiness;
    uint64_t now_ms = monotonic_ms();
    if (loop->draining) {
        say_readiness(req, STOPPING);
    } else if (loop->server->config.not_ready) {
        say_readiness(req, loop->server->config.not_ready);
    } else if (!loop->server->config.probe) {
        say_readiness(req, NULL);
    } else if (readiness->under_way && now_ms >= readiness->began_ms + WAIT_MS) {
        say_readiness(req, SILENT);
    } else if (!readiness->under_way && readiness->known_ms && now_ms < readiness->known_ms + KNOWN_FOR_MS) {
        say_readiness(req, readiness->good ? NULL : NO_WRITE);
    } else {
        await(readiness, req);
        if (!readiness->under_way)
            probe(loop);
    }
}

static bool is_path(const h2o_req_t *req, const char *path)
{
    size_t len = req->query_at == SIZE_MAX ? req->input.path.len : req->query_at;
    return h2o_memis(req->input.path.base, len, path, strlen(path));
}

bool health_serve(h2o_req_t *req)
{
    bool process = is_path(req, "/healthz"), ready = is_path(req, "/readyz");
    bool reads = h2o_memis(req->method.base, req->method.len, H2O_STRLIT("GET")) ||
                 h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));
    if (!process && !ready)
        return false;
    reply_about(req, metrics_resource("health"), NULL);
    if (!reads) {
        reply_header(req, "Allow", "GET, HEAD");
        reply_text(req, 405, "This is read with GET.\n");
    } else if (ready) {
        serve_ready(loop_of(req), req);
    } else {
        reply_header(req, "Cache-Control", "no-store");
        reply_text(req, 200, "ok\n");
    }
    return true;
}
