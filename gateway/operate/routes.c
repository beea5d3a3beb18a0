#include "gateway/operate/routes.h"

#include <string.h>

/* What a list of issuances is narrowed by, whose ids are random; and one that is in order of time besides. */
enum { TAKES_ISSUANCE = TAKES_NAME | TAKES_ACCOUNT | TAKES_POLICY, TAKES_OWNER = TAKES_ISSUANCE | TAKES_NEWEST };

const struct route routes[] = {
    {"GET", "/status", status_get, 0, ROLE_READ, NULL, "status", false,
     "Counts, jobs, issuances by state, logins, the store"},
    {"GET", "/orders", orders_list, TAKES_PAGE | TAKES_STATE | TAKES_OWNER, ROLE_READ, NULL, "orders", false,
     "ACME orders, oldest first"},
    {"GET", "/orders/*", order_get, 0, ROLE_READ, NULL, "order", false,
     "An order with its authorizations and issuance"},
    {"GET", "/orders/*/story", order_story_get, 0, ROLE_READ, NULL, "story", false,
     "What was done for it, step by step"},
    {"POST", "/orders/*/retry", order_retry, TAKES_SKIP_PREFLIGHT | OF_OWNER, ROLE_OPERATE, NULL, "retried", false,
     "Take its next step now"},
    {"POST", "/orders/*/drop", order_drop, OF_OWNER, ROLE_OPERATE, NULL, "given_up", false,
     "Give up one that has been finalized"},
    {"POST", "/orders/*/cancel", order_cancel, 0, ROLE_OPERATE, NULL, "cancelled", false,
     "End one that its client has not finalized"},
    {"POST", "/orders/*/authorize", order_authorize, OF_OWNER, ROLE_OPERATE, NULL, "given_up", false,
     "Have one paid that waits for it"},
    {"GET", "/subscriptions", subscriptions_list, TAKES_PAGE | TAKES_STATE | TAKES_OWNER, ROLE_READ, NULL,
     "subscriptions", false, "Paid Sectigo orders, oldest first"},
    {"GET", "/subscriptions/*", subscription_get, 0, ROLE_READ, NULL, "subscription", false,
     "One with its family, its queue, and what is under way"},
    {"POST", "/subscriptions/*/refund", subscription_refund, 0, ROLE_OPERATE, NULL, "settled", false,
     "Ask Sectigo for the money of a dead one"},
    {"POST", "/subscriptions/*/release", subscription_release, 0, ROLE_OPERATE, NULL, "settled", false,
     "Let the names of a dead one be bought again"},
    {"POST", "/subscriptions/adopt", subscriptions_adopt, OF_OWNER, ROLE_OPERATE, "adoption", "adopted", false,
     "Bring orders that were bought by hand under a policy"},
    {"GET", "/issuances", issuances_list, TAKES_PAGE | TAKES_STATE | TAKES_ISSUANCE, ROLE_READ, NULL, "issuances",
     false, "CSRs on their way to a certificate"},
    {"GET", "/issuances/*", issuance_get, 0, ROLE_READ, NULL, "issuance", false, "One with its numbers and times"},
    {"GET", "/live", live_get, TAKES_PAGE | TAKES_STATE, ROLE_READ, NULL, "live", false,
     "What is under way, what wants a look first"},
    {"GET", "/accounts", accounts_list, TAKES_PAGE | TAKES_STATE | TAKES_POLICY | TAKES_NEWEST, ROLE_READ, NULL,
     "accounts", false, "ACME accounts, oldest first"},
    {"GET", "/accounts/*", account_get, 0, ROLE_READ, NULL, "account", false, "One with its contacts"},
    {"POST", "/accounts/*/deactivate", account_deactivate, 0, ROLE_OPERATE, NULL, "deactivated", false,
     "Refuse it from now on, for good"},
    {"GET", "/certificates", certificates_list, TAKES_PAGE | TAKES_STATE | TAKES_OWNER | TAKES_DAYS, ROLE_READ, NULL,
     "certificates", false, "What was issued, oldest first"},
    {"GET", "/certificates/*", certificate_get, 0, ROLE_READ, NULL, "certificate", false,
     "One, by its id or serial number, with its chain"},
    {"POST", "/certificates/*/revoke", certificate_revoke, TAKES_REASON, ROLE_OPERATE, NULL, "revoked", false,
     "Have Sectigo revoke it, now"},
    {"GET", "/expiring", certificates_expiring, TAKES_PAGE | TAKES_OWNER | TAKES_DAYS, ROLE_READ, NULL, "certificates",
     false, "Certificates that end soon, and nothing newer is there"},
    {"GET", "/calendar", calendar_get, TAKES_DAYS, ROLE_READ, NULL, "calendar", false,
     "How many certificates end on each day"},
    {"GET", "/days", days_get, TAKES_DAYS, ROLE_READ, NULL, "days", false, "What was issued and spent by day"},
    {"GET", "/latency", latency_get, 0, ROLE_READ, NULL, "latency", false, "How long issuance and calls take"},
    {"GET", "/limits", limits_get, 0, ROLE_READ, NULL, "limits", false,
     "What may be bought and ordered, and how much of it is used"},
    {"GET", "/upstreams", upstreams_get, 0, ROLE_READ, NULL, "upstreams", false,
     "The Sectigo logins: open, refused or paused"},
    {"POST", "/upstreams/*/pause", upstream_pause, 0, ROLE_OPERATE, NULL, "paused", false,
     "Buy nothing with it until resumed"},
    {"POST", "/upstreams/*/resume", upstream_resume, OF_OWNER, ROLE_OPERATE, NULL, "paused", false,
     "Buy again; what is held goes on"},
    {"POST", "/upstreams/*/test", upstream_test, OF_OWNER, ROLE_OPERATE, NULL, "tested", false,
     "Ask Sectigo now: does it take it?"},
    {"POST", "/upstreams/*/reconcile", upstream_reconcile, TAKES_SINCE, ROLE_OPERATE, NULL, "reconciling", false,
     "Learn what was ordered and the store does not know"},
    {"POST", "/dcv/*/check", dcv_check, TAKES_POLICY | OF_OWNER, ROLE_OPERATE, NULL, "trial", false,
     "Try domain control for a name: publish, look as Sectigo would, remove. Nothing is ordered"},
    {"GET", "/config", config_show, 0, ROLE_ADMIN, NULL, "configuration", false,
     "The configuration in force, key by key; of secrets the files"},
    {"GET", "/config/diff", config_compare, 0, ROLE_ADMIN, NULL, "changes", false,
     "What the file has otherwise than what is in force"},
    {"POST", "/config/reload", config_reload, TAKES_ORPHANS | TAKES_PREVIEW, ROLE_ADMIN, NULL, "changes", false,
     "Read the configuration anew: what changed, key by key"},
    {"POST", "/clock/trust", clock_trust_post, 0, ROLE_ADMIN, NULL, "clock", false,
     "The system clock is right: it is in no doubt"},
    {"GET", "/cost", cost_get, 0, ROLE_READ, NULL, "cost", false,
     "What was spent, by month, policy, profile and login"},
    {"GET", "/forecast", forecast_get, TAKES_MONTHS | TAKES_POLICY, ROLE_READ, NULL, "forecast", false,
     "What the fleet will buy and replace, and when"},
    {"GET", "/notify", notify_list, 0, ROLE_READ, NULL, "targets", false, "Who is told of events, and how that goes"},
    {"POST", "/notify/test", notify_test, TAKES_TARGET | OF_OWNER, ROLE_OPERATE, NULL, "tried", false,
     "Send a test message to one target, or to all"},
    {"GET", "/kept", kept_list, TAKES_PAGE, ROLE_READ, NULL, "kept", false,
     "Certificates that came and were not accepted"},
    {"GET", "/audit", audit_list, TAKES_PAGE | TAKES_SINCE | TAKES_OWNER | TAKES_REFUSALS, ROLE_READ, NULL, "audit",
     false, "What was bought and what operators did, oldest first; refusals instead with refusals=1"},
    {"GET", "/policies", policies_list, TAKES_PAGE, ROLE_READ, NULL, "policies", false, "Who may have what"},
    {"GET", "/policies/*", policy_get, 0, ROLE_READ, NULL, "policy", false, "One with all its members"},
    {"POST", "/policies/*", policy_create, 0, ROLE_OPERATE, "policy_members", "policy", false,
     "A new policy, with members"},
    {"POST", "/policies/*/set", policy_set, 0, ROLE_OPERATE, "policy_members", "policy", false, "Change members of it"},
    {"POST", "/policies/*/delete", policy_delete, 0, ROLE_OPERATE, NULL, "deleted", false, "One that no key refers to"},
    {"GET", "/keys", keys_list, TAKES_PAGE | TAKES_STATE | TAKES_POLICY, ROLE_READ, NULL, "keys", false,
     "External account keys"},
    {"GET", "/keys/*", key_get, 0, ROLE_READ, NULL, "key", false, "One, without its secret"},
    {"POST", "/policies/*/keys", key_create, 0, ROLE_OPERATE, "key_members", "key", false,
     "A new external account key; its secret is shown this once"},
    {"POST", "/keys/*/set", key_set, 0, ROLE_OPERATE, "key_members", "key", false, "Its policy, its note"},
    {"POST", "/keys/*/disable", key_disable, 0, ROLE_OPERATE, NULL, "key", false, "Its accounts stop at once"},
    {"POST", "/keys/*/enable", key_enable, 0, ROLE_OPERATE, NULL, "key", false, "Its accounts may go on"},
    {"POST", "/backup", backup_post, 0, ROLE_ADMIN, "directory", "backup", false,
     "Write a copy of the store into a new folder of the gateway's machine"},
    {"POST", "/store/compact", store_compact_post, 0, ROLE_ADMIN, NULL, "compacted", false,
     "Write the store anew without the room that deletions left; changes wait meanwhile"},
    {"GET", "/tokens", tokens_list, TAKES_PAGE | TAKES_STATE, ROLE_ADMIN, NULL, "tokens", false, "Tokens of this API"},
    {"POST", "/tokens", token_post, 0, ROLE_ADMIN, "token_wanted", "token", false,
     "A new token, which is shown this once"},
    {"POST", "/tokens/*/revoke", token_revoke_post, 0, ROLE_ADMIN, NULL, "token", false,
     "Let nobody in by it any more"},
    {"GET", "/openapi.json", openapi_get, 0, ROLE_READ, NULL, "description", false, "This description"},
    {"GET", "/session", session_get, 0, ROLE_READ, NULL, "caller", true, "Who asks, and what X-CSRF-Token is to be"},
    {"POST", "/session", session_post, 0, ROLE_READ, NULL, "caller", true, "A token becomes a cookie, for browsers"},
    {"DELETE", "/session", session_delete, 0, ROLE_READ, NULL, "ended", true, "End the session that the cookie is of"},
};
const size_t route_count = sizeof routes / sizeof *routes;

