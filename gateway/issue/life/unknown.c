/* unknown: whether Sectigo has accepted a request is settled before anything is sent again (issuance.md section 4). By
 * the report, under our foreignOrderNumber; of a replacement whose login takes none there by its family (family.c). */
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/life.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upstream/agreement.h"
#include "sectigo/code.h"

static const char STILL_UNKNOWN[] = "the outcome of a request to Sectigo is still unknown: look for its "
                                    "foreignOrderNumber in the account, then decide";

/* A second look counts only where it came late enough after the first. */
static bool is_early(const struct facts *f, uint64_t now_ms)
{
    return f->is->looks > 0 && !clock_is_over(f->is->looked_ms, f->times->settle_again_ms, now_ms);
}

void unknown_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    uint64_t settle_again_ms = f->times->settle_again_ms;
    bool replacement = f->is->kind == ISSUANCE_REPLACEMENT;
    if (replacement && facts_is_due(f, now_ms)) {
        ending_begin(f, now_ms, out);
    } else if (is_early(f, now_ms)) {
        outcome_note(out, "%s", facts_note(f));
        outcome_stay(out, f->is->looked_ms + settle_again_ms); /* asked for too early */
    } else {
        outcome_ask(out, replacement && f->settles_by_family ? ASK_FAMILY : ASK_REPORT);
    }
}

/* ---- the report does not know it ---- */

/* Sectigo has refused the repeat of a purchase by its number, and its report does not know it yet: if this ended, its
 * names would be bought anew. It is looked for until it is found, or people decide. */
static void wait_for_report(const struct facts *f, uint64_t now_ms, uint64_t next_ms, struct outcome *out)
{
    if (facts_is_due(f, now_ms))
        ending_unsettled(f, facts_note(f), out);
    else if (now_ms > f->is->sent_ms + f->times->settle_give_up_ms)
        outcome_hold(f, HELD_AS_IT_IS, now_ms, now_ms + HOUR_MS, STILL_UNKNOWN, out);
    else
        outcome_stay(out, next_ms);
}

/* It has been looked for twice: final where Sectigo had refused it, unless that was by the number of a purchase. */
static void after_refusal(const struct facts *f, uint64_t now_ms, uint64_t next_ms, struct outcome *out)
{
    const struct issuance *is = f->is;
    if (sectigo_classify(ask_call(is, ASK_ORDER), is->refusal, NULL) == SECTIGO_SUBSCRIPTION_OVER)
        submitting_over(is->refusal, facts_note(f), out);
    else if (issuance_is_refused_by_number(is))
        wait_for_report(f, now_ms, next_ms, out);
    else
        outcome_refuse(out, submitting_problem(is->refusal), facts_note(f));
}

/* The same request may leave again, late: the one before may still be at work. */
static void send_again(const struct facts *f, uint64_t now_ms, uint64_t next_ms, struct outcome *out)
{
    uint64_t resend_ms = f->is->resent_ms + f->times->resend_ms;
    if (now_ms < resend_ms)
        outcome_stay(out, resend_ms < next_ms ? next_ms : resend_ms);
    else
        out->kind = OUTCOME_SEND;
}

void unknown_not_found(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    uint64_t next_ms = now_ms + f->times->settle_again_ms, resend_ms = f->is->resent_ms + f->times->resend_ms;
    out->missed = !is_early(f, now_ms); /* asked by a clock that has been set right since */
    outcome_note(out, "%s", facts_note(f));
    if (f->is->looks == 0 || !out->missed)
        outcome_stay(out, next_ms);
    else if (facts_is_due(f, now_ms) && now_ms < resend_ms)
        outcome_stay(out, resend_ms); /* the request may still be at work */
    else if (f->is->refusal)
        after_refusal(f, now_ms, next_ms, out);
    else if (facts_is_due(f, now_ms))
        outcome_refuse(out, ACME_SERVER_INTERNAL,
                       "its time is over, and Sectigo's report does not know the order: nothing was bought");
    else if (now_ms > f->is->sent_ms + f->times->settle_give_up_ms)
        outcome_hold(f, HELD_AS_IT_IS, now_ms, now_ms + HOUR_MS, STILL_UNKNOWN, out);
    else
        send_again(f, now_ms, next_ms, out);
}

/* ---- the report knows it: is it the one that was sent? ---- */

