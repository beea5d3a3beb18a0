#include "gateway/issue/life/adopt.h"

#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/issue/life/ending.h"
#include "gateway/issue/life/step.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/issue/upstream/agreement.h"

static const uint64_t HELD_REST_MS = 3600 * 1000;
static bool agrees(const struct errand *e, const struct sectigo_report_order *order, char why[static AGREEMENT_WHY_MAX])
{
    struct agreement sent = {.foreign_order_number = e->is.id,
                             .names = &e->sub.names,
                             .base_of_wildcard = e->profile->accept_base_of_wildcard,
                             .purchase = e->is.kind == ISSUANCE_PURCHASE,
                             .product = e->sub.product,
                             .days = e->sub.days,
                             .sent_ms = e->is.sent_ms,
                             .resent_ms = e->is.resent_ms,
                             .now_ms = clock_ms()};
    return agreement_holds(&sent, order, why);
}

/* ---- its numbers ---- */

static void take_numbers(struct errand *e, const struct sectigo_report_order *order)
{
    struct sectigo_order_answer *answer = &e->result.answer;
    e->result.ordered_ms = order->ordered_s > 0 ? (uint64_t)order->ordered_s * 1000 : e->is.sent_ms;
    memcpy(answer->order_number, order->order_number, sizeof answer->order_number);
    for (size_t i = 0; i < order->certificate_count; i++) {
        const char *id = order->certificates[i].certificate_id;
        if (!subscription_has_certificate_id(&e->sub, id)) /* not one that was there before */
            memcpy(answer->certificate_id, id, sizeof answer->certificate_id);
    }
}

/* Whether they are another's; also where that cannot be read. */
static bool are_foreign(const struct errand *e)
{
    const struct sectigo_order_answer *answer = &e->result.answer;
    struct store_txn *txn;
    bool foreign = true;
    if (store_read(e->issuer->at.store, &txn) != STORE_OK)
        return true;
    if (numbers_foreign(txn, &e->is, e->sub.endpoint, answer->order_number, answer->certificate_id, &foreign) !=
        STORE_OK)
        foreign = true;
    store_read_end(txn);
    return foreign;
}

/* Held for the operator, until its time is over. */
static enum step held(struct errand *e, const char *why)
{
    return ending_is_due(e) ? ending_unsettled(e, why) : step_held(e, clock_ms() + HELD_REST_MS, why);
}

/* The operator who gives it up has decided that the order which the report names is none of ours. */
static enum step held_foreign(struct errand *e)
{
    if (ending_is_given_up(e))
        return life_not_found(e, clock_ms());
    return held(e,
                "Sectigo's report of this foreignOrderNumber names an order or a certificate that belongs to another "
                "order: ask Sectigo which order has this number, then acmegatectl order retry, or order drop where "
                "there is none");
}

enum step adopt(struct errand *e, const struct sectigo_report_answer *answer)
{
    const struct sectigo_report_order *order = answer->orders;
    char why[AGREEMENT_WHY_MAX] = "it has more than one order", words[AGREEMENT_WHY_MAX + 200];
    if (answer->order_count > 1 || !agrees(e, order, why)) {
        snprintf(words, sizeof words,
                 "Sectigo's report of this foreignOrderNumber does not agree with what was sent: %s. Ask Sectigo which "
                 "order this is, then acmegatectl order retry, or order drop",
                 why);
        return held(e, words);
    }
    take_numbers(e, order);
    if (are_foreign(e))
        return held_foreign(e);
    if (order->status && strcasestr(order->status, "payment"))
        e->result.answer.code = 1;
    errand_log(e, LOG_LEVEL_INFO, "found the order whose answer was lost", order->order_number);
    return step_go(e, ISSUANCE_SUBMITTED, 0);
}
