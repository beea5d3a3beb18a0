/* life: the decisions of an issuance, state by state. Pure: facts, an answer and the time of day lead to an outcome,
 * and nothing else does. life.c has the tables; each state stands in a file of its own, with what it asks (asking.h)
 * and what entering it does to the store (commit.h).
 */
#ifndef GATEWAY_ISSUE_LIFE_LIFE_H
#define GATEWAY_ISSUE_LIFE_LIFE_H

#include "gateway/issue/life/outcome.h"

/* What the state of facts->is does first. */
void life_first(const struct facts *facts, uint64_t now_ms, struct outcome *out);
/* What an answer means, to the question that was asked. */
void life_decide(const struct facts *facts, const struct reading *reading, uint64_t now_ms, struct outcome *out);

/* ---- what comes without a question ---- */

/* submitting, and the program stops before the request has left: spares the next start to settle it. */
void submitting_take_back(const struct facts *facts, struct outcome *out);
/* submitted: a certificate was judged. True where that is the end: accepted, or ours and names are missing. */
bool submitted_judged(enum accept_verdict verdict, const char *reason, struct outcome *out);
/* submitted: the certificate that was to be stored is one that the store has. */
void submitted_known(const struct facts *facts, uint64_t now_ms, struct outcome *out);
/* submitted: a push came which proved nothing. */
void submitted_pushed(const struct facts *facts, enum sectigo_push_status kind, uint64_t now_ms, struct outcome *out);
/* ---- the states and questions, for life.c; what ends one serves several ---- */

typedef void life_first_fn(const struct facts *facts, uint64_t now_ms, struct outcome *out);
typedef void life_decide_fn(const struct facts *facts, const struct reading *reading, uint64_t now_ms,
                            struct outcome *out);

life_first_fn queued_first, prepared_first, published_first, submitting_first, unknown_first, submitted_first,
    blocked_first, cancelling_first;
life_decide_fn queued_read, prepared_published, published_seen, submitting_answered, unknown_reported, family_told,
    family_collected, nudge_done, submitted_collected, submitted_status, caa_looked, caa_retried, cancelling_answered;

/* Of unknown: Sectigo does not know the request. */
life_first_fn unknown_not_found;
/* AutoReplaceSSL says that there is nothing left to replace: the next request buys. */
void submitting_over(int code, const char *words, struct outcome *out);
/* The ACME problem of what Sectigo refuses with this code. */
enum acme_problem_type submitting_problem(int code);
/* Of blocked: Sectigo says that CAA forbids it, and CollectSSL is not due yet. */
bool caa_is_first(const struct facts *facts, uint64_t now_ms);

/* Its time is over (issuance.md section 7). Of submitted and blocked, where CollectSSL brings nothing; of a replacement
 * also before, and of unknown. */
life_first_fn ending_begin;
/* Of a purchase that Sectigo has issued, but not as we may deliver it. */
void ending_withheld(const struct facts *facts, const char *why, uint64_t now_ms, struct outcome *out);
/* Of a purchase in unknown: nobody can say whether it was made, so its names stay blocked for the operator. */
void ending_unsettled(const struct facts *facts, const char *why, struct outcome *out);

#endif
