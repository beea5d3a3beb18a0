#include "gateway/issue/life/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* After the deadline, for what Sectigo does not answer or does not let go. */
static const uint64_t GRACE_MS = DAY_MS;

/* ---- times ---- */

static uint64_t deadline_ms_of(const struct facts *f)
{
    return f->is->created_ms + (uint64_t)f->profile->deadline_s * 1000;
}

uint64_t facts_by_deadline(const struct facts *f, uint64_t now_ms, uint64_t due_ms)
{
    uint64_t deadline_ms = deadline_ms_of(f);
    return now_ms < deadline_ms && deadline_ms < due_ms ? deadline_ms : due_ms;
}

bool facts_is_given_up(const struct facts *f)
{
    int32_t refusal = f->is->refusal;
    return refusal == ISSUANCE_GIVEN_UP || refusal == ISSUANCE_ABANDONED || refusal == ISSUANCE_GIVEN_UP_AS_PLACED;
}

uint64_t facts_nudge_ms(const struct facts *f)
{
    return f->is->changed_ms + f->dcv->nudge_after_ms;
}

bool facts_is_due(const struct facts *f, uint64_t now_ms)
{
    return facts_is_given_up(f) || (!f->in_doubt && now_ms >= deadline_ms_of(f));
}

bool facts_is_overdue(const struct facts *f, uint64_t now_ms)
{
    return !f->in_doubt && now_ms >= deadline_ms_of(f) + GRACE_MS;
}

const char *facts_note(const struct facts *f)
{
    return f->is->note ? f->is->note : "";
}

/* ---- making one ---- */

void outcome_note(struct outcome *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->note, sizeof out->note, format, args);
    va_end(args);
}

void outcome_say(struct outcome *out, enum log_level level, const char *msg, const char *reason)
{
    if (out->line_count == OUTCOME_LINES)
        return;
    struct work_line *line = &out->lines[out->line_count++];
    line->level = level;
    line->msg = msg;
    snprintf(line->reason, sizeof line->reason, "%s", reason ? reason : "");
}

void outcome_ask(struct outcome *out, enum question question)
{
    out->kind = OUTCOME_ASK;
    out->ask = (struct ask){.question = question};
}

void outcome_learn(struct outcome *out, enum outcome_learned learned, uint64_t due_ms)
{
    out->kind = OUTCOME_STAY;
    out->learned = learned;
    out->due_ms = due_ms;
}

void outcome_stay(struct outcome *out, uint64_t due_ms)
{
    outcome_learn(out, LEARNED_NOTHING, due_ms);
}

void outcome_go(struct outcome *out, enum issuance_state to, uint64_t due_ms)
{
    out->kind = OUTCOME_GO;
    out->to = to;
    out->due_ms = due_ms;
}

static uint64_t back_off_ms(const struct facts *f, uint64_t now_ms)
{
    uint64_t wait_ms = f->times->later_ms;
    for (uint32_t i = 0; i < f->is->failures && wait_ms < HOUR_MS; i++)
        wait_ms *= 2;
    if (wait_ms > HOUR_MS)
        wait_ms = HOUR_MS;
    return now_ms + wait_ms - wait_ms / 4 + (wait_ms > 1 ? f->random % (wait_ms / 2 + 1) : 0);
}

void outcome_again_later(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    outcome_learn(out, LEARNED_FAILURE, back_off_ms(f, now_ms));
}

void outcome_unanswered(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    if (r->again_ms)
        outcome_stay(out, now_ms + r->again_ms);
    else
        outcome_again_later(f, now_ms, out);
}

