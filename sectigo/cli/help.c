#include "sectigo/cli/help.h"

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

/* Column in which the explanation begins. */
enum { EXPLANATION = 40 };

static void print_name(const char *name, const char *value)
{
    int len = printf("  --");

    for (; *name; name++)
        if (*name != ' ')
            len += putchar(*name) != EOF;
    if (value)
        len += printf(" %s", value);
    printf("%*s", len < EXPLANATION - 1 ? EXPLANATION - len : 1, "");
}

static const struct preset *preset_of(const struct command *command, const char *name)
{
    for (const struct preset *preset = command->presets; preset && preset->name; preset++)
        if (strcmp(preset->name, name) == 0)
            return preset;
    return NULL;
}

static void print_parameter(const struct command *command, const struct parameter *parameter)
{
    const struct preset *preset = preset_of(command, parameter->name);
    const char *gap = "";

    print_name(parameter->name, parameter->from_file ? "FILE" : "VALUE");
    if (parameter->from_file) {
        fputs(parameter->secret ? "first line of the file" : "the file; - is stdin", stdout);
        gap = "; ";
    }
    if (parameter->allowed) {
        printf("%s%s", gap, parameter->allowed);
        gap = "; ";
    }
    if (parameter->max > 1) {
        printf("%sup to %zu characters", gap, parameter->max);
        gap = "; ";
    }
    if (parameter->used_with && strcmp(parameter->used_with, "every order") != 0) {
        printf("%swith %s", gap, parameter->used_with);
        gap = "; ";
    }
    if (preset)
        printf("%s%s here", gap, preset->value);
    else if (parameter->needed)
        printf("%sneeded for %s", gap, parameter->needed);
    putchar('\n');
}

static void print_options(unsigned groups)
{
    size_t count;
    const struct option *options = options_all(&count);

    for (size_t i = 0; i < count; i++) {
        if (!(options[i].groups & groups) || !options[i].help)
            continue;
        print_name(options[i].name, options[i].value);
        puts(options[i].help);
    }
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
