/* hold: replies that wait for a topic, or for their time to be over.
 *
 * The table belongs to one thread; others may only mark. No clock: times are the caller's, monotonic milliseconds.
 *
 * Topics are hashed into buckets, and a bucket is what is marked: one who waits for another topic of the same bucket
 * is looked at in vain. So marks need no memory, however many come.
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
    _Atomic uint64_t marks[HOLD_BUCKETS / 64]; /* a bit for each bucket */
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

/* Marks the topic, if somebody may wait for it: true when the owner of the table should then see to its marks. Any
 * thread; after the change that it tells of was committed. */
bool holds_mark(struct holds *holds, const struct acme_id *topic);
/* Calls fn for each that may wait for what was marked since the last call. fn may remove that hold (and free it), but
 * no other. */
typedef void hold_fn(void *ctx, struct hold *hold);
void holds_each_marked(struct holds *holds, hold_fn *fn, void *ctx);
/* The same for all. */
void holds_each(struct holds *holds, hold_fn *fn, void *ctx);
/* Removes one whose deadline has come, and returns it; NULL when there is none. */
struct hold *holds_due(struct holds *holds, uint64_t now_ms);

#endif
