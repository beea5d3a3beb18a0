/* step: the ways in which a state's function says what comes next. Inside this room only, on the egress thread.
 *
 * Each fills the errand's result; what returns a step returns STEP_COMMIT.
 */
#ifndef GATEWAY_ISSUE_LIFE_STEP_H
#define GATEWAY_ISSUE_LIFE_STEP_H

#include "gateway/issue/life/errand.h"

/* due_ms: when to go on from there; 0: at once. */
enum step step_go(struct errand *errand, enum issuance_state to, uint64_t due_ms);
void step_note(struct errand *errand, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Counts a failure: the wait doubles from issuance.later to an hour with the failures in a row, up to a quarter off
 * either way. */
enum step step_again_later(struct errand *errand, enum issuance_state to);
/* The same for a call that was not answered: soon where the login's breaker says so, which counts no failure. */
enum step step_unanswered(struct errand *errand, const struct upstream_reply *reply, enum issuance_state to);
/* After the profile's poll interval, up to a tenth off either way so that orders of one hour spread; but not later than
 * the deadline, where that is still to come. */
enum step step_look_again(struct errand *errand, enum issuance_state to);
/* Sectigo, or the check before sending, says no: the ACME orders become invalid with these words. */
enum step step_refused(struct errand *errand, enum acme_problem_type type, const char *words);
/* Nothing is sent until the operator, or time, changes something; looked at again at due_ms, or at the deadline. */
enum step step_held(struct errand *errand, uint64_t due_ms, const char *why);
/* Placed, and then ended by Sectigo. */
enum step step_dead(struct errand *errand, const char *words);

/* UNIX time in ms at which the issuance's time is over (issuance.md section 7). */
uint64_t step_deadline_ms(const struct errand *errand);
/* due_ms, or the deadline where that is still to come and comes first. */
uint64_t step_by_deadline(const struct errand *errand, uint64_t due_ms);

#endif
