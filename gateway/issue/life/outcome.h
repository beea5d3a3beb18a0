/* outcome: what an issuance knows, what follows from that, and what becomes of its record. Pure: no store, no clock, no
 * thread; the time of day is an argument. The states' decisions (life.h) are made of these.
 */
#ifndef GATEWAY_ISSUE_LIFE_OUTCOME_H
#define GATEWAY_ISSUE_LIFE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/problem.h"
#include "gateway/issue/life/reading.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/work.h"

/* All that a decision may look at beside an answer. */
struct facts {
    const struct issuance *is;
    const struct subscription *sub;
    const struct config_profile *profile;
    const struct config_issuance *times;
    const struct config_dcv *dcv; /* as the policy wants it */
    bool in_doubt;                /* the clock is: nothing ends because of the time */
    bool sending;                 /* submitting was stored a moment ago by who asks: its request has not left yet */
    bool asking_caa;              /* likewise RetryCAACheck */
    bool settles_by_family;       /* the login takes no foreignOrderNumber on AutoReplaceSSL */
    bool skip_preflight;          /* the operator wants it sent whatever preflight sees */
    bool unpublished;             /* a CNAME record that the request would name is not stored, and so not published */
    bool owns_number;             /* the subscription's order number is known as its own, and as no other's */
    bool unread;                  /* whether it is cannot be read just now */
    uint32_t random;              /* for waits that are to spread */
};

enum outcome_kind {
    OUTCOME_NONE,      /* nothing is to be done */
    OUTCOME_ASK,       /* ask: an answer is needed to decide */
    OUTCOME_STAY,      /* learned: it stays where it is */
    OUTCOME_GO,        /* to: a step that has no further consequence */
    OUTCOME_SEND,      /* submitting: the request is about to leave */
    OUTCOME_NOT_SENT,  /* not_sent: this request certainly bought nothing */
    OUTCOME_UNKNOWN,   /* refusal: it may have bought something */
    OUTCOME_PLACED,    /* placed: submitted */
    OUTCOME_OVER,      /* prepared: the subscription has ended, and this request bought nothing; the next one buys */
    OUTCOME_BLOCKED,   /* caa: Sectigo has it and cannot go on */
    OUTCOME_HELD,      /* held */
    OUTCOME_COLLECTED, /* the certificate is accepted */
    OUTCOME_REFUSED,   /* end: never placed */
    OUTCOME_DEAD,      /* end: placed, and ended */
    OUTCOME_HASTEN,    /* doubt: a push makes a look due; due_ms may only bring it forward */
    OUTCOME_KINDS
};

enum outcome_learned {
    LEARNED_NOTHING,
    LEARNED_FAILURE,    /* one more in a row: back-off */
    LEARNED_NUDGED,     /* AutoUpdateDCV was asked, or need not be */
    LEARNED_NO_DOUBT,   /* Sectigo's own status says that nothing is in the way */
    LEARNED_CAA_ASKED,  /* RetryCAACheck is about to leave */
    LEARNED_CAA_KEPT,   /* it did not leave */
    LEARNED_CAA_PASSES, /* Sectigo looks at CAA again */
};

enum outcome_held {
    HELD_AS_IT_IS,
    HELD_NOT_SENT,  /* this request certainly bought nothing */
    HELD_NO_CREDIT, /* nor did it; -15: the login buys nothing for an hour */
};

enum outcome_death {
    DEAD_AT_SECTIGO,    /* Sectigo, or nobody who can be asked, has ended it: a paid subscription blocks its names */
    DEAD_CANCELLED,     /* by AutoReject, at its deadline; its money is asked back */
    DEAD_REFUNDED,      /* its money is asked back */
    DEAD_KEPT,          /* the subscription stays, paid, for the next CSR */
    DEAD_NAMES_MISSING, /* likewise, and is asked once more by itself: the certificate lacks names */
};

enum { OUTCOME_LINES = 2 };

