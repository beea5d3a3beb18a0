/* identifier: names that orders are about, RFC 8555 section 7.1.4 and 9.7.7, RFC 8738.
 *
 * Any thread.
 */
#ifndef ACME_IDENTIFIER_H
#define ACME_IDENTIFIER_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "acme/limits.h"
#include "acme/problem.h"

enum acme_identifier_type { ACME_DNS_NAME = 1, ACME_IP_ADDRESS = 2 };

struct acme_identifier {
    enum acme_identifier_type type;
    char value[ACME_NAME_MAX + 3]; /* lower-case, canonical, no final dot; "*." kept in orders */
};

/* A set: sorted by type and value, no duplicates. */
struct acme_names {
    struct acme_identifier *list; /* owned (malloc) */
    size_t count;
};

/* Checks and canonicalises: LDH labels, A-labels valid under IDNA 2008 (libidn2), at least two labels, at most one
 * "*." in front (of at least two labels), no IP address as a DNS name; IP addresses in RFC 5952 form. False sets
 * *problem (malformed, unsupportedIdentifier, rejectedIdentifier). text need not end with NUL. */
bool identifier_parse(const char *type, const char *text, size_t len, struct acme_identifier *out,
                      struct acme_problem *problem);
/* The "identifiers" array of newOrder; at most max of them; a bad one becomes a subproblem of a compound one where
 * there are several bad. */
bool names_parse(const json_t *array, size_t max, struct acme_names *out, struct acme_problem *problem);
/* Appends sub to problem's "subproblems" (RFC 8555 section 6.7.1) with the identifier that it is about, as JSON;
 * identifier is consumed. False when out of memory. */
bool problem_add_sub(struct acme_problem *problem, const struct acme_problem *sub, json_t *identifier);
/* Adds keeping order and uniqueness; false when out of memory. */
bool names_add(struct acme_names *names, const struct acme_identifier *identifier);
/* Adds what comes behind all that are there; false also where it does not: out of order, or there already. For
 * decoders, which must take no set that we would write otherwise. */
bool names_append(struct acme_names *names, const struct acme_identifier *identifier);
bool names_equal(const struct acme_names *a, const struct acme_names *b);
bool names_contain(const struct acme_names *names, const struct acme_identifier *identifier);
bool names_copy(struct acme_names *to, const struct acme_names *from);
void names_clear(struct acme_names *names);
/* SHA-256 over the canonical list: a fixed key for an index over exact sets. */
bool names_digest(const struct acme_names *names, unsigned char digest[static 32]);
bool identifier_is_wildcard(const struct acme_identifier *identifier);
/* {"type": ..., "value": ...}; new reference or NULL. */
json_t *identifier_json(const struct acme_identifier *identifier);

#endif
