/* look_logins: what keeps a login from buying, or from being heard. */
#include <stdio.h>

#include "gateway/issue/money/ledger.h"
#include "gateway/issue/record/login.h"
#include "gateway/notify/look.h"

static struct event login_event(enum config_event kind, const char *name, uint64_t since_ms)
{
    struct event event = {.kind = kind, .since_ms = since_ms};
    snprintf(event.subject, sizeof event.subject, "%s", name);
    return event;
}

static void look_at_refusal(const struct look *look, const struct config_login *config, struct events *events)
{
    const struct upstream_login *login = upstream_login(look->upstream, config);
    const char *name = config->name;
    struct event event = login_event(CONFIG_EVENT_LOGIN, name, look->now_ms);
    if (upstream_login_refused(login))
        events_add(
            events, &event,
            "Sectigo refuses the login %s (-16): its password was changed or the account is locked. Nothing of it "
            "goes on until the right password is in its file, or acmegatectl upstream resume %s.",
            name, name);
}

/* Used up is another thing to be told than low. */
static void look_at_credit(const struct look *look, const struct config_login *login, const struct login_record *known,
                           const struct ledger *ledger, struct events *events)
{
    struct event event = login_event(CONFIG_EVENT_CREDIT, login->name, ledger->balance_ms);
    char balance[EVENT_MONEY_SIZE], low[EVENT_MONEY_SIZE];
    event_money(ledger->balance_cents, look->config->spending.currency, balance);
    event_money(login->low_credit_cents, look->config->spending.currency, low);
    if (login->low_credit_cents > 0 && ledger->balance_ms && ledger->balance_cents < login->low_credit_cents)
        events_add(events, &event, "The credit of the login %s is low: %s, less than %s. Pay in before it is used up.",
                   login->name, balance, low);
    snprintf(event.subject, sizeof event.subject, "%s used up", login->name);
    event.since_ms = known->no_credit_ms;
    if (known->no_credit_ms)
        events_add(events, &event,
                   "The credit of the login %s is used up (-15): nothing is bought, renewals go on. Pay in, then "
                   "acmegatectl upstream resume %s.",
                   login->name, login->name);
}

static void look_at_drift(const struct config_login *login, const struct ledger *ledger, struct events *events)
{
    struct event event = login_event(CONFIG_EVENT_DRIFT, login->name, ledger->drift_ms);
    char what[64];
    snprintf(what, sizeof what, "%u unknown, %u missing", ledger->unknown, ledger->missing);
    event.mark = event_mark(what);
    if (ledger->unknown > 0 || ledger->missing > 0)
        events_add(events, &event,
                   "Store and Sectigo disagree about the login %s: Sectigo has %u orders that the store does not know, "
                   "the store %u that Sectigo does not know. %s",
                   login->name, ledger->unknown, ledger->missing, ledger->note);
}

static void look_at_push(const struct config_login *login, const struct login_record *known, struct events *events)
{
    struct event event = login_event(CONFIG_EVENT_PUSH, login->name, known->pushed_ms);
    if (known->pushed_ms)
        events_add(events, &event,
                   "Sectigo has delivered its first push about an order of the login %s: from now on certificates come "
                   "as soon as they are issued.",
                   login->name);
}

void look_at_logins(const struct look *look, struct store_txn *txn, struct events *events)
{
    bool good = true;
    for (unsigned i = 0; i < look->config->login_count; i++) {
        const struct config_login *config = &look->config->logins[i];
        struct login_record known;
        struct ledger ledger;
        look_at_refusal(look, config, events);
        if (login_load(txn, config->name, &known) != STORE_OK || ledger_load(txn, config->name, &ledger) != STORE_OK) {
            good = false;
            continue;
        }
        look_at_credit(look, config, &known, &ledger, events);
        look_at_drift(config, &ledger, events);
        look_at_push(config, &known, events);
    }
    events->looked[CONFIG_EVENT_LOGIN] = true;
    events->looked[CONFIG_EVENT_CREDIT] = events->looked[CONFIG_EVENT_DRIFT] = good;
}
