/* worker: a few threads that do what is due: look at domains, sign, notify.
 *
 * Jobs are not kept on disk: progress_resume makes them anew from the orders after a restart.
 */
#ifndef SANDBOX_WORKER_H
#define SANDBOX_WORKER_H

#include <curl/curl.h>

#include "sectigo/sandbox/dcv.h"
#include "sectigo/sandbox/sandbox.h"

enum job_kind { JOB_LOOK, JOB_ISSUE, JOB_NOTIFY };
struct job {
    int64_t due_ms;
    enum job_kind kind;
    struct order *order;
    uint64_t number; /* JOB_LOOK: generation; JOB_NOTIFY: which notification */
};

/* What a thread works with. */
struct tools {
    struct dcv dcv;
    CURL *push;
};

/* False: a line on stderr says why. */
bool worker_start(struct sandbox *sandbox);
/* Ends the job under way, drops the rest. */
void worker_stop(struct sandbox *sandbox);
/* Any thread. number: see struct job. Says so on stderr when out of memory: the order then stands still until a
 * restart.
 */
void worker_add(struct sandbox *sandbox, enum job_kind kind, struct order *order, int64_t due_ms, uint64_t number);

#endif
