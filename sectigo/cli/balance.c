/* balance: getAccountBalance. */
#include "sectigo/cli/command.h"
#include "sectigo/cli/exchange.h"
#include "sectigo/cli/show.h"
#include "sectigo/result.h"

static bool answer_balance(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    struct sectigo_balance balance;

    if (!sectigo_parse_balance(body, len, &balance))
        return false;
    json_t *json = outcome_begin(session, balance.result.code, balance.result.message, outcome);
    if (balance.result.code >= 0)
        put_cents(json, "balance", balance.balance_cents);
    if (!show(session, json, NULL, *outcome))
        *outcome = OUTCOME_LOCAL;
    return true;
}

const struct command balance_command = {
    .name = "balance",
    .summary = "what is left in the account (getAccountBalance)",
    .call = SECTIGO_GET_ACCOUNT_BALANCE,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN,
    .run = exchange_run,
    .answer = answer_balance,
};
