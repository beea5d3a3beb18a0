/* ending: an issuance whose time is over, or that the operator gives up (issuance.md section 7). Inside this room only.
 *
 * A replacement is dropped here and nothing is called: it cost nothing. A purchase has been collected once more when it
 * comes here. One that is not issued is cancelled by AutoReject (never AutoRevokeSSL, which might end more than this
 * order) and refund.h fetches the money back, where AutoRefund serves its product; one that is issued but withheld is
 * refunded likewise. Otherwise the ACME orders alone end, and the subscription stays, paid, for the next CSR. What
 * Sectigo does not answer, or does not let go, for another day ends all the same.
 *
 * Each function of an ending fills the errand's result. On the egress thread, but for ending_withheld: any thread.
 */
#ifndef GATEWAY_ISSUE_LIFE_ENDING_H
#define GATEWAY_ISSUE_LIFE_ENDING_H

#include "gateway/issue/life/errand.h"

/* Its deadline has come, or the operator has given it up. */
bool ending_is_due(const struct errand *errand);
/* Its deadline was a day ago and more: nobody's answer is waited for any longer. */
bool ending_is_overdue(const struct errand *errand);
bool ending_is_given_up(const struct errand *errand);
/* Of submitted and blocked, where CollectSSL brings nothing; of a replacement also before, and of unknown. */
enum step ending_begin(struct errand *errand);
/* Of a purchase that Sectigo has issued, but not as we may deliver it. */
enum step ending_withheld(struct errand *errand, const char *why);
/* Of a purchase in unknown: nobody can say whether it was made, so its names stay blocked for the operator. */
enum step ending_unsettled(struct errand *errand, const char *why);
/* The function of the state cancelling. */
enum step ending_cancel(struct errand *errand);

#endif
