/* collected, refused, dead: an issuance has ended. What becomes of its orders, of the subscription, of what is
 * published, and who has the turn next. */
#include <string.h>

#include "acme/order.h"
#include "gateway/days.h"
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
#include "gateway/tables.h"

/* An issuance ended: nothing of it stays published, and the next one has its turn. */
static enum store_status end_issuance(struct commit *c)
{
    struct dcv_answer answer = prepare_answer(c->is);
    bool unheard = false;
    enum store_status status = dcv_file_remove(c->txn, &answer);
    c->next_ms = UINT64_MAX;
    subscription_forget(c->sub, c->is->id); /* where it ends before its turn */
    if (status == STORE_OK)
        status = payment_end(c->txn, c->is, &unheard);
    if (status == STORE_OK && unheard)
        status = commit_audit(c, "authorization", c->sub->paid_cents);
    if (status == STORE_OK)
        status = records_unpublish(c->txn, &answer, c->now_ms);
    return status == STORE_OK
               ? queue_hand_over(c->txn, &c->step->rules.dcv, c->sub, c->is, commit_renew_before_ms(c), c->now_ms)
               : status;
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
        step_log(c->step, LOG_LEVEL_INFO, "the term of a subscription is nearly used up", c->sub->order_number);
    }
    acme_certificate_clear(&before);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status collected_enter(struct commit *c)
{
    struct acme_certificate *certificate = &c->step->certificate;
    /* Clients that reuse a key would otherwise be handed their old certificate again. */
    enum store_status status = acme_certificate_serial_taken(c->txn, certificate->serial, certificate->serial_len);
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
    if (status == STORE_OK)
        status = days_add_certificate(c->txn, certificate->issued_ms);
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
    return status == STORE_OK ? end_issuance(c) : status;
}

static enum store_status fail_orders(struct commit *c)
{
    enum store_status status = STORE_OK;
    for (uint32_t i = 0; status == STORE_OK && i < c->is->order_count; i++) {
        status = acme_order_fail(c->txn, &c->is->orders[i], &c->outcome->end.problem, c->now_ms);
        if (status == STORE_REFUSED)
            status = STORE_OK;
    }
    return status;
}

/* The orders go over to a new issuance of the same CSR, which replaces the certificate that lacks names. */
static enum store_status ask_once_more(struct commit *c)
{
    struct issuance next = {0};
    const char *instance = c->step->work.config->instance;
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
                               c->now_ms + c->step->work.config->issuance.superseded_after_ms);
    step_log(c->step, LOG_LEVEL_INFO, "a certificate lacks names; it is replaced once", next.id);
    issuance_clear(&next);
    return status;
}

static bool may_ask_once_more(const struct commit *c)
{
    return c->outcome->end.how == DEAD_NAMES_MISSING && c->is->attempt == 0 && c->is->refusal != ISSUANCE_GIVEN_UP &&
           c->is->refusal != ISSUANCE_GIVEN_UP_AS_PLACED &&
           c->sub->queue_count < SUBSCRIPTION_QUEUE_MAX &&
           subscription_replaceable(c->sub, commit_renew_before_ms(c), c->now_ms);
}

enum store_status refused_enter(struct commit *c)
{
    enum store_status status = fail_orders(c);
    if (status == STORE_OK && c->is->state == ISSUANCE_REFUSED)
        status = spending_release(c->txn, c->is->id);
    return status == STORE_OK ? end_issuance(c) : status;
}

enum store_status dead_enter(struct commit *c)
{
    enum store_status status = STORE_OK;
    enum outcome_death how = c->outcome->end.how;
    bool stays = how == DEAD_KEPT || how == DEAD_NAMES_MISSING;
    if (c->is->kind == ISSUANCE_PURCHASE && !stays)
        c->sub->state = SUBSCRIPTION_DEAD;
    if (c->from == ISSUANCE_UNKNOWN && c->is->kind == ISSUANCE_PURCHASE) {
        c->sub->bought_ms = c->is->sent_ms; /* perhaps it was bought: it is counted, and blocks its names */
        status = commit_cost(c);
    }
    if (status == STORE_OK && how == DEAD_CANCELLED)
        status = commit_audit(c, "cancellation", 0);
    if (status == STORE_OK && (how == DEAD_CANCELLED || how == DEAD_REFUNDED))
        status = refund_begin(c->txn, c->sub, c->now_ms);
    if (status == STORE_OK && may_ask_once_more(c)) {
        status = ask_once_more(c);
        return status == STORE_OK ? end_issuance(c) : status;
    }
    return status == STORE_OK ? refused_enter(c) : status;
}
