/* update-dcv, dcv-status, resend-dcv, dcv-addresses and retry-caa: what belongs to proving control of names. */
#include <stdio.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/exchange.h"
#include "sectigo/cli/result.h"
#include "sectigo/cli/show.h"
#include "sectigo/dcv.h"

static const struct preset url_encoded[] = {{"responseFormat", "1", PRESET_UNSENT}, {0}};

static void advise_again(const struct session *session)
{
    (void)session;
    fputs("The same command may be given again.\n", stderr);
}

const struct command update_dcv_command = {
    .name = "update-dcv",
    .summary = "change how names are proved, or with the same method have Sectigo look now (AutoUpdateDCV)",
    .call = SECTIGO_AUTO_UPDATE_DCV,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN,
    .run = exchange_run,
    .answer = result_answer,
    .advise = advise_again,
};

const struct command resend_dcv_command = {
    .name = "resend-dcv",
    .summary = "send the e-mail that proves a name again (ResendDCVEmail)",
    .call = SECTIGO_RESEND_DCV_EMAIL,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN,
    .run = exchange_run,
    .answer = result_answer,
    .advise = advise_again,
};

static void advise_later(const struct session *session)
{
    (void)session;
    fputs("The same command may be given again in 10 minutes.\n", stderr);
}

const struct command retry_caa_command = {
    .name = "retry-caa",
    .summary = "have Sectigo look at CAA again, at most once in 10 minutes (RetryCAACheck)",
    .call = SECTIGO_RETRY_CAA_CHECK,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN,
    .run = exchange_run,
    .answer = result_answer,
    .advise = advise_later,
};

/* ---- dcv-status ---- */

static bool answer_status(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    static const char *const columns[] = {"domainName", "dcvMethod", "dcvStatus", NULL};
    static const struct show_table table = {"domains", NULL, columns};
    struct sectigo_mdc_answer answer;

    if (!sectigo_parse_mdc(body, len, &answer))
        return false;
    json_t *json = outcome_begin(session, answer.code, answer.message, outcome);
    json_t *domains = answer.code >= 0 ? put_array(json, "domains") : NULL;
    for (size_t i = 0; i < answer.domain_count; i++) {
        json_t *row = json_object();
        put_text(row, "domainName", answer.domains[i].name);
        put_text(row, "dcvMethod", answer.domains[i].method);
        put_text(row, "dcvStatus", answer.domains[i].status);
        json_object_set_new(row, "validated", json_boolean(answer.domains[i].validated));
        json_array_append_new(domains, row);
    }
    if (!show(session, json, &table, *outcome))
        *outcome = OUTCOME_LOCAL;
    sectigo_mdc_clear(&answer);
    return true;
}

const struct command dcv_status_command = {
    .name = "dcv-status",
    .summary = "which names of an order are proved (GetMDCDomainDetails)",
    .call = SECTIGO_GET_MDC_DOMAIN_DETAILS,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN,
    .presets = url_encoded,
    .run = exchange_run,
    .answer = answer_status,
};

/* ---- dcv-addresses ---- */

static bool answer_addresses(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    static const char *const columns[] = {"email", "source", NULL};
    static const struct show_table table = {"addresses", NULL, columns};
    struct sectigo_dcv_addresses answer;

    if (!sectigo_parse_dcv_addresses(body, len, &answer))
        return false;
    json_t *json = outcome_begin(session, answer.code, answer.message, outcome);
    put_text(json, "domainName", answer.domain);
    json_t *addresses = answer.code >= 0 ? put_array(json, "addresses") : NULL;
    for (size_t i = 0; i < answer.count; i++) {
        json_t *row = json_object();
        put_text(row, "email", answer.list[i].email);
        put_text(row, "source", answer.list[i].source);
        json_array_append_new(addresses, row);
    }
    if (!show(session, json, &table, *outcome))
        *outcome = OUTCOME_LOCAL;
    sectigo_dcv_addresses_clear(&answer);
    return true;
}

const struct command dcv_addresses_command = {
    .name = "dcv-addresses",
    .summary = "addresses that an e-mail to prove a name may go to (GetDCVEmailAddressList)",
    .call = SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST,
    .groups = OPTIONS_CALL | OPTIONS_LOGIN,
    .presets = url_encoded,
    .run = exchange_run,
    .answer = answer_addresses,
};
