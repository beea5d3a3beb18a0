#include "sectigo/sandbox/argument.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct argument *find_argument(const struct argument *table, const char *name)
{
    for (; table->name; table++) {
        if (strcasecmp(table->name, name) == 0 || strcmp(table->name, "*") == 0)
            return table;
    }
    return NULL;
}

/* Of UTF-8 text; -1 where it is none. */
static long count_characters(const char *text)
{
    long count = 0;
    while (*text) {
        unsigned char lead = (unsigned char)*text;
        int more = lead < 0x80 ? 0 : lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : -1;
        if (more < 0 || lead >= 0xf5)
            return -1;
        for (text++; more > 0; more--, text++) {
            if (((unsigned char)*text & 0xc0) != 0x80)
                return -1;
        }
        count++;
    }
    return count;
}

static bool is_number(const char *text)
{
    size_t digits;
    text += *text == '-';
    digits = strspn(text, "0123456789");
    return digits && digits <= 18 && !text[digits];
}

/* One of "Y|N", without regard to case. */
static bool is_one_of(const char *allowed, const char *value)
{
    size_t len = strlen(value);
    for (;;) {
        size_t word = strcspn(allowed, "|");
        if (word == len && strncasecmp(allowed, value, len) == 0)
            return true;
        if (!allowed[word])
            return false;
        allowed += word + 1;
    }
}

static bool is_valid(const struct argument *argument, const char *value)
{
    long characters = count_characters(value);
    if (characters < 0 || (argument->max && (size_t)characters > argument->max))
        return false;
    if (!argument->allowed)
        return true;
    return strcmp(argument->allowed, "#") == 0 ? is_number(value) : is_one_of(argument->allowed, value);
}

static bool check_missing(const struct argument *table, const struct sectigo_form *form, struct answer *answer)
{
    const char *wanted = NULL; /* first of the group, while none of it was seen */
    bool group = false;
    for (; table->name; table++) {
        const char *value = sectigo_form_get(form, table->name);
        bool given = value && *value;
        if (table->need == REQUIRED && !given) {
            answer_refuse_argument(answer, -3, table->name);
            return false;
        }
        if (table->need == GROUP_A && !wanted)
            wanted = table->name;
        group |= table->need == GROUP_A && given;
    }
    if (wanted && !group)
        answer_refuse_argument(answer, -3, wanted);
    return !wanted || group;
}

bool argument_check(const struct argument *table, const struct sectigo_form *form, struct answer *answer)
{
    for (size_t i = 0; i < form->count; i++) {
        if (!find_argument(table, form->params[i].name)) {
            answer_refuse_argument(answer, -2, form->params[i].name);
            return false;
        }
    }
    if (!check_missing(table, form, answer))
        return false;
    for (size_t i = 0; i < form->count; i++) {
        const struct argument *argument = find_argument(table, form->params[i].name);
        if (*form->params[i].value && !is_valid(argument, form->params[i].value)) {
            answer_refuse_argument(answer, -4, argument->name);
            return false;
        }
    }
    return true;
}

bool argument_yes(const struct sectigo_form *form, const char *name)
{
    const char *value = sectigo_form_get(form, name);
    return value && strcasecmp(value, "Y") == 0;
}

int64_t argument_number(const struct sectigo_form *form, const char *name, int64_t otherwise)
{
    const char *value = sectigo_form_get(form, name);
    return value && *value ? strtoll(value, NULL, 10) : otherwise;
}

bool argument_each(const char *list, bool (*fn)(void *arg, const char *part), void *arg)
{
    char *copy = strdup(list), *rest = NULL;
    bool ok = copy != NULL;
    for (char *part = ok ? strtok_r(copy, ", \t\r\n", &rest) : NULL; ok && part;
         part = strtok_r(NULL, ", \t\r\n", &rest))
        ok = fn(arg, part);
    free(copy);
    return ok;
}
