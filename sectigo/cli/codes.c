/* codes: the library's table of status codes. Nothing leaves the machine. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/show.h"
#include "sectigo/code.h"

enum { EVERY_CALL = (1u << SECTIGO_CALLS) - 1 };

/* The names of the calls that answer a code, in words. */
static void name_calls(unsigned calls, char *text, size_t size)
{
    size_t len = 0;

    if (calls == EVERY_CALL) {
        snprintf(text, size, "every call");
        return;
    }
    for (unsigned i = 0; i < SECTIGO_CALLS && len < size; i++)
        if (calls & 1u << i)
            len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "",
                                    sectigo_call_info((enum sectigo_call_kind)i)->name);
}

static json_t *code_json(const struct sectigo_code *row, const char *calls)
{
    json_t *json = json_object();

    put_number(json, "code", row->code);
    put_text(json, "calls", calls);
    put_text(json, "meaning", sectigo_class_name(row->meaning));
    put_text(json, "problem", sectigo_code_problem(row));
    put_text(json, "text", row->text);
    return json;
}

static bool is_wanted(const struct settings *settings, const struct sectigo_code *row, const char *calls)
{
    char code[16];

    snprintf(code, sizeof code, "%d", row->code);
    return (!settings->code || strcmp(settings->code, code) == 0) &&
           (!settings->code_call || row->calls == EVERY_CALL || strcasestr(calls, settings->code_call));
}

static enum outcome run_codes(struct session *session)
{
    static const char *const columns[] = {"code", "meaning", "problem", "calls", "text", NULL};
    static const struct show_table table = {"codes", NULL, columns};
    size_t count;
    const struct sectigo_code *codes = sectigo_codes(&count);
    json_t *json = json_object(), *list = put_array(json, "codes");
    char calls[512];

    for (size_t i = 0; i < count; i++) {
        name_calls(codes[i].calls, calls, sizeof calls);
        if (is_wanted(&session->settings, &codes[i], calls))
            json_array_append_new(list, code_json(&codes[i], calls));
    }
    if (json_array_size(list) == 0)
        complain(session, "no page lists such a code");
    return show(session, json, &table, OUTCOME_DONE) ? OUTCOME_DONE : OUTCOME_LOCAL;
}

const struct command codes_command = {
    .name = "codes",
    .summary = "what Sectigo's status codes mean; nothing is sent",
    .call = SECTIGO_CALLS,
    .groups = OPTIONS_CODES,
    .run = run_codes,
};
