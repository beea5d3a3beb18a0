/* command: what acmegatectl can be asked, and what was asked. One thread. */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* The exit status. Documented in acmegatectl(1): never renumber. */
enum outcome { DONE = 0, FAILED = 1, MISUSED = 2, UNREACHABLE = 3, NOT_FOUND = 4 };

enum option {
    OPTION_LIMIT = 1,
    OPTION_AFTER = 2,
    OPTION_STATE = 4,
    OPTION_SINCE = 8,
    OPTION_SKIP = 32,
    OPTION_MEMBERS = 16, /* KEY=VALUE words */
    OPTION_NAME = 64,
    OPTION_ACCOUNT = 128,
    OPTION_POLICY = 256,
    OPTION_NEWEST = 512,
    OPTION_DAYS = 1024,
    OPTION_REASON = 2048,
    OPTION_REFUSALS = 4096,
    OPTION_FOLLOW = 8192,
    OPTION_ALL = 16384,
    OPTION_CSV = 32768,
    OPTION_FILE = 65536,
    OPTION_PREVIEW = 131072,
    OPTION_LOGIN = 262144,
    OPTION_MONTHS = 524288,
    OPTION_ROLE = 1048576,
    OPTION_ORPHANS = 2097152,
};
enum {
    OPTIONS_PAGE = OPTION_LIMIT | OPTION_AFTER | OPTION_ALL,
    OPTIONS_OWNER = OPTION_NAME | OPTION_ACCOUNT | OPTION_POLICY, /* whose: see admin.c */
    OPTIONS_RECORDS = OPTIONS_PAGE | OPTIONS_OWNER | OPTION_STATE | OPTION_NEWEST,
};

/* A column of a table: the key says how the value is shown; of several, with | between, the first that has one is
 * (value.h). */
struct column {
    const char *heading, *key;
};

struct command {
    const char *words[2]; /* "order", "show"; the second may be NULL */
    const char *argument; /* what it needs, for the help; NULL: nothing */
    bool optional;        /* the argument may be left out */
    enum { BODY_NONE, BODY_MEMBERS, BODY_DIRECTORY, BODY_ADOPTION, BODY_TOKEN } body;
    const char *method, *path;    /* * stands for the argument */
    unsigned options;             /* beside the general ones */
    const struct column *columns; /* of a list; NULL: one object */
    bool slow;                    /* may take as long as it takes */
    const char *only;             /* of an object: the member that is shown, as it is; NULL: all of it */
    const char *states;           /* words that --status takes, with blanks between them; NULL: none */
    const char *help;
};

/* Ends with one whose words[0] is NULL. */
extern const struct command commands[];
/* Its options, beside those that every command has. */
unsigned command_options(const struct command *command);

struct asked {
    const struct command *command;
    const char *argument;
    char **members; /* "key=value", member_count of them */
    unsigned member_count;
    const char *socket;
    const char *url, *token_file, *ca; /* of a gateway elsewhere; NULL: the socket */
    const char *limit, *after, *state, *since, *name, *account, *policy, *days, *months, *reason, *file, *login,
        *role;         /* NULL: not given */
    char since_ms[24]; /* since as UNIX milliseconds */
    bool json, csv, skip_preflight, newest, refusals, follow, all, preview, accept_orphans;
};

struct option_row {
    const char *name, *value; /* value: what stands behind it, for the help; NULL: nothing does */
    unsigned option;          /* 0: every command has it */
    size_t at;                /* of the member of struct asked: a text, or a bool where nothing stands behind it */
    const char *help;         /* NULL: another name of one that has it */
};
/* Ends with one whose name is NULL. */
extern const struct option_row option_rows[];
const struct option_row *option_row(const char *name); /* NULL: there is none */

/* True: *asked is what to do. False: *outcome is how to end; help is printed, or what is wrong said. argv is main's and
 * must outlive asked. */
extern const char COMMAND_SOCKET[]; /* the daemon's, where nobody says another */
bool command_read(int argc, char **argv, struct asked *asked, enum outcome *outcome);

#endif
