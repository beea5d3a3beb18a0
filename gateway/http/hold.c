#include "gateway/http/hold.h"

#include <h2o/memory.h>

#include "gateway/metrics/metrics.h"

/* Ids end in random octets. */
static size_t place_of(const struct acme_id *topic)
{
    return topic->octets[ACME_ID_LEN - 1] % HOLD_BUCKETS;
}

static struct hold_bucket *bucket_of(struct holds *holds, const struct acme_id *topic)
{
    return &holds->buckets[place_of(topic)];
}

void holds_init(struct holds *holds)
{
    for (size_t i = 0; i < HOLD_BUCKETS; i++) {
        atomic_init(&holds->buckets[i].count, 0);
        h2o_linklist_init_anchor(&holds->buckets[i].holds);
    }
    for (size_t i = 0; i < sizeof holds->marks / sizeof *holds->marks; i++)
        atomic_init(&holds->marks[i], 0);
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
    metrics_change(METRIC_HELD_REPLIES, 1, 0);
    atomic_fetch_add(&bucket->count, 1);
    /* Pairs with holds_mark: either the notifier sees the count, or the look that follows sees the change. */
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
    metrics_change(METRIC_HELD_REPLIES, -1, 0);
    atomic_fetch_sub(&bucket_of(holds, &hold->topic)->count, 1);
    if (h2o_linklist_is_empty(&holds->all))
        holds->earliest_ms = UINT64_MAX;
}

bool holds_mark(struct holds *holds, const struct acme_id *topic)
{
    size_t place = place_of(topic);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&holds->buckets[place].count) == 0)
        return false;
    atomic_fetch_or(&holds->marks[place / 64], UINT64_C(1) << place % 64);
    return true;
}

static void each(struct hold_bucket *bucket, hold_fn *fn, void *ctx)
{
    h2o_linklist_t *next;
    for (h2o_linklist_t *node = bucket->holds.next; node != &bucket->holds; node = next) {
        next = node->next;
        fn(ctx, H2O_STRUCT_FROM_MEMBER(struct hold, by_topic, node));
    }
}

void holds_each_marked(struct holds *holds, hold_fn *fn, void *ctx)
{
    for (size_t word = 0; word < sizeof holds->marks / sizeof *holds->marks; word++) {
        uint64_t marks = atomic_exchange(&holds->marks[word], 0);
        for (; marks != 0; marks &= marks - 1)
            each(&holds->buckets[word * 64 + (size_t)__builtin_ctzll(marks)], fn, ctx);
    }
}

void holds_each(struct holds *holds, hold_fn *fn, void *ctx)
{
    for (size_t i = 0; i < HOLD_BUCKETS; i++)
        each(&holds->buckets[i], fn, ctx);
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
