/* family: settling a replacement whose outcome is unknown where the login takes no foreignOrderNumber on AutoReplaceSSL
 * (issuance.md section 4, rule 5). Inside this room only.
 */
#ifndef GATEWAY_ISSUE_LIFE_FAMILY_H
#define GATEWAY_ISSUE_LIFE_FAMILY_H

#include "gateway/issue/life/errand.h"

/* On the egress thread: asks Sectigo for the subscription's family. A certificate ID that was not in the list committed
 * before the request left, and whose certificate (where it is issued already) passes accept.h, is ours: submitted.
 * None: life_not_found. */
enum step family_settle(struct errand *errand);

#endif
