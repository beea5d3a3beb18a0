/* breaker: the circuit breaker: whether the calls of one login may leave, by what became of those before.
 *
 * It opens after ten calls in a row that were lost or never left: for its first rest, doubling to ten minutes, nothing
 * leaves, and then one call at a time (half open) until one is answered. What was on the wire when it opened tells
 * nothing new, so thirty calls that a moment's outage cuts count as the ten that opened it. What is urgent, that is
 * revocations and the questions that settle what is unknown, does not wait for the rest: one of them may ask again
 * every two seconds. A login that Sectigo refuses (-16) rests for five minutes, then asks by one call at a time: there
 * nothing is urgent, because a login that keeps failing gets locked.
 *
 * A state machine over monotonic milliseconds that are given. On one thread, except where it is said otherwise.
 */
#ifndef GATEWAY_ISSUE_UPSTREAM_BREAKER_H
#define GATEWAY_ISSUE_UPSTREAM_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct breaker {
    uint64_t first_rest_ms;
    atomic_bool refused, broken;
    atomic_uint_least64_t closed_until_ms; /* of one that is refused or broken */
    bool probing;                          /* the one call is under way */
    unsigned failures;                     /* in a row */
    uint64_t rest_ms, opened_ms;
    uint64_t probed_ms;   /* when one last asked again */
    uint64_t answered_ms; /* when the newest call that was answered had left */
};

enum breaker_pass {
    BREAKER_GO,
    BREAKER_PROBE, /* it may leave, as the one call that asks again: breaker_tell is to be told */
    BREAKER_WAIT,  /* urgent, and its moment comes within two seconds */
    BREAKER_REST,  /* it is not to be made before the rest is over */
};
/* May a call leave? *again_ms: where not, when to ask again. */
enum breaker_pass breaker_ask(struct breaker *breaker, bool urgent, uint64_t now_ms, uint64_t *again_ms);

enum breaker_outcome {
    BREAKER_ANSWERED,
    BREAKER_REFUSED, /* answered: the login is refused */
    BREAKER_FAILED,  /* lost, or never left */
    BREAKER_OURS,    /* it failed for a want of this machine, which says nothing about Sectigo */
};
enum breaker_change { BREAKER_AS_BEFORE, BREAKER_OPENED, BREAKER_CLOSED, BREAKER_LOGIN_REFUSED, BREAKER_LOGIN_TAKEN };
/* What became of a call that left at left_ms. Returns what that changes, to be told. */
enum breaker_change breaker_tell(struct breaker *breaker, enum breaker_outcome outcome, bool probe, uint64_t left_ms,
                                 uint64_t now_ms);
/* The next call asks at once. Any thread. */
void breaker_reopen(struct breaker *breaker);

#endif
