/* revoke: a revocation that was asked for, carried to Sectigo. issuance.md section 7. Inside this room only.
 *
 * A certificate whose revocation is asked has a job (JOB_REVOKE) until Sectigo has confirmed it, or it has expired. The
 * call names the serial number, so that nothing else of the order ends: the subscription lives on. It may be repeated,
 * since Sectigo answers -21 the second time, which is a success; so a lost reply needs no settling.
 */
#ifndef GATEWAY_ISSUE_REVOCATION_REVOKE_H
#define GATEWAY_ISSUE_REVOCATION_REVOKE_H

#include <stdint.h>

#include "acme/certificate.h"
#include "gateway/issue/context.h"
#include "gateway/issue/upstream/upstream.h"

/* What an answer to AutoRevokeSSL means. Pure. */
struct revoke_outcome {
    enum acme_revocation to; /* ASKED: once more, later */
    uint64_t rest_ms;        /* of ASKED: in how long, where upstream.h says it; 0: revoke_back_off_ms */
    struct work_line line;
};
struct revoke_outcome revoke_decide(const struct upstream_reply *reply);
/* In how long it is asked once more: as long again as has passed since it was asked, which doubles each time, from
 * later_ms to an hour. Pure. */
uint64_t revoke_back_off_ms(uint64_t asked_ms, uint64_t later_ms, uint64_t now_ms);

/* A line of the audit about a certificate and its revocation. Inside a store_fn. */
enum store_status revoke_audit(struct store_txn *txn, const char *what, const struct acme_id *account,
                               const struct acme_certificate *certificate, const struct subscription *sub,
                               uint64_t now_ms);

/* JOB_REVOKE; its owner is the issuer. */
extern const struct work_kind revoke_work;

#endif
