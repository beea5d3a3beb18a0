/* What a step found out, stored: the move, its consequences for orders, subscription and queue, and the job that goes
 * on, in one transaction. What entering a state does stands with the state. */
#include <stdio.h>
#include <string.h>

#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/life/commit.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/money/spending.h"
#include "gateway/log.h"

enum store_status commit_audit(struct commit *c, const char *what, int64_t amount_cents)
{
    struct audit_line line = {.what = what,
                              .issuance = c->is->id,
                              .policy = c->sub->policy,
                              .profile = c->sub->profile,
                              .login = c->sub->login,
                              .order_number = c->is->order_number,
                              .certificate_id = c->is->certificate_id,
                              .account = &c->is->account,
                              .names = &c->sub->names,
                              .product = c->sub->product,
                              .amount_cents = amount_cents,
                              .ordered_ms = c->outcome->kind == OUTCOME_PLACED ? c->outcome->placed.ordered_ms : 0};
    return audit_add(c->txn, &line, c->now_ms);
}

static enum store_status enter(struct commit *c)
{
    static enum store_status (*const entered[ISSUANCE_STATES])(struct commit *) = {
        [ISSUANCE_PREPARED] = prepared_enter,   [ISSUANCE_SUBMITTING] = submitting_enter,
        [ISSUANCE_SUBMITTED] = submitted_enter, [ISSUANCE_COLLECTED] = collected_enter,
        [ISSUANCE_REFUSED] = refused_enter,     [ISSUANCE_DEAD] = dead_enter,
    };
    enum issuance_state to = outcome_state(c->outcome, c->is->state);
    c->from = c->is->state;
    if (!outcome_move_record(c->outcome, c->sub, c->now_ms, c->is)) {
        log_error("an issuance cannot make this move, which is a fault of this program: see acmegatectl issuance show, "
                  "and tell "
                  "its makers",
                  "issuance", c->is->id, "from", issuance_state_text(c->from), "to", issuance_state_text(to));
        return STORE_INVALID;
    }
    return to != c->from && entered[to] ? entered[to](c) : STORE_OK;
}

/* ---- the transaction ---- */

static enum store_status set_job(struct commit *c)
{
    const struct work *work = &c->step->work;
    uint64_t present_ms;
    if (c->outcome->kind == OUTCOME_HASTEN &&
        store_job_get(c->txn, JOB_ISSUANCE, work->subject, work->subject_len, &present_ms) == STORE_OK &&
        present_ms < c->due_ms)
        return STORE_OK;
    return issuance_ended(c->is->state) ? work_clear_job(c->txn, work) : work_set_job(c->txn, work, c->due_ms);
}

/* One that lacks names counts once: afterwards the search for a newer one goes on (STORE_EXISTS). */
static enum store_status keep_certificate(struct commit *c)
{
    bool bought = c->is->kind == ISSUANCE_PURCHASE; /* of a family an older certificate may come first */
    if (!c->step->kept.leaf)
        return STORE_OK;
    enum store_status status = kept_add(c->txn, &c->step->kept);
    if (status == STORE_OK && bought)
        return kept_count(c->txn, &c->step->kept, c->sub->login, c->outcome->withheld, c->now_ms);
    bool names_missing = c->outcome->kind == OUTCOME_DEAD && c->outcome->end.how == DEAD_NAMES_MISSING;
    return status == STORE_EXISTS && !names_missing ? STORE_OK : status;
}

/* The operator may have let preflight be skipped since the step read them. */
static enum store_status save_records(struct commit *c)
{
    struct dcv_records stored;
    enum store_status status = dcv_records_load(c->txn, c->is->id, &stored);
    if (status == STORE_OK && stored.skip_preflight)
        c->step->records.skip_preflight = true;
    dcv_records_clear(&stored);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return status;
    return dcv_records_save(c->txn, c->is->id, &c->step->records);
}

/* CollectSSL may be the first to say that a purchase waits for its payment. */
static enum store_status begin_payment(struct commit *c)
{
    if (!c->outcome->unpaid || c->is->kind != ISSUANCE_PURCHASE || issuance_ended(c->is->state))
        return STORE_OK;
    return payment_begin(c->txn, c->is, c->sub, c->now_ms);
}

/* Of a step that asked nobody and moved nothing there is nothing to tell. */
static enum store_status tell(struct commit *c)
{
    const struct step *s = c->step;
    const char *what = s->push ? STORY_PUSH : s->asked;
    const char *words = c->outcome->kind == OUTCOME_HASTEN && s->push ? s->push->status_desc : c->is->note;
    char placed[STORY_WORDS_MAX + 1];
    if (c->is->state == c->from && !what[0])
        return STORE_OK;
    if (c->is->state != c->from && c->is->state == ISSUANCE_SUBMITTED) {
        snprintf(placed, sizeof placed, "Sectigo has it as order %s. %.300s", c->is->order_number, words);
        words = placed;
    }
    return story_add(c->txn, c->is, what, words, c->now_ms);
}

static enum store_status save(struct commit *c)
{
    enum store_status status = keep_certificate(c);
    if (status == STORE_OK)
        status = issuance_save(c->txn, c->is);
    if (status == STORE_OK)
        status = tell(c);
    if (status == STORE_OK && step_has_records(c->step))
        status = save_records(c);
    if (status == STORE_OK && c->sub->state != 0)
        status = subscription_save(c->txn, c->sub);
    return status == STORE_OK ? begin_payment(c) : status;
}

static enum store_status apply(struct commit *c)
{
    const struct outcome *learned = c->outcome;
    bool jumped = c->step->began_jumps != clock_jumps(); /* then nobody knows how long ago that was */
    uint64_t began_ms = jumped ? c->now_ms : c->step->began_ms;
    enum store_status status = outcome_learn_record(learned, began_ms, c->now_ms, c->is) ? STORE_OK : STORE_IO;
    if (learned->looked)
        c->is->looked_unconfirmed = !clock_is_confirmed();
    c->due_ms = outcome_due_ms(learned, began_ms, c->now_ms, c->is);
    c->next_ms = learned->due_ms ? c->due_ms : 0;
    if (status == STORE_OK && outcome_bought_nothing(learned) && c->is->sends == 0)
        status = spending_release(c->txn, c->is->id);
    if (status == STORE_OK)
        status = commit_check(c);
    if (status == STORE_OK)
        status = enter(c);
    if (learned->kind != OUTCOME_HASTEN)
        c->is->revision++; /* a push changes no state: a step under way stays good */
    if (status == STORE_OK)
        status = save(c);
    if (status == STORE_OK)
        status = set_job(c);
    c->step->next_ms = c->next_ms;
    return status;
}

enum store_status commit_result(struct store_txn *txn, struct step *s, uint64_t now_ms)
{
    struct commit c = {
        .txn = txn, .step = s, .outcome = &s->outcome, .is = &s->next_is, .sub = &s->next_sub, .now_ms = now_ms};

    issuance_clear(&s->next_is);
    subscription_clear(&s->next_sub);
    s->stale = false;
    enum store_status status = issuance_load(txn, s->is.id, &s->next_is);
    if (status == STORE_OK && s->next_is.revision != s->is.revision) {
        s->stale = true;
        return STORE_REFUSED;
    }
    if (status == STORE_OK)
        status = subscription_load(txn, &s->next_is.subscription, &s->next_sub);
    if (status == STORE_OK)
        status = apply(&c);
    if (status == STORE_OK)
        issuer_debug_commit(s->issuer, s->is.state, c.is->state, true);
    return status;
}
