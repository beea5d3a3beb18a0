#include "sectigo/cli/options.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double seconds_max = 1e7;

/* name, value, groups, kind, where it goes, help */
static const struct option options[] = {
    {"url", "URL", OPTIONS_CALL | OPTIONS_PUSH, OPTION_TEXT, offsetof(struct settings, url),
     "Sectigo, or a stand-in: https:// and a host (" SECTIGO_URL ")"},
    {"login", "NAME", OPTIONS_LOGIN, OPTION_TEXT, offsetof(struct settings, login), "the account's loginName"},
    {"loginName", "NAME", OPTIONS_LOGIN, OPTION_TEXT, offsetof(struct settings, login), NULL},
    {"loginPassword", "PASSWORD", OPTIONS_LOGIN, OPTION_FORBIDDEN, 0, NULL},
    {"password", "PASSWORD", OPTIONS_LOGIN, OPTION_FORBIDDEN, 0, NULL},
    {"password-file", "FILE", OPTIONS_LOGIN, OPTION_TEXT, offsetof(struct settings, password_file),
     "its first line is the loginPassword (or SECTIGO_PASSWORD in the environment)"},
    {"client-certificate", "FILE", OPTIONS_LOGIN, OPTION_TEXT, offsetof(struct settings, client_certificate),
     "PEM; logs in instead of a password"},
    {"client-key", "FILE", OPTIONS_LOGIN, OPTION_TEXT, offsetof(struct settings, client_key),
     "PEM; the key of --client-certificate"},
    {"ca-file", "FILE", OPTIONS_CALL, OPTION_TEXT, offsetof(struct settings, ca_file),
     "PEM; authorities that may vouch for --url, instead of the system's"},
    {"proxy", "URL", OPTIONS_CALL, OPTION_TEXT, offsetof(struct settings, proxy),
     "HTTP proxy (SECTIGO_PROXY in the environment, where it needs a password)"},
    {"timeout", "SECONDS", OPTIONS_CALL, OPTION_SECONDS, offsetof(struct settings, timeout_s),
     "how long one call may take (120)"},
    {"wait", NULL, OPTIONS_WAIT, OPTION_FLAG, offsetof(struct settings, wait),
     "until the certificate is there, then show it"},
    {"interval", "SECONDS", OPTIONS_WAIT, OPTION_SECONDS, offsetof(struct settings, interval_s),
     "between two looks of --wait (60 at first, doubling up to 3 hours)"},
    {"wait-limit", "SECONDS", OPTIONS_WAIT, OPTION_SECONDS, offsetof(struct settings, wait_limit_s),
     "when --wait gives up (86400)"},
    {"out", "FILE", OPTIONS_WAIT, OPTION_TEXT, offsetof(struct settings, out),
     "write the certificates there: the leaf first, then its issuers, no root"},
    {"csr", "FILE", OPTIONS_TOKEN, OPTION_TEXT, offsetof(struct settings, token_csr),
     "the request: PEM, base64 or DER; - reads it from stdin"},
    {"name", "NAME", OPTIONS_TOKEN, OPTION_NAMES, 0, "a name to be proved; may be given again"},
    {"uniqueValue", "VALUE", OPTIONS_TOKEN, OPTION_TEXT, offsetof(struct settings, token_unique_value),
     "the order's uniqueValue, where it has one"},
    {"family", "WORD", OPTIONS_CATALOGUE, OPTION_TEXT, offsetof(struct settings, family),
     "only families with that word in their name"},
    {"validation", "WORD", OPTIONS_CATALOGUE, OPTION_TEXT, offsetof(struct settings, validation), "only DV, OV or EV"},
    {"shape", "WORD", OPTIONS_CATALOGUE, OPTION_TEXT, offsetof(struct settings, shape),
     "only shapes with that word in their name: single, wildcard, multi-domain, UCC"},
    {"push", "FILE", OPTIONS_PUSH, OPTION_TEXT, offsetof(struct settings, push),
     "the query or the body that Sectigo sent; - reads it from stdin"},
    {"code", "NUMBER", OPTIONS_CODES, OPTION_TEXT, offsetof(struct settings, code), "only that code, such as -16"},
    {"call", "WORD", OPTIONS_CODES, OPTION_TEXT, offsetof(struct settings, code_call),
     "only codes of calls with that word in their name, such as CollectSSL"},
    {"json", NULL, OPTIONS_EVERY, OPTION_FLAG, offsetof(struct settings, json),
     "one JSON object in a line, for programs"},
    {"raw", NULL, OPTIONS_CALL, OPTION_FLAG, offsetof(struct settings, raw),
     "Sectigo's answer as it came; allows every format of the call"},
    {"dry-run", NULL, OPTIONS_CALL, OPTION_FLAG, offsetof(struct settings, dry_run),
     "check and show the request, secrets masked; send nothing"},
    {"parameter", "NAME=VALUE", OPTIONS_UNSEEN, OPTION_UNSEEN, 0,
     "a parameter that the pages seen do not name, sent as it is; may be given again"},
    {"yes", NULL, OPTIONS_ASK, OPTION_FLAG, offsetof(struct settings, yes), "do not ask"},
    {"help", NULL, OPTIONS_EVERY, OPTION_FLAG, offsetof(struct settings, help), "this"},
};
enum { OPTIONS = sizeof options / sizeof *options };

const struct option *options_all(size_t *count)
{
    *count = OPTIONS;
    return options;
}

static bool ignored(char c)
{
    return c == '-' || c == '_' || c == ' ';
}

bool option_same(const char *name, const char *spelling, size_t len)
{
    const char *end = spelling + len;

    for (;; name++, spelling++) {
        while (ignored(*name))
            name++;
        while (spelling < end && ignored(*spelling))
            spelling++;
        if (!*name || spelling >= end)
            return !*name && spelling >= end;
        if (tolower((unsigned char)*name) != tolower((unsigned char)*spelling))
            return false;
    }
}

const struct option *option_find(const char *name, size_t len, unsigned groups)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].groups & (groups | OPTIONS_EVERY) && option_same(options[i].name, name, len))
            return &options[i];
    return NULL;
}

static bool set_seconds(const char *value, double *seconds)
{
    char *end;

    *seconds = strtod(value, &end);
    return *value && !*end && isfinite(*seconds) && *seconds > 0 && *seconds <= seconds_max;
}

static bool add_name(struct settings *settings, const char *name)
{
    if (settings->name_count == NAMES_MAX || !*name)
        return false;
    settings->names[settings->name_count++] = name;
    return true;
}

static bool add_unseen(struct settings *settings, const char *pair)
{
    if (settings->unseen_count == NAMES_MAX || *pair == '=' || !strchr(pair, '='))
        return false;
    settings->unseen[settings->unseen_count++] = pair;
    return true;
}

bool option_set(const struct option *option, const char *value, struct settings *settings)
{
    char *slot = (char *)settings + option->offset;

    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)slot = true;
        return true;
    case OPTION_TEXT:
        *(const char **)(void *)slot = value;
        return *value != '\0';
    case OPTION_SECONDS:
        return set_seconds(value, (double *)(void *)slot);
    case OPTION_NAMES:
        return add_name(settings, value);
    case OPTION_UNSEEN:
        return add_unseen(settings, value);
    case OPTION_FORBIDDEN:
        return false;
    }
    return false;
}
