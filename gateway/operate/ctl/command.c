#include "gateway/operate/ctl/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char DEFAULT_SOCKET[] = "/run/acmegate/admin.sock";

static void print_help(void)
{
    printf("usage: acmegatectl [--socket PATH] [--json] COMMAND\n\n");
    for (const struct command *c = commands; c->words[0]; c++) {
        char text[48];
        snprintf(text, sizeof text, "%s%s%s%s%s", c->words[0], c->words[1] ? " " : "", c->words[1] ? c->words[1] : "",
                 c->argument ? " " : "", c->argument ? c->argument : "");
        if (c->options & OPTION_MEMBERS)
            snprintf(text + strlen(text), sizeof text - strlen(text), " KEY=VALUE...");
        printf("  %-32s%s\n", text, c->help);
    }
    printf("\n  --socket PATH   the daemon's admin socket (%s)\n"
           "  --json          the daemon's answer as it is\n"
           "  --limit N       of a list: at most N lines (100; at most 1000)\n"
           "  --after CURSOR  of a list: go on where the last one ended\n"
           "  --state STATE   issuance list: only those in this state\n"
           "  --since TIME    audit: from 2026-11-22, or UNIX milliseconds, on\n"
           "  --skip-preflight\n"
           "                  order retry: send it whatever preflight sees\n"
           "  --help, --version\n",
           DEFAULT_SOCKET);
}

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "acmegatectl: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, " (acmegatectl --help lists all)\n");
    va_end(args);
}

/* ---- options ---- */

struct reading {
    struct asked *asked;
    char **argv; /* what is still to be read */
    const char *words[3];
    unsigned word_count, options; /* options given */
};

static bool value_of(struct reading *r, const char *name, const char **value)
{
    if (*r->argv && **r->argv)
        *value = *r->argv++;
    else
        complain("%s wants a value", name);
    return *value != NULL;
}

static bool read_option(struct reading *r, const char *name)
{
    struct asked *asked = r->asked;
    const struct {
        const char *name;
        enum option option;
        const char **value;
    } options[] = {{"--socket", 0, &asked->socket},
                   {"--limit", OPTION_LIMIT, &asked->limit},
                   {"--after", OPTION_AFTER, &asked->after},
                   {"--state", OPTION_STATE, &asked->state},
                   {"--since", OPTION_SINCE, &asked->since}};
    if (strcmp(name, "--json") == 0) {
        asked->json = true;
        return true;
    }
    if (strcmp(name, "--skip-preflight") == 0) {
        asked->skip_preflight = true;
        r->options |= OPTION_SKIP;
        return true;
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strcmp(options[i].name, name) != 0)
            continue;
        r->options |= options[i].option;
        return value_of(r, name, options[i].value);
    }
    complain("there is no option %s", name);
    return false;
}

/* A word with '=' in it is a member, whatever comes before or after it. */
static bool read_word(struct reading *r, char *word)
{
    struct asked *asked = r->asked;
    if (strchr(word, '=')) {
        asked->members = asked->member_count ? asked->members : r->argv - 1;
        asked->members[asked->member_count++] = word; /* behind what was read already */
        return true;
    }
    if (r->word_count == sizeof r->words / sizeof *r->words) {
        complain("\"%s\" is too much", word);
        return false;
    }
    r->words[r->word_count++] = word;
    return true;
}

/* ---- the command ---- */

/* Number of words that name this command; 0: they name another one. */
static unsigned named(const struct reading *r, const struct command *c)
{
    if (r->word_count == 0 || strcmp(r->words[0], c->words[0]) != 0)
        return 0;
    if (!c->words[1])
        return 1;
    return r->word_count > 1 && strcmp(r->words[1], c->words[1]) == 0 ? 2 : 0;
}

static bool fits(const struct reading *r, const struct command *c, unsigned name_words)
{
    unsigned wanted = name_words + (c->argument ? 1 : 0);
    if (r->word_count < wanted)
        complain("%s %s wants %s", c->words[0], c->words[1] ? c->words[1] : "", c->argument);
    else if (r->word_count > wanted)
        complain("\"%s\" is too much", r->words[wanted]);
    else if (r->asked->member_count > 0 && !(c->options & OPTION_MEMBERS))
        complain("\"%s\" is too much", r->asked->members[0]);
    else if (r->options & ~c->options)
        complain("an option that is not for %s %s", c->words[0], c->words[1] ? c->words[1] : "");
    else
        return true;
    return false;
}

static bool find_command(struct reading *r)
{
    for (const struct command *c = commands; c->words[0]; c++) {
        unsigned name_words = named(r, c);
        if (name_words == 0)
            continue;
        r->asked->command = c;
        r->asked->argument = c->argument ? r->words[name_words] : NULL;
        return fits(r, c, name_words);
    }
    if (r->word_count == 0)
        complain("a command is wanted");
    else
        complain("there is no command \"%s%s%s\"", r->words[0], r->word_count > 1 ? " " : "",
                 r->word_count > 1 ? r->words[1] : "");
    return false;
}

bool command_read(int argc, char **argv, struct asked *asked, enum outcome *outcome)
{
    struct reading r = {.asked = asked, .argv = argv + (argc > 0)};
    *asked = (struct asked){.socket = DEFAULT_SOCKET};
    *outcome = MISUSED;
    while (*r.argv) {
        char *argument = *r.argv++;
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            print_help();
            *outcome = DONE;
            return false;
        }
        if (strcmp(argument, "--version") == 0) {
            printf("acmegatectl %s\n", ACMEGATE_VERSION);
            *outcome = DONE;
            return false;
        }
        if (!(argument[0] == '-' ? read_option(&r, argument) : read_word(&r, argument)))
            return false;
    }
    return find_command(&r);
}
