/* setup: what a configuration makes of the listeners: addresses, TLS, limits, proxies. It never changes; a reload makes
 * another one, and each loop holds that which it has heard of last.
 */
#ifndef GATEWAY_HTTP_SETUP_H
#define GATEWAY_HTTP_SETUP_H

#include "gateway/http/internal.h"

/* Reads TLS files and binds what old (NULL: none) has not bound; changes nothing that old uses. NULL: *reason. One
 * thread at a time. The caller's hold. */
struct setup *setup_make(const struct http_server *server, const struct http_config *config, const struct setup *old,
                         char reason[static HTTP_REASON_MAX]);
/* NULL is fine. Any thread, like the next. */
void setup_drop(struct setup *setup);
struct setup *setup_hold(struct setup *setup);
bool setup_has(const struct setup *setup, const struct listener *listener);
/* From the next connection on a Unix socket's name is nobody's, and what the service manager holds is told of. */
void setup_retire(const struct setup *old, const struct setup *fresh);

void listener_drop(struct listener *listener);

#endif
