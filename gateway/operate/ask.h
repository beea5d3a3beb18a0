/* ask: an operator's question to Sectigo, which he waits for. It changes nothing there. Inside this room only. */
#ifndef GATEWAY_OPERATE_ASK_H
#define GATEWAY_OPERATE_ASK_H

#include "gateway/egress/egress.h"
#include "gateway/issue/upstream/upstream.h"

/* Shorter than acmegatectl waits for the daemon. */
enum { ASK_WAIT_S = 20, ASK_REASON_MAX = 512 };

struct ask_answer {
    char *body; /* owned: Sectigo's answer; NULL: there is none */
    size_t body_len;
    int status;                  /* of HTTP, where there is none: 502, 503 or 504 */
    char reason[ASK_REASON_MAX]; /* a sentence, likewise */
};

/* Takes form (emptied). form NULL: GetAccountBalance, whatever breaker and pace say; else kind, as upstream_call does.
 * False: *answer says why. Blocks for ASK_WAIT_S at most; not on a loop, nor on the egress thread. Free answer->body.
 */
bool ask(struct egress *egress, struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
         struct ask_answer *answer);

#endif
