/* What a step found out, stored: the move, its consequences for orders, subscription and queue, and the job that goes
 * on, in one transaction. */
#include <string.h>

#include "acme/order.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/dcv/files.h"
#include "gateway/issue/life/commit.h"
#include "gateway/issue/life/records.h"
#include "gateway/issue/money/payment.h"
#include "gateway/issue/money/refund.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/order/prepare.h"
#include "gateway/issue/order/queue.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upstream/request.h"
#include "gateway/log.h"
#include "gateway/tables.h"

/* How long a request may be on the wire beyond its own time-out before its job takes it for lost. */
static const uint64_t WIRE_MARGIN_MS = 30 * 1000;

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- the DCV answer ---- */

/* Sectigo may have chosen another unique value than ours: then that one is published. */
static enum store_status adopt_unique_value(struct commit *c)
{
    const char *theirs = c->result->answer.unique_value;
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

/* ---- entering a state ---- */

static enum store_status enter_prepared(struct commit *c)
{
    enum store_status status = STORE_OK;
    if (c->result->over) {
        c->is->kind = ISSUANCE_PURCHASE;
        c->is->sends = 0; /* what was sent was another call, and bought nothing */
        c->is->refusal = 0;
        status = queue_renew(c->txn, c->sub, SUBSCRIPTION_ENDED, c->is, c->now_ms);
    }
    return status == STORE_OK ? prepare_issuance(c->txn, c->is, c->now_ms) : status;
}

/* The choice of finalize is made again (issuance.md section 2): the term may have run out while the file was not seen.
 */
static enum store_status choose_again(struct commit *c)
{
    if (c->is->kind != ISSUANCE_REPLACEMENT || c->is->sends > 0 ||
        subscription_replaceable(c->sub, commit_renew_before_ms(c), c->now_ms))
        return STORE_OK;
    c->is->kind = ISSUANCE_PURCHASE;
    enum store_status status = queue_renew(c->txn, c->sub, SUBSCRIPTION_EXHAUSTED, c->is, c->now_ms);
    commit_choose_product(c);
    return status;
}

static enum store_status enter_submitting(struct commit *c)
{
    enum store_status status = choose_again(c);
    if (status != STORE_OK)
        return status;
    if (c->is->sends == 0)
        c->is->sent_ms = c->now_ms;
    c->is->resent_ms = c->now_ms;
    c->is->sends++;
    c->is->looks = 0;
    c->is->refusal = 0;
    c->errand->sending_boot_ms = clock_boot_ms();
    c->due_ms = c->now_ms + upstream_login_config(c->errand->login)->timeout_ms + WIRE_MARGIN_MS;
    return STORE_OK;
}

static enum store_status enter_unknown(struct commit *c)
{
    c->is->looks = 0;
    c->is->refusal = c->result->refusal;
    return STORE_OK;
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

static enum store_status write_audit(struct commit *c, const char *what, int64_t amount_cents)
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
                              .ordered_ms = c->result->ordered_ms};
    return audit_add(c->txn, &line, c->now_ms);
}

/* What it cost is counted once, in the day and month in which it was ordered: by the reservation, or where a report
 * knew of it and the store (which was restored) did not, now. Nothing of a test login's is counted. */
static enum store_status settle_cost(struct commit *c)
{
    int64_t cost_cents = c->result->answer.has_cost ? c->result->answer.cost_cents : -1;
    enum store_status status = spending_settle(c->txn, c->is->id, cost_cents, &c->sub->paid_cents);
    if (status == STORE_NOT_FOUND && !c->sub->test)
        c->sub->paid_cents = request_price(c->errand->profile, c->sub->product, c->sub->names.count);
    if (cost_cents >= 0)
        c->sub->paid_cents = cost_cents;
    if (status != STORE_NOT_FOUND)
        return status;
    return c->sub->test ? STORE_OK : spending_count(c->txn, c->sub->policy, c->sub->bought_ms, c->sub->paid_cents);
}

