/* cost: what was spent, summed up from the audit. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/audit.h"
#include "gateway/operate/request.h"
#include "gateway/tables.h"

struct cost {
    json_t *sums; /* "month, policy, profile, login" -> its sum; in the order of the audit */
    bool failed;
};

static const char *line_text(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

static json_t *sum_for(struct cost *cost, const json_t *line)
{
    char month[16], key[320];
    struct tm day;
    time_t at = (time_t)(audit_ordered_ms(line) / 1000);
    const char *policy = line_text(line, "policy"), *profile = line_text(line, "profile"),
               *login = line_text(line, "login");
    if (!gmtime_r(&at, &day) || strftime(month, sizeof month, "%Y-%m", &day) == 0)
        return NULL;
    snprintf(key, sizeof key, "%s\n%s\n%s\n%s", month, policy, profile, login);
    json_t *sum = json_object_get(cost->sums, key);
    if (sum)
        return sum;
    sum = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i}", "month", month, "policy", policy, "profile", profile,
                    "login", login, "purchases", 0, "replacements", 0, "refunds", 0, "amount_cents", 0);
    return json_object_set_new(cost->sums, key, sum) == 0 ? sum : NULL;
}

static void increase(json_t *sum, const char *key, json_int_t by)
{
    json_t *value = json_object_get(sum, key);
    json_integer_set(value, json_integer_value(value) + by);
}

/* The lines that the sums count; the others of the audit cost nothing. */
static const struct {
    const char *what, *sum;
} counted[] = {{"purchase", "purchases"},
               {"import", "purchases"},
               {"adoption", "purchases"},
               {"replacement", "replacements"},
               {"refund", "refunds"}};

static bool add_line(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct cost *cost = ctx;
    (void)txn, (void)key;
    json_t *line = json_loadb((const char *)value.data, value.len, JSON_REJECT_DUPLICATES, NULL);
    cost->failed = !line;
    for (size_t i = 0; line && i < sizeof counted / sizeof *counted; i++) {
        json_t *sum = strcmp(line_text(line, "what"), counted[i].what) == 0 ? sum_for(cost, line) : NULL;
        if (!sum)
            continue;
        increase(sum, counted[i].sum, 1);
        increase(sum, "amount_cents", json_integer_value(json_object_get(line, "amount_cents")));
    }
    json_decref(line);
    return !cost->failed;
}

static json_t *sums_json(const struct cost *cost)
{
    const char *key;
    json_t *sum, *list = json_array();
    json_object_foreach(cost->sums, key, sum)
    {
        if (json_array_append(list, sum) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void cost_get(struct request *request)
{
    struct cost cost = {.sums = json_object()};
    struct scan_from from = {.len = 0};
    enum store_status status = cost.sums ? scan(request->admin->store, ISSUE_AUDIT, &from, add_line, &cost) : STORE_IO;
    if (status == STORE_OK && !cost.failed)
        answer_money(request, json_pack("{s:o}", "items", sums_json(&cost)));
    else if (status != STORE_OK)
        answer_store(request->answer, status, "audit");
    else
        answer_error(request->answer, 503, "a line of the audit cannot be read, so there is no sum to trust");
    json_decref(cost.sums);
}
