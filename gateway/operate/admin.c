#include "gateway/operate/admin.h"

#include <string.h>

#include <jansson.h>

#include "gateway/issue/tables.h"

static void reply_json(struct http_answer *answer, int status, json_t *json)
{
    answer->body = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    answer->status = answer->body ? status : 500;
    answer->content_type = "application/json";
    answer->body_len = answer->body ? strlen(answer->body) : 0;
    json_decref(json);
}

static json_t *status_json(const struct admin *admin)
{
    static const struct {
        const char *name;
        unsigned table;
    } counted[] = {
        {"accounts", ACME_ACCOUNTS},
        {"orders", ACME_ORDERS},
        {"certificates", ACME_CERTIFICATES},
        {"issuances", ISSUE_ISSUANCES},
        {"subscriptions", ISSUE_SUBSCRIPTIONS},
    };
    struct store_stats stats;
    struct store_txn *txn;
    store_stats(admin->store, &stats);
    json_t *json = json_pack("{s:s, s:i, s:{s:I, s:I, s:I, s:I, s:I}}", "version", ACMEGATE_VERSION, "jobs_under_way",
                             (int)scheduler_busy(admin->scheduler), "store", "commits", (json_int_t)stats.commits,
                             "operations", (json_int_t)stats.operations, "failed", (json_int_t)stats.failed, "used",
                             (json_int_t)stats.used, "map_size", (json_int_t)stats.map_size);
    if (!json || store_read(admin->store, &txn) != STORE_OK)
        return json;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        json_object_set_new(json, counted[i].name, json_integer((json_int_t)store_count(txn, counted[i].table)));
    store_read_end(txn);
    return json;
}

void admin_handle(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    const struct admin *admin = ctx;
    if (strcmp(call->path, "/status") != 0)
        reply_json(answer, 404, json_pack("{s:s}", "error", "nothing is here; GET /status is"));
    else if (strcmp(call->method, "GET") != 0)
        reply_json(answer, 405, json_pack("{s:s}", "error", "/status answers GET"));
    else
        reply_json(answer, 200, status_json(admin));
}
