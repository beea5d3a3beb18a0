/* authenticate: who signed this request? RFC 8555 sections 6.2 to 6.5. Private to this room. */
#ifndef ACME_AUTHENTICATE_H
#define ACME_AUTHENTICATE_H

#include "acme/task.h"

/* True: the JWS is one for this resource, signed by the key in it (route signed by jwk) or by a valid account, which is
 * then in task->account, its key in x->key; the nonce is used up and x->snapshot is open. False: the problem is set.
 *
 * The nonce is redeemed last, after the signature: only who holds the key can use it up, so neither a request that was
 * tampered with nor one that fails for another reason costs an honest client its nonce, and no unsigned request writes
 * to what the threads share. */
bool acme_authenticate(struct acme_exchange *x, struct acme_task *task);

#endif