/* A purchase that Sectigo has: from here on the subscription is paid. */
static enum store_status bought(struct commit *c)
{
    c->sub->state = SUBSCRIPTION_LIVE;
    c->sub->bought_ms = c->result->ordered_ms ? sooner(c->result->ordered_ms, c->now_ms) : c->now_ms;
    memcpy(c->sub->order_number, c->is->order_number, sizeof c->sub->order_number);
    enum store_status status = settle_cost(c);
    if (status == STORE_OK)
        status = login_set_no_credit(c->txn, c->sub->login, 0);
    if (status == STORE_OK && c->result->answer.code == 1)
        status = payment_begin(c->txn, c->is, c->sub, c->now_ms);
    return status == STORE_OK ? write_audit(c, "purchase", c->sub->paid_cents) : status;
}

static enum store_status enter_submitted(struct commit *c)
{
    const struct sectigo_order_answer *answer = &c->result->answer;
    if (c->from == ISSUANCE_CANCELLING)
        return STORE_OK; /* it was placed, and paid, long ago: Sectigo only goes on with it */
    if (answer->order_number[0])
        memcpy(c->is->order_number, answer->order_number, sizeof c->is->order_number);
    else if (!c->is->order_number[0])
        memcpy(c->is->order_number, c->sub->order_number, sizeof c->is->order_number);
    memcpy(c->is->certificate_id, answer->certificate_id, sizeof c->is->certificate_id);
    c->is->placed_ms = c->result->said_ms;
    if (answer->certificate_id[0] && !subscription_add_certificate_id(c->sub, answer->certificate_id))
        return STORE_IO;
    c->is->nudged = c->is->caa = false; /* the next step asks Sectigo to look at once */
    c->is->caa_retried_ms = 0;
    enum store_status status = adopt_unique_value(c);
    if (status == STORE_OK)
        status = index_number(c, NUMBER_ORDER, ISSUE_BY_ORDER_NUMBER, answer->order_number);
    if (status == STORE_OK)
        status = index_number(c, NUMBER_CERTIFICATE, ISSUE_BY_CERTIFICATE_ID, answer->certificate_id);
    if (status == STORE_OK)
        status = c->is->kind == ISSUANCE_PURCHASE ? bought(c) : write_audit(c, "replacement", 0);
    return status;
}

/* An issuance ended: nothing of it stays published, and the next one has its turn. */
static enum store_status end(struct commit *c)
{
    struct dcv_answer answer = prepare_answer(c->is);
    bool unheard = false;
    enum store_status status = dcv_file_remove(c->txn, &answer);
    c->next_ms = UINT64_MAX;
    subscription_forget(c->sub, c->is->id); /* where it ends before its turn */
    if (status == STORE_OK)
        status = payment_end(c->txn, c->is, &unheard);
    if (status == STORE_OK && unheard)
        status = write_audit(c, "authorization", c->sub->paid_cents);
    if (status == STORE_OK)
        status = records_unpublish(c->txn, &answer, c->now_ms);
    return status == STORE_OK ? queue_hand_over(c->txn, c->sub, c->is, commit_renew_before_ms(c), c->now_ms) : status;
}

