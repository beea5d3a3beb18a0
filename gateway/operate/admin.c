#include "gateway/operate/admin.h"

#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/operate/routes.h"
#include "gateway/operate/web/web.h"

void admin_handle(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    struct admin *admin = ctx;
    struct request request = {.admin = admin,
                              .config = config_take(admin->configs),
                              .call = call,
                              .answer = answer,
                              .by = {.uid = call->uid, .request = call->id}};
    route_request(&request);
    config_drop(request.config);
}

/* ---- at admin.listen ---- */

/* The sentence that the answer gives. NULL: none; owned by *json, which the caller frees. */
static const char *reason_of(const struct http_answer *answer, json_t **json)
{
    *json = answer->body ? json_loadb(answer->body, answer->body_len, 0, NULL) : NULL;
    return json_string_value(json_object_get(*json, "error"));
}

static void note_refusal(const struct request *request, const char *asked, const char *status)
{
    json_t *json;
    const struct refusal refusal = {.address = request->call->peer,
                                    .request = asked,
                                    .problem = status,
                                    .reason = reason_of(request->answer, &json),
                                    .token = request->by.token,
                                    .user = request->by.user,
                                    .role = request->by.role,
                                    .id = request->call->id};
    refusals_note(request->admin->refusals, &refusal, clock_ms());
    json_decref(json);
}

/* Every call has its line in the log; what is refused has one in the table of refusals besides, and what changes
 * something one in the audit, by the handler that changes it. */
static void note_call(const struct request *request)
{
    const struct http_call *call = request->call;
    char asked[256], status[8];
    snprintf(asked, sizeof asked, "%.16s %.200s", call->method, call->path);
    snprintf(status, sizeof status, "%d", request->answer->status);
    log_each(LOG_LEVEL_INFO, "an operator's call", "request", asked, "query", call->query[0] ? call->query : NULL,
             "status", status, "token", request->by.token, "user", request->by.user, "role", request->by.role, "peer",
             call->peer, (char *)0);
    if (request->answer->status >= 400)
        note_refusal(request, asked, status);
}

static void let_in(struct request *request, const struct caller *caller)
{
    request->by.token = caller->token[0] ? caller->token : NULL;
    request->by.user = caller->user[0] ? caller->user : NULL;
    request->by.role = caller->role ? role_text(caller->role) : NULL;
}

void admin_handle_remote(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    struct caller caller;
    struct caller_refusal refusal;
    struct request request = {.admin = ctx,
                              .call = call,
                              .answer = answer,
                              .by = {.uid = -1, .address = call->peer, .request = call->id},
                              .caller = &caller};
    if (web_serve(call, answer))
        return; /* which everybody may read: there is nothing of this gateway in it */
    bool found = caller_find(request.admin->access, call, &caller, &refusal);
    let_in(&request, &caller); /* whoever it was */
    if (found) {
        request.config = config_take(request.admin->configs);
        route_request(&request);
        config_drop(request.config);
    } else {
        answer_error(answer, refusal.status, "%s", refusal.reason);
        answer->retry_after_s = refusal.retry_after_s;
        answer->www_authenticate = refusal.status == 401 ? "Bearer realm=\"acmegate\"" : NULL;
    }
    note_call(&request);
}
