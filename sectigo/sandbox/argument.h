/* argument: what a call may be given, as a table, and the refusals -2, -3, -4 that follow from it. Pure. */
#ifndef SANDBOX_ARGUMENT_H
#define SANDBOX_ARGUMENT_H

#include "sectigo/sandbox/answer.h"

enum argument_need {
    OPTIONAL,
    REQUIRED,
    GROUP_A, /* at least one of the group */
};
struct argument {
    const char *name;
    enum argument_need need;
    size_t max;          /* longest, in characters; 0: no limit of its own */
    const char *allowed; /* "Y|N"; "#": a whole number; NULL: anything */
};

/* A table ends with a NULL name; "*" before it stands for all other names. In the reference's order: unknown, missing,
 * invalid. False: answered. */
bool argument_check(const struct argument *table, const struct sectigo_form *form, struct answer *answer);
/* Whether a value of Y, N is Y; case does not matter. */
bool argument_yes(const struct sectigo_form *form, const char *name);
/* Of a value that argument_check has found to be a number; otherwise where it is absent. */
int64_t argument_number(const struct sectigo_form *form, const char *name, int64_t otherwise);
/* Calls fn for each part of a list separated by commas and blanks; false from it stops and is handed on. */
bool argument_each(const char *list, bool (*fn)(void *arg, const char *part), void *arg);

#endif
