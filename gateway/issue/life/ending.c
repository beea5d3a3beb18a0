/* ending: an issuance whose time is over, or that the operator gives up (issuance.md section 7), and the state
 * cancelling.
 *
 * A replacement is dropped here and nothing is called: it cost nothing. A purchase has been collected once more when it
 * comes here. One that is not issued is cancelled by AutoReject (never AutoRevokeSSL, which might end more than this
 * order) and refund.h fetches the money back, where AutoRefund serves its product; one that is issued but withheld is
 * refunded likewise. Otherwise the ACME orders alone end, and the subscription stays, paid, for the next CSR. What
 * Sectigo does not answer, or does not let go, for another day ends all the same. */
#include <stdio.h>
#include <string.h>

#include "gateway/issue/life/life.h"
#include "gateway/issue/money/refund.h"
#include "sectigo/code.h"

/* why: "" for nothing to add. */
static void end(const struct facts *f, enum outcome_kind kind, enum outcome_death how, const char *last,
                struct outcome *out)
{
    bool given_up = facts_is_given_up(f);
    out->kind = kind;
    out->due_ms = 0;
    memset(&out->end, 0, sizeof out->end);
    out->end.how = how;
    if (given_up)
        acme_problem_set(&out->end.problem, ACME_SERVER_INTERNAL, "the operator has given the order up%s%s",
                         *last ? "; last: " : "", last);
    else
        acme_problem_set(&out->end.problem, ACME_SERVER_INTERNAL,
                         "Sectigo has not issued the certificate in the time that the profile gives it (%lu hours)%s%s",
                         (unsigned long)f->profile->deadline_s / HOUR_S, *last ? "; last: " : "", last);
    outcome_note(out, "%.1000s", out->end.problem.detail);
    outcome_say(out, given_up ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
                given_up ? "an issuance that was given up ends"
                         : "an issuance ends at its deadline; see acmegatectl order show for what kept it",
                last);
}

void ending_begin(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    bool placed = f->is->state == ISSUANCE_SUBMITTED || f->is->state == ISSUANCE_BLOCKED;
    (void)now_ms;
    if (f->is->kind == ISSUANCE_REPLACEMENT) {
        end(f, placed ? OUTCOME_DEAD : OUTCOME_REFUSED, DEAD_AT_SECTIGO, facts_note(f), out);
    } else if (refund_is_served(f->sub)) {
        outcome_note(out, "%s", facts_note(f)); /* why it took so long */
        outcome_go(out, ISSUANCE_CANCELLING, 0);
    } else {
        end(f, OUTCOME_DEAD, DEAD_KEPT, facts_note(f), out);
    }
}

void ending_unsettled(const struct facts *f, const char *why, struct outcome *out)
{
    outcome_say(out, LOG_LEVEL_ERROR,
                "whether an order was placed cannot be found out; its names cannot be bought until the operator has "
                "looked for its foreignOrderNumber in the account: acmegatectl subscription release",
                f->is->id);
    end(f, OUTCOME_DEAD, DEAD_AT_SECTIGO, why, out);
}

/* Nothing is asked of Sectigo about an order that may be another's. */
static void end_foreign(const struct facts *f, struct outcome *out)
{
    outcome_say(
        out, LOG_LEVEL_ERROR,
        "the number of an order belongs to another one, so it is neither cancelled nor refunded; its names cannot "
        "be bought until the operator has looked for its foreignOrderNumber in the account: acmegatectl "
        "subscription release",
        f->is->id);
    end(f, OUTCOME_DEAD, DEAD_AT_SECTIGO, "the order number that Sectigo gave belongs to another order", out);
}

/* Whose the number is decides, and that cannot be read. */
static void read_again(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    outcome_note(out, "the store does not say just now whose the number of the order is");
    outcome_again_later(f, now_ms, out);
}

void ending_withheld(const struct facts *f, const char *why, uint64_t now_ms, struct outcome *out)
{
    char last[NOTE_MAX];
    snprintf(last, sizeof last, "%.900s", *why ? why : "the certificate that came is not the one that was ordered");
    /* The order of a replacement serves others too: a refund would revoke what they use. */
    if (f->is->kind == ISSUANCE_REPLACEMENT || !refund_is_served(f->sub))
        end(f, OUTCOME_DEAD, DEAD_KEPT, last, out);
    else if (f->unread)
        read_again(f, now_ms, out);
    else if (!f->owns_number)
        end_foreign(f, out);
    else
        end(f, OUTCOME_DEAD, DEAD_REFUNDED, last, out);
}

/* ---- cancelling ---- */

void cancelling_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (f->unread)
        read_again(f, now_ms, out);
    else if (!f->owns_number)
        end_foreign(f, out);
    else if (f->is->refusal == ISSUANCE_ABANDONED) /* AutoRefund ends it too, and is asked until it is confirmed */
        end(f, OUTCOME_DEAD, DEAD_REFUNDED, facts_note(f), out);
    else
        outcome_ask(out, ASK_REJECT);
}

/* It cannot be cancelled, so it may have been issued after all: a look will tell. */
static void look(const struct facts *f, const struct sectigo_result *result, uint64_t now_ms, struct outcome *out)
{
    bool soon = result->code == SECTIGO_CODE_BEING_ISSUED || result->code == SECTIGO_CODE_ARGUMENT;
    char why[NOTE_MAX];
    snprintf(why, sizeof why, "AutoReject answers %d: %s", result->code, result->message);
    outcome_note(out, "%s", why);
    outcome_say(out, LOG_LEVEL_INFO, "Sectigo does not cancel an order whose time is over", why);
    if (facts_is_overdue(f, now_ms))
        end(f, OUTCOME_DEAD, DEAD_KEPT, why, out);
    else
        outcome_go(out, ISSUANCE_SUBMITTED, soon ? now_ms + f->times->later_ms : outcome_look_ms(f, now_ms));
}

/* Asking twice is harmless, so a lost answer needs no settling. Overdue, whether it is cancelled or not, it is left to
 * AutoRefund. */
static void ask_again(const struct facts *f, const char *said, uint64_t now_ms, struct outcome *out)
{
    char why[NOTE_MAX];
    snprintf(why, sizeof why, "AutoReject: %.900s", said);
    outcome_note(out, "%s", why);
    if (facts_is_overdue(f, now_ms))
        end(f, OUTCOME_DEAD, DEAD_REFUNDED, why, out);
    else
        outcome_again_later(f, now_ms, out);
}

void cancelling_answered(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    const struct sectigo_result *result = &r->result;
    enum sectigo_class class =
        r->parsed ? sectigo_classify(SECTIGO_AUTO_REJECT, result->code, result->message) : SECTIGO_UNKNOWN;
    if (class == SECTIGO_PLACED) /* 0, and -20 of one that was cancelled before */
        end(f, OUTCOME_DEAD, DEAD_CANCELLED, facts_note(f), out);
    else if (!r->parsed)
        ask_again(f, r->why, now_ms, out);
    else if (class == SECTIGO_LOGIN_REFUSED || result->code == SECTIGO_CODE_UNKNOWN ||
             result->code == SECTIGO_CODE_CALL_LIMIT)
        ask_again(f, result->message, now_ms, out);
    else
        look(f, result, now_ms, out);
}