/* A replacement shows how much of the term is left, whatever we believe. */
static enum store_status note_term(struct commit *c, const struct acme_certificate *certificate)
{
    struct acme_certificate before = {0};
    enum store_status status = STORE_OK;
    if (c->is->kind != ISSUANCE_REPLACEMENT || clock_in_doubt()) /* Sectigo will say so then */
        return STORE_OK;
    if (c->sub->has_certificate)
        status = acme_certificate_load(c->txn, &c->sub->certificate, &before);
    if (status == STORE_OK &&
        subscription_used_up(c->sub, commit_renew_before_ms(c), (uint64_t)certificate->not_after_s * 1000,
                             (uint64_t)(before.not_after_s - before.not_before_s) * 1000, c->now_ms)) {
        c->sub->state = SUBSCRIPTION_EXHAUSTED;
        errand_log(c->errand, LOG_LEVEL_INFO, "the term of a subscription is nearly used up", c->sub->order_number);
    }
    acme_certificate_clear(&before);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status enter_collected(struct commit *c)
{
    struct acme_certificate *certificate = &c->result->certificate;
    struct acme_id known;
    /* Clients that reuse a key would otherwise be handed their old certificate again. */
    enum store_status status = acme_certificate_by_serial(c->txn, certificate->serial, certificate->serial_len, &known);
    if (status != STORE_NOT_FOUND)
        return status == STORE_OK ? STORE_EXISTS : status;
    if (!acme_id_make(&certificate->id, c->now_ms))
        return STORE_IO;
    certificate->account = c->is->account;
    certificate->order = c->is->orders[0];
    certificate->issued_ms = c->now_ms;
    memcpy(certificate->policy, c->sub->policy, sizeof certificate->policy);
    memcpy(certificate->profile, c->sub->profile, sizeof certificate->profile);
    status = acme_certificate_save(c->txn, certificate);
    for (uint32_t i = 0; status == STORE_OK && i < c->is->order_count; i++) {
        status = acme_order_complete(c->txn, &c->is->orders[i], &certificate->id, c->now_ms);
        if (status == STORE_REFUSED)
            status = STORE_OK; /* the order has ended otherwise; the certificate is kept all the same */
    }
    if (status == STORE_OK)
        status = note_term(c, certificate);
    if (status == STORE_OK)
        status = login_note_accepted(c->txn, c->sub->login);
    c->sub->has_certificate = true;
    c->sub->certificate = certificate->id;
    return status == STORE_OK ? end(c) : status;
}

static enum store_status fail_orders(struct commit *c)
{
    enum store_status status = STORE_OK;
    for (uint32_t i = 0; status == STORE_OK && i < c->is->order_count; i++) {
        status = acme_order_fail(c->txn, &c->is->orders[i], &c->result->problem, c->now_ms);
        if (status == STORE_REFUSED)
            status = STORE_OK;
    }
    return status;
}

/* The orders go over to a new issuance of the same CSR, which replaces the certificate that lacks names. */
static enum store_status ask_once_more(struct commit *c)
{
    struct issuance next = {0};
    const char *instance = c->errand->issuer->at.config->instance;
    enum store_status status = issuance_follow(&next, c->is, instance, c->sub->test) ? STORE_OK : STORE_IO;
    next.created_ms = c->is->created_ms; /* its time does not begin anew */
    next.changed_ms = c->now_ms;
    if (status == STORE_OK && !subscription_enqueue(c->sub, next.id))
        status = STORE_IO;
    if (status == STORE_OK)
        status = issuance_save(c->txn, &next);
    for (uint32_t i = 0; status == STORE_OK && i < next.order_count; i++)
        status = store_put(c->txn, ISSUE_BY_ORDER, next.orders[i].octets, ACME_ID_LEN, next.id, strlen(next.id));
    if (status == STORE_OK)
        status = store_job_set(c->txn, JOB_ISSUANCE, next.id, strlen(next.id),
                               c->now_ms + c->errand->issuer->at.config->issuance.superseded_after_ms);
    errand_log(c->errand, LOG_LEVEL_INFO, "a certificate lacks names; it is replaced once", next.id);
    issuance_clear(&next);
    return status;
}

static bool may_ask_once_more(const struct commit *c)
{
    return c->result->names_missing && c->is->attempt == 0 && c->is->refusal != ISSUANCE_GIVEN_UP &&
           c->sub->queue_count < SUBSCRIPTION_QUEUE_MAX &&
           subscription_replaceable(c->sub, commit_renew_before_ms(c), c->now_ms);
}

static enum store_status enter_refused(struct commit *c)
{
    enum store_status status = fail_orders(c);
    if (status == STORE_OK && c->is->state == ISSUANCE_REFUSED)
        status = spending_release(c->txn, c->is->id);
    return status == STORE_OK ? end(c) : status;
}

static enum store_status enter_dead(struct commit *c)
{
    enum store_status status = STORE_OK;
    if (c->is->kind == ISSUANCE_PURCHASE && !c->result->subscription_stays)
        c->sub->state = SUBSCRIPTION_DEAD;
    if (c->from == ISSUANCE_UNKNOWN && c->is->kind == ISSUANCE_PURCHASE) {
        c->sub->bought_ms = c->is->sent_ms; /* perhaps it was bought: it is counted, and blocks its names */
        status = settle_cost(c);
    }
    if (status == STORE_OK && c->result->cancelled)
        status = write_audit(c, "cancellation", 0);
    if (status == STORE_OK && c->result->refund)
        status = refund_begin(c->txn, c->sub, c->now_ms);
    if (status == STORE_OK && may_ask_once_more(c)) {
        status = ask_once_more(c);
        return status == STORE_OK ? end(c) : status;
    }
    return status == STORE_OK ? enter_refused(c) : status;
}

static enum store_status enter(struct commit *c)
{
    static enum store_status (*const entered[ISSUANCE_STATES])(struct commit *) = {
        [ISSUANCE_PREPARED] = enter_prepared,   [ISSUANCE_SUBMITTING] = enter_submitting,
        [ISSUANCE_UNKNOWN] = enter_unknown,     [ISSUANCE_SUBMITTED] = enter_submitted,
        [ISSUANCE_COLLECTED] = enter_collected, [ISSUANCE_REFUSED] = enter_refused,
        [ISSUANCE_DEAD] = enter_dead,
    };
    c->from = c->is->state;
    if (!issuance_move(c->is, c->result->to, c->now_ms)) {
        log_error("an issuance cannot make this move, which is a fault of this program: see acmegatectl issuance show, "
                  "and tell "
                  "its makers",
                  "issuance", c->is->id, "from", issuance_state_text(c->from), "to",
                  issuance_state_text(c->result->to));
        return STORE_INVALID;
    }
    return entered[c->is->state] ? entered[c->is->state](c) : STORE_OK;
}

/* ---- the transaction ---- */

static void take_nudges(struct commit *c)
{
    c->is->nudged = c->is->nudged || c->result->nudged;
    if (c->result->caa_forbids || c->result->caa_passes || c->result->no_doubt)
        c->is->caa = c->result->caa_forbids;
    if (c->result->caa_retried)
        c->is->caa_retried_ms = c->now_ms;
    if (c->result->caa_kept)
        c->is->caa_retried_ms = 0;
}

static bool take_facts(struct commit *c)
{
    /* To send again is no success yet. */
    if (c->result->failed)
        c->is->failures++;
    else if (!c->result->hasten && c->result->to != ISSUANCE_SUBMITTING)
        c->is->failures = 0;
    if (c->result->looked)
        c->is->looked_ms = c->errand->began_ms;
    if (c->result->hasten)
        c->is->pushed_ms = c->now_ms;
    if (c->result->missed)
        c->is->looks++;
    if (c->result->not_placed && c->is->sends > 0)
        c->is->sends--;
    if (c->result->doubt || c->result->no_doubt)
        c->is->doubt = c->result->doubt;
    take_nudges(c);
    return c->result->hasten || issuance_set_note(c->is, c->result->note);
}

static enum store_status set_job(struct commit *c)
{
    size_t len = strlen(c->is->id);
    uint64_t present_ms;
    if (c->result->hasten && store_job_get(c->txn, JOB_ISSUANCE, c->is->id, len, &present_ms) == STORE_OK &&
        present_ms < c->due_ms)
        return STORE_OK;
    if (!issuance_ended(c->is->state))
        return store_job_set(c->txn, JOB_ISSUANCE, c->is->id, len, c->due_ms);
    enum store_status status = store_job_clear(c->txn, JOB_ISSUANCE, c->is->id, len);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* One that lacks names counts once: afterwards the search for a newer one goes on (STORE_EXISTS). */
static enum store_status keep_certificate(struct commit *c)
{
    bool bought = c->is->kind == ISSUANCE_PURCHASE; /* of a family an older certificate may come first */
    if (!c->result->kept.leaf)
        return STORE_OK;
    enum store_status status = kept_add(c->txn, &c->result->kept);
    if (status == STORE_OK && bought)
        return kept_count(c->txn, &c->result->kept, c->sub->login, c->result->withheld, c->now_ms);
    return status == STORE_EXISTS && !c->result->names_missing ? STORE_OK : status;
}

/* The operator may have let preflight be skipped since the errand read them. */
static enum store_status save_records(struct commit *c)
{
    struct dcv_records stored;
    enum store_status status = dcv_records_load(c->txn, c->is->id, &stored);
    if (status == STORE_OK && stored.skip_preflight)
        c->result->records.skip_preflight = true;
    dcv_records_clear(&stored);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return status;
    return dcv_records_save(c->txn, c->is->id, &c->result->records);
}

/* CollectSSL may be the first to say that a purchase waits for its payment. */
static enum store_status begin_payment(struct commit *c)
{
    if (!c->result->unpaid || c->is->kind != ISSUANCE_PURCHASE || issuance_ended(c->is->state))
        return STORE_OK;
    return payment_begin(c->txn, c->is, c->sub, c->now_ms);
}

static enum store_status save(struct commit *c)
{
    enum store_status status = keep_certificate(c);
    if (status == STORE_OK)
        status = issuance_save(c->txn, c->is);
    if (status == STORE_OK && (c->result->records.count > 0 || c->result->records.cname_first))
        status = save_records(c);
    if (status == STORE_OK && c->sub->state != 0)
        status = subscription_save(c->txn, c->sub);
    return status == STORE_OK ? begin_payment(c) : status;
}

static uint64_t due_of(const struct commit *c)
{
    uint64_t due_ms = c->result->due_ms ? c->result->due_ms : c->now_ms;
    if (c->result->looked && c->is->pushed_ms >= c->errand->began_ms)
        return sooner(due_ms, c->errand->began_ms + LOOK_EVERY_MS); /* the push came after this look began */
    if (c->result->nudged && c->is->pushed_ms > c->is->looked_ms)
        return sooner(due_ms, c->is->looked_ms + LOOK_EVERY_MS); /* the push came while we asked */
    return due_ms;
}

static enum store_status apply(struct commit *c)
{
    enum store_status status = take_facts(c) ? STORE_OK : STORE_IO;
    c->due_ms = due_of(c);
    c->next_ms = c->result->due_ms ? c->due_ms : 0;
    if (status == STORE_OK && c->result->not_placed && c->is->sends == 0)
        status = spending_release(c->txn, c->is->id);
    if (status == STORE_OK)
        status = commit_check(c);
    if (status == STORE_OK && c->result->to != c->is->state)
        status = enter(c);
    if (!c->result->hasten)
        c->is->revision++; /* a push changes no state: a step under way stays good */
    if (status == STORE_OK)
        status = save(c);
    if (status == STORE_OK)
        status = set_job(c);
    c->errand->next_ms = c->next_ms;
    return status;
}

enum store_status commit_result(struct store_txn *txn, void *errand)
{
    struct errand *e = errand;
    struct commit c = {
        .txn = txn, .errand = e, .result = &e->result, .is = &e->next_is, .sub = &e->next_sub, .now_ms = clock_ms()};

    issuance_clear(&e->next_is);
    subscription_clear(&e->next_sub);
    e->stale = false;
    enum store_status status = issuance_load(txn, e->is.id, &e->next_is);
    if (status == STORE_OK && e->next_is.revision != e->is.revision) {
        e->stale = true;
        return STORE_REFUSED;
    }
    if (status == STORE_OK)
        status = subscription_load(txn, &e->next_is.subscription, &e->next_sub);
    if (status == STORE_OK)
        status = apply(&c);
    if (status == STORE_OK)
        issuer_debug_commit(e->issuer, e->is.state, c.is->state, true);
    return status;
}
