#include "gateway/issue/life/asking.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/life.h"
#include "gateway/issue/money/refund.h"
#include "gateway/issue/upstream/request.h"

/* ---- facts ---- */

/* By the operator, for this order (acmegatectl order retry --skip-preflight). */
static bool is_skipped(struct store_txn *txn, const struct errand *e)
{
    struct dcv_records records;
    bool skipped = dcv_records_load(txn, e->is.id, &records) == STORE_OK && records.skip_preflight;
    dcv_records_clear(&records);
    return skipped;
}

/* Whether the order number of the subscription is known as one of it, and of no other: Sectigo is to end no order of
 * somebody else. */
static bool owns_number(struct store_txn *txn, const struct errand *e)
{
    return e->sub.order_number[0] && refund_is_ours(txn, &e->sub) == STORE_OK;
}

/* The number matters at the end alone. */
static bool wants_number(const struct errand *e, const struct facts *f, uint64_t now_ms)
{
    bool placed = e->is.state == ISSUANCE_SUBMITTED || e->is.state == ISSUANCE_BLOCKED;
    return e->is.state == ISSUANCE_CANCELLING || (placed && facts_is_due(f, now_ms));
}

void asking_facts(const struct errand *e, uint64_t now_ms, struct facts *f)
{
    struct store_txn *txn;
    *f = (struct facts){.is = &e->is,
                        .sub = &e->sub,
                        .profile = e->profile,
                        .times = &e->issuer->at.config->issuance,
                        .dcv = &e->rules.dcv,
                        .in_doubt = clock_in_doubt(),
                        .sending = e->sending,
                        .asking_caa = e->asking_caa,
                        .settles_by_family = !upstream_login_config(e->login)->replace_foreign_order_number,
                        .random = (uint32_t)random()};
    bool number = wants_number(e, f, now_ms), skip = e->is.state == ISSUANCE_PUBLISHED;
    if ((!number && !skip) || store_read(e->issuer->at.store, &txn) != STORE_OK)
        return;
    f->owns_number = number && owns_number(txn, e);
    f->skip_preflight = skip && is_skipped(txn, e);
    store_read_end(txn);
}

/* ---- questions ---- */

static bool fill(const struct errand *e, struct sectigo_form *form)
{
    switch (e->ask.question) {
    case ASK_REPORT:
        request_report(form, &e->is);
        break;
    case ASK_FAMILY:
        request_family(form, &e->sub);
        break;
    case ASK_NEWEST:
        request_newest(form, &e->sub, e->ask.candidate);
        break;
    case ASK_NUDGE:
        return request_update_dcv(form, &e->is, &e->sub, &e->rules.dcv);
    case ASK_COLLECT:
        request_collect(form, &e->is);
        break;
    case ASK_STATUS:
        request_status(form, &e->is);
        break;
    case ASK_CAA_RETRY:
        request_retry_caa(form, &e->is);
        break;
    default: /* ASK_REJECT */
        sectigo_form_add(form, "orderNumber", e->sub.order_number);
        break;
    }
    return true;
}

void asking_reply(void *ctx, const struct upstream_reply *reply)
{
    struct errand *e = ctx;
    struct reading reading;
    if (e->ask.question == ASK_ORDER)
        issuer_debug_stop(e->issuer, "submitting-sent");
    reading_of_reply(&reading, &e->ask, &e->is, reply);
    asking_answer(e, &reading);
}

static enum work_next ask_question(struct errand *e)
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
    e->asking_caa = false;
    if (asks[e->ask.question]) {
        asks[e->ask.question](e);
    } else if (fill(e, &form)) {
        upstream_call(e->login, ask_call(&e->is, e->ask.question), &form, asking_reply, e);
    } else {
        sectigo_form_clear(&form);
        reading_of_look(&reading, &e->ask, false, "");
        asking_answer(e, &reading);
    }
    return WORK_WAIT;
}

/* ---- answers ---- */

static void consult(struct errand *e, struct reading *r)
{
    static consult_fn *const consults[QUESTIONS] = {
        [ASK_REPORT] = unknown_consult, [ASK_NEWEST] = family_consult, [ASK_COLLECT] = submitted_consult};
    if (r->parsed && consults[r->ask.question])
        consults[r->ask.question](e, r);
}

void asking_answer(struct errand *e, struct reading *r)
{
    work_answer(&e->work, r);
}

enum work_next asking_decide(struct work *work, const void *answer, uint64_t now_ms)
{
    struct errand *e = (struct errand *)work;
    struct reading *r = (struct reading *)answer;
    struct facts facts;
    consult(e, r);
    asking_facts(e, now_ms, &facts);
    life_decide(&facts, r, now_ms, &e->outcome);
    reading_clear(r);
    return asking_follow(e);
}

enum work_next asking_follow(struct errand *e)
{
    errand_say(e);
    if (e->outcome.kind == OUTCOME_NONE)
        return WORK_REST;
    if (e->outcome.kind == OUTCOME_ASK) {
        e->ask = e->outcome.ask;
        return ask_question(e);
    }
    /* What cannot leave any more is not stored as on its way: the next start would have to settle it first. */
    bool late = e->outcome.kind == OUTCOME_SEND && atomic_load(&e->issuer->run.stopping);
    return late ? WORK_REST : WORK_STORE;
}

enum work_next asking_first(struct errand *e)
{
    struct facts facts;
    uint64_t now_ms = clock_ms();
    /* This state was stored with the finalize, or by the issuance before: no step has been stored yet. */
    if (e->is.state == ISSUANCE_PREPARED || e->is.state == ISSUANCE_PUBLISHED)
        issuer_debug_stop(e->issuer, issuance_state_text(e->is.state));
    asking_facts(e, now_ms, &facts);
    life_first(&facts, now_ms, &e->outcome);
    return asking_follow(e);
}
