/* admin: what the Unix socket and admin.listen answer to the operator, HTTP and JSON. acmegatectl is its client.
 *
 *   GET  /status
 *   GET  /orders, /subscriptions, /issuances, /audit     a page: {"items": [...], "next": cursor or null,
 *                                                        "last": cursor behind its last row, to ask for newer ones}
 *   GET  /orders/ID, /subscriptions/ID, /issuances/ID
 *   POST /subscriptions/adopt                            {"policy", "login", "numbers": [...] or "name" (with
 * "since_ms"), "days", "preview": true}: what becomes of each POST /orders/ID/retry?skip_preflight                 its
 * issuance's job becomes due; 1: whatever preflight sees POST /orders/ID/cancel                               of one
 * that is not finalized GET  /accounts, /accounts/ID POST /accounts/ID/deactivate GET  /certificates, /certificates/ID
 * ID: also a serial number GET  /expiring?days                                  certificates that nothing newer stands
 * for, 30 days by default POST /certificates/ID/revoke?reason GET  /limits GET  /upstreams POST /upstreams/LOGIN/pause,
 * /upstreams/LOGIN/resume POST /upstreams/LOGIN/reconcile                      begins it; /upstreams tells how it went
 *   POST /config/reload?accept_orphans&preview          reads the configuration anew; "items": what changed, key by key
 *   POST /clock/trust                                    the system clock is right, whatever Sectigo says
 *   POST /upstreams/LOGIN/test                           asks Sectigo now; 502 and a sentence where it does not go well
 *   GET  /cost
 *   GET  /notify                                         the targets that are told of events, and how that goes
 *   POST /notify/test?target                             a test message; 502 and a sentence where one is not taken
 *   GET  /forecast?months&policy                         what will be bought and replaced, by lifetime, month, policy
 * and profile; "sums" of all months, "left_out" and why GET  /live, /days?days, /calendar?days, /latency,
 * /orders/ID/story    what is drawn and watched (overview/) POST /backup {"directory": "/absolute/path"} GET /policies,
 * /policies/NAME POST /policies/NAME, /policies/NAME/set              creates, sets: an object with members of a policy
 *   POST /policies/NAME/delete
 *   GET  /keys, /keys/ID                                 external account keys, never their secrets
 *   POST /policies/NAME/keys                             {"id": ID, "note": TEXT}, both optional: makes a key for the
 *                                                        policy, and shows its secret this once
 *   POST /keys/ID/set                                    {"policy": NAME, "note": TEXT}
 *   POST /keys/ID/disable, /keys/ID/enable
 *   GET  /tokens
 *   POST /tokens                                         {"name": NAME, "role": ROLE, "days": N}: role alone is needed;
 *                                                        the answer shows the token this once
 *   POST /tokens/NAME/revoke
 *   GET  /openapi.json                                    all of this for programs (openapi.c)
 *   GET  /session                                        at admin.listen alone: who asks, and what X-CSRF-Token is to
 * be POST /session                                        a token becomes a cookie DELETE /session
 *
 * Pages take limit (1 to 1000, 100 by default) and after (a cursor). Lists are narrowed by name, account, policy and
 * state, and begin with the newest by newest=1, where that says something (admin.c); the audit and reconcile take since
 * (UNIX ms), the audit refusals=1 for what was refused. What has money in it has "currency" beside it. An error is
 * {"error": "a sentence"}. Times are UNIX milliseconds in keys that end in _ms, null for none; sizes are octets in keys
 * that end in _octets.
 */
#ifndef GATEWAY_OPERATE_ADMIN_H
#define GATEWAY_OPERATE_ADMIN_H

#include <stdatomic.h>

#include <jansson.h>

#include "gateway/config/current.h"
#include "gateway/http/http.h"
#include "gateway/issue/upstream/upstream.h"
#include "gateway/operate/access/caller.h"
#include "gateway/notify/notifier.h"
#include "gateway/scheduler.h"
#include "store/store.h"

struct admin {
    struct store *store;
    struct config_current *configs;
    const uint8_t *seal; /* EXTERNAL_KEY_SEAL_LEN octets */
    struct scheduler *scheduler;
    struct upstream *upstream;
    struct issuer *issuer;
    struct egress *egress;
    struct access *access;     /* who may ask at admin.listen */
    struct refusals *refusals; /* of admin.listen; NULL: nobody keeps them */
    struct notifier *notifier;
    atomic_bool backing_up;
    /* Reads the configuration anew (gateway_reload): {"items": [{"key", "was", "is", "restart"}]}, *status 200, or
     * {"error"} beside it and another; NULL: out of memory. preview: nothing is changed. accept_orphans: also where
     * paid subscriptions would serve no order any more. */
    json_t *(*reload)(void *ctx, bool accept_orphans, bool preview, int *status);
    void *reload_ctx;
};

/* http_handler_fn; ctx is a struct admin. Blocks: on a thread of its own. Several at a time. The first is for the
 * socket, whose users may do everything; the second for admin.listen, where who asks and may do it is found first
 * (access/caller.h), and every call leaves a line. */
void admin_handle(void *ctx, const struct http_call *call, struct http_answer *answer);
void admin_handle_remote(void *ctx, const struct http_call *call, struct http_answer *answer);

#endif
