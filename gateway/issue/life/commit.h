/* commit: the transaction that stores what a step found out, as its parts see it: the check before, and what entering a
 * state does. Internal to the files of this room; inside a store_fn. */
#ifndef GATEWAY_ISSUE_LIFE_COMMIT_H
#define GATEWAY_ISSUE_LIFE_COMMIT_H

#include "gateway/issue/life/step.h"
#include "store/store.h"

struct commit {
    struct store_txn *txn;
    struct step *step;
    const struct outcome *outcome; /* the step's, or instead */
    struct outcome instead;        /* where the check says otherwise */
    struct issuance *is;
    struct subscription *sub;
    enum issuance_state from; /* that the move leaves */
    uint64_t now_ms;
    uint64_t due_ms;  /* of the job */
    uint64_t next_ms; /* when the step goes on */
};

/* The profile's. */
static inline uint64_t commit_renew_before_ms(const struct commit *c)
{
    return c->step->profile->renew_before_term_end_s * 1000ull;
}

/* Whether the step may go where it wants to: nothing leaves that may not, nothing is bought that is owned. Where it may
 * not, another outcome stands in its place. check.c */
enum store_status commit_check(struct commit *c);
/* A line of the audit about it. commit.c */
enum store_status commit_audit(struct commit *c, const char *what, int64_t amount_cents);
/* What a purchase cost is counted once, in the day and month in which it was ordered. submitted.c */
enum store_status commit_cost(struct commit *c);

/* What entering a state does to the store; the record is changed already (outcome_move_record). Each stands with its
 * state. */
enum store_status prepared_enter(struct commit *c);
enum store_status submitting_enter(struct commit *c);
enum store_status submitted_enter(struct commit *c);
enum store_status collected_enter(struct commit *c);
enum store_status refused_enter(struct commit *c);
enum store_status dead_enter(struct commit *c);

#endif
