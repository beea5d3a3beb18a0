/* issue: the certificate of an order: dates by its term, names by its domains, signed by the right authority. */
#ifndef SANDBOX_ISSUE_H
#define SANDBOX_ISSUE_H

#include "sectigo/sandbox/book.h"
#include "sectigo/sandbox/ca.h"
#include "sectigo/sandbox/settings.h"

/* What is needed of an order, copied. */
struct issue {
    X509_REQ *request; /* NULL: to be made from csr */
    char *csr, *names, *common_name, *subject, *certificate_id;
    bool test;
    int64_t not_before_s, not_after_s;
};
/* With the lock held. The term counts from the purchase: a replacement gets what is left of it, 199 days at most. */
bool issue_prepare(struct issue *issue, const struct book *book, struct order *order);
/* Without the lock. */
bool issue_sign(struct issue *issue, const struct ca *ca, struct certificate *out);
void issue_clear(struct issue *issue);

/* Intermediate and root as PEM in that order (or the reverse); malloc'd, NULL when out of memory. */
char *issue_chain(const struct ca *ca, bool test, enum settings_chain order);
/* Replaces a PEM certificate by one for the same names with a key of nobody's. */
void issue_wrong(const struct ca *ca, char **pem);

#endif
