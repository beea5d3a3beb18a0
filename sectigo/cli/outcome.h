/* outcome: what became of a command, which is also the program's exit status, and the beginning of every answer. */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include <jansson.h>

#include "sectigo/sectigo.h"

struct session;

/* Documented in the manual: numbers never change their meaning. */
enum outcome {
    OUTCOME_DONE = 0,
    OUTCOME_REFUSED = 1, /* Sectigo said no */
    OUTCOME_USAGE = 2,   /* wrong options, or an order that Sectigo would refuse: nothing was sent */
    OUTCOME_UNKNOWN = 3, /* Sectigo may or may not have done it: look before it is sent again */
    OUTCOME_NO_ANSWER =
        4,               /* nothing left this machine, or no answer to a call that changes nothing: may be sent again */
    OUTCOME_NOT_YET = 5, /* in process, or too many calls: try later */
    OUTCOME_UNCONFIRMED = 6, /* the question was not answered with yes: nothing was sent */
    OUTCOME_LOCAL = 7,       /* a file or the output could not be written, or out of memory */
};

/* "done", "not yet": as in "outcome" of the answers. Static. */
const char *outcome_name(enum outcome outcome);
/* What a code of a call comes to. */
enum outcome outcome_of(enum sectigo_call_kind call, int code, const char *message);

/* An object with outcome, errorCode and errorMessage of the session's call, to be filled further and shown; a refusal
 * is also said on stderr. NULL when out of memory. */
json_t *outcome_begin(const struct session *session, int code, const char *message, enum outcome *outcome);

#endif
