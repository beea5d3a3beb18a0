/* sectigo: Sectigo's partner API on the command line. */
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "sectigo/cli/arguments.h"
#include "sectigo/cli/help.h"
#include "sectigo/transport.h"

static const struct command *find_command(const char *name)
{
    for (const struct command *const *command = commands; *command; command++)
        if (option_same((*command)->name, name, strlen(name)))
            return *command;
    return NULL;
}

static enum outcome run_command(const struct command *command, char **argv)
{
    struct session session = {.command = command, .settings.url = SECTIGO_URL};
    enum outcome outcome = OUTCOME_USAGE;

    if (arguments_read(&session, argv)) {
        if (session.settings.help)
            help_command(command);
        outcome = session.settings.help ? OUTCOME_DONE : command->run(&session);
    }
    sectigo_client_free(session.client);
    sectigo_form_clear(&session.form);
    explicit_bzero(&session, sizeof session);
    return outcome;
}

/* Written to the end, or not done. */
static int end_output(enum outcome outcome)
{
    bool written = fflush(stdout) == 0 && !ferror(stdout);

    if (!written)
        fputs("sectigo: the output cannot be written\n", stderr);
    return (int)(written || outcome != OUTCOME_DONE ? outcome : OUTCOME_LOCAL);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    const struct command *command = find_command(name);
    enum outcome outcome = OUTCOME_USAGE;

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help_program(stdout);
        return end_output(OUTCOME_DONE);
    }
    if (strcmp(name, "--version") == 0) {
        puts("sectigo " ACMEGATE_VERSION);
        return end_output(OUTCOME_DONE);
    }
    if (!command) {
        if (*name)
            fprintf(stderr, "sectigo: there is no command \"%.60s\"\n", name);
        help_program(stderr);
        return end_output(OUTCOME_USAGE);
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fputs("sectigo: libcurl cannot be started\n", stderr);
        return end_output(OUTCOME_LOCAL);
    }
    outcome = run_command(command, argv + 2);
    curl_global_cleanup();
    return end_output(outcome);
}
