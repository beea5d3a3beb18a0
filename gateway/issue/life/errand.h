/* errand: one issuance being taken a step further. Inside this room only.
 *
 * Loop of an errand: the function of its state (life.c) finds out what comes next, with or without a call to the
 * outside; commit (commit.c) stores that with the job that continues it; then the next state's function runs at once,
 * or the errand ends because the job is due later. An errand that is lost with the process loses nothing: the job is
 * still there.
 */
#ifndef GATEWAY_ISSUE_LIFE_ERRAND_H
#define GATEWAY_ISSUE_LIFE_ERRAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "acme/certificate.h"
#include "acme/problem.h"
#include "gateway/dcv/record.h"
#include "gateway/dcv/rules.h"
#include "gateway/issue/context.h"
#include "gateway/issue/life/kept.h"
#include "gateway/issue/life/pushes.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/record/subscription.h"
#include "gateway/issue/upstream/accept.h"
#include "gateway/log.h"

/* What a step found out, to be stored by commit. Zeroed before each step. */
struct result {
    enum issuance_state to;              /* the present state again: stay */
    uint64_t due_ms;                     /* when to go on; 0: at once */
    bool failed;                         /* counts as a failure in a row (back-off); otherwise the count starts anew */
    bool looked;                         /* Sectigo was asked about it */
    bool hasten;                         /* due_ms may only bring the job forward */
    bool doubt;                          /* a push said failed or rejected */
    bool nudged;                         /* AutoUpdateDCV was asked, or need not be */
    bool caa_forbids, caa_passes;        /* Sectigo says that CAA forbids it; has been asked to look again */
    bool caa_retried, caa_kept;          /* RetryCAACheck is about to leave; it did not */
    bool no_doubt;                       /* Sectigo's own status says otherwise */
    bool missed;                         /* a report does not know it */
    bool not_placed;                     /* this request certainly bought nothing */
    bool unpaid;                         /* CollectSSL -22 */
    bool over;                           /* AutoReplaceSSL: the subscription has ended, buy anew */
    bool no_credit;                      /* -15: the login buys nothing for an hour */
    bool cancelled;                      /* AutoReject has ended it at its deadline */
    bool refund;                         /* dead: its money is asked back */
    bool shortage;                       /* memory was short: what came could not be judged */
    bool names_missing;                  /* the certificate that came lacks some: asked for once more, by itself */
    struct kept kept;                    /* a certificate that is not accepted; owned */
    enum accept_verdict withheld;        /* and why it is not */
    bool subscription_stays;             /* dead, but the paid subscription waits for the next CSR */
    uint64_t said_ms;                    /* what time Sectigo said it was when it answered; 0: it did not */
    int refusal;                         /* code of a refusal that may mean "placed earlier" */
    char note[NOTE_MAX];                 /* for people */
    struct acme_problem problem;         /* of the ACME orders, where they end invalid */
    struct sectigo_order_answer answer;  /* to submitted */
    uint64_t ordered_ms;                 /* when it was ordered, where a report told of it; 0: now */
    struct acme_certificate certificate; /* to collected; owned */
    struct dcv_records records;          /* to be stored before they are published; none: nothing to store. Owned */
    bool not_global;                     /* a name has no address that Sectigo can fetch a file from */
    bool unseen;                         /* preflight does not see a CNAME record */
};

struct errand {
    struct issuer *issuer;
    bool leased;              /* came from a job; otherwise from a push */
    bool sending;             /* submitting was stored by this errand: the request has not left yet */
    uint64_t sending_boot_ms; /* since when, CLOCK_BOOTTIME */
    bool asking_caa;          /* likewise RetryCAACheck */
    bool not_due;             /* its job was done or moved before the errand was made */
    bool stale;               /* somebody else changed the issuance meanwhile */
    bool stored;              /* the step taken last is in the store, with the job that continues it */
    struct issuance is;       /* as stored last */
    struct subscription sub;  /* likewise */
    struct issuance next_is;  /* what the transaction makes of them; in force once it is durable */
    struct subscription next_sub;
    struct dcv_rules rules; /* of the subscription's policy, as they were when the errand was made */
    const struct config_profile *profile;
    struct upstream_login *login;
    struct result result;
    struct sectigo_push *push;                      /* owned; of an errand that came from a push */
    char candidate[SECTIGO_CERTIFICATE_ID_MAX + 1]; /* of family.c: perhaps what we asked for; "": none */
    unsigned checks;                                /* preflight looks still to come back */
    uint64_t began_ms;                              /* when the step taken now began */
    uint64_t next_ms;                               /* what commit stored: when the job is due, UINT64_MAX for none */
    struct store_op op;
    struct egress_post post;
};

enum step {
    STEP_COMMIT, /* result is ready */
    STEP_WAIT,   /* somebody will call errand_commit */
    STEP_END,    /* nothing to do */
};

/* Loads issuance and subscription; NULL where it is gone, not readable (logged), or memory is short. */
struct errand *errand_make(struct issuer *issuer, const char *issuance, bool leased);
/* Releases the lease, if any. */
void errand_free(struct errand *errand);
/* Runs the states one after another, on the egress thread, until there is nothing more to do now; then the errand is
 * freed. Any thread. */
void errand_run(struct errand *errand);
/* Stores result, then goes on. Any thread; the errand must not be touched afterwards. */
void errand_commit(struct errand *errand);

/* Of an errand that came from a push: makes a query due, and commits that. push.c */
void errand_query(struct errand *errand);
/* A line about the issuance, with its order; reason may be NULL. */
void errand_log(const struct errand *errand, enum log_level level, const char *msg, const char *reason);

/* The function of the errand's state. On the egress thread. life.c */
enum step life_step(struct errand *errand);
/* Of prepared and published: the answers to Sectigo's domain control are put in place, and seen. control.c */
enum step control_prepared(struct errand *errand);
enum step control_published(struct errand *errand);
/* Whether a certificate is the one that the issuance waits for; *certificate, which was zeroed, is the caller's to
 * clear. life.c */
bool life_judge(struct errand *errand, const char *leaf, const char *ca, struct acme_certificate *certificate);
/* Of unknown: Sectigo does not know the request. life.c */
enum step life_not_found(struct errand *errand, uint64_t now_ms);
/* Judges a certificate against the issuance; true where result.to is set: it is accepted (result.certificate), or is
 * ours and lacks names. life.c */
bool life_accept(struct errand *errand, const char *leaf, const char *ca);
/* store_fn, arg is the errand. commit.c */
enum store_status commit_result(struct store_txn *txn, void *errand);

#endif
