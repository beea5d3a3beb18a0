/* send: a message on its way to a target: by a webhook, by mail, or to a program. On the egress thread.
 */
#ifndef GATEWAY_NOTIFY_SEND_H
#define GATEWAY_NOTIFY_SEND_H

#include "gateway/config/config.h"
#include "gateway/egress/egress.h"
#include "gateway/notify/message.h"

enum { SEND_REASON_MAX = 512 };

/* reason NULL: the target has taken it; otherwise a sentence, without secrets. */
typedef void send_done_fn(void *ctx, const char *reason);

/* to: who gets the mail of a mail target, in place of those of the configuration; NULL: those. Copies what it needs.
 * done is called exactly once, later. False where it cannot begin: *reason, and done is not called. */
bool send_message(struct egress *egress, const struct config_target *target, const char *to,
                  const struct message *message, send_done_fn *done, void *ctx, char reason[static SEND_REASON_MAX]);
/* "webhook", "mail", "program"; static. By which number: */
enum send_way { SEND_WEBHOOK, SEND_MAIL, SEND_PROGRAM };
enum send_way send_way_of(const struct config_target *target);
const char *send_way_text(enum send_way way);

#endif
