/* probe: an operator asks Sectigo for a login's balance, now, and waits for the answer: is it reachable, does it take
 * the login, is there credit? Neither breaker nor pace holds it back. */
#include <stdlib.h>

#include "gateway/issue/upkeep/upkeep.h"
#include "gateway/operate/ask.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "sectigo/result.h"

static void answer_balance(struct request *request, const struct config_login *config, int64_t balance_cents)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "login", config->name);
    object_text(&o, "url", config->url);
    object_text(&o, "answer", "Sectigo takes the login");
    object_put(&o, "balance_cents", json_integer(balance_cents));
    object_put(&o, "credit_low", json_boolean(upkeep_is_low(config, balance_cents)));
    answer_money(request, object_end(&o));
}

void upstream_test(struct request *request)
{
    const struct config_login *config = config_login_named(request->config, request->argument);
    struct sectigo_balance balance;
    struct ask_answer answer = {0};
    if (!config)
        answer_error(request->answer, 404, "no login of the configuration is called %s", request->argument);
    else if (!ask(request->admin->egress, upstream_login(request->admin->upstream, config), SECTIGO_GET_ACCOUNT_BALANCE,
                  NULL, &answer))
        answer_error(request->answer, answer.status, "%s: %s", request->argument, answer.reason);
    else if (!sectigo_parse_balance(answer.body, answer.body_len, &balance))
        answer_error(request->answer, 502, "%s: the reply is no answer of this API", request->argument);
    else if (balance.result.code != 0)
        answer_error(request->answer, 502, "%s: Sectigo refuses the call: %.300s (%d)", request->argument,
                     balance.result.message, balance.result.code);
    else
        answer_balance(request, config, balance.balance_cents);
    free(answer.body);
}
