/* command: what a command of this program is, and what one run of it knows. One thread. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "sectigo/cli/options.h"
#include "sectigo/cli/outcome.h"
#include "sectigo/sectigo.h"

/* A parameter that a command sends by itself. */
struct preset {
    const char *name, *value;
    enum {
        PRESET_DEFAULT, /* unless given */
        PRESET_ALWAYS,  /* another value is refused */
        PRESET_FORMAT,  /* likewise, because the answer could not be read; let be with --raw */
        PRESET_UNSENT,  /* as PRESET_FORMAT, but left to Sectigo where not given */
        PRESET_DETAIL,  /* as PRESET_DEFAULT, but not with responseFormat=0, whose lines have no names */
    } kind;
};

struct session;

struct command {
    const char *name, *summary;
    enum sectigo_call_kind call;  /* SECTIGO_CALLS: none, nothing leaves the machine */
    unsigned groups;              /* enum option_group, or'ed */
    const struct preset *presets; /* up to one without a name; NULL: none */
    enum outcome (*run)(struct session *session);
    /* Of those that run by exchange_run: */
    bool (*prepare)(struct session *session); /* last changes to the form; false: said why. NULL: none */
    /* Parses and shows; false: it is no answer. */
    bool (*answer)(struct session *session, const char *body, size_t len, enum outcome *outcome);
    /* What is to be confirmed; malloc'd. NULL: nothing is asked. */
    char *(*question)(const struct session *session);
    void (*advise)(const struct session *session); /* on stderr, where the outcome is unknown. NULL: nothing */
};

struct session {
    const struct command *command;
    struct settings settings;
    struct sectigo_form form; /* the call's parameters, without the login */
    const char *csr_file;     /* where csr came from; NULL: none given */
    struct sectigo_client *client;
    /* Of an order that was placed: */
    char order_number[SECTIGO_ORDER_NUMBER_MAX + 1];
    char certificate_id[SECTIGO_CERTIFICATE_ID_MAX + 1];
};

/* All commands, NULL at the end. */
extern const struct command *const commands[];
extern const struct command apply_command, replace_command;
extern const struct command collect_command;
extern const struct command status_command, report_command;
extern const struct command revoke_command, reject_command, refund_command;
extern const struct command authorize_command, third_party_command, upgrade_cost_command;
extern const struct command update_dcv_command, dcv_status_command, resend_dcv_command, dcv_addresses_command,
    retry_caa_command;
extern const struct command balance_command;
extern const struct command decode_csr_command, token_command;
extern const struct command products_command, codes_command, push_command;

/* "sectigo apply: ..." on stderr. */
__attribute__((format(printf, 2, 3))) void complain(const struct session *session, const char *format, ...);

#endif
