/* problem: RFC 7807 documents of RFC 8555 section 6.7, as values.
 *
 * A problem travels as an out-parameter from where it is found to where it is rendered. Any thread.
 */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "acme/limits.h"

enum acme_problem_type {
    ACME_PROBLEM_NONE = 0,
    ACME_ACCOUNT_DOES_NOT_EXIST,
    ACME_ALREADY_REVOKED,
    ACME_ALREADY_REPLACED, /* RFC 9773 */
    ACME_BAD_CSR,
    ACME_BAD_NONCE,
    ACME_BAD_PUBLIC_KEY,
    ACME_BAD_REVOCATION_REASON,
    ACME_BAD_SIGNATURE_ALGORITHM,
    ACME_CAA,
    ACME_COMPOUND,
    ACME_CONNECTION,
    ACME_DNS,
    ACME_EXTERNAL_ACCOUNT_REQUIRED,
    ACME_INCORRECT_RESPONSE,
    ACME_INVALID_CONTACT,
    ACME_INVALID_PROFILE, /* draft-ietf-acme-profiles */
    ACME_MALFORMED,
    ACME_ORDER_NOT_READY,
    ACME_RATE_LIMITED,
    ACME_REJECTED_IDENTIFIER,
    ACME_SERVER_INTERNAL,
    ACME_TLS,
    ACME_UNAUTHORIZED,
    ACME_UNSUPPORTED_CONTACT,
    ACME_UNSUPPORTED_IDENTIFIER,
    ACME_USER_ACTION_REQUIRED,
    ACME_PROBLEM_TYPES
};

struct acme_problem {
    enum acme_problem_type type; /* ACME_PROBLEM_NONE: no problem */
    int status;                  /* HTTP status */
    uint32_t retry_after_s;      /* 0: no Retry-After header */
    char detail[ACME_DETAIL_MAX];
    json_t *extra; /* members added to the document ("algorithms", "subproblems"); owned, may be NULL */
};

/* Fills *problem (a zeroed or already set one; extra is dropped) with the type's usual HTTP status. detail is
 * printf; octets that are not printable UTF-8 are replaced, so peers' words can be quoted. Returns false, so
 * that a check can end with `return acme_problem_set(...)`. */
bool acme_problem_set(struct acme_problem *problem, enum acme_problem_type type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As above with a status of the caller's. */
bool acme_problem_status(struct acme_problem *problem, int status, enum acme_problem_type type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What everybody is told where memory is short, with 503 and ACME_RETRY_MEMORY_S. */
#define ACME_OUT_OF_MEMORY "The server is short of memory; try again later."
bool acme_problem_out_of_memory(struct acme_problem *problem);
/* Drops what is owned and sets ACME_PROBLEM_NONE. */
void acme_problem_clear(struct acme_problem *problem);

/* "urn:ietf:params:acme:error:badCSR". Static. */
const char *acme_problem_urn(enum acme_problem_type type);
/* The reverse; ACME_PROBLEM_NONE where unknown. */
enum acme_problem_type acme_problem_from_urn(const char *urn);
/* New reference to the document {type, detail, status, ...extra}; NULL when out of memory. */
json_t *acme_problem_json(const struct acme_problem *problem);
/* Stored form (in records): the document's JSON text, malloc'd; NULL when out of memory. */
char *acme_problem_dump(const struct acme_problem *problem);

#endif
