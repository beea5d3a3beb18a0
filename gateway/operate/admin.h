/* admin: what the Unix socket answers to the operator, HTTP and JSON. */
#ifndef GATEWAY_OPERATE_ADMIN_H
#define GATEWAY_OPERATE_ADMIN_H

#include "gateway/http/http.h"
#include "gateway/scheduler.h"
#include "store/store.h"

struct admin {
    struct store *store;
    struct scheduler *scheduler;
};

/* http_handler_fn; ctx is a struct admin. GET /status. On loop threads, does not block. */
void admin_handle(void *ctx, const struct http_call *call, struct http_answer *answer);

#endif
