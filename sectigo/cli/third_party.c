/* third-party, upgrade-cost and authorize: modifyThirdPartyDetails, slGetUpgradeCost, AutoAuthorize. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/exchange.h"
#include "sectigo/cli/request.h"
#include "sectigo/cli/result.h"
#include "sectigo/cli/show.h"
#include "sectigo/result.h"

static const char *given_text(const struct session *session, const char *name)
{
    const char *value = sectigo_form_get(&session->form, name);
    return value ? value : "";
}

static bool is_value(const struct session *session, const char *name, const char *value)
{
    return strcasecmp(given_text(session, name), value) == 0;
}

static void advise(const struct session *session, const char *what)
{
    char *line = request_command_line(session, "status", "orderNumber", given_text(session, "orderNumber"));

    fprintf(stderr, "The order may have been %s. Look first what became of it:\n    %s\n", what,
            line ? line : "sectigo status --orderNumber");
    free(line);
}

/* ---- third-party ---- */

static bool prepare_third_party(struct session *session)
{
    if (session->form.count > 2)
        return true;
    complain(session,
             "what is to be done is missing: --action CANCELLICENCE ends the licence, or what is to be changed");
    return false;
}

static char *question_third_party(const struct session *session)
{
    if (is_value(session, "action", "CANCELLICENCE"))
        return result_question(session, "Cancel the licence of", "Its add-ons end with it, and it cannot be undone.");
    return result_question(session, "Change the details of", "They are changed at the third party at once.");
}

static void advise_third_party(const struct session *session)
{
    advise(session, is_value(session, "action", "CANCELLICENCE") ? "cancelled" : "changed");
}

const struct command third_party_command = {
    .name = "third-party",
    .summary = "change or cancel a licence of CodeGuard, HackerGuardian, Sectigo Web or SiteLock "
               "(modifyThirdPartyDetails)",
    .call = SECTIGO_MODIFY_THIRD_PARTY_DETAILS,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_ASK | OPTIONS_UNSEEN,
    .run = exchange_run,
    .prepare = prepare_third_party,
    .answer = result_answer,
    .question = question_third_party,
    .advise = advise_third_party,
};

/* ---- upgrade-cost ---- */

static bool answer_cost(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    struct sectigo_upgrade_cost cost;

    if (!sectigo_parse_upgrade_cost(body, len, &cost))
        return false;
    json_t *json = outcome_begin(session, cost.result.code, cost.result.message, outcome);
    put_text(json, "previousOrderNumber", given_text(session, "previousOrderNumber"));
    put_text(json, "product", given_text(session, "product"));
    if (cost.result.code >= 0)
        put_cents(json, "upgradeCost", cost.cost_cents);
    if (!show(session, json, NULL, *outcome))
        *outcome = OUTCOME_LOCAL;
    return true;
}

const struct command upgrade_cost_command = {
    .name = "upgrade-cost",
    .summary = "what another SiteLock product would cost for the time that is left (slGetUpgradeCost)",
    .call = SECTIGO_SL_GET_UPGRADE_COST,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_UNSEEN,
    .run = exchange_run,
    .answer = answer_cost,
};

/* ---- authorize ---- */

static bool answer_authorization(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    struct sectigo_authorization authorization;

    if (!sectigo_parse_authorization(body, len, &authorization))
        return false;
    json_t *json = outcome_begin(session, authorization.result.code, authorization.result.message, outcome);
    put_text(json, "orderNumber", given_text(session, "orderNumber"));
    put_text(json, "siteLockUserID", authorization.site.user_id);
    put_text(json, "siteLockSiteID", authorization.site.site_id);
    if (!show(session, json, NULL, *outcome))
        *outcome = OUTCOME_LOCAL;
    return true;
}

static char *question_authorize(const struct session *session)
{
    if (is_value(session, "test", "Y"))
        return result_question(session, "Try to authorize the order with", "Nothing is authorized or charged.");
    return result_question(session, "Authorize the order with", "The account is charged with its price.");
}

static void advise_authorize(const struct session *session)
{
    advise(session, "authorized and paid");
}

const struct command authorize_command = {
    .name = "authorize",
    .summary = "have an order that waits for payment paid from the account (AutoAuthorize)",
    .call = SECTIGO_AUTO_AUTHORIZE,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_ASK,
    .run = exchange_run,
    .answer = answer_authorization,
    .question = question_authorize,
    .advise = advise_authorize,
};
