/* submitted and blocked: Sectigo has the order, which is paid; until there is a certificate (issuance.md section 6). */
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/dcv/files.h"
#include "gateway/issue/life/asking.h"
#include "gateway/issue/life/commit.h"
#include "gateway/issue/life/life.h"
#include "gateway/issue/life/records.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/order/prepare.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/tables.h"
#include "sectigo/code.h"
#include "store/shortage.h"

static void collect_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (f->is->kind == ISSUANCE_REPLACEMENT && facts_is_due(f, now_ms))
        ending_begin(f, now_ms, out);
    else
        outcome_ask(out, ASK_COLLECT);
}

/* Most certificates come by themselves: only where none has is Sectigo asked to look at once. */
void submitted_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (f->is->nudged || now_ms < facts_nudge_ms(f) || facts_is_due(f, now_ms))
        collect_first(f, now_ms, out);
    else
        outcome_ask(out, ASK_NUDGE);
}

void blocked_first(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (!caa_is_first(f, now_ms) || facts_is_due(f, now_ms))
        collect_first(f, now_ms, out);
    else
        outcome_ask(out, f->asking_caa ? ASK_CAA_RETRY : ASK_CAA);
}

/* ---- AutoUpdateDCV: Sectigo is asked to look at once. Whatever it says: it looks by itself too, only later ---- */

void nudge_done(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    (void)now_ms;
    if (!r->parsed && r->why[0])
        outcome_say(out, LOG_LEVEL_INFO, "Sectigo could not be asked to look at its domain control at once", r->why);
    else if (r->parsed &&
             sectigo_classify(SECTIGO_AUTO_UPDATE_DCV, r->result.code, r->result.message) != SECTIGO_PLACED)
        outcome_say(out, LOG_LEVEL_INFO, "Sectigo would not look at its domain control at once", r->result.message);
    outcome_learn(out, LEARNED_NUDGED, f->is->changed_ms + f->profile->first_poll_ms);
}

/* ---- a certificate ---- */

/* Ours, but for names that Sectigo left out: the paid subscription stays, and is asked once more by itself. */
static void names_missing(const char *reason, struct outcome *out)
{
    out->kind = OUTCOME_DEAD;
    out->due_ms = 0;
    memset(&out->end, 0, sizeof out->end);
    out->end.how = DEAD_NAMES_MISSING;
    acme_problem_set(&out->end.problem, ACME_REJECTED_IDENTIFIER, "%s: Sectigo could not validate all names", reason);
}

bool submitted_judged(enum accept_verdict verdict, const char *reason, struct outcome *out)
{
    if (verdict == ACCEPT_GOOD) {
        out->kind = OUTCOME_COLLECTED;
        out->due_ms = 0;
        return true;
    }
    if (verdict == ACCEPT_SHORTAGE) {
        outcome_note(out, "a certificate came that could not be judged: out of memory");
        return false;
    }
    out->withheld = verdict;
    outcome_note(out, "a certificate came that is not accepted: %s", reason);
    outcome_say(out, LOG_LEVEL_ERROR,
                "a certificate came that is not accepted; see acmegatectl order show, and ask Sectigo about it",
                reason);
    if (verdict == ACCEPT_NAMES_MISSING)
        names_missing(reason, out);
    return verdict == ACCEPT_NAMES_MISSING;
}

void submitted_known(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    out->looked = true;
    if (f->is->kind == ISSUANCE_PURCHASE && facts_is_due(f, now_ms))
        ending_withheld(f, "Sectigo serves a certificate that is known already", now_ms, out);
    else
        outcome_stay(out, now_ms + f->profile->poll_interval_ms);
}

void submitted_pushed(const struct facts *f, enum sectigo_push_status kind, uint64_t now_ms, struct outcome *out)
{
    uint64_t earliest_ms = f->is->looked_ms ? f->is->looked_ms + LOOK_EVERY_MS : 0;
    out->kind = OUTCOME_HASTEN;
    out->doubt = kind == SECTIGO_PUSH_FAILED || kind == SECTIGO_PUSH_REJECTED;
    out->due_ms = earliest_ms > now_ms ? earliest_ms : now_ms;
}

