/* remark: what the operator's log is told of a request that was refused, or a wish of which was passed over: who asked
 * for what, and why not. Nothing secret, every text bounded. Private to this room; acme.h has what the gateway sees.
 */
#ifndef ACME_REMARK_H
#define ACME_REMARK_H

#include "acme/task.h"

enum { ACME_REMARK_NAMES_MAX = 1000 }; /* octets of the names in a line; what is left out is counted */

/* Notes in the task, while the exchange still lives, for what names a refused request asked. */
void acme_note_names(struct acme_exchange *x, struct acme_task *task);

#endif