void outcome_not_sent(const struct facts *f, uint64_t again_ms, uint64_t now_ms, struct outcome *out)
{
    out->kind = OUTCOME_NOT_SENT;
    out->not_sent.to = f->is->sends > 1 ? ISSUANCE_UNKNOWN : ISSUANCE_PUBLISHED;
    out->not_sent.failed = again_ms == 0;
    out->due_ms = again_ms ? now_ms + again_ms : back_off_ms(f, now_ms);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t outcome_look_ms(const struct facts *f, uint64_t now_ms)
{
    uint64_t interval_ms = f->profile->poll_interval_ms, spread_ms = interval_ms / 5;
    uint64_t due_ms = now_ms + interval_ms - interval_ms / 10 + (spread_ms ? f->random % spread_ms : 0);
    if (f->is->state == ISSUANCE_SUBMITTED && !f->is->nudged)
        due_ms = sooner(due_ms, facts_nudge_ms(f));
    return facts_by_deadline(f, now_ms, due_ms);
}

void outcome_look_again(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    outcome_stay(out, outcome_look_ms(f, now_ms));
}

void outcome_unknown(struct outcome *out, int32_t refusal, const char *why)
{
    outcome_note(out, "the outcome is unknown: %s", why);
    outcome_say(out, LOG_LEVEL_INFO,
                "Sectigo may have accepted a request whose answer was not read; asking before anything is sent again",
                why);
    out->kind = OUTCOME_UNKNOWN;
    out->refusal = refusal;
    out->due_ms = 0;
}

void outcome_hold(const struct facts *f, enum outcome_held held, uint64_t now_ms, uint64_t due_ms, const char *why,
                  struct outcome *out)
{
    outcome_note(out, "%s", why);
    outcome_say(out, LOG_LEVEL_ERROR, "an issuance is held; mend what it names, then acmegatectl order retry", why);
    out->kind = OUTCOME_HELD;
    out->held = held;
    out->due_ms = facts_by_deadline(f, now_ms, due_ms);
}

static void set_end(struct outcome *out, enum outcome_kind kind)
{
    out->kind = kind;
    out->due_ms = 0;
    memset(&out->end, 0, sizeof out->end);
}

void outcome_refuse(struct outcome *out, enum acme_problem_type type, const char *words)
{
    set_end(out, OUTCOME_REFUSED);
    acme_problem_set(&out->end.problem, type, "%s", words);
    outcome_note(out, "%s", words);
}

void outcome_die(struct outcome *out, const char *words)
{
    set_end(out, OUTCOME_DEAD);
    acme_problem_set(&out->end.problem, ACME_SERVER_INTERNAL, "Sectigo has ended the order: %s", words);
    outcome_note(out, "%s", words);
    outcome_say(out, LOG_LEVEL_ERROR,
                "Sectigo has ended a paid order; see acmegatectl order show, and ask Sectigo for the refund", words);
}

/* ---- what becomes of the record ---- */

enum issuance_state outcome_state(const struct outcome *o, enum issuance_state from)
{
    static const enum issuance_state states[OUTCOME_KINDS] = {
        [OUTCOME_SEND] = ISSUANCE_SUBMITTING,     [OUTCOME_UNKNOWN] = ISSUANCE_UNKNOWN,
        [OUTCOME_PLACED] = ISSUANCE_SUBMITTED,    [OUTCOME_OVER] = ISSUANCE_PREPARED,
        [OUTCOME_BLOCKED] = ISSUANCE_BLOCKED,     [OUTCOME_HELD] = ISSUANCE_HELD,
        [OUTCOME_COLLECTED] = ISSUANCE_COLLECTED, [OUTCOME_REFUSED] = ISSUANCE_REFUSED,
        [OUTCOME_DEAD] = ISSUANCE_DEAD,
    };
    if (o->kind == OUTCOME_GO)
        return o->to;
    if (o->kind == OUTCOME_NOT_SENT)
        return o->not_sent.to;
    return states[o->kind] ? states[o->kind] : from;
}

bool outcome_bought_nothing(const struct outcome *o)
{
    return o->kind == OUTCOME_NOT_SENT || o->kind == OUTCOME_OVER ||
           (o->kind == OUTCOME_HELD && o->held != HELD_AS_IT_IS);
}

/* To send again is no success yet, and a push is no step. */
static void count_failures(const struct outcome *o, struct issuance *is)
{
    if ((o->kind == OUTCOME_STAY && o->learned == LEARNED_FAILURE) ||
        (o->kind == OUTCOME_NOT_SENT && o->not_sent.failed))
        is->failures++;
    else if (o->kind != OUTCOME_HASTEN && o->kind != OUTCOME_SEND)
        is->failures = 0;
}

static void learn_by_itself(enum outcome_learned learned, uint64_t now_ms, struct issuance *is)
{
    if (learned == LEARNED_NUDGED)
        is->nudged = true;
    else if (learned == LEARNED_NO_DOUBT)
        is->doubt = is->caa = false;
    else if (learned == LEARNED_CAA_PASSES)
        is->caa = false;
    else if (learned == LEARNED_CAA_ASKED)
        is->caa_retried_ms = now_ms;
    else if (learned == LEARNED_CAA_KEPT)
        is->caa_retried_ms = 0;
}

bool outcome_learn_record(const struct outcome *o, uint64_t began_ms, uint64_t now_ms, struct issuance *is)
{
    count_failures(o, is);
    if (o->looked)
        is->looked_ms = began_ms;
    if (o->withheld) /* Sectigo has seen domain control, whatever is wrong with what came */
        is->nudged = true;
    if (o->missed)
        is->looks++;
    if (outcome_bought_nothing(o) && is->sends > 0)
        is->sends--;
    if (o->kind == OUTCOME_STAY)
        learn_by_itself(o->learned, now_ms, is);
    if (o->kind == OUTCOME_BLOCKED && o->caa)
        is->caa = true;
    if (o->kind != OUTCOME_HASTEN)
        return issuance_set_note(is, o->note);
    is->pushed_ms = now_ms;
    is->doubt = is->doubt || o->doubt;
    return true;
}

static void enter_submitting(uint64_t now_ms, struct issuance *is)
{
    if (is->sends == 0)
        is->sent_ms = now_ms;
    is->resent_ms = now_ms;
    is->sends++;
    is->looks = 0;
    is->refusal = 0;
}

static void enter_submitted(const struct outcome_placed *placed, const struct subscription *sub, struct issuance *is)
{
    const struct sectigo_order_answer *answer = &placed->answer;
    if (answer->order_number[0])
        memcpy(is->order_number, answer->order_number, sizeof is->order_number);
    else if (!is->order_number[0])
        memcpy(is->order_number, sub->order_number, sizeof is->order_number);
    memcpy(is->certificate_id, answer->certificate_id, sizeof is->certificate_id);
    is->placed_ms = placed->said_ms;
    is->nudged = is->caa = false;
    is->caa_retried_ms = 0;
}

bool outcome_move_record(const struct outcome *o, const struct subscription *sub, uint64_t now_ms, struct issuance *is)
{
    enum issuance_state to = outcome_state(o, is->state);
    if (to == is->state)
        return true;
    if (!issuance_move(is, to, now_ms))
        return false;
    if (o->kind == OUTCOME_SEND) {
        enter_submitting(now_ms, is);
    } else if (o->kind == OUTCOME_PLACED) {
        enter_submitted(&o->placed, sub, is);
    } else if (o->kind == OUTCOME_OVER) {
        is->kind = ISSUANCE_PURCHASE;
        is->sends = 0; /* what was sent was another call, and bought nothing */
        is->refusal = 0;
    } else if (to == ISSUANCE_UNKNOWN) {
        is->looks = 0;
        is->refusal = o->kind == OUTCOME_UNKNOWN ? o->refusal : 0;
    }
    return true;
}

uint64_t outcome_due_ms(const struct outcome *o, uint64_t began_ms, uint64_t now_ms, const struct issuance *is)
{
    uint64_t due_ms = o->due_ms ? o->due_ms : now_ms;
    if (o->kind == OUTCOME_PLACED && o->placed.wait_ms)
        return now_ms + o->placed.wait_ms; /* counted as nudge_after is: from the time in the record */
    if (o->looked && is->pushed_ms >= began_ms)
        return sooner(due_ms, began_ms + LOOK_EVERY_MS); /* the push came after this look began */
    if (o->kind == OUTCOME_STAY && o->learned == LEARNED_NUDGED && is->pushed_ms > is->looked_ms)
        return sooner(due_ms, is->looked_ms + LOOK_EVERY_MS); /* the push came while we asked */
    return due_ms;
}