static bool matches(const char *pattern, const char *path, char argument[static ARGUMENT_MAX + 1])
{
    while (*pattern) {
        if (*pattern == '*') {
            size_t len = strcspn(path, "/");
            if (len == 0 || !request_decode(path, len, argument, ARGUMENT_MAX + 1))
                return false;
            path += len;
            pattern++;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

/* Forms of other sites cannot send this type, and a browser asks before it does so for their scripts. */
static bool is_json(const struct http_call *call)
{
    static const char TYPE[] = "application/json";
    size_t len = sizeof TYPE - 1;
    return strncasecmp(call->content_type, TYPE, len) == 0 &&
           (call->content_type[len] == '\0' || call->content_type[len] == ';' || call->content_type[len] == ' ');
}

/* What only the owner of the store knows or does. */
static void answer_elsewhere(struct request *request)
{
    struct store_gateway list[STORE_GATEWAYS_MAX];
    unsigned count;
    bool known = store_gateways(request->admin->store, list, &count) == STORE_OK && count > 0;
    answer_error(request->answer, 409, "this is for the gateway that owns the store: ask there (%s)",
                 known ? list[0].name : "acmegatectl status names it");
}

static void serve_route(struct request *request, const struct route *route)
{
    const struct http_call *call = request->call;
    size_t body_max = route->body ? BODY_MAX : 0;
    if (request->caller && request->caller->role < route->role)
        answer_error(request->answer, 403, "%s %s wants the role %s, and this one is %s", route->method, route->path,
                     role_text(route->role), role_text(request->caller->role));
    else if (call->body_len > body_max)
        answer_error(request->answer, 400, "the body of %s %s may have %zu octets", route->method, route->path,
                     body_max);
    else if (request->caller && call->body_len > 0 && !is_json(call))
        answer_error(request->answer, 415, "the body of %s %s is to be application/json", route->method, route->path);
    else if ((route->takes & OF_OWNER) && !store_owns(request->admin->store))
        answer_elsewhere(request);
    else if (request_query(request, route->takes))
        route->handle(request);
}

void route_request(struct request *request)
{
    const struct http_call *call = request->call;
    const char *wanted = NULL;
    for (size_t i = 0; i < route_count; i++) {
        if ((routes[i].https_only && !request->caller) || !matches(routes[i].path, call->path, request->argument))
            continue;
        if (strcmp(routes[i].method, call->method) == 0) {
            serve_route(request, &routes[i]);
            return;
        }
        wanted = routes[i].method;
    }
    request->answer->allow = wanted;
    if (wanted)
        answer_error(request->answer, 405, "%s answers %s", call->path, wanted);
    else
        answer_error(request->answer, 404, "nothing is at %s", call->path);
}