struct outcome {
    enum outcome_kind kind;
    uint64_t due_ms;              /* when to go on; 0: at once */
    bool looked;                  /* Sectigo was asked about it */
    bool missed;                  /* a report does not know it */
    bool unpaid;                  /* CollectSSL -22 */
    enum accept_verdict withheld; /* of a certificate that is not accepted; ACCEPT_GOOD: none came */
    char note[NOTE_MAX];          /* for people */
    struct work_line lines[OUTCOME_LINES];
    unsigned line_count;
    union {
        struct ask ask;
        enum outcome_learned learned;
        enum issuance_state to;
        struct {
            enum issuance_state to;
            bool failed; /* counts as a failure in a row */
        } not_sent;
        int32_t refusal; /* code of a refusal that may mean "placed earlier"; 0: none */
        struct outcome_placed {
            struct sectigo_order_answer answer;
            uint64_t ordered_ms; /* where a report told of it; 0: now */
            uint64_t said_ms;    /* what time Sectigo said it was when it answered; 0: it did not */
            uint64_t wait_ms;    /* from then to the first look by ourselves; 0: at once */
        } placed;
        bool caa; /* CAA forbids it */
        enum outcome_held held;
        struct {
            struct acme_problem problem; /* of the ACME orders */
            enum outcome_death how;      /* of DEAD */
        } end;
        bool doubt; /* the push said failed or rejected */
    };
};

/* ---- times ---- */

/* due_ms, or the deadline where that is still to come and comes first. */
uint64_t facts_by_deadline(const struct facts *facts, uint64_t now_ms, uint64_t due_ms);
/* Its deadline (issuance.md section 7) has come, or the operator has given it up. */
bool facts_is_due(const struct facts *facts, uint64_t now_ms);
/* From when on Sectigo is asked to look at a submitted one's domain control at once (dcv.nudge_after). */
uint64_t facts_nudge_ms(const struct facts *facts);
/* Its deadline was a day ago and more: nobody's answer is waited for any longer. */
bool facts_is_overdue(const struct facts *facts, uint64_t now_ms);
bool facts_is_given_up(const struct facts *facts);
/* "" for none. */
const char *facts_note(const struct facts *facts);

/* ---- making one; *out is what the step found out so far ---- */

void outcome_note(struct outcome *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line for the log; reason may be NULL. */
void outcome_say(struct outcome *out, enum log_level level, const char *msg, const char *reason);
void outcome_ask(struct outcome *out, enum question question);
void outcome_stay(struct outcome *out, uint64_t due_ms);
void outcome_learn(struct outcome *out, enum outcome_learned learned, uint64_t due_ms);
void outcome_go(struct outcome *out, enum issuance_state to, uint64_t due_ms);
/* Counts a failure: the wait doubles from issuance.later to an hour with the failures in a row, up to a quarter off
 * either way. */
void outcome_again_later(const struct facts *facts, uint64_t now_ms, struct outcome *out);
/* The same for a call that was not answered: soon where the login's breaker says so, which counts no failure. */
void outcome_unanswered(const struct facts *facts, const struct reading *reading, uint64_t now_ms, struct outcome *out);
/* The request never left, or was turned away: sent later, unless an earlier one may have been accepted. */
void outcome_not_sent(const struct facts *facts, uint64_t again_ms, uint64_t now_ms, struct outcome *out);
/* The profile's poll interval, up to a tenth off either way so that orders of one hour spread; but not later than the
 * deadline, where that is still to come. */
uint64_t outcome_look_ms(const struct facts *facts, uint64_t now_ms);
void outcome_look_again(const struct facts *facts, uint64_t now_ms, struct outcome *out);
/* Sectigo may have accepted it. */
void outcome_unknown(struct outcome *out, int32_t refusal, const char *why);
/* Nothing is sent until the operator, or time, changes something; looked at again at due_ms, or at the deadline. */
void outcome_hold(const struct facts *facts, enum outcome_held held, uint64_t now_ms, uint64_t due_ms, const char *why,
                  struct outcome *out);
/* Sectigo, or the check before sending, says no: the ACME orders become invalid with these words. */
void outcome_refuse(struct outcome *out, enum acme_problem_type type, const char *words);
/* Placed, and then ended by Sectigo. */
void outcome_die(struct outcome *out, const char *words);

/* ---- what becomes of the record ---- */

/* The state that it leads to from there. */
enum issuance_state outcome_state(const struct outcome *outcome, enum issuance_state from);
/* Of NOT_SENT, OVER and two ways to be HELD: the request that left last certainly bought nothing. */
bool outcome_bought_nothing(const struct outcome *outcome);
/* What was learned, wherever it leads. began_ms: when the step began. False: out of memory. */
bool outcome_learn_record(const struct outcome *outcome, uint64_t began_ms, uint64_t now_ms, struct issuance *is);
/* The move, with what the state that is entered says of the record. False: the table of moves knows no such. */
bool outcome_move_record(const struct outcome *outcome, const struct subscription *sub, uint64_t now_ms,
                         struct issuance *is);
/* When its job is due, after outcome_learn_record. */
uint64_t outcome_due_ms(const struct outcome *outcome, uint64_t began_ms, uint64_t now_ms, const struct issuance *is);

#endif
