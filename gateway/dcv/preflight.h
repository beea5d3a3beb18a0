/* preflight: is our answer to Sectigo's domain control in place, seen from outside (issuance section 9)?
 *
 * On the egress thread, asynchronous.
 */
#ifndef GATEWAY_DCV_PREFLIGHT_H
#define GATEWAY_DCV_PREFLIGHT_H

#include "gateway/egress/egress.h"

enum { PREFLIGHT_REASON_MAX = 1024 };

struct preflight_http {
    const char *name; /* DNS name or IP address */
    uint16_t port;    /* 80 */
    const char *path; /* "/.well-known/pki-validation/<MD5>.txt" */
    const char *body; /* what must be found there: lines compared without regard to trailing white space */
    uint32_t timeout_ms;
};
/* ok: found as wanted. Otherwise reason is a sentence with the exact URL, the address asked, and what was found. */
typedef void preflight_done_fn(void *ctx, bool ok, const char *reason);

/* Copies *want. Follows no redirect, as Sectigo follows none. Calls done exactly once, later. False when out of memory:
 * done is not called. */
bool preflight_http(struct egress *egress, const struct preflight_http *want, preflight_done_fn *done, void *ctx);

/* The same for a CNAME record, through the configured resolvers. */
struct preflight_cname {
    const char *owner, *target;
    uint32_t timeout_ms;
};
bool preflight_cname(struct egress *egress, const struct preflight_cname *want, preflight_done_fn *done, void *ctx);

#endif
