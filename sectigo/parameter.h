/* parameter: every parameter of AutoApplyOrder (reference 1 and 4) as one table, and the check of a whole order.
 *
 * Pure, static data; any thread. The sandbox answers from the same table that the library checks its requests with.
 */
#ifndef SECTIGO_PARAMETER_H
#define SECTIGO_PARAMETER_H

#include "sectigo/product.h"

enum sectigo_type { SECTIGO_STRING, SECTIGO_INTEGER, SECTIGO_CHAR };

struct sectigo_order_facts;

/* Which orders a parameter is for, or needed by. */
struct sectigo_scope {
    const char *words; /* "EV certificates" */
    bool (*covers)(const struct sectigo_order_facts *facts);
};

struct sectigo_parameter {
    const char *name;
    enum sectigo_type type;
    size_t max;                     /* Unicode characters; 0: not limited */
    size_t guardian_max;            /* in orders of HackerGuardian and HackerProof (reference 4.2, 4.3); 0: max */
    const char *allowed;            /* for people: "Y or N"; NULL: anything of the type */
    bool (*fits)(const char *text); /* NULL: anything of the type */
    const struct sectigo_scope *used_with;
    const struct sectigo_scope *required; /* NULL: never */
};

/* The whole table; *count of them. */
const struct sectigo_parameter *sectigo_parameters(size_t *count);
/* Without regard to case; NULL where AutoApplyOrder has no such parameter. */
const struct sectigo_parameter *sectigo_parameter_find(const char *name);

/* What is known of an order while it is checked. */
struct sectigo_order_facts {
    const struct sectigo_form *form;
    struct sectigo_cart cart;
    bool csr_read;    /* the following are known */
    unsigned csr_has; /* enum sectigo_csr_field, or'ed */
    bool csr_common_name_wildcard;
    size_t csr_names;     /* DNS names and addresses in the subject alternative name */
    const char *csr_text; /* of the form; NULL where the caller knows the CSR, which is then not read again */
};
enum sectigo_csr_field {
    SECTIGO_CSR_COMMON_NAME = 1 << 0,
    SECTIGO_CSR_ORGANIZATION = 1 << 1,
    SECTIGO_CSR_STREET = 1 << 2,
    SECTIGO_CSR_LOCALITY = 1 << 3,
    SECTIGO_CSR_STATE = 1 << 4,
    SECTIGO_CSR_POSTAL_CODE = 1 << 5,
    SECTIGO_CSR_COUNTRY = 1 << 6,
};

struct sectigo_verdict {
    int code;                         /* the status code that Sectigo has for it: -2, -3, -4, -7, -9, -10, -68, ... */
    char parameter[64];               /* that it is about */
    char reason[SECTIGO_MESSAGE_MAX]; /* a sentence that names it */
};

/* One value, whatever the order: length, type and what is allowed. */
bool sectigo_parameter_check(const struct sectigo_parameter *parameter, const char *value, bool guardian,
                             struct sectigo_verdict *verdict);
/* A whole order; facts is filled as far as the checks came (its form is the caller's). Order of the checks: unknown
 * parameters, repeated ones, product, missing ones, values, what the product cannot have, what does not go together.
 * The login parameters are added by the transport and need not be there. */
bool sectigo_order_examine(const struct sectigo_form *form, struct sectigo_order_facts *facts,
                           struct sectigo_verdict *verdict);

/* ---- the other calls (reference 7, 8 and the notes) ---- */

enum sectigo_need {
    SECTIGO_OPTIONAL,
    SECTIGO_REQUIRED,
    SECTIGO_ONE_OF,     /* exactly one of all that are marked so */
    SECTIGO_ONE_METHOD, /* likewise, of AutoUpdateDCV's newMethod and newMethods */
};
struct sectigo_call_parameter {
    unsigned calls; /* 1u << enum sectigo_call_kind, or'ed */
    const char *name;
    enum sectigo_need need;
    size_t max;                     /* Unicode characters; 0: not limited */
    const char *allowed;            /* for people; NULL: anything */
    bool (*fits)(const char *text); /* NULL: anything */
};
const struct sectigo_call_parameter *sectigo_call_parameters(size_t *count);
/* Any call; AutoApplyOrder by sectigo_order_examine. The login parameters need not be there. */
bool sectigo_call_check(enum sectigo_call_kind call, const struct sectigo_form *form, struct sectigo_verdict *verdict);

/* Letters, digits, hyphens and dots, a wildcard in front, or the colons of an address: what else is refused at once. */
bool sectigo_domain_name_fits(const char *name);
/* ISO 3166-1 alpha-2, upper or lower case. */
bool sectigo_country_known(const char *code);
/* HTTPCSRHASH and its like for one domain, or an e-mail address. */
bool sectigo_dcv_token_known(const char *word);
/* ALLHTTPCSRHASH and its like, for all domains of an order. */
bool sectigo_dcv_token_for_all(const char *word);

#endif
