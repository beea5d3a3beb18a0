/* blocked by CAA: our own look at it, as Sectigo would; where that passes, Sectigo is asked to look again
 * (RetryCAACheck, issuance.md section 9). */
#include <string.h>

#include "gateway/dcv/preflight.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/life.h"

/* How often RetryCAACheck may be called for an order (notes 2.11). */
static const uint64_t CAA_RETRY_MS = 10 * MINUTE_MS;

/* ---- decisions ---- */

/* CollectSSL keeps its own time meanwhile; a push hastens it. */
static bool is_collect_due(const struct facts *f, uint64_t now_ms)
{
    return f->is->pushed_ms > f->is->looked_ms || now_ms >= f->is->looked_ms + f->profile->poll_interval_ms;
}

bool caa_is_first(const struct facts *f, uint64_t now_ms)
{
    return f->is->caa && (f->asking_caa || !is_collect_due(f, now_ms));
}

static void wait(const struct facts *f, enum outcome_learned learned, uint64_t due_ms, struct outcome *out)
{
    uint64_t collect_ms = f->is->looked_ms + f->profile->poll_interval_ms;
    outcome_learn(out, learned, due_ms < collect_ms ? due_ms : collect_ms);
}

/* The first reason is told, in the log only where it is another than before. */
static void forbidden(const struct facts *f, const char *why, uint64_t now_ms, struct outcome *out)
{
    outcome_note(out, "Sectigo may not issue: %.900s", why);
    if (strcmp(facts_note(f), out->note) != 0)
        outcome_say(out, LOG_LEVEL_ERROR, "CAA keeps Sectigo from issuing what is paid for: change the record", why);
    wait(f, LEARNED_NOTHING, now_ms + f->dcv->preflight_retry_ms, out);
}

void caa_looked(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    if (r->why[0]) {
        forbidden(f, r->why, now_ms, out);
    } else if (now_ms < f->is->caa_retried_ms + CAA_RETRY_MS) {
        outcome_note(out, "CAA lets Sectigo issue now; RetryCAACheck waits for its turn");
        wait(f, LEARNED_NOTHING, f->is->caa_retried_ms + CAA_RETRY_MS, out);
    } else { /* stored before it leaves, so that a kill between the two does not make it two within its time */
        outcome_learn(out, LEARNED_CAA_ASKED, 0);
    }
}

void caa_retried(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    bool taken =
        r->parsed && sectigo_classify(SECTIGO_RETRY_CAA_CHECK, r->result.code, r->result.message) == SECTIGO_PLACED;
    outcome_note(out, "RetryCAACheck: %.900s",
                 taken       ? "Sectigo looks at CAA again"
                 : r->parsed ? r->result.message
                             : r->why);
    outcome_say(out, LOG_LEVEL_INFO, "CAA lets Sectigo issue now: it is asked to look again", out->note);
    if (taken)
        outcome_learn(out, LEARNED_CAA_PASSES, now_ms + f->profile->first_poll_ms);
    else
        wait(f, r->outcome == UPSTREAM_NEVER_LEFT ? LEARNED_CAA_KEPT : LEARNED_NOTHING, now_ms + CAA_RETRY_MS, out);
}

/* ---- asking ---- */

static void on_caa(void *ctx, bool ok, const char *reason)
{
    struct step *s = ctx;
    if (!ok && !s->seen.why[0])
        step_see(s, reason);
    if (--s->checks == 0)
        asking_answer(s, &s->seen);
}

void caa_ask(struct step *s)
{
    const struct acme_names *names = &s->sub.names;
    reading_of_look(&s->seen, &s->ask, true, "");
    s->checks = 1; /* nothing ends before all have begun */
    for (size_t i = 0; i < names->count; i++) {
        struct preflight_caa want = {.identities = &s->rules.dcv.caa_identities,
                                     .name = names->list[i].value,
                                     .timeout_ms = s->work.config->validation.timeout_ms};
        if (names->list[i].type != ACME_DNS_NAME)
            continue;
        s->checks++;
        if (!preflight_caa(s->issuer->at.egress, &want, on_caa, s))
            on_caa(s, false, "the CAA records cannot be looked up: out of memory");
    }
    on_caa(s, true, "");
}
