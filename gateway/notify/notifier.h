/* notifier: who is told what (notify of the configuration), from the look for events to their telling.
 */
#ifndef GATEWAY_NOTIFY_NOTIFIER_H
#define GATEWAY_NOTIFY_NOTIFIER_H

#include "gateway/config/current.h"
#include "gateway/egress/egress.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/scheduler.h"
#include "store/store.h"

struct notifier;

/* All of it outlives the notifier. */
struct notifier_config {
    struct config_current *configs;
    struct store *store;
    struct scheduler *scheduler;
    struct egress *egress;
    struct upstream *upstream;
};

/* Registers with the scheduler, so before scheduler_start. NULL when out of memory. */
struct notifier *notifier_make(const struct notifier_config *config);
/* Whether another gateway does its work (runner_rest). Any thread. */
void notifier_rest(struct notifier *notifier, bool rests);
/* Begins to look, where there are targets and it does not look yet. False: no thread, or no memory. */
bool notifier_start(struct notifier *notifier);
/* Looks no more, and sends nothing new. Before scheduler_stop and store_close. */
void notifier_stop(struct notifier *notifier);
/* After egress_stop. NULL is fine. */
void notifier_free(struct notifier *notifier);

enum { NOTIFIER_REASON_MAX = 512 };
/* Sends the target, of config, a test, and waits: false, and *reason, where it does not take it. Blocks; not on a loop.
 */
bool notifier_try(struct notifier *notifier, const struct config *config, const struct config_target *target,
                  char reason[static NOTIFIER_REASON_MAX]);

#endif
