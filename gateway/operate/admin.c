#include "gateway/operate/admin.h"

#include <string.h>

#include "gateway/operate/request.h"

/* What a list of issuances is narrowed by, whose ids are random; and one that is in order of time besides. */
enum { TAKES_ISSUANCE = TAKES_NAME | TAKES_ACCOUNT | TAKES_POLICY, TAKES_OWNER = TAKES_ISSUANCE | TAKES_NEWEST };

static const struct route {
    const char *method, *path; /* * stands for one segment */
    void (*handle)(struct request *request);
    unsigned takes;
    bool body;
} routes[] = {
    {"GET", "/status", status_get, 0, false},
    {"GET", "/orders", orders_list, TAKES_PAGE | TAKES_STATE | TAKES_OWNER, false},
    {"GET", "/orders/*", order_get, 0, false},
    {"GET", "/orders/*/story", order_story_get, 0, false},
    {"POST", "/orders/*/retry", order_retry, TAKES_SKIP_PREFLIGHT, false},
    {"POST", "/orders/*/drop", order_drop, 0, false},
    {"POST", "/orders/*/cancel", order_cancel, 0, false},
    {"POST", "/orders/*/authorize", order_authorize, 0, false},
    {"GET", "/subscriptions", subscriptions_list, TAKES_PAGE | TAKES_STATE | TAKES_OWNER, false},
    {"GET", "/subscriptions/*", subscription_get, 0, false},
    {"POST", "/subscriptions/*/refund", subscription_refund, 0, false},
    {"POST", "/subscriptions/*/release", subscription_release, 0, false},
    {"POST", "/subscriptions/adopt", subscriptions_adopt, 0, true},
    {"GET", "/issuances", issuances_list, TAKES_PAGE | TAKES_STATE | TAKES_ISSUANCE, false},
    {"GET", "/issuances/*", issuance_get, 0, false},
    {"GET", "/live", live_get, TAKES_PAGE | TAKES_STATE, false},
    {"GET", "/accounts", accounts_list, TAKES_PAGE | TAKES_STATE | TAKES_POLICY | TAKES_NEWEST, false},
    {"GET", "/accounts/*", account_get, 0, false},
    {"POST", "/accounts/*/deactivate", account_deactivate, 0, false},
    {"GET", "/certificates", certificates_list, TAKES_PAGE | TAKES_STATE | TAKES_OWNER | TAKES_DAYS, false},
    {"GET", "/certificates/*", certificate_get, 0, false},
    {"POST", "/certificates/*/revoke", certificate_revoke, TAKES_REASON, false},
    {"GET", "/expiring", certificates_expiring, TAKES_PAGE | TAKES_OWNER | TAKES_DAYS, false},
    {"GET", "/calendar", calendar_get, TAKES_DAYS, false},
    {"GET", "/days", days_get, TAKES_DAYS, false},
    {"GET", "/latency", latency_get, 0, false},
    {"GET", "/limits", limits_get, 0, false},
    {"GET", "/upstreams", upstreams_get, 0, false},
    {"POST", "/upstreams/*/pause", upstream_pause, 0, false},
    {"POST", "/upstreams/*/resume", upstream_resume, 0, false},
    {"POST", "/upstreams/*/test", upstream_test, 0, false},
    {"POST", "/upstreams/*/reconcile", upstream_reconcile, TAKES_SINCE, false},
    {"POST", "/clock/trust", clock_trust_post, 0, false},
    {"GET", "/cost", cost_get, 0, false},
    {"GET", "/forecast", forecast_get, TAKES_MONTHS | TAKES_POLICY, false},
    {"GET", "/kept", kept_list, TAKES_PAGE, false},
    {"GET", "/audit", audit_list, TAKES_PAGE | TAKES_SINCE | TAKES_OWNER | TAKES_REFUSALS, false},
    {"GET", "/policies", policies_list, TAKES_PAGE, false},
    {"GET", "/policies/*", policy_get, 0, false},
    {"POST", "/policies/*", policy_create, 0, true},
    {"POST", "/policies/*/set", policy_set, 0, true},
    {"POST", "/policies/*/delete", policy_delete, 0, false},
    {"GET", "/keys", keys_list, TAKES_PAGE | TAKES_STATE | TAKES_POLICY, false},
    {"GET", "/keys/*", key_get, 0, false},
    {"POST", "/policies/*/keys", key_create, 0, true},
    {"POST", "/keys/*/set", key_set, 0, true},
    {"POST", "/keys/*/disable", key_disable, 0, false},
    {"POST", "/keys/*/enable", key_enable, 0, false},
    {"POST", "/backup", backup_post, 0, true},
};

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

static void serve_route(struct request *request, const struct route *route)
{
    size_t body_max = route->body ? BODY_MAX : 0;
    if (request->call->body_len > body_max)
        answer_error(request->answer, 400, "the body of %s %s may have %zu octets", route->method, route->path,
                     body_max);
    else if (request_query(request, route->takes))
        route->handle(request);
}

void admin_handle(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    struct request request = {.admin = ctx, .call = call, .answer = answer};
    const char *wanted = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!matches(routes[i].path, call->path, request.argument))
            continue;
        if (strcmp(routes[i].method, call->method) == 0) {
            serve_route(&request, &routes[i]);
            return;
        }
        wanted = routes[i].method;
    }
    if (wanted)
        answer_error(answer, 405, "%s answers %s", call->path, wanted);
    else
        answer_error(answer, 404, "nothing is at %s", call->path);
}