static bool agrees(const struct facts *f, const struct sectigo_report_order *order, uint64_t now_ms,
                   char why[static AGREEMENT_WHY_MAX])
{
    struct agreement sent = {.foreign_order_number = f->is->id,
                             .names = &f->sub->names,
                             .base_of_wildcard = f->profile->accept_base_of_wildcard,
                             .purchase = f->is->kind == ISSUANCE_PURCHASE,
                             .product = f->sub->product,
                             .days = f->sub->days,
                             .sent_ms = f->is->sent_ms,
                             .resent_ms = f->is->resent_ms,
                             .now_ms = now_ms};
    return agreement_holds(&sent, order, why);
}

/* The numbers that the one order of a report gives it. */
static void take_numbers(const struct facts *f, const struct sectigo_report_order *order, struct outcome_placed *placed)
{
    *placed = (struct outcome_placed){.ordered_ms = f->is->sent_ms};
    if (order->ordered_s > 0)
        placed->ordered_ms = (uint64_t)order->ordered_s * 1000;
    memcpy(placed->answer.order_number, order->order_number, sizeof placed->answer.order_number);
    for (size_t i = 0; i < order->certificate_count; i++) {
        const char *id = order->certificates[i].certificate_id;
        if (!subscription_has_certificate_id(f->sub, id)) /* not one that was there before */
            memcpy(placed->answer.certificate_id, id, sizeof placed->answer.certificate_id);
    }
    if (order->status && strcasestr(order->status, "payment"))
        placed->answer.code = 1;
}

/* Held for the operator, until its time is over. */
static void hold(const struct facts *f, uint64_t now_ms, const char *why, struct outcome *out)
{
    if (facts_is_due(f, now_ms))
        ending_unsettled(f, why, out);
    else
        outcome_hold(f, HELD_AS_IT_IS, now_ms, now_ms + HOUR_MS, why, out);
}

/* The operator who gives it up has decided that the order which the report names is none of ours. */
static void hold_foreign(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (facts_is_given_up(f))
        unknown_not_found(f, now_ms, out);
    else
        hold(f, now_ms,
             "Sectigo's report of this foreignOrderNumber names an order or a certificate that belongs to another "
             "order: ask Sectigo which order has this number, then acmegatectl order retry, or order drop where "
             "there is none",
             out);
}

static void adopt(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    const struct sectigo_report_order *order = r->report.orders;
    char why[AGREEMENT_WHY_MAX] = "it has more than one order", words[AGREEMENT_WHY_MAX + 200];
    if (r->report.order_count > 1 || !agrees(f, order, now_ms, why)) {
        snprintf(words, sizeof words,
                 "Sectigo's report of this foreignOrderNumber does not agree with what was sent: %s. Ask Sectigo which "
                 "order this is, then acmegatectl order retry, or order drop",
                 why);
        hold(f, now_ms, words, out);
    } else if (r->foreign) {
        hold_foreign(f, now_ms, out);
    } else {
        outcome_say(out, LOG_LEVEL_INFO, "found the order whose answer was lost", order->order_number);
        out->kind = OUTCOME_PLACED;
        take_numbers(f, order, &out->placed);
    }
}

/* The report tells nothing. For a day after the deadline it is asked again. */
static void report_again(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    char why[NOTE_MAX];
    memcpy(why, out->note, sizeof why);
    if (facts_is_overdue(f, now_ms))
        ending_unsettled(f, why, out);
    else
        outcome_unanswered(f, r, now_ms, out);
}

void unknown_reported(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    out->looked = true;
    if (!r->parsed) {
        outcome_note(out, "the report cannot be read: %.900s", r->why);
        report_again(f, r, now_ms, out);
    } else if (r->report.code != 0) {
        outcome_note(out, "Sectigo refuses the report: %s (%d)", r->report.message, r->report.code);
        report_again(f, r, now_ms, out);
    } else if (r->report.order_count == 0) {
        unknown_not_found(f, now_ms, out);
    } else {
        adopt(f, r, now_ms, out);
    }
}

/* ---- asking ---- */

/* Whether the numbers are another's. */
void unknown_consult(struct step *s, struct reading *r)
{
    struct facts facts;
    struct outcome_placed placed;
    struct store_txn *txn;
    if (r->report.order_count == 0)
        return;
    enum store_status status = store_read(s->issuer->at.store, &txn);
    if (status != STORE_OK) {
        reading_unread(r);
        return;
    }
    asking_facts(s, clock_ms(), &facts);
    take_numbers(&facts, r->report.orders, &placed);
    status = numbers_foreign(txn, &s->is, s->sub.endpoint, placed.answer.order_number, placed.answer.certificate_id,
                             &r->foreign);
    store_read_end(txn);
    if (status != STORE_OK)
        reading_unread(r);
}
