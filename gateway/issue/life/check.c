/* Whether a step may go where it wants to, asked in its transaction: the last word on what leaves, and on what is
 * bought. */
#include <string.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/issue/life/commit.h"
#include "gateway/issue/money/guard.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/order/entitled.h"
#include "gateway/issue/order/imported.h"
#include "gateway/issue/order/queue.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upstream/report.h"
#include "gateway/issue/upstream/request.h"

/* After an answer that names another's order, and a report that does so too. */
static const uint64_t FOREIGN_REST_MS = HOUR_MS;
/* How soon a purchase that waits for the clock is looked at again. */
static const uint64_t DOUBT_LOOK_MIN_MS = 250, DOUBT_LOOK_MAX_MS = MINUTE_MS;
static const uint64_t RECALL_LOOK_MIN_MS = 100;
/* The same of one that waits for the subscription that serves it. */
static const uint64_t BUSY_LOOK_MS = MINUTE_MS;

/* The product is chosen again for the CSR that is sent: it may have waited behind another, and the profile may have
 * been edited. Where nothing fits any more it stays. */
static void choose_product(struct commit *c)
{
    const struct config_profile *profile = c->step->profile;
    struct acme_problem problem = {0};
    if (c->is->sends > 0)
        return;
    unsigned product = request_product_for(profile, &c->step->rules.dcv, &c->sub->names, c->is, &problem);
    if (product) {
        c->sub->product = product;
        c->sub->days = profile->days;
    }
    acme_problem_clear(&problem);
}

/* The step leads there instead. */
static struct outcome *lead_to(struct commit *c, enum outcome_kind kind)
{
    c->instead = (struct outcome){.kind = kind};
    c->outcome = &c->instead;
    return &c->instead;
}

/* Before anything leaves, account, key and policy are asked again; what may already have left is not taken back. */
static enum store_status check_entitled(struct commit *c)
{
    if (c->outcome->kind != OUTCOME_SEND || c->is->sends > 0)
        return STORE_OK;
    struct acme_problem problem = {0};
    bool key_required = c->step->work.config->acme.external_account_required;
    enum store_status status = entitled_keep(c->txn, c->is, key_required, c->now_ms, &problem);
    if (status != STORE_REFUSED)
        return status;
    lead_to(c, OUTCOME_REFUSED)->end.problem = problem;
    return issuance_set_note(c->is, problem.detail) ? STORE_OK : STORE_IO;
}

static struct subscription_scope scope_of(const struct commit *c)
{
    struct subscription_scope scope = subscription_scope_of(c->sub);
    scope.renew_before_ms = commit_renew_before_ms(c);
    return scope;
}

/* It stays where it is, and nothing leaves. */
static enum store_status wait_here(struct commit *c, uint64_t wait_ms, const char *why)
{
    lead_to(c, OUTCOME_STAY);
    c->due_ms = c->next_ms = c->now_ms + wait_ms;
    return issuance_set_note(c->is, why) ? STORE_OK : STORE_IO;
}