/* ---- CollectSSL ---- */

/* Sectigo has issued: what is not accepted is looked for until the deadline. */
static void on_issued(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    char last[NOTE_MAX];
    if (r->collect.certificate && submitted_judged(r->verdict, r->reason, out))
        return;
    memcpy(last, out->note, sizeof last);
    if (r->collect.certificate && r->verdict == ACCEPT_SHORTAGE)
        outcome_again_later(f, now_ms, out);
    else if (facts_is_due(f, now_ms))
        ending_withheld(f, last, now_ms, out);
    else
        outcome_look_again(f, now_ms, out);
}

/* What CollectSSL refuses is asked again, and for a day after the deadline what may pass by itself. */
static void on_refused(const struct facts *f, const struct sectigo_collect_answer *answer, enum sectigo_class class,
                       uint64_t now_ms, struct outcome *out)
{
    bool passes = class == SECTIGO_LATER || class == SECTIGO_LOGIN_REFUSED || class == SECTIGO_UNKNOWN;
    bool ends = passes ? facts_is_overdue(f, now_ms) : facts_is_due(f, now_ms);
    outcome_note(out, "CollectSSL answers %d: %s", answer->code, answer->message);
    outcome_say(out, LOG_LEVEL_ERROR, "CollectSSL is refused; trying again. Mend what it names, or ask Sectigo",
                out->note);
    if (ends)
        ending_begin(f, now_ms, out);
    else
        outcome_again_later(f, now_ms, out);
}

/* From the second look by ourselves on a push that says what is in the way may have been lost. */
static bool is_in_doubt(const struct issuance *is)
{
    return is->doubt || (is->looked_ms > is->changed_ms && is->pushed_ms < is->looked_ms);
}

static void on_pending(const struct facts *f, uint64_t now_ms, struct outcome *out)
{
    if (facts_is_due(f, now_ms)) {
        ending_begin(f, now_ms, out);
    } else if (is_in_doubt(f->is)) {
        outcome_ask(out, ASK_STATUS);
        out->ask.unpaid = out->unpaid;
    } else {
        outcome_look_again(f, now_ms, out);
    }
}

static void on_collected(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    const struct sectigo_collect_answer *answer = &r->collect;
    enum sectigo_class class = sectigo_classify(SECTIGO_COLLECT_SSL, answer->code, answer->message);
    out->unpaid = answer->code == SECTIGO_AWAITS_PAYMENT;
    if (class == SECTIGO_PLACED)
        on_issued(f, r, now_ms, out);
    else if (class == SECTIGO_REVOKED && !f->is->certificate_id[0] && f->is->kind == ISSUANCE_REPLACEMENT)
        outcome_look_again(f, now_ms, out); /* asked by order number: an older certificate of the family is meant */
    else if (class == SECTIGO_REJECTED || class == SECTIGO_REVOKED)
        outcome_die(out, answer->message[0] ? answer->message : sectigo_code_text(SECTIGO_COLLECT_SSL, answer->code));
    else if (class == SECTIGO_PENDING)
        on_pending(f, now_ms, out);
    else
        on_refused(f, answer, class, now_ms, out);
}

void submitted_collected(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    out->looked = true;
    if (r->parsed) {
        on_collected(f, r, now_ms, out);
        return;
    }
    outcome_note(out, "CollectSSL: %.900s", r->why);
    if (facts_is_overdue(f, now_ms))
        ending_begin(f, now_ms, out);
    else
        outcome_again_later(f, now_ms, out);
}

/* ---- GetDetailedOrderStatus, after a push said failed or rejected, or where none came ---- */

/* Status 3 and 5 of the push, in the words of the detailed status. */
static bool has_failed(const struct sectigo_report_order *order)
{
    bool failed = order->status && strcasestr(order->status, "fail");
    for (size_t i = 0; i < order->certificate_count; i++)
        failed = failed || (order->certificates[i].status && strcasestr(order->certificates[i].status, "fail"));
    return failed;
}

