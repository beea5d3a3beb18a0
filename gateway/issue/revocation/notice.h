/* notice: a push says that a delivered certificate is, or will be, revoked. issuance.md section 6.
 *
 * It changes nothing by itself: a job (JOB_NOTICE) asks Sectigo, at most once a minute for an issuance. A confirmed
 * revocation ends the certificate's ARI window; of one that we had superseded it raises an alarm and stops sharing
 * subscriptions between keys on that login, since there a replacement evidently revokes what others still serve. A
 * confirmed PreRevocationNotification moves the window to now.
 */
#ifndef GATEWAY_ISSUE_REVOCATION_NOTICE_H
#define GATEWAY_ISSUE_REVOCATION_NOTICE_H

#include "gateway/issue/context.h"
#include "gateway/issue/record/issuance.h"
#include "gateway/issue/upstream/upstream.h"

/* Any thread; the issuance has ended with a certificate. Stores the job, then returns at once. */
void notice_take(struct issuer *issuer, const struct issuance *issuance, enum sectigo_push_status kind);
/* Whether such a job is stored. Reading. */
bool notice_is_due(struct store_txn *txn, const char *issuance);
/* What an answer to GetDetailedOrderStatus says of it. will_be: a PreRevocationNotification, which an order that is
 * known confirms; otherwise a certificate of it has to be revoked. Pure. */
enum notice_found { NOTICE_UNANSWERED, NOTICE_DENIED, NOTICE_CONFIRMED };
enum notice_found notice_decide(const struct upstream_reply *reply, bool will_be);

/* JOB_NOTICE; its owner is the issuer. */
extern const struct work_kind notice_work;

#endif
