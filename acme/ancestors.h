/* ancestors: subdomain authorization, RFC 9444: control of a domain, proved by DNS, serves the names below it. */
#ifndef ACME_ANCESTORS_H
#define ACME_ANCESTORS_H

#include "acme/task.h"

/* Whether the account may have authorizations that serve subdomains: its policy says so, and a challenge is offered
 * that shows control of a whole domain. */
bool ancestors_allowed(const struct acme_config *config, const struct acme_policy *policy);
/* The "ancestorDomain" members of newOrder's identifiers: *out becomes NULL where there is none, else an array (malloc)
 * beside names whose type is 0 where a name has none. False sets *problem: each must be above its name. */
bool ancestors_parse(const json_t *identifiers, const struct acme_names *names, struct acme_identifier **out,
                     struct acme_problem *problem);
/* The next domain above, which has two labels at least; false where there is none. */
bool ancestors_next(struct acme_identifier *name);

#endif
