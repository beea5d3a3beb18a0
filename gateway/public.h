/* public: what the public listener answers: Sectigo's push and the files of its HTTP domain control. */
#ifndef GATEWAY_PUBLIC_H
#define GATEWAY_PUBLIC_H

#include "gateway/config/current.h"
#include "gateway/http/http.h"
#include "gateway/issue/issuer.h"

struct limiter;
struct public
{
    struct config_current *configs;
    struct issuer *issuer;
    struct limiter *wrong; /* pushes with wrong credentials, by address */
};

/* http_config's takes_push; ctx is a struct public. Any thread. */
bool public_takes_push(void *ctx, const char *path, size_t len);
/* http_handler_fn; ctx is a struct public. On loop threads, does not block. */
void public_handle(void *ctx, const struct http_call *call, struct http_answer *answer);

#endif
