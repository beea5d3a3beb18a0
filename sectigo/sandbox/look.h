/* look: an order's names and CAA records looked at over the network, without the lock, and what was found noted. */
#ifndef SANDBOX_LOOK_H
#define SANDBOX_LOOK_H

#include "sectigo/sandbox/worker.h"

/* A job of kind JOB_LOOK; adds the next one by the schedule while something is missing. */
void look_run(struct sandbox *sandbox, struct tools *tools, const struct job *job);

#endif
