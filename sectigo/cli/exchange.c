#include "sectigo/cli/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/cli/ask.h"
#include "sectigo/cli/request.h"
#include "sectigo/cli/show.h"
#include "sectigo/parameter.h"
#include "sectigo/result.h"

struct sectigo_form exchange_copy(const struct sectigo_form *form)
{
    struct sectigo_form copy = {0};

    for (size_t i = 0; i < form->count; i++) {
        const struct sectigo_param *param = &form->params[i];
        if (param->secret)
            sectigo_form_add_secret(&copy, param->name, param->value);
        else
            sectigo_form_add(&copy, param->name, param->value);
    }
    return copy;
}

/* The newline format, which is read by the place of each line. */
static bool is_unnamed(const struct session *session, const struct sectigo_form *form)
{
    const char *format = sectigo_form_get(form, "responseFormat");
    return !session->settings.raw && format && strcmp(format, "0") == 0;
}

bool exchange_add_presets(const struct session *session, const struct preset *presets, struct sectigo_form *form)
{
    for (; presets && presets->name; presets++) {
        const char *given = sectigo_form_get(form, presets->name);
        bool format = presets->kind == PRESET_FORMAT || presets->kind == PRESET_UNSENT;
        bool fixed = presets->kind == PRESET_ALWAYS || (format && !session->settings.raw);

        bool left_out = presets->kind == PRESET_UNSENT || (presets->kind == PRESET_DETAIL && is_unnamed(session, form));

        if (!given && !left_out)
            sectigo_form_add(form, presets->name, presets->value);
        if (!given || !fixed || strcasecmp(given, presets->value) == 0)
            continue;
        complain(session, "--%s is always %s here%s", presets->name, presets->value,
                 format ? ": other answers are shown by --raw only" : "");
        return false;
    }
    return true;
}

static bool is_right(const struct session *session)
{
    struct sectigo_verdict verdict;

    if (session->form.failed)
        complain(session, "out of memory");
    else if (sectigo_call_check(session->command->call, &session->form, &verdict))
        return true;
    else
        complain(session, "%s (Sectigo would answer %d; nothing was sent)", verdict.reason, verdict.code);
    return false;
}

static bool logs_in(const struct session *session)
{
    const struct settings *settings = &session->settings;

    if (!sectigo_call_info(session->command->call)->login || settings->client_certificate)
        return true;
    if (!settings->login)
        complain(session, "--login is missing: the account's name at Sectigo");
    else if (!*settings->password)
        complain(session, "the password is missing: --password-file FILE, or SECTIGO_PASSWORD in the environment");
    return settings->login && *settings->password;
}

bool exchange_connect(struct session *session)
{
    const struct settings *settings = &session->settings;
    const char *secret_proxy = *settings->secret_proxy ? settings->secret_proxy : NULL;
    char reason[SECTIGO_MESSAGE_MAX];
    const struct sectigo_client_config config = {
        .url = settings->url,
        .login_name = settings->login,
        .login_password = *settings->password ? settings->password : NULL,
        .ca_file = settings->ca_file,
        .client_certificate = settings->client_certificate,
        .client_key = settings->client_key,
        .proxy = settings->proxy ? settings->proxy : secret_proxy,
        .user_agent = "sectigo-cli/" ACMEGATE_VERSION,
        .timeout_ms = (long)(settings->timeout_s * 1000 + 0.999), /* 0: as the library has it */
    };

    if (!logs_in(session))
        return false;
    session->client = sectigo_client_make(&config, reason);
    if (!session->client)
        complain(session, "%s", reason);
    return session->client != NULL;
}

struct sectigo_call *exchange_send(struct session *session, enum sectigo_call_kind kind,
                                   const struct sectigo_form *form, enum sectigo_outcome *outcome)
{
    struct sectigo_form copy = exchange_copy(form);
    struct sectigo_call *call = copy.failed ? NULL : sectigo_call_make(session->client, kind, &copy);

    if (!call) {
        sectigo_form_clear(&copy);
        complain(session, "out of memory; nothing was sent");
        return NULL;
    }
    *outcome = sectigo_call_perform(call);
    return call;
}

