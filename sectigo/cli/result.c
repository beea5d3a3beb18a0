#include "sectigo/cli/result.h"

#include <stdio.h>

#include "sectigo/cli/show.h"
#include "sectigo/result.h"

static const char *const subjects[] = {"orderNumber", "certificateID", "serialNumber", "baseOrderNumber"};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

/* "orderNumber 1000001": the first of the parameters that say what a call is about; "" where there is none. */
static void name_subject(const struct session *session, char *out, size_t size)
{
    *out = '\0';
    for (size_t i = 0; i < SUBJECTS && !*out; i++)
        if (sectigo_form_get(&session->form, subjects[i]))
            snprintf(out, size, "%s %.80s", subjects[i], sectigo_form_get(&session->form, subjects[i]));
}

char *result_question(const struct session *session, const char *what, const char *consequence)
{
    char subject[128], *text;

    name_subject(session, subject, sizeof subject);
    if (asprintf(&text, "%s %s at %s%s%s? %s", what, subject, session->settings.url,
                 session->settings.login ? " as " : "", session->settings.login ? session->settings.login : "",
                 consequence) < 0)
        return NULL;
    return text;
}

bool result_answer(struct session *session, const char *body, size_t len, enum outcome *outcome)
{
    struct sectigo_result result;

    if (!sectigo_parse_result(session->command->call, body, len, &result))
        return false;
    json_t *json = outcome_begin(session, result.code, result.message, outcome);
    for (size_t i = 0; i < SUBJECTS; i++)
        put_text(json, subjects[i], sectigo_form_get(&session->form, subjects[i]));
    if (!show(session, json, NULL, *outcome))
        *outcome = OUTCOME_LOCAL;
    return true;
}
