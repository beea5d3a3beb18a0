#include "sectigo/verdict.h"

#include <stdarg.h>
#include <stdio.h>

#include "sectigo/value.h"

bool sectigo_refuse(struct sectigo_verdict *verdict, int code, const char *parameter, const char *format, ...)
{
    va_list args;

    verdict->code = code;
    sectigo_value_text(parameter, verdict->parameter, sizeof verdict->parameter);
    va_start(args, format);
    vsnprintf(verdict->reason, sizeof verdict->reason, format, args);
    va_end(args);
    /* A value may have been cut within a character. */
    sectigo_value_text(verdict->reason, verdict->reason, sizeof verdict->reason);
    return false;
}

/* Unicode characters; an octet that is no part of one counts by itself. */
static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text; count++) {
        size_t len = sectigo_value_character(text);
        text += len ? len : 1;
    }
    return count;
}

static bool valid_text(const char *text)
{
    for (size_t len; *text; text += len)
        if ((len = sectigo_value_character(text)) == 0)
            return false;
    return true;
}

bool sectigo_parameter_check(const struct sectigo_parameter *parameter, const char *value, bool guardian,
                             struct sectigo_verdict *verdict)
{
    const char *name = parameter->name;
    size_t max = guardian && parameter->guardian_max ? parameter->guardian_max : parameter->max;
    int number;

    if (!valid_text(value))
        return sectigo_refuse(verdict, -4, name, "%s is not UTF-8 text", name);
    if (max && characters(value) > max)
        return sectigo_refuse(verdict, -4, name, "%s has %zu characters and may have %zu", name, characters(value),
                              max);
    if (parameter->fits && !parameter->fits(value)) {
        bool country = parameter->fits == sectigo_country_known;
        return sectigo_refuse(verdict, country ? -7 : -4, name, "%s is \"%.64s\" and must be %s", name, value,
                              parameter->allowed);
    }
    if (!parameter->fits && parameter->type == SECTIGO_INTEGER && !sectigo_value_int(value, &number))
        return sectigo_refuse(verdict, -4, name, "%s is \"%.64s\" and must be a number", name, value);
    return true;
}
