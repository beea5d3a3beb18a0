/* notify: what the partner is told of an order: made, sent up to three times, noted. */
#ifndef SANDBOX_NOTIFY_H
#define SANDBOX_NOTIFY_H

#include "sectigo/sandbox/worker.h"

/* One attempt; adds the next one where it fails and another is left. */
void notify_run(struct sandbox *sandbox, struct tools *tools, struct order *order, uint64_t number);

#endif
