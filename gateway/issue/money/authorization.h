/* authorization: what is to be done about a payment that an order waits for, and what Sectigo's answers say of it.
 * Pure; authorize.h is the job that does it.
 */
#ifndef GATEWAY_ISSUE_MONEY_AUTHORIZATION_H
#define GATEWAY_ISSUE_MONEY_AUTHORIZATION_H

#include "acme/durations.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/work.h"

/* How long after its commit the request may leave. */
enum { AUTHORIZATION_LEAVES_WITHIN_MS = 30 * SECOND_MS };

struct authorization_facts {
    const struct payment *payment; /* as stored */
    const struct config_issuance *times;
    const char *order;   /* the ACME order, for people */
    uint64_t started_ms; /* of this process: what it was told since then is no copy's */
    uint64_t timeout_ms; /* of a call with this login */
    bool automatic;      /* the login says `authorize: auto` */
    bool lives;          /* the issuance is submitted or blocked */
    bool sending;        /* it is this process that has stored "sending": the request has not left yet */
};

enum authorization_way {
    AUTHORIZATION_STORE,   /* next and due_ms */
    AUTHORIZATION_SEND,    /* AutoAuthorize: the call that costs money */
    AUTHORIZATION_LOOK,    /* GetDetailedOrderStatus */
    AUTHORIZATION_COLLECT, /* CollectSSL, whose code -22 is documented while the words of the status are not */
};

struct authorization_outcome {
    enum authorization_way way;
    struct payment next;
    uint64_t due_ms; /* of the job; nothing where next is done */
    bool no_credit;  /* -15: the login buys nothing for an hour */
    struct work_line line;
};

/* What comes next, before anything is asked. Of a payment that is not done. */
struct authorization_outcome authorization_begin(const struct authorization_facts *facts, uint64_t now_ms);
/* What an answer to AutoAuthorize, to GetDetailedOrderStatus, and to CollectSSL means. */
struct authorization_outcome authorization_answered(const struct authorization_facts *facts,
                                                    const struct upstream_reply *reply, uint64_t now_ms);
struct authorization_outcome authorization_looked(const struct authorization_facts *facts,
                                                  const struct upstream_reply *reply, uint64_t now_ms);
struct authorization_outcome authorization_collected(const struct authorization_facts *facts,
                                                     const struct upstream_reply *reply, uint64_t now_ms);

#endif
