/* revoke, reject and refund: AutoRevokeSSL, AutoReject, AutoRefund. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/exchange.h"
#include "sectigo/cli/request.h"
#include "sectigo/cli/result.h"
#include "sectigo/result.h"

static const char *parameter_text(const struct session *session, const char *name)
{
    const char *value = sectigo_form_get(&session->form, name);
    return value ? value : "";
}

/* ---- revoke ---- */

static const struct preset revoke_presets[] = {{"responseFormat", "1", PRESET_DEFAULT}, {0}};

static char *question_revoke(const struct session *session)
{
    return result_question(session, "Revoke the certificate of",
                           "It cannot be undone; an order not issued yet is rejected.");
}

static void advise_again(const struct session *session)
{
    (void)session;
    fputs("The same command may be given again: where it is done already, Sectigo says so.\n", stderr);
}

const struct command revoke_command = {
    .name = "revoke",
    .summary = "revoke a certificate (AutoRevokeSSL)",
    .call = SECTIGO_AUTO_REVOKE_SSL,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_ASK,
    .presets = revoke_presets,
    .run = exchange_run,
    .answer = result_answer,
    .question = question_revoke,
    .advise = advise_again,
};

/* ---- reject ---- */

static char *question_reject(const struct session *session)
{
    return result_question(session, "Cancel the order with", "It cannot be undone.");
}

const struct command reject_command = {
    .name = "reject",
    .summary = "cancel an order that is not issued yet (AutoReject)",
    .call = SECTIGO_AUTO_REJECT,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_ASK,
    .run = exchange_run,
    .answer = result_answer,
    .question = question_reject,
    .advise = advise_again,
};

/* ---- refund ---- */

static char *question_refund(const struct session *session)
{
    const char *reason = sectigo_refund_reason((int)strtol(parameter_text(session, "refundReasonCode"), NULL, 10));
    char consequence[160];

    snprintf(consequence, sizeof consequence, "Reason: %s. The order ends, its certificate with it.",
             reason ? reason : "none");
    return result_question(session, "Ask for the money back for the order with", consequence);
}

static void advise_refund(const struct session *session)
{
    char *line = request_command_line(session, "status", "orderNumber", parameter_text(session, "orderNumber"));

    fprintf(stderr, "The order may have been refunded. Look first what became of it:\n    %s\n",
            line ? line : "sectigo status --orderNumber");
    free(line);
}

const struct command refund_command = {
    .name = "refund",
    .summary = "end an order and get its price back (AutoRefund)",
    .call = SECTIGO_AUTO_REFUND,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN | OPTIONS_ASK,
    .run = exchange_run,
    .answer = result_answer,
    .question = question_refund,
    .advise = advise_refund,
};
