/* context: what the rooms of the issuer share. Inside gateway/issue/ only; the rest of the gateway sees issuer.h.
 */
#ifndef GATEWAY_ISSUE_CONTEXT_H
#define GATEWAY_ISSUE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/durations.h"
#include "gateway/issue/issuer.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/work.h"

struct issuer {
    struct issuer_config at;
    struct runner run;    /* of its jobs; stopping: no new call leaves */
    struct pushes *early; /* pushes that match nothing yet */
    struct timekeeper *timekeeper;
    uint64_t started_boot_ms; /* CLOCK_BOOTTIME, of issuer_recover; what this process was told since then is no copy's */
    const char *stop_at;      /* debug: kill the process right after this state was stored; NULL: never */
    bool freezes;             /* debug: it is only stopped there, once, until somebody continues it */
};

enum {
    NOTE_MAX = WORK_NOTE_MAX,  /* of a sentence for people, kept with what it is about */
    LOOK_EVERY_MS = MINUTE_MS, /* at most one look in that time for an issuance, whatever is pushed */
};

/* Kills the process where the debugging variable ACMEGATE_DEBUG_STOP_AT names this point; with "freeze:" before the
 * point it is stopped there once (SIGSTOP). */
void issuer_debug_stop(const struct issuer *issuer, const char *point);
/* The same for a commit that moved an issuance: "STATE", or "STATE-again" where it stayed there; with ":before" inside
 * the transaction, so that nothing of it is stored. */
void issuer_debug_commit(const struct issuer *issuer, enum issuance_state from, enum issuance_state to, bool before);

/* Of works whose owner is the issuer. WORK_WAIT: the row's decide gets the struct upstream_reply. Takes form as
 * upstream_call does. On the egress thread. */
enum work_next issuer_ask(struct work *work, struct upstream_login *login, enum sectigo_call_kind kind,
                          struct sectigo_form *form);
/* The upstream_done_fn of that. */
void issuer_answer(void *work, const struct upstream_reply *reply);
/* The login of the subscription, where the work's configuration has it at the same endpoint still; NULL after an error
 * line with this sentence: it is gone from there, or has changed. Nothing of one endpoint is ever sent to another. Any
 * thread. */
struct upstream_login *issuer_login(const struct work *work, const struct subscription *sub, const char *sentence);

#endif
