/* waiting: an issuance in the queue of its subscription. issuance.md section 2. Inside this room only. */
#ifndef GATEWAY_ISSUE_LIFE_WAITING_H
#define GATEWAY_ISSUE_LIFE_WAITING_H

#include "gateway/issue/life/errand.h"

/* The function of the state queued, on the egress thread: one whose orders nobody has read for
 * issuance.superseded_after ends ("superseded"), as one does whose time is over; otherwise its job looks again when
 * that may be so. Its turn is given by queue.h. */
enum step waiting_step(struct errand *errand);

#endif
