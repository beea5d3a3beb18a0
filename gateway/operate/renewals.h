/* renewals: when one set of names will be renewed, and which renewals are purchases. Pure: no store, no clock. Any
 * thread.
 */
#ifndef GATEWAY_OPERATE_RENEWALS_H
#define GATEWAY_OPERATE_RENEWALS_H

#include <stdbool.h>
#include <stdint.h>

struct renewals {
    uint64_t bought_ms;                   /* the subscription that it has now, */
    uint32_t days;                        /* its term, */
    bool over;                            /* and whether nothing is replaced in it any more */
    uint64_t not_before_ms, not_after_ms; /* of its certificate */
    uint64_t renew_from_ms;               /* since when that is to be renewed whatever its dates; 0: as they say */
    uint32_t next_days;                   /* the term of what is bought next */
    uint64_t renew_before_ms;             /* the profile's renew_before_term_end */
};

/* When clients renew a certificate of these dates: the middle of the window that renewal information gives them. */
uint64_t renewals_due_ms(uint64_t not_before_ms, uint64_t not_after_ms);

typedef void renewal_fn(void *ctx, bool purchase, uint64_t at_ms);
/* Each renewal from now_ms (what is overdue is renewed at once) until before end_ms, if new certificates live for
 * lifetime_days, or until their term ends. A purchase begins a term when it is made, as the issuer has it. */
void renewals_walk(const struct renewals *set, uint32_t lifetime_days, uint64_t now_ms, uint64_t end_ms, renewal_fn *fn,
                   void *ctx);

#endif
