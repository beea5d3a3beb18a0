/* step: an issuance being taken further. Inside this room only.
 *
 * Its state decides (life.h), and asks the outside first where it has to (asking.h); commit (commit.c) stores the
 * outcome with the job that continues it; then the next state decides at once, or the step ends because the job is due
 * later. A step that is lost with the process loses nothing: the job is still there.
 */
#ifndef GATEWAY_ISSUE_LIFE_STEP_H
#define GATEWAY_ISSUE_LIFE_STEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "acme/certificate.h"
#include "gateway/dcv/record.h"
#include "gateway/dcv/rules.h"
#include "gateway/issue/context.h"
#include "gateway/issue/life/kept.h"
#include "gateway/issue/life/outcome.h"
#include "gateway/issue/life/pushes.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/story.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/issue/upstream/accept.h"
#include "gateway/log.h"

struct step {
    struct work work; /* leased: came from a job; otherwise from a push */
    struct issuer *issuer;
    bool sending;             /* submitting was stored by this step: the request has not left yet */
    uint64_t sending_boot_ms; /* since when, CLOCK_BOOTTIME */
    bool asking_caa;          /* likewise RetryCAACheck */
    bool stale;               /* somebody else changed the issuance meanwhile */
    struct issuance is;       /* as stored last */
    struct subscription sub;  /* likewise */
    struct issuance next_is;  /* what the transaction makes of them; in force once it is durable */
    struct subscription next_sub;
    struct dcv_rules rules; /* of the subscription's policy, as they were when the step was made */
    const struct config_profile *profile;
    const struct config_login *account;
    struct upstream_login *login; /* what stands behind it */
    /* What this step found out, zeroed before each: */
    struct outcome outcome;
    struct acme_certificate certificate; /* owned: that is accepted, with OUTCOME_COLLECTED */
    struct kept kept;                    /* owned: that is not accepted */
    struct dcv_records records;          /* owned: to be stored before they are published; none: nothing to store */
    char asked[STORY_WHAT_MAX + 1];      /* who was asked, in that order, for the story */
    /* What is being asked: */
    struct ask ask;
    struct reading seen;       /* of looks of our own, so far */
    unsigned checks;           /* of them still to come back */
    bool not_global;           /* a name has no address that Sectigo can fetch a file from */
    struct sectigo_push *push; /* owned; of a step that came from a push */
    uint64_t began_ms;         /* when the step taken now began */
    unsigned began_jumps;      /* clock_jumps then */
    uint64_t next_ms;          /* what commit stored: when the job is due, UINT64_MAX for none */
};

/* JOB_ISSUANCE; its owner is the issuer. */
extern const struct work_kind issuance_work;

/* Of a push: loads issuance and subscription; NULL where it is gone, not readable (logged), or memory is short. It goes
 * on with work_go. */
struct step *step_make(struct issuer *issuer, const char *issuance);

/* Whether there are DCV records to be stored with its outcome. */
bool step_has_records(const struct step *step);
/* A line about the issuance, with its order; reason may be NULL. */
void step_log(const struct step *step, enum log_level level, const char *msg, const char *reason);

/* The lines of its outcome. */
void step_say(const struct step *step);
/* What is in the way, as a look of our own sees it. */
void step_see(struct step *step, const char *reason);

/* Whether a certificate is the one that the issuance waits for; *certificate, which was zeroed, is the caller's to
 * clear. submitted.c */
enum accept_verdict submitted_test(struct step *step, const char *leaf, const char *ca,
                                   struct acme_certificate *certificate, char reason[static ACCEPT_REASON_MAX]);
/* The same into the step: one that is accepted in certificate, one that is not in kept. submitted.c */
enum accept_verdict submitted_judge(struct step *step, const char *leaf, const char *ca,
                                    char reason[static ACCEPT_REASON_MAX]);
/* Stores the outcome: inside a store_fn. STORE_REFUSED where it is stale. commit.c */
enum store_status commit_result(struct store_txn *txn, struct step *step, uint64_t now_ms);

#endif
