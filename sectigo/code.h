/* code: the one table of status codes of both documents and the notes. Static data; any thread.
 *
 * A number may mean several things: rows are told apart by the calls and the product families that they are for.
 */
#ifndef SECTIGO_CODE_H
#define SECTIGO_CODE_H

#include "sectigo/product.h"

struct sectigo_code {
    int code;
    unsigned calls;    /* 1u << enum sectigo_call_kind, or'ed */
    unsigned families; /* enum sectigo_family, or'ed */
    enum sectigo_class meaning;
    const char *text;      /* the document's words */
    const char *acme_type; /* of what the CSR or name is refused for; NULL otherwise */
    const char *source;    /* "1": AutoApplyOrder 3.0, "2": the response parameters, "n": the notes */
};

/* Codes by which something is decided that their class does not say. */
enum {
    SECTIGO_CODE_ARGUMENT = -4,      /* AutoReject: not an order that can be cancelled, so perhaps one that is issued */
    SECTIGO_CODE_UNKNOWN = -14,      /* any call: says nothing of the order */
    SECTIGO_CODE_NO_CREDIT = -15,    /* what costs money */
    SECTIGO_CODE_LOGIN = -16,        /* any call */
    SECTIGO_AWAITS_PAYMENT = -22,    /* CollectSSL: the order still waits for its payment */
    SECTIGO_CODE_BEING_ISSUED = -26, /* AutoReject: too late */
    SECTIGO_CODE_CALL_LIMIT = -42,   /* any call */
    SECTIGO_NOT_UNIQUE = -55,        /* AutoApplyOrder, AutoReplaceSSL: a number of the request was used before */
};

const struct sectigo_code *sectigo_codes(size_t *count);
/* families: those of the order, 0 where not known (the first row of the call then). NULL where not listed. */
const struct sectigo_code *sectigo_code_find(enum sectigo_call_kind call, int code, unsigned families);
/* Whether AutoApplyOrder or AutoReplaceSSL refuses because it knows a number of the request: by code, or because the
 * message names it. */
bool sectigo_names_number(int code, const char *message);
const char *sectigo_class_name(enum sectigo_class meaning);
/* The ACME problem that ends an order whose request was answered so: the row's own, "serverInternal" where the
 * configuration is wrong; NULL where the order goes on. Static. */
const char *sectigo_code_problem(const struct sectigo_code *row);

#endif
