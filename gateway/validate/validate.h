/* validate: does the client control the name? http-01 and dns-01 (RFC 8555 section 8.3, 8.4), tls-alpn-01 (RFC 8737),
 * dns-account-01 (draft-ietf-acme-dns-account-label-03).
 *
 * All on the egress thread, asynchronous, bounded in time and size. One file per challenge type.
 */
#ifndef GATEWAY_VALIDATE_VALIDATE_H
#define GATEWAY_VALIDATE_VALIDATE_H

#include "acme/authorization.h"
#include "acme/problem.h"
#include "gateway/egress/address.h"
#include "gateway/egress/egress.h"

struct validate_config {
    uint16_t http_port, tls_port; /* 80 and 443; others only for tests and inside networks */
    uint32_t timeout_ms;          /* of one whole validation, 20 s */
    unsigned redirects_max;       /* 10 */
    const char *account_urls; /* what the URL of an account has before its id; for dns-account-01 and dns-persist-01 */
    const char *account_hashes;       /* what an account's hashed URI begins with; for dns-persist-01 */
    const char *const *issuer_names;  /* likewise the issuer's, NULL-terminated; NULL: not offered */
    const struct egress_rules *rules; /* where http-01, its redirects and tls-alpn-01 may connect to; NULL: anywhere */
};

/* problem NULL: the client has proved control. Otherwise connection, dns, incorrectResponse, tls or
 * unsupportedIdentifier, whose detail names the address or record looked at and what was found there; or
 * serverInternal, which says nothing about the client (the gateway is stopping, or short of memory, descriptors or
 * ports): such a validation must be done again, not settled. until_s: UNIX seconds until which a proof lasts at most, 0
 * for no limit of its own. The problem lives during the call. */
typedef void validate_done_fn(void *ctx, const struct acme_problem *problem, uint64_t until_s);

/* Copies *validation; *config must outlive it. Calls done exactly once, later, on the egress thread. False when out of
 * memory: done is not called. */
bool validate_start(struct egress *egress, const struct validate_config *config,
                    const struct acme_validation *validation, validate_done_fn *done, void *ctx);

#endif
