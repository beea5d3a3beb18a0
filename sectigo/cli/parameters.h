/* parameters: a call's parameters as options, from the library's tables. Pure; any thread. */
#ifndef CLI_PARAMETERS_H
#define CLI_PARAMETERS_H

#include "sectigo/sectigo.h"

struct parameter {
    const char *name;
    size_t max;                     /* Unicode characters; 0: not limited */
    const char *allowed;            /* NULL: anything */
    const char *used_with, *needed; /* NULL: with every order; never */
    bool from_file;                 /* the option names a file that holds the value */
    bool secret;
};

/* The n-th parameter of a call that is an option (the login has options of its own); false behind the last. */
bool parameter_at(enum sectigo_call_kind call, size_t n, struct parameter *parameter);
/* By a spelling of len octets, see option_same. */
bool parameter_find(enum sectigo_call_kind call, const char *spelling, size_t len, struct parameter *parameter);

#endif
