/* check: what holds at every moment, and what store and model agree in at the end. */
#include <stdio.h>
#include <string.h>

#include "acme/order.h"
#include "gateway/clock.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/money/spending.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/numbers.h"
#include "gateway/tables.h"
#include "tests/simulation/sim.h"

/* Every order that has not ended goes on by a job. */
static bool check_issuance(void *ctx, struct store_slice key, struct store_slice value)
{
    struct store_txn *txn = ctx;
    enum issuance_state state = issuance_state_of(value);
    uint64_t due_ms;
    if (!issuance_ended(state) &&
        store_job_get(txn, JOB_ISSUANCE, key.data, key.len, &due_ms) != STORE_OK)
        wrong("nothing continues issuance %.*s, which is %s", (int)key.len, (const char *)key.data,
              issuance_state_text(state));
    return !world_is_wrong();
}

static bool check_order(void *ctx, struct store_slice key, struct store_slice value)
{
    struct store_txn *txn = ctx;
    struct acme_order order;
    struct acme_id id;
    struct store_slice issuance, record;
    (void)value;
    if (!acme_id_read(key, &id) || acme_order_load(txn, &id, &order) != STORE_OK)
        return true;
    if (order.status == ACME_ORDER_PROCESSING &&
        (store_get(txn, ISSUE_BY_ORDER, key.data, key.len, &issuance) != STORE_OK ||
         store_get(txn, ISSUE_ISSUANCES, issuance.data, issuance.len, &record) != STORE_OK ||
         issuance_ended(issuance_state_of(record))))
        wrong("an order is processing, and nothing is under way for it");
    acme_order_clear(&order);
    return !world_is_wrong();
}

void check_now(void)
{
    struct store_txn *txn;
    struct spending_sums sums;
    if (!process.is_up || store_read(process.store, &txn) != STORE_OK)
        return;
    store_visit(txn, ISSUE_ISSUANCES, NULL, 0, check_issuance, txn);
    store_visit(txn, ACME_ORDERS, NULL, 0, check_order, txn);
    bool counted = !trouble_restored() && spending_sums(txn, NULL, clock_ms(), &sums) == STORE_OK;
    if (counted && sums.day_count > PURCHASES_PER_DAY)
        wrong("%llu purchases in a day, of %d", (unsigned long long)sums.day_count, PURCHASES_PER_DAY);
    if (counted && sums.month_count > PURCHASES_PER_MONTH && process_is_frugal())
        wrong("%llu purchases in a month, of %d", (unsigned long long)sums.month_count, PURCHASES_PER_MONTH);
    store_read_end(txn);
}

/* ---- the end ---- */

/* Whether it says that it is an older copy, and buys nothing: nobody has reconciled it yet. */
static bool knows_that_it_forgot(struct store_txn *txn)
{
    struct ledger ledger;
    bool knows = false;
    for (unsigned i = 0; i < LOGINS; i++)
        knows = knows || (ledger_load(txn, login_names[i], &ledger) == STORE_OK &&
                          (ledger.restored_ms > 0 || ledger.reconcile_from_ms > 0 || ledger.recall_ms > 0));
    return knows;
}

static void check_sold(void *ctx, const struct sold *sold)
{
    struct store_txn *txn = ctx;
    struct store_slice issuance;
    struct acme_id owner;
    if (trouble_restored()) { /* what was bought after the copy was made is known by what it was bought for */
        if (numbers_owner(txn, NUMBER_ORDER, "https://sectigo.sim.example", sold->number, &owner) != STORE_OK &&
            !sold->over)
            wrong("order %s was sold, and the store does not know it, nor did reconciling tell it", sold->number);
        return;
    }
    if (store_get(txn, ISSUE_BY_ORDER_NUMBER, sold->number, strlen(sold->number), &issuance) == STORE_OK) {
        if (issuance.len != strlen(sold->foreign_order_number) ||
            memcmp(issuance.data, sold->foreign_order_number, issuance.len) != 0)
            wrong("order %s is another issuance's", sold->number);
    } else {
        wrong("order %s was sold, and the store does not know it", sold->number);
    }
}

/* What it has of Sectigo's numbers is its own. */
static bool check_numbers(void *ctx, struct store_slice key, struct store_slice value)
{
    char id[ISSUANCE_ID_MAX + 1];
    struct issuance is;
    (void)value;
    snprintf(id, sizeof id, "%.*s", (int)key.len, (const char *)key.data);
    if (issuance_load(ctx, id, &is) == STORE_OK && !model_is_request_of(id, is.order_number, is.certificate_id))
        wrong("issuance %s has order number \"%s\" and certificate \"%s\", which are of another", id, is.order_number,
              is.certificate_id);
    issuance_clear(&is);
    return !world_is_wrong();
}

void check_end(void)
{
    struct store_txn *txn;
    check_now();
    if (store_read(process.store, &txn) != STORE_OK)
        return;
    if (!trouble_restored() || !knows_that_it_forgot(txn))
        model_visit(check_sold, txn);
    store_visit(txn, ISSUE_ISSUANCES, NULL, 0, check_numbers, txn);
    model_check_revocations();
    store_read_end(txn);
}
