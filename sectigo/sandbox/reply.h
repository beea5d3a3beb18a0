/* reply: an answer on its way out, and the faults that befall it. On the connection's thread, which may wait. */
#ifndef SANDBOX_REPLY_H
#define SANDBOX_REPLY_H

#include <microhttpd.h>

#include "sectigo/sandbox/call.h"

/* Plays a fault that comes before the request is looked at. True: answered, the request is not to be run. */
bool reply_before(struct sandbox *sandbox, const struct endpoint *endpoint, struct answer *answer);
/* The part of a fault after acceptance that changes the answer or waits. */
void reply_after(struct sandbox *sandbox, const struct order *placed, const struct fault *fault, struct answer *answer);
/* Whether no answer arrives, or none that can be read. */
bool reply_is_lost(const struct fault *fault);
/* Sends it; fault (may be NULL) decides how. */
enum MHD_Result reply_send(struct sandbox *sandbox, struct MHD_Connection *connection, struct answer *answer,
                           const struct fault *fault);

#endif
