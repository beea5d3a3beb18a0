/* bench: one measurement: what is asked for, who asks, and what was measured. One thread, but for the responder. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <curl/curl.h>

#include "options.h"
#include "proc.h"
#include "responder.h"
#include "tally.h"

enum step {
    NEW_NONCE,
    NEW_ACCOUNT,
    NEW_ORDER,
    AUTHORIZATION,
    CHALLENGE,
    AUTHORIZATION_POLL,
    FINALIZE,
    ORDER_POLL,
    CERTIFICATE,
    STEPS
};

/* What one order asks for, made before the clock runs. */
struct plan {
    char *name;        /* the first */
    char *identifiers; /* payload of newOrder */
    char *csr;         /* payload of finalize */
};

struct client;

struct bench {
    struct options options;
    char *new_nonce, *new_account, *new_order; /* of the directory */
    char *eab_key;                             /* NULL: accounts are bound to none */
    FILE *times;                               /* NULL: nobody wants them */
    CURLM *multi;
    struct responder *responder;
    struct client *clients; /* options.accounts */
    struct plan *plans;     /* options.orders */
    unsigned active;        /* clients that have something to do */
    uint64_t began_us;      /* the first order */

    unsigned next_plan, done, failed, bad_nonces, messages;
    struct tally plain[STEPS], held[STEPS];
    struct tally wait;  /* from finalize sent to certificate there */
    struct tally order; /* from newOrder sent to certificate there */
    struct tally late;  /* --rate: how much later than due orders began */
};

/* directory.c: reads the directory; false after a message on stderr. */
bool directory_read(struct bench *bench);
/* plan.c */
bool plans_make(struct bench *bench);
void plans_free(struct bench *bench);
/* idle.c: opens connections, makes one request on each, and keeps them until idle_close. NULL after a message. */
CURLM *idle_open(const struct bench *bench);
void idle_close(CURLM *multi);
struct observation {
    struct proc_usage before, after;
};
/* report.c: to stdout. server NULL: it is not observed. */
void report(struct bench *bench, uint64_t took_us, const struct observation *server, const struct observation *self);

#endif
