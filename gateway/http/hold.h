/* hold: replies that wait for a topic, or for their time to be over.
 *
 * The table belongs to one thread; only holds_wanted may be asked by others. No clock: times are the caller's,
 * monotonic milliseconds.
 *
 * A topic is looked at while it is in the table (hold_add, look, hold_remove or leave it), so that a change committed
 * after the look finds it there, and one committed before is seen by the look.
 */
#ifndef GATEWAY_HTTP_HOLD_H
#define GATEWAY_HTTP_HOLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <h2o/linklist.h>

#include "acme/id.h"

enum { HOLD_BUCKETS = 256 };

struct hold_bucket {
    atomic_uint count;
    h2o_linklist_t holds;
};

struct holds {
    struct hold_bucket buckets[HOLD_BUCKETS];
    h2o_linklist_t all;
    uint64_t earliest_ms; /* no deadline is earlier; UINT64_MAX when empty */
};

/* Embedded in what waits; zeroed before the first hold_add. */
struct hold {
    h2o_linklist_t by_topic, by_time;
    struct acme_id topic;
    uint64_t deadline_ms;
};

void holds_init(struct holds *holds);
void hold_add(struct holds *holds, struct hold *hold, const struct acme_id *topic, uint64_t deadline_ms);
/* Nothing where it is not in the table. */
void hold_remove(struct holds *holds, struct hold *hold);
bool hold_is_linked(const struct hold *hold);

/* Whether something may wait for this topic. Any thread; after the change that it is asked for was committed. */
bool holds_wanted(struct holds *holds, const struct acme_id *topic);
/* Calls fn for each that waits for the topic. fn may remove that hold (and free it), but no other. */
typedef void hold_fn(void *ctx, struct hold *hold);
void holds_each(struct holds *holds, const struct acme_id *topic, hold_fn *fn, void *ctx);
/* Removes one whose deadline has come, and returns it; NULL when there is none. */
struct hold *holds_due(struct holds *holds, uint64_t now_ms);

#endif
