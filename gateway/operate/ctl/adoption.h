/* adoption: what subscription adopt sends: order numbers by argument or file, or a name that they have. */
#ifndef CTL_ADOPTION_H
#define CTL_ADOPTION_H

#include "gateway/operate/ctl/command.h"

/* The request's body, malloc'd; NULL: said what is wrong. */
char *adoption_body(const struct asked *asked);

#endif
