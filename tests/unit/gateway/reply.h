/* reply: what upstream would hand over, made from a literal. */
#ifndef TESTS_REPLY_H
#define TESTS_REPLY_H

#include <string.h>

#include "gateway/issue/upstream/upstream.h"

/* body NULL: it was lost; "-": it never left; again_ms is what the breaker says then. */
static inline struct upstream_reply reply_of(const char *body)
{
    if (!body)
        return (struct upstream_reply){.outcome = UPSTREAM_LOST, .reason = "the reply was lost"};
    if (strcmp(body, "-") == 0)
        return (struct upstream_reply){
            .outcome = UPSTREAM_NEVER_LEFT, .reason = "the login rests", .again_ms = 20 * 1000};
    return (struct upstream_reply){.outcome = UPSTREAM_ANSWERED, .body = body, .body_len = strlen(body)};
}

#endif
