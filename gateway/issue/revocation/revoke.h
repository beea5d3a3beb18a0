/* revoke: a revocation that was asked for, carried to Sectigo. issuance.md section 7. Inside this room only.
 *
 * A certificate whose revocation is asked has a job (JOB_REVOKE) until Sectigo has confirmed it, or it has expired. The
 * call names the serial number, so that nothing else of the order ends: the subscription lives on. It may be repeated,
 * since Sectigo answers -21 the second time, which is a success; so a lost reply needs no settling.
 */
#ifndef GATEWAY_ISSUE_REVOCATION_REVOKE_H
#define GATEWAY_ISSUE_REVOCATION_REVOKE_H

#include "gateway/scheduler.h"

/* Handler of JOB_REVOKE; issuer is a struct issuer. */
scheduler_handler_fn revoke_on_job;

#endif