/* Where it is CAA, our own look at it comes next. */
static void block(const struct facts *f, const struct sectigo_report_order *order, uint64_t now_ms, struct outcome *out)
{
    outcome_note(out, "Sectigo cannot go on with the order: %s %s", order->status ? order->status : "",
                 order->reason ? order->reason : "");
    outcome_say(out, LOG_LEVEL_ERROR, "Sectigo cannot go on with a paid order; mend what it names", out->note);
    out->kind = OUTCOME_BLOCKED;
    out->caa = strstr(out->note, "CAA") != NULL;
    out->due_ms = out->caa ? now_ms : outcome_look_ms(f, now_ms);
}

/* Only "rejected" ends an order. */
void submitted_status(const struct facts *f, const struct reading *r, uint64_t now_ms, struct outcome *out)
{
    const struct sectigo_report_order *order =
        r->parsed && r->report.code == 0 && r->report.order_count > 0 ? r->report.orders : NULL;
    out->looked = true;
    out->unpaid = r->ask.unpaid;
    if (!order)
        outcome_look_again(f, now_ms, out);
    else if (order->status && strcasecmp(order->status, "rejected") == 0)
        outcome_die(out, order->reason && *order->reason ? order->reason : "rejected");
    else if (has_failed(order))
        block(f, order, now_ms, out);
    else
        outcome_learn(out, LEARNED_NO_DOUBT, outcome_look_ms(f, now_ms));
}

/* ---- asking ---- */

enum accept_verdict submitted_test(struct step *s, const char *leaf, const char *ca,
                                   struct acme_certificate *certificate, char reason[static ACCEPT_REASON_MAX])
{
    struct accept_want want = {.spki_sha256 = s->is.spki_sha256,
                               .names = &s->sub.names,
                               .base_of_wildcard = s->profile->accept_base_of_wildcard,
                               .sent_ms = s->is.placed_ms ? s->is.placed_ms : s->is.sent_ms,
                               .anchors = upstream_anchors(s->login),
                               .cache = upstream_cas(s->login)};
    enum accept_verdict verdict = accept_certificate(&want, leaf, ca, certificate, reason);
    X509_STORE_free(want.anchors);
    return verdict;
}

/* For the operator, whatever else follows. */
static void keep(struct step *s, const char *leaf, const char *reason)
{
    kept_clear(&s->kept);
    s->kept.at_ms = clock_ms();
    memcpy(s->kept.issuance, s->is.id, sizeof s->kept.issuance);
    s->kept.leaf = shortage_strdup(leaf);
    s->kept.reason = shortage_strdup(reason);
    if (!s->kept.leaf || !s->kept.reason)
        kept_clear(&s->kept);
}

enum accept_verdict submitted_judge(struct step *s, const char *leaf, const char *ca,
                                    char reason[static ACCEPT_REASON_MAX])
{
    enum accept_verdict verdict = submitted_test(s, leaf, ca, &s->certificate, reason);
    if (verdict == ACCEPT_GOOD) {
        s->certificate.issuance = shortage_strdup(s->is.id);
        s->certificate.certificate_id = shortage_strdup(s->is.certificate_id);
        if (s->certificate.issuance && s->certificate.certificate_id)
            return ACCEPT_GOOD;
        verdict = ACCEPT_SHORTAGE;
    }
    acme_certificate_clear(&s->certificate);
    if (verdict != ACCEPT_SHORTAGE)
        keep(s, leaf, reason);
    return verdict;
}

void submitted_consult(struct step *s, struct reading *r)
{
    const struct sectigo_collect_answer *answer = &r->collect;
    if (answer->certificate && sectigo_classify(SECTIGO_COLLECT_SSL, answer->code, answer->message) == SECTIGO_PLACED)
        r->verdict = submitted_judge(s, answer->certificate, answer->ca_certificates, r->reason);
}

/* ---- entering submitted ---- */

