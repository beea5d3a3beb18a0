#include "gateway/issue/upstream/breaker.h"

#include "acme/durations.h"

enum { FAILURES_MAX = 10 };
static const uint64_t REST_MAX_MS = 10 * MINUTE_MS;
static const uint64_t REFUSED_REST_MS = 5 * MINUTE_MS;
static const uint64_t URGENT_EVERY_MS = 2000;

/* ---- may it leave? ---- */

static enum breaker_pass probe(struct breaker *b, uint64_t now_ms)
{
    b->probing = true;
    b->probed_ms = now_ms;
    return BREAKER_PROBE;
}

enum breaker_pass breaker_ask(struct breaker *b, bool urgent, uint64_t now_ms, uint64_t *again_ms)
{
    bool refused = atomic_load(&b->refused);
    uint64_t closed_until_ms = atomic_load(&b->closed_until_ms);
    *again_ms = 0;
    if (!refused && !atomic_load(&b->broken))
        return BREAKER_GO;
    if (!b->probing && (now_ms >= closed_until_ms || (urgent && !refused && now_ms >= b->probed_ms + URGENT_EVERY_MS)))
        return probe(b, now_ms);
    if (urgent && !refused) {
        *again_ms = b->probing ? now_ms + URGENT_EVERY_MS : b->probed_ms + URGENT_EVERY_MS;
        return BREAKER_WAIT;
    }
    *again_ms = now_ms < closed_until_ms ? closed_until_ms : now_ms + URGENT_EVERY_MS;
    return BREAKER_REST;
}

/* ---- what became of it ---- */

static enum breaker_change fail(struct breaker *b, bool probed, uint64_t left_ms, uint64_t now_ms)
{
    bool broken = atomic_load(&b->broken);
    if (left_ms < b->answered_ms || (broken && !probed && left_ms <= b->opened_ms))
        return BREAKER_AS_BEFORE; /* what was learned since is newer */
    if (++b->failures < FAILURES_MAX)
        return BREAKER_AS_BEFORE;
    if (broken && now_ms < atomic_load(&b->closed_until_ms))
        return BREAKER_AS_BEFORE; /* an urgent one, asking before the rest is over */
    if (!broken)
        b->rest_ms = b->first_rest_ms;
    else
        b->rest_ms = 2 * b->rest_ms < REST_MAX_MS ? 2 * b->rest_ms : REST_MAX_MS;
    atomic_store(&b->closed_until_ms, now_ms + b->rest_ms);
    if (atomic_exchange(&b->broken, true))
        return BREAKER_AS_BEFORE;
    b->opened_ms = b->probed_ms = now_ms;
    return BREAKER_OPENED;
}

static enum breaker_change answered(struct breaker *b, bool refused, uint64_t left_ms, uint64_t now_ms)
{
    b->failures = 0;
    if (left_ms > b->answered_ms)
        b->answered_ms = left_ms;
    bool was_broken = atomic_exchange(&b->broken, false);
    bool was_refused = atomic_exchange(&b->refused, refused);
    if (refused)
        atomic_store(&b->closed_until_ms, now_ms + REFUSED_REST_MS);
    if (refused != was_refused)
        return refused ? BREAKER_LOGIN_REFUSED : BREAKER_LOGIN_TAKEN;
    return was_broken ? BREAKER_CLOSED : BREAKER_AS_BEFORE;
}

enum breaker_change breaker_tell(struct breaker *b, enum breaker_outcome outcome, bool probed, uint64_t left_ms,
                                 uint64_t now_ms)
{
    if (probed)
        b->probing = false;
    switch (outcome) {
    case BREAKER_ANSWERED:
    case BREAKER_REFUSED:
        return answered(b, outcome == BREAKER_REFUSED, left_ms, now_ms);
    case BREAKER_FAILED:
        return fail(b, probed, left_ms, now_ms);
    default:
        return BREAKER_AS_BEFORE;
    }
}

void breaker_reopen(struct breaker *b)
{
    atomic_store(&b->closed_until_ms, 0);
}
