/* ending: an issuance whose time is over (issuance.md section 7). Inside this room only, on the egress thread.
 *
 * A replacement is dropped here and nothing is called: it cost nothing. A purchase has been collected once more when it
 * comes here. Where AutoRefund serves its product it is cancelled by AutoReject (never AutoRevokeSSL, which might end
 * more than this order), and refund.h fetches the money back; otherwise the ACME orders alone end, and the subscription
 * stays, paid, for the next CSR.
 */
#ifndef GATEWAY_ISSUE_ENDING_H
#define GATEWAY_ISSUE_ENDING_H

#include "gateway/issue/errand.h"

bool ending_is_due(const struct errand *errand);
/* Of submitted and blocked, after CollectSSL has said "not yet"; of a replacement also before, and of unknown. */
enum step ending_begin(struct errand *errand);
/* The function of the state cancelling. */
enum step ending_cancel(struct errand *errand);

#endif
