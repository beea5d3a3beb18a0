#include "sectigo/cli/help.h"

#include <stdarg.h>
#include <string.h>

#include "sectigo/cli/parameters.h"

void help_program(FILE *stream)
{
    fputs("usage: sectigo COMMAND [OPTIONS]\n\n", stream);
    for (const struct command *const *command = commands; *command; command++)
        fprintf(stream, "  %-14s %s\n", (*command)->name, (*command)->summary);
    fputs("\nsectigo COMMAND --help lists its options. Exit status: 0 done, 1 refused by Sectigo, 2 wrong options,\n"
          "3 outcome unknown, 4 no answer, 5 not yet, 6 not confirmed, 7 failed here.\n",
          stream);
}

enum { EXPLANATION = 34, WIDTH = 110, TEXT_MAX = 512 }; /* columns: where the explanation begins, and ends */

/* Words, in lines below each other from a column on; the cursor is at column at. */
static void print_wrapped(const char *text, int at)
{
    if (at >= EXPLANATION) {
        putchar('\n');
        at = 0;
    }
    printf("%*s", EXPLANATION - at, "");
    for (at = EXPLANATION; *text;) {
        int len = (int)strcspn(text, " ");
        if (at > EXPLANATION && at + 1 + len > WIDTH) {
            printf("\n%*s", EXPLANATION, "");
            at = EXPLANATION;
        }
        at += printf("%s%.*s", at > EXPLANATION ? " " : "", len, text);
        text += len;
        text += strspn(text, " ");
    }
    putchar('\n');
}

/* The columns that it took. */
static int print_name(const char *name, const char *value)
{
    int at = printf("  --");

    for (; *name; name++)
        if (*name != ' ')
            at += printf("%c", *name);
    if (value)
        at += printf(" %s", value);
    return at;
}

static const struct preset *preset_of(const struct command *command, const char *name)
{
    for (const struct preset *preset = command->presets; preset && preset->name; preset++)
        if (strcmp(preset->name, name) == 0)
            return preset;
    return NULL;
}

__attribute__((format(printf, 2, 3))) static void append(char text[static TEXT_MAX], const char *format, ...)
{
    size_t len = strlen(text);
    va_list values;

    if (len > 0)
        len += (size_t)snprintf(text + len, TEXT_MAX - len, "; ");
    va_start(values, format);
    if (len < TEXT_MAX)
        vsnprintf(text + len, TEXT_MAX - len, format, values);
    va_end(values);
}

static void append_preset(char text[static TEXT_MAX], const struct preset *preset)
{
    static const struct {
        const char *before, *after;
    } words[] = {
        [PRESET_DEFAULT] = {"", " where it is not given"},
        [PRESET_ALWAYS] = {"always ", ""},
        [PRESET_FORMAT] = {"", ", another with --raw only"},
        [PRESET_UNSENT] = {"another than ", " with --raw only"},
        [PRESET_DETAIL] = {"", " where it is not given and responseFormat is not 0"},
    };

    append(text, "%s%s%s", words[preset->kind].before, preset->value, words[preset->kind].after);
}

static void print_parameter(const struct command *command, const struct parameter *parameter)
{
    const struct preset *preset = preset_of(command, parameter->name);
    char text[TEXT_MAX] = "";

    if (parameter->secret)
        append(text, "first line of the file");
    else if (parameter->from_file)
        append(text, "PEM, base64 or DER; - is stdin");
    else if (parameter->allowed)
        append(text, "%s", parameter->allowed);
    if (parameter->max > 1 && !parameter->from_file)
        append(text, "up to %zu characters", parameter->max);
    if (parameter->used_with && strcmp(parameter->used_with, "every order") != 0)
        append(text, "with %s", parameter->used_with);
    if (preset)
        append_preset(text, preset);
    else if (parameter->needed)
        append(text, "needed for %s", parameter->needed);
    print_wrapped(text, print_name(parameter->name, parameter->from_file ? "FILE" : "VALUE"));
}

static void print_options(unsigned groups)
{
    size_t count;
    const struct option *options = options_all(&count);

    for (size_t i = 0; i < count; i++)
        if (options[i].groups & groups && options[i].help)
            print_wrapped(options[i].help, print_name(options[i].name, options[i].value));
}

void help_command(const struct command *command)
{
    struct parameter parameter;

    printf("usage: sectigo %s [OPTIONS]\n\n%s\n", command->name, command->summary);
    for (size_t n = 0; parameter_at(command->call, n, &parameter); n++) {
        if (n == 0)
            printf("\nParameters of %s (spelled --domainNames or --domain-names):\n",
                   sectigo_call_info(command->call)->name);
        print_parameter(command, &parameter);
    }
    puts("\nOptions:");
    print_options(command->groups | OPTIONS_EVERY);
}
