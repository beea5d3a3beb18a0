/* The life of one issuance (issuance.md section 3): who decides in each state, and what each answer leads to. Whatever
 * Sectigo may have accepted is never sent again before a report has settled it. */
#include "gateway/issue/life/life.h"

#include <string.h>

static void held_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    (void)now_ms;
    outcome_note(out, "%s", facts_note(f));
    if (f->is->refusal && f->is->sends == 0) { /* the operator has given it up */
        outcome_refuse(out, ACME_SERVER_INTERNAL, facts_note(f));
    } else if (f->is->sends > 0) {
        out->kind = OUTCOME_UNKNOWN;
        out->refusal = f->is->refusal;
    } else {
        outcome_go(out, ISSUANCE_PUBLISHED, 0);
    }
}

void life_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    static life_first_fn *const firsts[ISSUANCE_STATES] = {
        [ISSUANCE_QUEUED] = queued_first,         /* its turn, or the end of waiting */
        [ISSUANCE_PREPARED] = prepared_first,     /* CNAME records are published */
        [ISSUANCE_PUBLISHED] = published_first,   /* the answers to domain control are seen */
        [ISSUANCE_SUBMITTING] = submitting_first, /* the request leaves */
        [ISSUANCE_UNKNOWN] = unknown_first,       /* was it accepted? */
        [ISSUANCE_SUBMITTED] = submitted_first,   /* is there a certificate? */
        [ISSUANCE_BLOCKED] = blocked_first,       /* the same, and does CAA allow it? */
        [ISSUANCE_HELD] = held_first,             /* time has passed, or the operator has spoken */
        [ISSUANCE_CANCELLING] = cancelling_first, /* its time is over */
    };
    memset(out, 0, sizeof *out);
    if (firsts[f->is->state])
        firsts[f->is->state](f, now_ms, out);
}

void life_decide(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    static life_decide_fn *const decisions[QUESTIONS] = {
        [ASK_READERS] = queued_read,
        [ASK_PUBLISHERS] = prepared_published,
        [ASK_PREFLIGHT] = published_seen,
        [ASK_ORDER] = submitting_answered,
        [ASK_REPORT] = unknown_reported,
        [ASK_FAMILY] = family_told,
        [ASK_NEWEST] = family_collected,
        [ASK_NUDGE] = nudge_done,
        [ASK_COLLECT] = submitted_collected,
        [ASK_STATUS] = submitted_status,
        [ASK_CAA] = caa_looked,
        [ASK_CAA_RETRY] = caa_retried,
        [ASK_REJECT] = cancelling_answered,
    };
    memset(out, 0, sizeof *out);
    decisions[r->ask.question](f, r, now_ms, out);
}
