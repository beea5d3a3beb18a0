#include "gateway/operate/ctl/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/operate/ctl/exchange.h"
#include "gateway/operate/ctl/value.h"

/* What the line says so far. */
struct begun {
    const char *words[2]; /* of the command, as far as they are there; NULL behind the last */
    unsigned word_count;  /* arguments of the command included */
    const char *socket, *url, *token_file, *ca, *word;
    const struct option_row *wants; /* the option whose value is begun; NULL: none */
};

/* Where the daemon is, of which values are asked. */
static void note_place(struct begun *begun, const struct option_row *row, const char *value)
{
    const struct {
        const char *name, **place;
    } places[] = {{"--socket", &begun->socket},
                  {"--url", &begun->url},
                  {"--token-file", &begun->token_file},
                  {"--ca", &begun->ca}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(places[i].name, row->name) == 0)
            *places[i].place = value;
    }
}

static void read_begun(int argc, char **argv, struct begun *begun)
{
    *begun = (struct begun){.socket = COMMAND_SOCKET, .word = argv[argc - 1]};
    for (int i = 2; i < argc - 1; i++) {
        const struct option_row *row = option_row(argv[i]);
        if (row && row->value && i + 1 == argc - 1)
            begun->wants = row;
        else if (row && row->value)
            note_place(begun, row, argv[++i]);
        else if (argv[i][0] != '-' && !strchr(argv[i], '=') && begun->word_count++ < 2)
            begun->words[begun->word_count - 1] = argv[i];
    }
}

static const struct command *find(const struct begun *begun)
{
    for (const struct command *c = commands; c->words[0]; c++) {
        if (!begun->words[0] || strcmp(c->words[0], begun->words[0]) != 0)
            continue;
        if (!c->words[1] || (begun->words[1] && strcmp(c->words[1], begun->words[1]) == 0))
            return c;
    }
    return NULL;
}

/* ---- what the daemon knows ---- */

/* The list whose first column has what an argument or an option's value may be. */
static const struct {
    const char *value, *first, *second;
} sources[] = {
    {"ORDER", "order", "list"},       {"SUBSCRIPTION", "subscription", "list"},
    {"ISSUANCE", "issuance", "list"}, {"CERTIFICATE", "certificate", "list"},
    {"ACCOUNT", "account", "list"},   {"LOGIN", "upstream", "status"},
    {"NAME", "policy", "list"},       {"POLICY", "policy", "list"},
    {"KEY", "eab", "list"},           {"TOKEN", "token", "list"},
    {"TARGET", "notify", "list"},
};

static void offer_ids(const struct begun *begun, const struct command *list)
{
    struct asked asked = {.command = list,
                          .socket = begun->socket,
                          .url = begun->token_file ? begun->url : NULL,
                          .token_file = begun->token_file,
                          .ca = begun->ca,
                          .newest = (list->options & OPTION_NEWEST) != 0};
    char *text = NULL;
    json_t *page = NULL, *item;
    size_t i;
    asked.limit = list->options & OPTION_LIMIT ? "1000" : NULL;
    if (exchange(&asked, &text, &page) == DONE) {
        json_array_foreach(json_object_get(page, "items"), i, item)
        {
            const char *id = json_string_value(json_object_get(item, list->columns[0].key));
            if (id)
                printf("%s\n", id);
        }
    }
    json_decref(page);
    free(text);
}

static void offer_values(const struct begun *begun, const char *value)
{
    if (strcmp(value, "DIRECTORY") == 0 || strcmp(value, "PATH") == 0 || strcmp(value, "FILE") == 0)
        printf("//files\n");
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        const struct begun list = {.words = {sources[i].first, sources[i].second}};
        if (strcmp(sources[i].value, value) == 0)
            offer_ids(begun, find(&list));
    }
}

/* ---- what the tables know ---- */

static void offer_words(const char *words)
{
    for (; *words; words++)
        putchar(*words == ' ' ? '\n' : *words);
    putchar('\n');
}

static void offer_option_value(const struct begun *begun, const struct command *command)
{
    if (begun->wants->option == OPTION_STATE && command && command->states)
        offer_words(command->states);
    else if (begun->wants->option == OPTION_SINCE)
        offer_words("today yesterday 7d");
    else if (begun->wants->option == OPTION_REASON)
        offer_words("unspecified keyCompromise affiliationChanged superseded cessationOfOperation");
    else if (begun->wants->option == OPTION_ROLE)
        offer_words("read operate admin");
    else if (begun->wants->option != OPTION_NAME) /* of no policy, but of what is listed */
        offer_values(begun, begun->wants->value);
}

/* First words, or the second ones behind the first. */
static void offer_commands(const struct begun *begun)
{
    for (const struct command *c = commands; c->words[0]; c++) {
        bool same = begun->words[0] && strcmp(c->words[0], begun->words[0]) == 0;
        if (!begun->words[0])
            printf("%s\n", c->words[0]);
        else if (same && c->words[1])
            printf("%s\n", c->words[1]);
    }
}

static void offer_options(const struct command *command)
{
    for (const struct option_row *row = option_rows; row->name; row++) {
        if (!command || !row->option || (row->option & command_options(command)))
            printf("%s\n", row->name);
    }
    printf("--help\n--version\n");
}

enum outcome complete(int argc, char **argv)
{
    struct begun begun;
    if (argc < 3)
        return MISUSED;
    read_begun(argc, argv, &begun);
    const struct command *command = find(&begun);
    unsigned names = command ? (command->words[1] ? 2 : 1) : 0;
    if (begun.wants)
        offer_option_value(&begun, command);
    else if (begun.word[0] == '-')
        offer_options(command);
    else if (!command)
        offer_commands(&begun);
    else if (command->argument && begun.word_count == names)
        offer_values(&begun, command->argument);
    if (!begun.wants && begun.word_count == 0)
        offer_options(NULL);
    return DONE;
}
