#include "gateway/operate/ctl/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/operate/ctl/since.h"

const char COMMAND_SOCKET[] = "/run/acmegate/admin.sock";

enum { NAME_SIZE = 48, OPTIONS_GIVEN = 24 };

/* "order show" */
static const char *name_of(const struct command *c, char out[static NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%s%s%s", c->words[0], c->words[1] ? " " : "", c->words[1] ? c->words[1] : "");
    return out;
}

/* ---- help ---- */

static void usage_of(const struct command *c, char *out, size_t size)
{
    char name[NAME_SIZE];
    snprintf(out, size, "%s%s%s%s%s", name_of(c, name), c->argument ? (c->optional ? " [" : " ") : "",
             c->argument ? c->argument : "", c->optional ? "]" : "",
             c->options & OPTION_MEMBERS ? " KEY=VALUE..." : "");
}

static void print_help(void)
{
    int width = 0;
    char usage[80];
    for (const struct command *c = commands; c->words[0]; c++) {
        usage_of(c, usage, sizeof usage);
        width = (int)strlen(usage) > width ? (int)strlen(usage) : width;
    }
    printf("usage: acmegatectl [--socket PATH | --url URL --token-file FILE] [--json] COMMAND\n\n");
    for (const struct command *c = commands; c->words[0]; c++) {
        usage_of(c, usage, sizeof usage);
        printf("  %-*s  %s\n", width, usage, c->help);
    }
    printf("\n");
    for (const struct option_row *row = option_rows; row->name; row++) {
        snprintf(usage, sizeof usage, "%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
        if (row->help)
            printf("  %-*s  %s\n", width, usage, row->help);
    }
    printf("  --help, --version\n");
}

static void complain_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "acmegatectl: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, " (acmegatectl --help lists all)\n");
    va_end(args);
}

/* ---- options ---- */

const struct option_row *option_row(const char *name)
{
    for (const struct option_row *row = option_rows; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

unsigned command_options(const struct command *command)
{
    return command->options | (command->columns ? OPTION_CSV : 0);
}

struct reading {
    struct asked *asked;
    char **argv; /* what is still to be read */
    const char *words[4];
    unsigned word_count, options; /* options given */
    struct {
        unsigned option;
        const char *name;
    } given[OPTIONS_GIVEN]; /* of those that not every command has; the last place is the last one's */
    unsigned given_count;
};

static bool value_given(struct reading *r, const char *name, const char **value)
{
    if (*r->argv && **r->argv)
        *value = *r->argv++;
    else
        complain_usage("%s wants a value", name);
    return *value != NULL;
}

static void note_option(struct reading *r, unsigned option, const char *name)
{
    r->options |= option;
    if (r->given_count == OPTIONS_GIVEN)
        r->given_count--;
    r->given[r->given_count].option = option;
    r->given[r->given_count++].name = name;
}

/* The first option that this command does not have. */
static const char *option_beyond(const struct reading *r, const struct command *c)
{
    unsigned i = 0;
    while (i + 1 < r->given_count && (r->given[i].option & command_options(c)))
        i++;
    return r->given[i].name;
}

static bool read_option(struct reading *r, const char *name)
{
    const struct option_row *row = option_row(name);
    if (!row) {
        complain_usage("there is no option %s", name);
        return false;
    }
    void *member = (char *)r->asked + row->at;
    if (row->option)
        note_option(r, row->option, name);
    if (row->value)
        return value_given(r, name, member);
    *(bool *)member = true;
    return true;
}

/* People's words become UNIX milliseconds. */
static bool settle_since(struct reading *r)
{
    long long ms;
    if (!r->asked->since)
        return true;
    if (!since_read(r->asked->since, time(NULL), &ms)) {
        complain_usage("--since \"%s\" is no time; it takes %s", r->asked->since, SINCE_FORMS);
        return false;
    }
    snprintf(r->asked->since_ms, sizeof r->asked->since_ms, "%lld", ms < 0 ? 0 : ms);
    return true;
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
    if (r->word_count < sizeof r->words / sizeof *r->words)
        r->words[r->word_count] = word;
    r->word_count++;
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

static void complain_of_more(const struct reading *r, const struct command *c, unsigned wanted)
{
    char name[NAME_SIZE];
    const char *more = wanted < sizeof r->words / sizeof *r->words ? r->words[wanted] : "a word more";
    name_of(c, name);
    if (c->options & OPTION_MEMBERS)
        complain_usage("%s takes KEY=VALUE, as in %s=VALUE, and \"%s\" has no value", name, more, more);
    else if (c->argument)
        complain_usage("%s takes one %s, and \"%s\" is another", name, c->argument, more);
    else
        complain_usage("%s takes nothing behind it but options, and \"%s\" stands there", name, more);
}

/* Which options go together. */
static bool fits_options(const struct asked *asked, const char *name)
{
    bool remote = asked->token_file || asked->ca;
    if (asked->command->body == BODY_TOKEN && !asked->role)
        complain_usage("%s wants --role read, operate or admin", name);
    else if (asked->url && (!asked->token_file || strncmp(asked->url, "https://", 8) != 0))
        complain_usage("--url wants a URL that begins with https://, and --token-file beside it");
    else if (!asked->url && remote)
        complain_usage("--token-file and --ca are of use with --url only");
    else if (asked->follow && (asked->newest || asked->all))
        complain_usage("--follow goes on for ever, so it takes neither --newest nor --all");
    else
        return true;
    return false;
}

static bool fits_usage(const struct reading *r, const struct command *c, unsigned name_words)
{
    unsigned wanted = name_words + (c->argument && (!c->optional || r->word_count > name_words) ? 1 : 0);
    char name[NAME_SIZE];
    name_of(c, name);
    if (r->word_count < wanted)
        complain_usage("%s wants %s %s", name, strchr("AEIO", c->argument[0]) ? "an" : "a", c->argument);
    else if (r->word_count > wanted)
        complain_of_more(r, c, wanted);
    else if (r->asked->member_count > 0 && !(c->options & OPTION_MEMBERS))
        complain_usage("%s takes no KEY=VALUE, and \"%s\" stands there", name, r->asked->members[0]);
    else if (r->options & ~command_options(c))
        complain_usage("%s is no option of %s", option_beyond(r, c), name);
    else
        return fits_options(r->asked, name);
    return false;
}

/* "list, show, retry, drop": second words of the commands that begin so; "" where there are none. */
static void list_seconds(const char *first, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const struct command *c = commands; c->words[0] && used < size; c++)
        if (c->words[1] && strcmp(c->words[0], first) == 0)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", c->words[1]);
}

/* The first word of a command that begins as this one does ("orders", "stat"); NULL: none. */
static const char *nearest(const char *word)
{
    size_t len = strlen(word);
    if (len > 1 && word[len - 1] == 's')
        len--;
    for (const struct command *c = commands; c->words[0]; c++)
        if (len > 1 && strncmp(c->words[0], word, len) == 0)
            return c->words[0];
    return NULL;
}

static void complain_of_none(const struct reading *r)
{
    char seconds[160];
    const char *near;
    if (r->word_count == 0) {
        complain_usage("a command is wanted, such as status");
        return;
    }
    list_seconds(r->words[0], seconds, sizeof seconds);
    near = nearest(r->words[0]);
    if (seconds[0] && r->word_count == 1)
        complain_usage("%s what? One of %s", r->words[0], seconds);
    else if (seconds[0])
        complain_usage("%s has no \"%s\"; it has %s", r->words[0], r->words[1], seconds);
    else if (near)
        complain_usage("there is no command \"%s\"; do you mean %s?", r->words[0], near);
    else
        complain_usage("there is no command \"%s\"", r->words[0]);
}

static bool find_command(struct reading *r)
{
    for (const struct command *c = commands; c->words[0]; c++) {
        unsigned name_words = named(r, c);
        if (name_words == 0)
            continue;
        r->asked->command = c;
        r->asked->argument = c->argument && r->word_count > name_words ? r->words[name_words] : NULL;
        return fits_usage(r, c, name_words) && settle_since(r);
    }
    complain_of_none(r);
    return false;
}

bool command_read(int argc, char **argv, struct asked *asked, enum outcome *outcome)
{
    struct reading r = {.asked = asked, .argv = argv + (argc > 0)};
    *asked = (struct asked){.socket = COMMAND_SOCKET};
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
