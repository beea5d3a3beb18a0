#include "gateway/issue/life/asking.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/life.h"
#include "gateway/issue/money/refund.h"
#include "gateway/issue/order/prepare.h"
#include "gateway/issue/upstream/request.h"

/* ---- facts ---- */

/* By the operator, for this order (acmegatectl order retry --skip-preflight). */
static bool is_skipped(struct store_txn *txn, const struct step *s)
{
    struct dcv_records records;
    bool skipped = dcv_records_load(txn, s->is.id, &records) == STORE_OK && records.skip_preflight;
    dcv_records_clear(&records);
    return skipped;
}

/* Whether the order number of the subscription is known as one of it, and of no other: Sectigo is to end no order of
 * somebody else. */
static void look_whose_number(struct store_txn *txn, const struct step *s, struct facts *f)
{
    enum store_status status = s->sub.order_number[0] ? refund_is_ours(txn, &s->sub) : STORE_NOT_FOUND;
    /* A record that is damaged says nothing tomorrow either. */
    bool told = status == STORE_OK || status == STORE_NOT_FOUND || status == STORE_EXISTS || status == STORE_INVALID;
    f->owns_number = status == STORE_OK;
    f->unread = !told;
}

/* The number matters at the end alone. */
static bool wants_number(const struct step *s, const struct facts *f, uint64_t now_ms)
{
    bool placed = s->is.state == ISSUANCE_SUBMITTED || s->is.state == ISSUANCE_BLOCKED;
    return s->is.state == ISSUANCE_CANCELLING || (placed && facts_is_due(f, now_ms));
}

void asking_facts(const struct step *s, uint64_t now_ms, struct facts *f)
{
    struct store_txn *txn;
    *f = (struct facts){.is = &s->is,
                        .sub = &s->sub,
                        .profile = s->profile,
                        .times = &s->work.config->issuance,
                        .dcv = &s->rules.dcv,
                        .in_doubt = clock_in_doubt(),
                        .sending = s->sending,
                        .asking_caa = s->asking_caa,
                        .settles_by_family = !s->account->replace_foreign_order_number,
                        .random = (uint32_t)random()};
    bool number = wants_number(s, f, now_ms), skip = s->is.state == ISSUANCE_PUBLISHED;
    struct dcv_answer answer;
    if (s->is.state == ISSUANCE_PUBLISHED && s->rules.dcv.zone_count > 0) {
        answer = prepare_answer(&s->is);
        f->unpublished = dcv_rules_lack_record(&s->rules, &s->sub.names, &answer);
    }
    if (!number && !skip)
        return;
    f->unread = store_read(s->issuer->at.store, &txn) != STORE_OK;
    if (f->unread)
        return;
    if (number)
        look_whose_number(txn, s, f);
    f->skip_preflight = skip && is_skipped(txn, s);
    store_read_end(txn);
}

/* ---- questions ---- */

static bool fill(const struct step *s, struct sectigo_form *form)
{
    switch (s->ask.question) {
    case ASK_REPORT:
        request_report(form, &s->is);
        break;
    case ASK_FAMILY:
        request_family(form, &s->sub);
        break;
    case ASK_NEWEST:
        request_newest(form, &s->sub, s->ask.candidate);
        break;
    case ASK_NUDGE:
        return request_update_dcv(form, &s->is, &s->sub, &s->rules);
    case ASK_COLLECT:
        request_collect(form, &s->is);
        break;
    case ASK_STATUS:
        request_status(form, &s->is);
        break;
    case ASK_CAA_RETRY:
        request_retry_caa(form, &s->is);
        break;
    default: /* ASK_REJECT */
        sectigo_form_add(form, "orderNumber", s->sub.order_number);
        break;
    }
    return true;
}

