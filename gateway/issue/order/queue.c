#include "gateway/issue/order/queue.h"

#include <string.h>

#include "acme/order.h"
#include "gateway/clock.h"
#include "gateway/issue/order/prepare.h"
#include "gateway/log.h"
#include "gateway/scheduler.h"

static void give_turn(struct subscription *sub, const char *issuance)
{
    size_t len = strlen(issuance);
    memcpy(sub->under_way, issuance, len + 1);
}

/* Of the waiting ones the newest of the account that waits longest: its older keys are probably gone. Loads it into
 * *next. */
static enum store_status choose(struct store_txn *txn, const struct subscription *sub, struct issuance *next,
                                uint32_t *at)
{
    enum store_status status = issuance_load(txn, sub->queue[0], next);
    *at = 0;
    for (uint32_t i = 1; status == STORE_OK && i < sub->queue_count; i++) {
        struct issuance other;
        if (issuance_load(txn, sub->queue[i], &other) == STORE_OK &&
            memcmp(&other.account, &next->account, sizeof other.account) == 0) {
            struct issuance older = *next;
            *next = other;
            other = older;
            *at = i;
        }
        issuance_clear(&other);
    }
    return status;
}

/* The names are blocked: whoever waits is told so. */
static enum store_status turn_away(struct store_txn *txn, struct issuance *waiting, uint64_t now_ms)
{
    struct acme_problem problem = {0};
    enum store_status status = issuance_move(waiting, ISSUANCE_REFUSED, now_ms) ? STORE_OK : STORE_INVALID;
    waiting->revision++; /* a look whether it was superseded may be under way */
    acme_problem_set(&problem, ACME_SERVER_INTERNAL,
                     "an earlier paid order for these names was rejected by Sectigo; the operator has to clear it "
                     "before they can be "
                     "ordered again");
    for (uint32_t i = 0; status == STORE_OK && i < waiting->order_count; i++) {
        status = acme_order_fail(txn, &waiting->orders[i], &problem, now_ms);
        if (status == STORE_REFUSED)
            status = STORE_OK;
    }
    acme_problem_clear(&problem);
    if (status == STORE_OK)
        status = store_job_clear(txn, JOB_ISSUANCE, waiting->id, strlen(waiting->id));
    if (status == STORE_NOT_FOUND) /* of before there was one */
        status = STORE_OK;
    return status == STORE_OK ? issuance_save(txn, waiting) : status;
}

enum store_status queue_renew(struct store_txn *txn, struct subscription *sub, enum subscription_state old,
                              struct issuance *first, uint64_t now_ms)
{
    struct subscription ended = *sub; /* shares sub's memory, for saving only */
    ended.state = old;
    ended.queue_count = 0;
    ended.under_way[0] = '\0';
    enum store_status status = subscription_save(txn, &ended);
    if (status != STORE_OK)
        return status;
    if (!acme_id_make(&sub->id, now_ms))
        return STORE_IO;
    sub->state = SUBSCRIPTION_BUYING;
    sub->bought_ms = 0;
    sub->paid_cents = 0;
    sub->order_number[0] = '\0';
    sub->certificate_id_count = 0;
    sub->has_certificate = false;
    memset(&sub->certificate, 0, sizeof sub->certificate);
    give_turn(sub, first->id);
    first->subscription = sub->id;
    for (uint32_t i = 0; status == STORE_OK && i < sub->queue_count; i++) {
        struct issuance waiting;
        status = issuance_load(txn, sub->queue[i], &waiting);
        waiting.subscription = sub->id;
        if (status == STORE_OK)
            status = issuance_save(txn, &waiting);
        issuance_clear(&waiting);
    }
    return status == STORE_OK ? subscription_insert(txn, sub) : status;
}

/* The waiting ones of a purchase that is not made after all follow to the subscription that serves instead. */
static enum store_status move_queue(struct store_txn *txn, struct subscription *from, struct subscription *to)
{
    enum store_status status = STORE_OK;
    for (uint32_t i = 0; status == STORE_OK && i < from->queue_count; i++) {
        struct issuance waiting;
        status = issuance_load(txn, from->queue[i], &waiting);
        waiting.subscription = to->id;
        if (status == STORE_OK)
            status = issuance_save(txn, &waiting);
        issuance_clear(&waiting);
        if (status == STORE_OK && !subscription_enqueue(to, from->queue[i]))
            status = STORE_IO;
    }
    return status;
}

enum store_status queue_serve_instead(struct store_txn *txn, struct subscription *serving, struct subscription *buying,
                                      struct issuance *first)
{
    enum store_status status = move_queue(txn, buying, serving);
    if (status == STORE_OK)
        status = subscription_remove(txn, buying);
    if (status != STORE_OK)
        return status;
    give_turn(serving, first->id);
    first->subscription = serving->id;
    first->kind = ISSUANCE_REPLACEMENT;
    struct subscription unbought = *buying;
    *buying = *serving;
    *serving = unbought;
    return subscription_save(txn, buying);
}

static enum store_status start(struct store_txn *txn, const struct config_dcv *dcv, struct subscription *sub,
                               struct issuance *next, uint64_t renew_before_ms, uint64_t now_ms)
{
    enum store_status status = STORE_OK;
    give_turn(sub, next->id);
    if (sub->state == SUBSCRIPTION_BUYING) {
        next->kind = ISSUANCE_PURCHASE;
    } else if (subscription_replaceable(sub, renew_before_ms, now_ms) ||
               (sub->state == SUBSCRIPTION_LIVE && clock_in_doubt())) { /* perhaps it only looks over */
        next->kind = ISSUANCE_REPLACEMENT;
    } else {
        next->kind = ISSUANCE_PURCHASE;
        status =
            queue_renew(txn, sub, sub->state == SUBSCRIPTION_LIVE ? SUBSCRIPTION_EXHAUSTED : sub->state, next, now_ms);
    }
    next->revision++; /* a look whether it was superseded may be under way */
    if (status == STORE_OK && !issuance_move(next, prepare_state(dcv, &sub->names), now_ms))
        status = STORE_INVALID;
    if (status == STORE_OK)
        status = prepare_issuance(txn, next, now_ms);
    return status == STORE_OK ? issuance_save(txn, next) : status;
}

enum store_status queue_hand_over(struct store_txn *txn, const struct config_dcv *dcv, struct subscription *sub,
                                  const struct issuance *ended, uint64_t renew_before_ms, uint64_t now_ms)
{
    enum store_status status = STORE_OK;
    if (strcmp(sub->under_way, ended->id) != 0)
        return STORE_OK;
    sub->under_way[0] = '\0';
    while (status == STORE_OK && sub->queue_count > 0 && !sub->under_way[0]) {
        struct issuance next;
        uint32_t at;
        status = choose(txn, sub, &next, &at);
        subscription_dequeue(sub, at);
        if (status == STORE_NOT_FOUND || status == STORE_INVALID) { /* it cannot hold up the others */
            log_error("a waiting issuance cannot be read from the store; see to its disk", "reason",
                      store_status_text(status));
            status = STORE_OK;
        } else if (status == STORE_OK) {
            status = sub->state == SUBSCRIPTION_DEAD ? turn_away(txn, &next, now_ms)
                                                     : start(txn, dcv, sub, &next, renew_before_ms, now_ms);
        }
        issuance_clear(&next);
    }
    if (status == STORE_OK && sub->state == SUBSCRIPTION_BUYING && !sub->under_way[0]) {
        status = subscription_remove(txn, sub);
        sub->state = 0;
    }
    return status;
}
