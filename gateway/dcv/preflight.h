/* preflight: is our answer to Sectigo's domain control in place, and may Sectigo issue, seen from outside (issuance.md
 * section 9)?
 *
 * Names are looked up in egress's outside view. On the egress thread, asynchronous.
 */
#ifndef GATEWAY_DCV_PREFLIGHT_H
#define GATEWAY_DCV_PREFLIGHT_H

#include "gateway/config/config.h"
#include "gateway/egress/egress.h"

enum {
    PREFLIGHT_REASON_MAX = 1024,
    /* What preflight may learn from others' lookups: the addresses that the order's own validation has just asked for,
     * and the CAA records above a name. A certification authority may itself take CAA for eight hours (Baseline
     * Requirements, 3.2.2.8); and an answer kept is never one that fails a look. */
    PREFLIGHT_RECENT_MS = 10000,
};

struct preflight_http {
    const struct config_dcv *dcv; /* http_port, http_proxy, global; must outlive the look */
    const char *name;             /* DNS name or IP address */
    const char *path;             /* "/.well-known/pki-validation/<MD5>.txt" */
    const char *body;             /* what must be found there: lines compared without regard to trailing white space */
    uint32_t timeout_ms;
    uint32_t recent_ms; /* addresses asked for no longer ago will do, unless the look fails with them */
    bool *not_global;   /* set where no address of the name can be reached from everywhere; may be NULL */
};
/* ok: found as wanted. Otherwise reason is a sentence with the exact URL, the address asked, and what was found. */
typedef void preflight_done_fn(void *ctx, bool ok, const char *reason);

/* Copies *want. Follows no redirect, as Sectigo follows none; asks global addresses only, except through a proxy, which
 * has its own. Calls done exactly once, later. False when out of memory:
 * done is not called. */
bool preflight_http(struct egress *egress, const struct preflight_http *want, preflight_done_fn *done, void *ctx);

/* The same for a CNAME record. */
struct preflight_cname {
    const char *owner, *target;
    uint32_t timeout_ms;
};
bool preflight_cname(struct egress *egress, const struct preflight_cname *want, preflight_done_fn *done, void *ctx);

/* The same for what CAA says of a name, of the closest record set up the tree (RFC 8659 section 3). An answer that does
 * not come, or is bogus, is no leave. */
struct preflight_caa {
    const struct config_strings *identities; /* caa.h; must outlive the look */
    const char *name;                        /* DNS name, "*." in front of a wildcard */
    uint32_t timeout_ms;                     /* of each lookup */
    uint32_t recent_ms; /* what was asked of the names above no longer ago will do, unless it gives no leave */
};
bool preflight_caa(struct egress *egress, const struct preflight_caa *want, preflight_done_fn *done, void *ctx);

#endif