/* ---- what came back ---- */

static void print_raw(const char *body, size_t len)
{
    fwrite(body, 1, len, stdout);
    if (len > 0 && body[len - 1] != '\n' && !memchr(body, '\0', len))
        putchar('\n');
    fflush(stdout);
}

/* With --raw there are answers that only people read: what begins with the code of a refusal is one, anything else is
 * an answer. */
static enum outcome judge_raw(const struct session *session, const char *body, size_t len)
{
    enum sectigo_call_kind kind = session->command->call;
    struct sectigo_result result;

    if (sectigo_parse_result(kind, body, len, &result))
        return outcome_of(kind, result.code, result.message);
    return sectigo_call_info(kind)->changes ? OUTCOME_UNKNOWN : OUTCOME_DONE;
}

/* No answer: whether that matters depends on whether the call changes something. */
static enum outcome without_answer(const struct session *session, bool never_left, const char *reason)
{
    bool changes = sectigo_call_info(session->command->call)->changes;
    enum outcome outcome = changes && !never_left ? OUTCOME_UNKNOWN : OUTCOME_NO_ANSWER;
    const char *text = outcome == OUTCOME_UNKNOWN ? "it is not known whether Sectigo did it" : "nothing was changed";
    json_t *answer = json_object();

    complain(session, "%s; %s", reason, text);
    put_text(answer, "outcome", outcome_name(outcome));
    put_text(answer, "reason", reason);
    put_text(answer, "foreignOrderNumber", sectigo_form_get(&session->form, "foreignOrderNumber"));
    show(session, answer, NULL, outcome);
    return outcome;
}

static enum outcome read_answer(struct session *session, const char *body, size_t len)
{
    enum outcome outcome = OUTCOME_LOCAL;
    char reason[128];

    if (session->settings.raw)
        print_raw(body, len);
    if (session->command->answer(session, body, len, &outcome))
        return outcome;
    if (session->settings.raw)
        return judge_raw(session, body, len);
    snprintf(reason, sizeof reason, "%s: the reply is no answer of Sectigo's (--raw shows it)",
             sectigo_call_info(session->command->call)->name);
    return without_answer(session, false, reason);
}

static enum outcome send_and_read(struct session *session)
{
    enum sectigo_call_kind kind = session->command->call;
    const char *foreign = sectigo_form_get(&session->form, "foreignOrderNumber");
    enum sectigo_outcome how;
    enum outcome outcome;
    size_t len;

    if (sectigo_call_info(kind)->changes && foreign)
        complain(session, "foreignOrderNumber %s", foreign);
    struct sectigo_call *call = exchange_send(session, kind, &session->form, &how);
    if (!call)
        return OUTCOME_LOCAL;
    const char *body = sectigo_call_body(call, &len);
    if (how == SECTIGO_ANSWERED)
        outcome = read_answer(session, body, len);
    else
        outcome = without_answer(session, how == SECTIGO_NEVER_LEFT, sectigo_call_reason(call));
    sectigo_call_free(call);
    if (outcome == OUTCOME_UNKNOWN && session->command->advise)
        session->command->advise(session);
    return outcome;
}

bool exchange_prepare(struct session *session)
{
    const struct command *command = session->command;

    return exchange_add_presets(session, command->presets, &session->form) &&
           (!command->prepare || command->prepare(session)) && is_right(session);
}

enum outcome exchange_run(struct session *session)
{
    if (!exchange_prepare(session))
        return OUTCOME_USAGE;
    if (session->settings.dry_run)
        return request_show(session);
    if (!exchange_connect(session))
        return OUTCOME_USAGE;
    if (!ask(session))
        return OUTCOME_UNCONFIRMED;
    return send_and_read(session);
}
