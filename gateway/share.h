/* share: several gateways that serve from one store at once (store.postgresql.share).
 *
 * One of them owns the store, and does all that is deferred: what is bought, validated, looked at, told and tidied up.
 * The others serve beside it: they answer clients and store what those ask for, with the job that goes on with it. They
 * begin nothing themselves, so that nothing of the owner's memory need be theirs. When its turn comes one of them
 * becomes the owner as it runs. Inside the top of gateway/ alone. */
#ifndef GATEWAY_SHARE_H
#define GATEWAY_SHARE_H

#include "gateway/parts.h"

/* For store_config. Lives as long as the gateway. */
const struct store_share *share_hooks(struct gateway *g);
/* Nothing is begun here. True. Before listeners are open. */
bool share_rest(struct gateway *g);
/* What others see of this one: where it serves, and a digest of what has to be equal in its configuration and key file.
 * Any thread. */
void share_present(struct gateway *g, const struct config *config);

#endif