/* What a reconciliation found meanwhile is not bought once more: it is replaced. */
static enum store_status check_imported(struct commit *c)
{
    struct subscription_scope scope = scope_of(c);
    if (c->outcome->kind != OUTCOME_SEND || c->is->kind != ISSUANCE_PURCHASE || c->is->sends > 0)
        return STORE_OK;
    enum store_status status = imported_instead(c->txn, &scope, c->now_ms, c->sub, c->is);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* A purchase beside a subscription that serves its names was begun by a clock that was wrong, by which that one looked
 * over: it becomes a replacement of it, after what is under way there. */
static enum store_status check_live(struct commit *c)
{
    struct subscription live;
    struct login_record login;
    struct subscription_scope scope = scope_of(c);
    if (c->outcome->kind != OUTCOME_SEND || c->is->kind != ISSUANCE_PURCHASE || c->is->sends > 0)
        return STORE_OK;
    enum store_status status = login_load(c->txn, c->sub->login, &login);
    if (status != STORE_OK)
        return status;
    if (login.unshared_ms)
        scope.only_key = c->is->spki_sha256;
    status = subscription_find_live(c->txn, &scope, c->now_ms, &live);
    if (status == STORE_OK && live.under_way[0])
        status = wait_here(c, BUSY_LOOK_MS,
                           "a subscription serves these names, and waits for Sectigo: it is replaced after that");
    else if (status == STORE_OK)
        status = queue_serve_instead(c->txn, &live, c->sub, c->is);
    subscription_clear(&live);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* Again after as long as the doubt has lasted so far: it is over in a moment, or lasts. */
static enum store_status wait_for_clock(struct commit *c)
{
    uint64_t wait_ms = clock_doubt_ms(), least_ms = DOUBT_LOOK_MIN_MS;
    if (c->is->state == ISSUANCE_UNKNOWN) /* then each look asks Sectigo */
        least_ms = c->step->work.config->issuance.settle_again_ms;
    wait_ms = wait_ms > DOUBT_LOOK_MAX_MS ? DOUBT_LOOK_MAX_MS : wait_ms;
    return wait_here(c, wait_ms < least_ms ? least_ms : wait_ms,
                     "nothing is bought while the clock is in doubt (acmegatectl status)");
}

/* The report is being asked, once after this start, whether it knows more than the store (recall.c): at first for a
 * moment. Then as for the clock. */
static enum store_status wait_for_recall(struct commit *c, uint64_t since_ms)
{
    uint64_t wait_ms = c->now_ms > since_ms ? c->now_ms - since_ms : 0, least_ms = RECALL_LOOK_MIN_MS;
    if (c->is->state == ISSUANCE_UNKNOWN)
        least_ms = c->step->work.config->issuance.settle_again_ms;
    wait_ms = wait_ms > DOUBT_LOOK_MAX_MS ? DOUBT_LOOK_MAX_MS : wait_ms;
    return wait_here(
        c, wait_ms < least_ms ? least_ms : wait_ms,
        "nothing is bought before Sectigo's report has been asked, once after the start, whether it has orders "
        "that the store does not know (acmegatectl upstream status)");
}

/* What costs money has to get past the guard; what is free goes on. A request that leaves again has been past it. */
static enum store_status check_purchase(struct commit *c)
{
    struct guard_verdict verdict;
    struct ledger ledger;
    bool buys = c->is->kind == ISSUANCE_PURCHASE ||
                (c->is->sends == 0 && !subscription_replaceable(c->sub, commit_renew_before_ms(c), c->now_ms));
    if (c->outcome->kind != OUTCOME_SEND || !buys)
        return STORE_OK;
    if (clock_in_doubt())
        return wait_for_clock(c);
    enum store_status status = ledger_load(c->txn, c->sub->login, &ledger);
    if (status != STORE_OK || ledger.recall_ms)
        return status == STORE_OK ? wait_for_recall(c, ledger.recall_ms) : status;
    if (c->is->kind == ISSUANCE_PURCHASE)
        choose_product(c);
    struct guard_purchase purchase = {.config = c->step->work.config,
                                      .profile = c->step->profile,
                                      .policy = c->sub->policy,
                                      .login = c->sub->login,
                                      .test = c->sub->test,
                                      .product = c->sub->product,
                                      .names = c->sub->names.count};
    status = guard_decide(c->txn, &purchase, c->is->id, c->now_ms, &verdict);
    if (status != STORE_OK || !verdict.held)
        return status;
    struct facts facts = {.is = c->is, .profile = c->step->profile};
    lead_to(c, OUTCOME_HELD);
    /* Whose time has run out while it was looked at does not wait for the month to be over: the next look ends it. */
    c->due_ms = c->next_ms = facts_is_due(&facts, c->now_ms)
                                 ? c->now_ms
                                 : facts_by_deadline(&facts, c->now_ms, verdict.due_ms);
    return issuance_set_note(c->is, verdict.why) ? STORE_OK : STORE_IO;
}

/* An answer that names what is another's says nothing of ours: the report is asked, and where that says the same,
 * people are. */
static enum store_status check_identity(struct commit *c)
{
    static const char FOREIGN[] = "Sectigo's answer names an order or a certificate that belongs to another order; "
                                  "ask Sectigo which of the two it is";
    const struct sectigo_order_answer *answer = &c->outcome->placed.answer;
    bool foreign;
    if (c->outcome->kind != OUTCOME_PLACED)
        return STORE_OK;
    enum store_status status =
        numbers_foreign(c->txn, c->is, c->sub->endpoint, answer->order_number, answer->certificate_id, &foreign);
    if (status != STORE_OK || !foreign)
        return status;
    step_log(c->step, LOG_LEVEL_ERROR, FOREIGN,
             answer->order_number[0] ? answer->order_number : answer->certificate_id);
    lead_to(c, c->is->state == ISSUANCE_UNKNOWN ? OUTCOME_HELD : OUTCOME_UNKNOWN);
    if (c->is->state == ISSUANCE_UNKNOWN)
        c->due_ms = c->next_ms = c->now_ms + FOREIGN_REST_MS;
    return issuance_set_note(c->is, FOREIGN) ? STORE_OK : STORE_IO;
}

static bool is_of_family(const char *order_number, const struct subscription *sub)
{
    char base[SECTIGO_ORDER_NUMBER_MAX + 1], own[SECTIGO_ORDER_NUMBER_MAX + 1];
    report_base_number(order_number, base);
    report_base_number(sub->order_number, own);
    return strcmp(base, own) == 0;
}

/* What a report finds under the number of a replacement may have been bought: by a life that the store, an older copy of
 * itself, does not know, and in which its subscription was over. Then it is a subscription of its own, or the next CSR
 * would find the other one over again, and be bought. */
static enum store_status check_family(struct commit *c)
{
    const char *number = c->outcome->placed.answer.order_number;
    if (c->outcome->kind != OUTCOME_PLACED || c->is->kind != ISSUANCE_REPLACEMENT || !number[0] ||
        !c->sub->order_number[0] || is_of_family(number, c->sub))
        return STORE_OK;
    c->is->kind = ISSUANCE_PURCHASE;
    return queue_renew(c->txn, c->sub, SUBSCRIPTION_EXHAUSTED, c->is, c->now_ms);
}

/* The choice of finalize is made again (issuance.md section 2): the term may have run out while the file was not seen.
 */
static enum store_status choose_again(struct commit *c)
{
    if (c->outcome->kind != OUTCOME_SEND || c->is->kind != ISSUANCE_REPLACEMENT || c->is->sends > 0 ||
        subscription_replaceable(c->sub, commit_renew_before_ms(c), c->now_ms))
        return STORE_OK;
    c->is->kind = ISSUANCE_PURCHASE;
    enum store_status status = queue_renew(c->txn, c->sub, SUBSCRIPTION_EXHAUSTED, c->is, c->now_ms);
    choose_product(c);
    return status;
}

enum store_status commit_check(struct commit *c)
{
    enum store_status status = check_entitled(c);
    if (status == STORE_OK)
        status = check_identity(c);
    if (status == STORE_OK)
        status = check_family(c);
    if (status == STORE_OK)
        status = check_imported(c);
    if (status == STORE_OK)
        status = check_live(c);
    if (status == STORE_OK)
        status = check_purchase(c);
    if (status == STORE_OK)
        status = choose_again(c);
    if (status == STORE_OK && c->outcome->kind == OUTCOME_HELD && c->outcome->held == HELD_NO_CREDIT)
        status = login_set_no_credit(c->txn, c->sub->login, c->now_ms);
    if (status == STORE_OK && c->step->push)
        status = login_note_push(c->txn, c->sub->login, c->now_ms);
    return status;
}
