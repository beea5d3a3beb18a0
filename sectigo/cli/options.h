/* options: everything that the program can be told beside the parameters of a call, as one table. One thread. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { PASSWORD_MAX = 1024, NAMES_MAX = 64 };

/* What was told. Texts belong to argv. */
struct settings {
    const char *url, *login, *password_file, *client_certificate, *client_key, *ca_file, *proxy;
    const char *out, *family, *validation, *shape, *token_csr, *token_unique_value, *push, *code, *code_call;
    const char *names[NAMES_MAX], *unseen[NAMES_MAX]; /* unseen: "NAME=VALUE" */
    size_t name_count, unseen_count;
    double timeout_s, interval_s, wait_limit_s; /* interval_s 0: grows by itself */
    bool json, raw, dry_run, yes, wait, help;
    char password[PASSWORD_MAX], secret_proxy[PASSWORD_MAX]; /* of the environment; "": none */
};

/* Where Sectigo is. */
#define SECTIGO_URL "https://secure.trust-provider.com"

/* Which commands have an option: one bit each. */
enum option_group {
    OPTIONS_CALL = 1 << 0,  /* those that talk to Sectigo */
    OPTIONS_LOGIN = 1 << 1, /* those that log in */
    OPTIONS_ASK = 1 << 2,
    OPTIONS_WAIT = 1 << 3,
    OPTIONS_TOKEN = 1 << 4,
    OPTIONS_CATALOGUE = 1 << 5,
    OPTIONS_UNSEEN = 1 << 6, /* calls of which no page gives all parameters */
    OPTIONS_PUSH = 1 << 7,
    OPTIONS_CODES = 1 << 8,
    OPTIONS_EVERY = 1 << 9, /* all commands */
};

struct option {
    const char *name;
    const char *value; /* "FILE"; NULL: a flag */
    unsigned groups;
    enum { OPTION_FLAG, OPTION_TEXT, OPTION_SECONDS, OPTION_NAMES, OPTION_UNSEEN, OPTION_FORBIDDEN } kind;
    size_t offset;    /* in struct settings */
    const char *help; /* NULL: another spelling of the one before it */
};

/* The whole table; *count of them. */
const struct option *options_all(size_t *count);
/* Of those in the groups; NULL where there is none. */
const struct option *option_find(const char *name, size_t len, unsigned groups);
/* Spelled alike: "--domainNames", "--domain-names" and "--DOMAINNAMES" are one; len octets of spelling. */
bool option_same(const char *name, const char *spelling, size_t len);
/* False: value is not what the option wants. */
bool option_set(const struct option *option, const char *value, struct settings *settings);

#endif
