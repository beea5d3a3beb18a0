/* operator: does what the status asks for, and now and then something of his own, by the commands that operators have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/issue/money/ledger.h"
#include "gateway/issue/record/login.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/operate/request.h"
#include "gateway/tables.h"
#include "tests/simulation/sim.h"

static struct event event;
static bool drops; /* of this world */

/* Whether it is done. */
static bool command(void (*handler)(struct request *), const char *argument)
{
    struct admin admin = {.store = process.store,
                          .configs = process.configs,
                          .scheduler = process.scheduler,
                          .upstream = process.upstream,
                          .issuer = process.issuer,
                          .egress = process.egress};
    struct http_answer answer = {.status = 0};
    struct request request = {
        .admin = &admin, .config = config_take(process.configs), .answer = &answer, .by = {.uid = -1}};
    snprintf(request.argument, sizeof request.argument, "%s", argument);
    handler(&request);
    config_drop(request.config);
    trace("the operator gets %d: %s", answer.status, answer.body ? answer.body : "");
    free(answer.body);
    return answer.status == 200;
}

/* ---- logins ---- */

struct needs {
    bool reconciling, resuming;
};

static struct needs needs_of(const char *login)
{
    struct store_txn *txn;
    struct ledger ledger = {.restored_ms = 0};
    struct login_record record = {.paused_ms = 0};
    if (store_read(process.store, &txn) != STORE_OK)
        abort();
    ledger_load(txn, login, &ledger);
    login_load(txn, login, &record);
    store_read_end(txn);
    bool paused = record.withheld_ms > 0 || record.no_credit_ms > 0 || record.unshared_ms > 0;
    return (struct needs){.reconciling = ledger.restored_ms > 0 && ledger.reconcile_from_ms == 0,
                          .resuming = ledger.restored_ms == 0 && paused};
}

static void look_after(unsigned login)
{
    struct needs needs = needs_of(login_names[login]);
    if (needs.reconciling)
        command(upstream_reconcile, login_names[login]);
    else if (needs.resuming && command(upstream_resume, login_names[login]))
        outside_overrule(process.egress, login);
}

/* ---- paid orders: the money of those that died is asked back, and by mistake that of others ---- */

struct search {
    struct store_txn *txn;
    bool dead;
    char found[ACME_ID_TEXT + 1];
};

static bool take(void *ctx, struct store_slice key, struct store_slice value)
{
    struct search *search = ctx;
    struct subscription sub = {0};
    struct acme_id id;
    (void)value;
    if (acme_id_read(key, &id) && subscription_load(search->txn, &id, &sub) == STORE_OK &&
        (search->dead ? sub.state == SUBSCRIPTION_DEAD : chance_below(4) == 0))
        acme_id_text(&id, search->found);
    subscription_clear(&sub);
    return !search->found[0];
}

static void refund_one(bool dead)
{
    struct search search = {.dead = dead};
    if (store_read(process.store, &search.txn) != STORE_OK)
        abort();
    store_visit(search.txn, ISSUE_SUBSCRIPTIONS, NULL, 0, take, &search);
    store_read_end(search.txn);
    if (search.found[0])
        command(subscription_refund, search.found);
}

/* ---- orders and certificates ---- */

static void meddle(void)
{
    char order[ACME_ID_TEXT + 1];
    const char *serial = model_any_serial();
    if (drops && chance_fault("the operator gives an order up", 20000) && clients_waiting_order(order))
        command(order_drop, order);
    if (chance_fault("the operator retries an order", 50000) && clients_waiting_order(order))
        command(order_retry, order);
    if (serial && chance_fault("the operator revokes a certificate", 20000) && command(certificate_revoke, serial))
        model_revocation_asked(serial);
    if (chance_fault("the operator has a dead order refunded", 100000))
        refund_one(true);
    if (chance_fault("the operator asks back the money of an order that lives", 20000))
        refund_one(false);
}

static void on_operator(struct event *at)
{
    for (unsigned i = 0; process.is_up && i < LOGINS; i++)
        look_after(i);
    if (process.is_up)
        meddle();
    world_at(at, chance_between(HOUR_MS, 6 * HOUR_MS), on_operator);
}

bool operator_drops(void)
{
    return drops;
}

void operator_begin(void)
{
    drops = chance_below(2) == 0;
    world_at(&event, HOUR_MS, on_operator);
}
