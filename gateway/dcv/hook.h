/* hook: the operator's own program that publishes and removes records where no RFC 2136 server does.
 *
 * PROGRAM publish|remove|check OWNER TARGET ZONE: run without a shell, names without final dots, no standard input.
 * Status 0: done; of check: the record is in place. Its first output is the reason of any other status. What runs
 * longer than dcv.hook.timeout is killed with its process group. deploy/hooks/ has an example.
 */
#ifndef GATEWAY_DCV_HOOK_H
#define GATEWAY_DCV_HOOK_H

#include "gateway/config/config.h"
#include "gateway/dcv/record.h"
#include "gateway/egress/program.h"

enum { HOOK_REASON_MAX = PROGRAM_REASON_MAX };

typedef program_done_fn hook_done_fn;

/* On the egress thread. verb: "publish", "remove", "check"; static. Calls done exactly once, later. False when it
 * cannot be started: *reason says why, done is not called. */
bool hook_run(struct egress *egress, const struct config_dcv_hook *config, const char *verb,
              const struct dcv_record *record, hook_done_fn *done, void *ctx, char reason[static HOOK_REASON_MAX]);

#endif