/* Sectigo may have chosen another unique value than ours: then that one is published. */
static enum store_status adopt_unique_value(struct commit *c)
{
    const char *theirs = c->outcome->placed.answer.unique_value;
    struct dcv_answer answer = prepare_answer(c->is);
    if (!theirs[0] || strcmp(theirs, c->is->unique_value) == 0)
        return STORE_OK;
    enum store_status status = dcv_file_remove(c->txn, &answer);
    memcpy(c->is->unique_value, theirs, sizeof c->is->unique_value);
    answer = prepare_answer(c->is);
    if (status == STORE_OK)
        status = dcv_file_put(c->txn, &answer, c->now_ms);
    return status == STORE_OK ? records_retarget(c->txn, &answer, c->now_ms) : status;
}

/* Found by it from now on. A number of the family that an earlier issuance has stays that one's. */
static enum store_status index_number(struct commit *c, enum number_kind kind, unsigned table, const char *number)
{
    char text[NUMBER_TEXT_SIZE];
    enum store_status status = numbers_claim(c->txn, kind, number, c->sub);
    if (status == STORE_OK && number[0])
        status = numbers_text(c->txn, kind, c->sub->endpoint, number, text);
    if (status == STORE_OK && number[0])
        status = store_claim(c->txn, table, text, strlen(text), c->is->id, strlen(c->is->id));
    return status == STORE_EXISTS && kind == NUMBER_ORDER ? STORE_OK : status;
}

/* By the reservation, or where a report knew of it and the store (which was restored) did not, now. Nothing of a test
 * login's is counted. */
enum store_status commit_cost(struct commit *c)
{
    bool told = c->outcome->kind == OUTCOME_PLACED && c->outcome->placed.answer.has_cost;
    int64_t cost_cents = told ? c->outcome->placed.answer.cost_cents : -1;
    enum store_status status = spending_settle(c->txn, c->is->id, cost_cents, &c->sub->paid_cents);
    if (status == STORE_NOT_FOUND && !c->sub->test)
        c->sub->paid_cents = request_price(c->step->profile, c->sub->product, c->sub->names.count);
    if (cost_cents >= 0)
        c->sub->paid_cents = cost_cents;
    if (status != STORE_NOT_FOUND)
        return status;
    return c->sub->test ? STORE_OK : spending_count(c->txn, c->sub->policy, c->sub->bought_ms, c->sub->paid_cents);
}

/* A purchase that Sectigo has: from here on the subscription is paid. */
static enum store_status bought(struct commit *c, const struct outcome_placed *placed)
{
    bool earlier = placed->ordered_ms && placed->ordered_ms < c->now_ms;
    c->sub->state = SUBSCRIPTION_LIVE;
    c->sub->bought_ms = earlier ? placed->ordered_ms : c->now_ms;
    memcpy(c->sub->order_number, c->is->order_number, sizeof c->sub->order_number);
    enum store_status status = commit_cost(c);
    if (status == STORE_OK)
        status = login_set_no_credit(c->txn, c->sub->login, 0);
    if (status == STORE_OK && placed->answer.code == 1)
        status = payment_begin(c->txn, c->is, c->sub, c->now_ms);
    return status == STORE_OK ? commit_audit(c, "purchase", c->sub->paid_cents) : status;
}

enum store_status submitted_enter(struct commit *c)
{
    const struct sectigo_order_answer *answer = &c->outcome->placed.answer;
    if (c->outcome->kind != OUTCOME_PLACED)
        return STORE_OK; /* after cancelling: it was placed, and paid, long ago. Sectigo only goes on with it */
    if (answer->certificate_id[0] && !subscription_add_certificate_id(c->sub, answer->certificate_id))
        return STORE_IO;
    enum store_status status = adopt_unique_value(c);
    if (status == STORE_OK)
        status = index_number(c, NUMBER_ORDER, ISSUE_BY_ORDER_NUMBER, answer->order_number);
    if (status == STORE_OK)
        status = index_number(c, NUMBER_CERTIFICATE, ISSUE_BY_CERTIFICATE_ID, answer->certificate_id);
    if (status == STORE_OK)
        status = c->is->kind == ISSUANCE_PURCHASE ? bought(c, &c->outcome->placed) : commit_audit(c, "replacement", 0);
    return status;
}
