/* context: what the rooms of the issuer share. Inside gateway/issue/ only; the rest of the gateway sees issuer.h.
 */
#ifndef GATEWAY_ISSUE_CONTEXT_H
#define GATEWAY_ISSUE_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/issue/issuer.h"
#include "gateway/issue/record/issuance.h"

struct issuer {
    struct issuer_config at;
    atomic_bool stopping;
    struct pushes *early; /* pushes that match nothing yet */
    struct timekeeper *timekeeper;
    atomic_uint_least64_t unstored_ms; /* monotonic: since when the store takes nothing; 0: it does */
    uint64_t started_ms;               /* what this process was told since then is no copy's */
    const char *stop_at;               /* debug: kill the process right after this state was stored; NULL: never */
    bool freezes;                      /* debug: it is only stopped there, once, until somebody continues it */
};

enum {
    NOTE_MAX = 1024,           /* of a sentence for people, kept with what it is about */
    LOOK_EVERY_MS = 60 * 1000, /* at most one look in that time for an issuance, whatever is pushed */
};

/* Whether the store took what a job of this room found out. Any thread. */
void issuer_note_stored(struct issuer *issuer, bool stored);
/* How long a job rests that the store would not take a step of: as long as that lasts already, from one to thirty
 * seconds, so that it goes on soon after a full disk has room again. Any thread. */
uint64_t issuer_unstored_rest_ms(struct issuer *issuer);

/* Kills the process where the debugging variable ACMEGATE_DEBUG_STOP_AT names this point; with "freeze:" before the
 * point it is stopped there once (SIGSTOP). */
void issuer_debug_stop(const struct issuer *issuer, const char *point);
/* The same for a commit that moved an issuance: "STATE", or "STATE-again" where it stayed there; with ":before" inside
 * the transaction, so that nothing of it is stored. */
void issuer_debug_commit(const struct issuer *issuer, enum issuance_state from, enum issuance_state to, bool before);

const struct config_profile *issuer_profile(const struct issuer *issuer, const char *name);

#endif
