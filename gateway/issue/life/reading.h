/* reading: whom an issuance may ask, and an answer, read. What the states (life.h) decide by. Pure; any thread.
 */
#ifndef GATEWAY_ISSUE_LIFE_READING_H
#define GATEWAY_ISSUE_LIFE_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/issue/context.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/upstream/accept.h"
#include "gateway/issue/upstream/upstream.h"
#include "sectigo/result.h"
#include "sectigo/sectigo.h"

enum question {
    ASK_READERS = 1, /* queued: when has a client last asked for one of its orders? The store */
    ASK_PUBLISHERS,  /* prepared: the DNS servers, to publish its CNAME records */
    ASK_PREFLIGHT,   /* published: is the answer to domain control seen, and does CAA allow it? */
    ASK_ORDER,       /* submitting: AutoApplyOrder or AutoReplaceSSL, the one call that costs money */
    ASK_REPORT,      /* unknown: WebHostReport by its foreignOrderNumber */
    ASK_FAMILY,      /* unknown: GetDetailedOrderStatus of the whole family */
    ASK_NEWEST,      /* unknown: CollectSSL of ask.candidate */
    ASK_NUDGE,       /* submitted: AutoUpdateDCV */
    ASK_COLLECT,     /* submitted, blocked: CollectSSL */
    ASK_STATUS,      /* submitted, blocked: GetDetailedOrderStatus */
    ASK_CAA,         /* blocked: does CAA allow it by now? */
    ASK_CAA_RETRY,   /* blocked: RetryCAACheck */
    ASK_REJECT,      /* cancelling: AutoReject */
    QUESTIONS
};

struct ask {
    enum question question;
    char candidate[SECTIGO_CERTIFICATE_ID_MAX + 1]; /* of ASK_NEWEST: perhaps what we asked for; "": none */
    bool unpaid;                                    /* of ASK_STATUS: CollectSSL has just said so (-22) */
};

/* The call that asks it; SECTIGO_CALLS where it is none. */
enum sectigo_call_kind ask_call(const struct issuance *issuance, enum question question);

/* What it is called, for people: the name of its call, which begins with a capital, or what is looked at. Static. */
const char *ask_text(const struct issuance *issuance, enum question question);

struct reading {
    struct ask ask;
    /* Of a call: */
    enum upstream_outcome outcome;
    bool parsed;       /* answered, and an answer of this API; of others: it could be asked at all */
    uint64_t date_ms;  /* Sectigo's own time; 0: it said none */
    uint64_t again_ms; /* the breaker's; 0: it knows of none */
    union {
        struct sectigo_order_answer order;
        struct sectigo_report_answer report;   /* owned */
        struct sectigo_collect_answer collect; /* owned */
        struct sectigo_result result;
    };
    /* A sentence: why it was not parsed; of ASK_PUBLISHERS, ASK_PREFLIGHT and ASK_CAA what is in the way, "" for
     * nothing. */
    char why[NOTE_MAX];
    /* What whoever asks adds from the store, and by looking at what came: */
    bool foreign;                /* ASK_REPORT: the numbers of its one order belong to another */
    bool ours;                   /* ASK_NEWEST: its certificate is a new one, and passes accept.h */
    enum accept_verdict verdict; /* ASK_COLLECT: of its certificate */
    char reason[ACCEPT_REASON_MAX];
    bool stored_first; /* ASK_PUBLISHERS: there are new records, which are stored before they are published */
    bool unseen;       /* ASK_PREFLIGHT: a CNAME record is not seen */
    bool turned;       /* ASK_PREFLIGHT: a name has no address to fetch a file from, and CNAME will do from now on */
    uint64_t read_ms;  /* ASK_READERS */
};

/* Of what a call brought; reading_clear in any case. */
void reading_of_reply(struct reading *reading, const struct ask *ask, const struct issuance *issuance,
                      const struct upstream_reply *reply);
/* Of what is no call: not asked, or in the way, for this reason; "" for neither. */
void reading_of_look(struct reading *reading, const struct ask *ask, bool asked, const char *why);
/* What whoever asks looks up beside it cannot be read: so the answer says nothing, and it is asked again. */
void reading_unread(struct reading *reading);
void reading_clear(struct reading *reading);

#endif
