#include "gateway/dcv/hook.h"

#include <stdio.h>

bool hook_run(struct egress *egress, const struct config_dcv_hook *config, const char *verb,
              const struct dcv_record *record, hook_done_fn *done, void *ctx, char reason[static HOOK_REASON_MAX])
{
    struct dcv_record names = *record; /* argv wants what may be written to */
    char word[16];
    snprintf(word, sizeof word, "%s", verb);
    char *const argv[] = {config->program, word, names.owner, names.target, names.zone, NULL};
    const struct program program = {
        .what = "the DCV hook", .verb = verb, .argv = argv, .timeout_ms = config->timeout_ms};
    return program_run(egress, &program, done, ctx, reason);
}
