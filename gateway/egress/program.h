/* program: one of the operator's own programs, run without a shell.
 *
 * It gets no descriptor of ours, a process group of its own, and the signals that the gateway blocks or ignores as
 * usual. Its output goes to sealed memory: it never waits for a reader, and cannot fill anything; the first octets of it
 * become the reason of a failure. What runs longer than its time is killed with its process group.
 */
#ifndef GATEWAY_EGRESS_PROGRAM_H
#define GATEWAY_EGRESS_PROGRAM_H

#include "gateway/egress/egress.h"

enum { PROGRAM_REASON_MAX = 512 };

struct program {
    const char *what, *verb; /* for people: "the DCV hook", "publish"; verb NULL: there is none. Static */
    char *const *argv;       /* argv[0] is its path; NULL ends it */
    const char *input;       /* what it reads at its standard input; NULL: nothing */
    size_t input_len;
    uint32_t timeout_ms;
};

/* reason NULL: it ended with status 0; otherwise a sentence. */
typedef void program_done_fn(void *ctx, const char *reason);

/* On the egress thread. Copies all but what and verb. Calls done exactly once, later. False when it cannot be started:
 * *reason says why, done is not called. */
bool program_run(struct egress *egress, const struct program *program, program_done_fn *done, void *ctx,
                 char reason[static PROGRAM_REASON_MAX]);

#endif
