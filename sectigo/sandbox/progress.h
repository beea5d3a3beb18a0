/* progress: an order on its way from placed to issued, and what is told of it.
 *
 *   placed ─> looks at names and CAA until all is proved ─> ready ─(issue delay)─> signed ─> notified
 *
 * Functions marked (lock) want the sandbox's lock held and save the order they change.
 */
#ifndef SANDBOX_PROGRESS_H
#define SANDBOX_PROGRESS_H

#include "sectigo/sandbox/worker.h"

/* Called by the worker's threads. */
void progress_run(struct sandbox *sandbox, struct tools *tools, const struct job *job);
/* After a restart: makes the jobs of all orders that are under way. */
void progress_resume(struct sandbox *sandbox);

/* (lock) Looks at the order's names now, and again by the schedule. */
void progress_look(struct sandbox *sandbox, struct order *order);
/* (lock) Goes on to signing if all that must be done is done. */
void progress_advance(struct sandbox *sandbox, struct order *order);

/* (lock) Signs what is ready and waits for its issue delay. The jobs that wait find it signed. */
void progress_issue(struct sandbox *sandbox);

/* What a notification says; texts are copied, NULL where absent. */
struct notice {
    const char *status, *description;
    int status_code;
    const char *verification_code, *event_type, *removed_domains;
};
/* (lock) Tells the partner, if there is a URL to tell. */
void progress_notify(struct sandbox *sandbox, struct order *order, const struct notice *notice);
/* (lock) Ends the order: a state, a reason, and a notification of it. */
void progress_end(struct sandbox *sandbox, struct order *order, enum order_state state, const char *reason);

#endif
