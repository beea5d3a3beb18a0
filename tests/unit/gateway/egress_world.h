/* egress_world: an egress thread, a DNS server that it asks, and calls on it that wait for their end. */
#ifndef TESTS_EGRESS_WORLD_H
#define TESTS_EGRESS_WORLD_H

#include <semaphore.h>
#include <time.h>

#include "gateway/egress/egress.h"

#include "dns_peer.h"

struct world {
    struct dns_peer dns, outside; /* outside: only of world_start_with_outside */
    struct egress *egress;
};

static inline void world_start(struct world *world, const struct dns_row *rows)
{
    char resolver[32], reason[EGRESS_REASON_MAX] = "";
    world->outside.port = 0;
    assert_true(dns_peer_start(&world->dns, rows));
    snprintf(resolver, sizeof resolver, "127.0.0.1@%u", world->dns.port);
    const char *resolvers[] = {resolver};
    world->egress = egress_start(&(struct egress_config){.resolvers = resolvers, .resolver_count = 1}, reason);
    assert_string_equal(reason, "");
    assert_non_null(world->egress);
}

/* The outside view has a DNS server of its own, and a trust anchor file where anchor is not NULL. */
static inline void world_start_with_outside(struct world *world, const struct dns_row *rows,
                                            const struct dns_row *outside_rows, const char *anchor)
{
    char own[32], theirs[32], reason[EGRESS_REASON_MAX] = "";
    assert_true(dns_peer_start(&world->dns, rows) && dns_peer_start(&world->outside, outside_rows));
    snprintf(own, sizeof own, "127.0.0.1@%u", world->dns.port);
    snprintf(theirs, sizeof theirs, "127.0.0.1@%u", world->outside.port);
    const char *resolvers[] = {own}, *outside_resolvers[] = {theirs};
    struct egress_config outside = {.resolvers = outside_resolvers, .resolver_count = 1, .trust_anchor_file = anchor};
    world->egress =
        egress_start(&(struct egress_config){.resolvers = resolvers, .resolver_count = 1, .outside = &outside}, reason);
    assert_string_equal(reason, "");
    assert_non_null(world->egress);
}

static inline void world_stop(struct world *world)
{
    egress_stop(world->egress, 5000);
    egress_free(world->egress);
    dns_peer_stop(&world->dns);
    if (world->outside.port != 0)
        dns_peer_stop(&world->outside);
}

/* A thing that ends once. */
struct ending {
    sem_t ended;
    unsigned times; /* written on the egress thread, read after the wait */
};

static inline void ending_start(struct ending *ending)
{
    ending->times = 0;
    sem_init(&ending->ended, 0, 0);
}

static inline void ending_come(struct ending *ending)
{
    ending->times++;
    sem_post(&ending->ended);
}

static inline void ending_wait(struct ending *ending)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    assert_int_equal(sem_timedwait(&ending->ended, &until), 0);
}

/* Runs fn(ctx) on the egress thread. */
static inline void world_post(struct world *world, struct egress_post *post, void (*fn)(void *ctx), void *ctx)
{
    *post = (struct egress_post){.fn = fn, .ctx = ctx};
    assert_true(egress_post(world->egress, post));
}

#endif
