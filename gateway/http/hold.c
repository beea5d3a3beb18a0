#include "gateway/http/hold.h"

#include <string.h>

#include <h2o/memory.h>

/* Ids end in random octets. */
static struct hold_bucket *bucket_of(struct holds *holds, const struct acme_id *topic)
{
    return &holds->buckets[topic->octets[ACME_ID_LEN - 1] % HOLD_BUCKETS];
}

void holds_init(struct holds *holds)
{
    for (size_t i = 0; i < HOLD_BUCKETS; i++) {
        atomic_init(&holds->buckets[i].count, 0);
        h2o_linklist_init_anchor(&holds->buckets[i].holds);
    }
    h2o_linklist_init_anchor(&holds->all);
    holds->earliest_ms = UINT64_MAX;
}

void hold_add(struct holds *holds, struct hold *hold, const struct acme_id *topic, uint64_t deadline_ms)
{
    struct hold_bucket *bucket = bucket_of(holds, topic);
    hold->topic = *topic;
    hold->deadline_ms = deadline_ms;
    h2o_linklist_insert(&bucket->holds, &hold->by_topic);
    h2o_linklist_insert(&holds->all, &hold->by_time);
    if (deadline_ms < holds->earliest_ms)
        holds->earliest_ms = deadline_ms;
    atomic_fetch_add(&bucket->count, 1);
    /* Pairs with holds_wanted: either the notifier sees the count, or the look that follows sees the change. */
    atomic_thread_fence(memory_order_seq_cst);
}

bool hold_is_linked(const struct hold *hold)
{
    return hold->by_topic.next != NULL;
}

void hold_remove(struct holds *holds, struct hold *hold)
{
    if (!hold_is_linked(hold))
        return;
    h2o_linklist_unlink(&hold->by_topic);
    h2o_linklist_unlink(&hold->by_time);
    atomic_fetch_sub(&bucket_of(holds, &hold->topic)->count, 1);
    if (h2o_linklist_is_empty(&holds->all))
        holds->earliest_ms = UINT64_MAX;
}

bool holds_wanted(struct holds *holds, const struct acme_id *topic)
{
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load(&bucket_of(holds, topic)->count) > 0;
}

void holds_each(struct holds *holds, const struct acme_id *topic, hold_fn *fn, void *ctx)
{
    h2o_linklist_t *anchor = &bucket_of(holds, topic)->holds, *next;
    for (h2o_linklist_t *node = anchor->next; node != anchor; node = next) {
        struct hold *hold = H2O_STRUCT_FROM_MEMBER(struct hold, by_topic, node);
        next = node->next;
        if (memcmp(hold->topic.octets, topic->octets, ACME_ID_LEN) == 0)
            fn(ctx, hold);
    }
}

struct hold *holds_due(struct holds *holds, uint64_t now_ms)
{
    uint64_t earliest_ms = UINT64_MAX;
    if (now_ms < holds->earliest_ms)
        return NULL;
    for (h2o_linklist_t *node = holds->all.next; node != &holds->all; node = node->next) {
        struct hold *hold = H2O_STRUCT_FROM_MEMBER(struct hold, by_time, node);
        if (hold->deadline_ms <= now_ms) {
            hold_remove(holds, hold);
            return hold;
        }
        if (hold->deadline_ms < earliest_ms)
            earliest_ms = hold->deadline_ms;
    }
    holds->earliest_ms = earliest_ms;
    return NULL;
}