void asking_reply(void *ctx, const struct upstream_reply *reply)
{
    struct step *s = ctx;
    struct reading reading;
    if (s->ask.question == ASK_ORDER)
        issuer_debug_stop(s->issuer, "submitting-sent");
    reading_of_reply(&reading, &s->ask, &s->is, reply);
    asking_answer(s, &reading);
}

static enum work_next ask_question(struct step *s)
{
    static ask_fn *const asks[QUESTIONS] = {
        [ASK_READERS] = queued_ask,
        [ASK_PUBLISHERS] = prepared_ask,
        [ASK_PREFLIGHT] = published_ask,
        [ASK_ORDER] = submitting_ask,
        [ASK_CAA] = caa_ask,
    };
    struct sectigo_form form = {0};
    struct reading reading;
    s->asking_caa = false;
    if (asks[s->ask.question]) {
        asks[s->ask.question](s);
    } else if (fill(s, &form)) {
        upstream_call(s->login, ask_call(&s->is, s->ask.question), &form, asking_reply, s);
    } else {
        sectigo_form_clear(&form);
        reading_of_look(&reading, &s->ask, false, "");
        asking_answer(s, &reading);
    }
    return WORK_WAIT;
}

/* ---- answers ---- */

static void consult(struct step *s, struct reading *r)
{
    static consult_fn *const consults[QUESTIONS] = {
        [ASK_REPORT] = unknown_consult, [ASK_NEWEST] = family_consult, [ASK_COLLECT] = submitted_consult};
    if (r->parsed && consults[r->ask.question])
        consults[r->ask.question](s, r);
}

void asking_answer(struct step *s, struct reading *r)
{
    work_answer(&s->work, r);
}

enum work_next asking_decide(struct work *work, const void *answer, uint64_t now_ms)
{
    struct step *s = (struct step *)work;
    struct reading *r = (struct reading *)answer;
    struct facts facts;
    consult(s, r);
    asking_facts(s, now_ms, &facts);
    life_decide(&facts, r, now_ms, &s->outcome);
    reading_clear(r);
    return asking_follow(s);
}

static void note_asked(struct step *s)
{
    size_t len = strlen(s->asked);
    snprintf(s->asked + len, sizeof s->asked - len, "%s%s", len > 0 ? ", " : "", ask_text(&s->is, s->ask.question));
}

/* How long the store may wait with it for other changes (struct store_op): Sectigo is at work on what was placed, and a
 * client waits for the rest, though for Sectigo most of all. */
enum { PATIENCE_MS = 3, HASTE_MS = 1 };

static unsigned patience_ms(const struct outcome *outcome)
{
    switch (outcome->kind) {
    case OUTCOME_PLACED:
    case OUTCOME_STAY:
        return PATIENCE_MS;
    case OUTCOME_SEND:
    case OUTCOME_COLLECTED:
        return HASTE_MS;
    default:
        return 0;
    }
}

enum work_next asking_follow(struct step *s)
{
    step_say(s);
    s->work.patience_ms = patience_ms(&s->outcome);
    if (s->outcome.kind == OUTCOME_NONE)
        return WORK_REST;
    if (s->outcome.kind == OUTCOME_ASK) {
        s->ask = s->outcome.ask;
        note_asked(s);
        return ask_question(s);
    }
    /* What cannot leave any more is not stored as on its way: the next start would have to settle it first. */
    bool late = s->outcome.kind == OUTCOME_SEND && atomic_load(&s->issuer->run.stopping);
    return late ? WORK_REST : WORK_STORE;
}

enum work_next asking_first(struct step *s)
{
    struct facts facts;
    uint64_t now_ms = clock_ms();
    /* This state was stored with the finalize, or by the issuance before: no step has been stored yet. */
    if (s->is.state == ISSUANCE_PREPARED || s->is.state == ISSUANCE_PUBLISHED)
        issuer_debug_stop(s->issuer, issuance_state_text(s->is.state));
    asking_facts(s, now_ms, &facts);
    life_first(&facts, now_ms, &s->outcome);
    return asking_follow(s);
}
