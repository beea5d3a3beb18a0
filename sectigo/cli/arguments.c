#include "sectigo/cli/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/cli/files.h"
#include "sectigo/cli/parameters.h"

/* One argument, taken apart. */
struct word {
    const char *name; /* without the hyphens in front */
    size_t len;
    const char *value; /* behind '='; NULL: none */
};

static bool split(const char *argument, struct word *word)
{
    if (strncmp(argument, "--", 2) != 0 || !argument[2])
        return false;
    word->name = argument + 2;
    word->len = strcspn(word->name, "=");
    word->value = word->name[word->len] ? word->name + word->len + 1 : NULL;
    return word->len > 0;
}

/* The value behind '=', or the next argument; NULL: said that there is none. */
static const char *take_value(struct session *session, const struct word *word, char ***rest)
{
    if (word->value)
        return word->value;
    if (!**rest) {
        complain(session, "--%.*s needs a value", (int)word->len, word->name);
        return NULL;
    }
    return *(*rest)++;
}

static bool read_option(struct session *session, const struct option *option, const struct word *word, char ***rest)
{
    const char *value = "";

    if (option->kind == OPTION_FORBIDDEN) {
        complain(session, "a password may not be on the command line, where everybody on this machine can read it: use "
                          "--password-file, or SECTIGO_PASSWORD in the environment");
        return false;
    }
    if (option->kind == OPTION_FLAG && word->value) {
        complain(session, "--%s takes no value", option->name);
        return false;
    }
    if (option->kind != OPTION_FLAG)
        value = take_value(session, word, rest);
    if (!value)
        return false;
    if (!option_set(option, value, &session->settings)) {
        complain(session, "--%s \"%.100s\" is no %s (sectigo %s --help tells more)", option->name, value, option->value,
                 session->command->name);
        return false;
    }
    return true;
}

static bool read_parameter_file(struct session *session, const struct parameter *parameter, const char *path)
{
    char reason[REASON_MAX], secret[PASSWORD_MAX];

    if (parameter->secret) {
        if (file_secret(path, secret, sizeof secret, reason)) {
            sectigo_form_add_secret(&session->form, parameter->name, secret);
            explicit_bzero(secret, sizeof secret);
            return true;
        }
        complain(session, "--%s names a file that holds the password; it %s", parameter->name, reason);
        return false;
    }
    char *text = file_csr(path, reason);
    if (!text) {
        complain(session, "--%s: %s", parameter->name, reason);
        return false;
    }
    session->csr_file = path;
    sectigo_form_add(&session->form, parameter->name, text);
    free(text);
    return true;
}

static bool read_parameter(struct session *session, const struct parameter *parameter, const struct word *word,
                           char ***rest)
{
    const char *value = take_value(session, word, rest);

    if (!value)
        return false;
    if (sectigo_form_get(&session->form, parameter->name)) {
        complain(session, "--%s is given twice", parameter->name);
        return false;
    }
    if (parameter->from_file)
        return read_parameter_file(session, parameter, value);
    sectigo_form_add(&session->form, parameter->name, value);
    return true;
}

static bool read_word(struct session *session, const char *argument, char ***rest)
{
    const struct command *command = session->command;
    struct parameter parameter;
    struct word word;

    if (strcmp(argument, "-h") == 0)
        argument = "--help";
    if (!split(argument, &word)) {
        complain(session, "\"%.100s\" is no option: they begin with --", argument);
        return false;
    }
    const struct option *option = option_find(word.name, word.len, command->groups);
    if (option)
        return read_option(session, option, &word, rest);
    if (parameter_find(command->call, word.name, word.len, &parameter))
        return read_parameter(session, &parameter, &word, rest);
    complain(session, "there is no --%.*s (sectigo %s --help lists all options)", (int)word.len, word.name,
             command->name);
    return false;
}

/* Cleared as soon as it is read, so that nothing started from here and no dump of the environment shows it. */
static bool read_environment(const char *name, char *out, size_t size)
{
    char *value = getenv(name);
    size_t len = value ? strlen(value) : 0;
    bool fits = len < size;

    if (fits && value)
        memcpy(out, value, len + 1);
    if (value)
        explicit_bzero(value, len);
    unsetenv(name);
    return fits;
}

static bool read_secrets(struct session *session)
{
    struct settings *settings = &session->settings;
    char reason[REASON_MAX];

    if (!read_environment("SECTIGO_PASSWORD", settings->password, sizeof settings->password) ||
        !read_environment("SECTIGO_PROXY", settings->secret_proxy, sizeof settings->secret_proxy)) {
        complain(session, "SECTIGO_PASSWORD or SECTIGO_PROXY is longer than %d octets", PASSWORD_MAX - 1);
        return false;
    }
    if (!settings->password_file || settings->help)
        return true;
    if (file_secret(settings->password_file, settings->password, sizeof settings->password, reason))
        return true;
    complain(session, "--password-file %.100s %s", settings->password_file, reason);
    return false;
}

/* What --parameter gave, beside the parameters by name: none twice. */
static bool add_unseen(struct session *session)
{
    for (size_t i = 0; i < session->settings.unseen_count; i++) {
        const char *pair = session->settings.unseen[i];
        char name[64];

        snprintf(name, sizeof name, "%.*s", (int)strcspn(pair, "="), pair);
        if (sectigo_form_get(&session->form, name)) {
            complain(session, "%s is given twice", name);
            return false;
        }
        sectigo_form_add(&session->form, name, strchr(pair, '=') + 1);
    }
    return true;
}

/* Whatever asks for the answer in two ways at once. */
static bool agree(const struct session *session)
{
    const struct settings *settings = &session->settings;

    if (settings->proxy && strchr(settings->proxy, '@'))
        complain(session, "a proxy's password may not be on the command line: put the URL into SECTIGO_PROXY in the "
                          "environment");
    else if (settings->raw && (settings->json || settings->wait || settings->out))
        complain(session, "--raw goes with none of --json, --wait and --out");
    else if (session->form.failed)
        complain(session, "out of memory");
    else
        return true;
    return false;
}

bool arguments_read(struct session *session, char **argv)
{
    char **rest = argv;

    while (*rest) {
        const char *argument = *rest++;
        if (!read_word(session, argument, &rest))
            return false;
    }
    return add_unseen(session) && agree(session) && read_secrets(session);
}
