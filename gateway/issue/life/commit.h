/* commit: the transaction that stores what a step found out, as its parts see it. Internal to commit.c and check.c;
 * inside a store_fn. */
#ifndef GATEWAY_ISSUE_LIFE_COMMIT_H
#define GATEWAY_ISSUE_LIFE_COMMIT_H

#include "gateway/issue/life/errand.h"
#include "store/store.h"

struct commit {
    struct store_txn *txn;
    struct errand *errand;
    struct result *result;
    struct issuance *is;
    struct subscription *sub;
    enum issuance_state from; /* that the move leaves */
    uint64_t now_ms;
    uint64_t due_ms;  /* of the job */
    uint64_t next_ms; /* when the errand goes on */
};

/* The profile's. */
static inline uint64_t commit_renew_before_ms(const struct commit *c)
{
    return c->errand->profile->renew_before_term_end_s * 1000ull;
}

/* Whether the step may go where it wants to: nothing leaves that may not, nothing is bought that is owned. Changes
 * result->to and when the job is due where it may not. check.c */
enum store_status commit_check(struct commit *c);
/* The product is chosen again for the CSR that is sent. check.c */
void commit_choose_product(struct commit *c);

#endif
