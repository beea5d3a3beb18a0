/* asking: what a decision wants to know is asked, and the answer leads to the next one. Inside this room only, on the
 * egress thread. The one side of a step that touches the outside.
 */
#ifndef GATEWAY_ISSUE_LIFE_ASKING_H
#define GATEWAY_ISSUE_LIFE_ASKING_H

#include "gateway/issue/life/step.h"

/* The first decision of the step's state, and what follows from it. */
enum work_next asking_first(struct step *step);
/* The answer to step->ask is here: work_answer. Clears *reading. The step must not be touched afterwards. */
void asking_answer(struct step *step, struct reading *reading);
/* The row's decide: by the answer, a struct reading. */
enum work_next asking_decide(struct work *step, const void *reading, uint64_t now_ms);
/* What follows from step->outcome: its lines are logged, then it is asked about, or stored. */
enum work_next asking_follow(struct step *step);
/* What may be decided by now; *facts points into the step. */
void asking_facts(const struct step *step, uint64_t now_ms, struct facts *facts);
/* An upstream_done_fn: of the call that asks step->ask. */
void asking_reply(void *step, const struct upstream_reply *reply);

/* ---- how a state asks, and what it looks up beside the answer; each stands with its state ---- */

typedef void ask_fn(struct step *step);
typedef void consult_fn(struct step *step, struct reading *reading);
ask_fn queued_ask, prepared_ask, published_ask, submitting_ask, caa_ask;
consult_fn unknown_consult, family_consult, submitted_consult;

#endif
