#include "gateway/issue/life/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/clock.h"
#include "gateway/log.h"

enum step step_go(struct errand *e, enum issuance_state to, uint64_t due_ms)
{
    e->result.to = to;
    e->result.due_ms = due_ms;
    return STEP_COMMIT;
}

void step_note(struct errand *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(e->result.note, sizeof e->result.note, format, args);
    va_end(args);
}

static uint64_t back_off(const struct errand *e, uint64_t now_ms)
{
    uint64_t wait_ms = e->issuer->at.config->issuance.later_ms;
    for (uint32_t i = 0; i < e->is.failures && wait_ms < HOUR_MS; i++)
        wait_ms *= 2;
    if (wait_ms > HOUR_MS)
        wait_ms = HOUR_MS;
    return now_ms + wait_ms - wait_ms / 4 + (wait_ms > 1 ? (uint64_t)random() % (wait_ms / 2 + 1) : 0);
}

enum step step_again_later(struct errand *e, enum issuance_state to)
{
    e->result.failed = true;
    return step_go(e, to, back_off(e, clock_ms()));
}

enum step step_unanswered(struct errand *e, const struct upstream_reply *reply, enum issuance_state to)
{
    return reply->again_ms ? step_go(e, to, clock_ms() + reply->again_ms) : step_again_later(e, to);
}

uint64_t step_deadline_ms(const struct errand *e)
{
    return e->is.created_ms + (uint64_t)e->profile->deadline_s * 1000;
}

uint64_t step_by_deadline(const struct errand *e, uint64_t due_ms)
{
    uint64_t deadline_ms = step_deadline_ms(e);
    return clock_ms() < deadline_ms && deadline_ms < due_ms ? deadline_ms : due_ms;
}

enum step step_look_again(struct errand *e, enum issuance_state to)
{
    uint64_t interval_ms = e->profile->poll_interval_ms;
    uint64_t spread_ms = interval_ms / 5, now_ms = clock_ms();
    uint64_t due_ms = now_ms + interval_ms - interval_ms / 10 + (spread_ms ? (uint64_t)random() % spread_ms : 0);
    return step_go(e, to, step_by_deadline(e, due_ms));
}

enum step step_refused(struct errand *e, enum acme_problem_type type, const char *words)
{
    acme_problem_set(&e->result.problem, type, "%s", words);
    step_note(e, "%s", words);
    return step_go(e, ISSUANCE_REFUSED, 0);
}

enum step step_held(struct errand *e, uint64_t due_ms, const char *why)
{
    step_note(e, "%s", why);
    errand_log(e, LOG_LEVEL_ERROR, "an issuance is held; mend what it names, then acmegatectl order retry", why);
    return step_go(e, ISSUANCE_HELD, step_by_deadline(e, due_ms));
}

enum step step_dead(struct errand *e, const char *words)
{
    acme_problem_set(&e->result.problem, ACME_SERVER_INTERNAL, "Sectigo has ended the order: %s", words);
    step_note(e, "%s", words);
    errand_log(e, LOG_LEVEL_ERROR,
               "Sectigo has ended a paid order; see acmegatectl order show, and ask Sectigo for the refund", words);
    return step_go(e, ISSUANCE_DEAD, 0);
}
