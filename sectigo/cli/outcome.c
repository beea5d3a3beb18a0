#include "sectigo/cli/outcome.h"

#include <stdio.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/show.h"
#include "sectigo/code.h"

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_DONE] = "done",
        [OUTCOME_REFUSED] = "refused",
        [OUTCOME_USAGE] = "not sent",
        [OUTCOME_UNKNOWN] = "unknown",
        [OUTCOME_NO_ANSWER] = "no answer",
        [OUTCOME_NOT_YET] = "not yet",
        [OUTCOME_UNCONFIRMED] = "not sent",
        [OUTCOME_LOCAL] = "failed here",
    };
    return names[outcome];
}

enum outcome outcome_of(enum sectigo_call_kind call, int code, const char *message)
{
    switch (sectigo_classify(call, code, message)) {
    case SECTIGO_PLACED:
        return OUTCOME_DONE;
    case SECTIGO_PERHAPS_PLACED_EARLIER:
        return OUTCOME_UNKNOWN;
    case SECTIGO_UNKNOWN:
        return sectigo_call_info(call)->changes ? OUTCOME_UNKNOWN : OUTCOME_REFUSED;
    case SECTIGO_LATER:
    case SECTIGO_PENDING:
        return OUTCOME_NOT_YET;
    default:
        return OUTCOME_REFUSED;
    }
}

static const char *hint(enum sectigo_class meaning)
{
    switch (meaning) {
    case SECTIGO_LOGIN_REFUSED:
        return " (check name and password before the next try: a login that keeps failing is locked)";
    case SECTIGO_NO_CREDIT:
        return " (sectigo balance tells what is left)";
    default:
        return "";
    }
}

/* Of a refusal as any other the text says all there is. */
static const char *kind_of(enum sectigo_class meaning)
{
    static char kind[40];

    if (meaning == SECTIGO_CONFIGURATION)
        return "";
    snprintf(kind, sizeof kind, " (%s)", sectigo_class_name(meaning));
    return kind;
}

json_t *outcome_begin(const struct session *session, int code, const char *message, enum outcome *outcome)
{
    enum sectigo_call_kind call = session->command->call;
    const char *text = message && *message ? message : sectigo_code_text(call, code);
    enum sectigo_class meaning = sectigo_classify(call, code, message);
    json_t *answer = json_object();

    text = text ? text : "a code that is not listed";
    *outcome = outcome_of(call, code, message);
    put_text(answer, "outcome", outcome_name(*outcome));
    put_number(answer, "errorCode", code);
    if (*outcome != OUTCOME_DONE || (message && *message))
        put_text(answer, "errorMessage", text);
    if (*outcome != OUTCOME_DONE && *outcome != OUTCOME_NOT_YET)
        complain(session, "Sectigo answers %d%s: %s%s", code, kind_of(meaning), text, hint(meaning));
    return answer;
}
