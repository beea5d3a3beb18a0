#include "gateway/notify/send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/egress/program.h"
#include "gateway/notify/transfer.h"

enum send_way send_way_of(const struct config_target *target)
{
    return target->program ? SEND_PROGRAM : target->mail.server ? SEND_MAIL : SEND_WEBHOOK;
}

const char *send_way_text(enum send_way way)
{
    static const char *const texts[] = {[SEND_WEBHOOK] = "webhook", [SEND_MAIL] = "mail", [SEND_PROGRAM] = "program"};
    return texts[way];
}

/* The operator's program reads the JSON of a webhook. */
static bool run_program(struct egress *egress, const struct config_target *target, const struct message *message,
                        send_done_fn *done, void *ctx, char reason[static SEND_REASON_MAX])
{
    char *body = message_body(message, CONFIG_FORMAT_JSON);
    char *const argv[] = {target->program, NULL};
    const struct program program = {.what = "the program",
                                    .argv = argv,
                                    .input = body,
                                    .input_len = body ? strlen(body) : 0,
                                    .timeout_ms = target->timeout_ms};
    bool started = body && program_run(egress, &program, done, ctx, reason);
    free(body);
    return started;
}

bool send_message(struct egress *egress, const struct config_target *target, const char *to,
                  const struct message *message, send_done_fn *done, void *ctx, char reason[static SEND_REASON_MAX])
{
    snprintf(reason, SEND_REASON_MAX, "out of memory");
    switch (send_way_of(target)) {
    case SEND_PROGRAM:
        return run_program(egress, target, message, done, ctx, reason);
    case SEND_MAIL:
        return mail_send(egress, target, to, message, done, ctx);
    case SEND_WEBHOOK:
        break;
    }
    return webhook_send(egress, target, message, done, ctx);
}
