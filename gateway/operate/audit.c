#include "gateway/operate/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "gateway/issue/tables.h"

enum { KEY_MAX = 160, TIME_LEN = 8 };

static json_t *names_json(const struct acme_names *names)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < names->count; i++) {
        if (json_array_append_new(list, json_string(names->list[i].value)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static char *line_text(const struct audit_line *line, uint64_t now_ms)
{
    char account[ACME_ID_TEXT + 1];
    acme_id_text(line->account, account);
    json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:o}", "time_ms",
                             (json_int_t)now_ms, "what", line->what, "issuance", line->issuance, "account", account,
                             "policy", line->policy, "profile", line->profile, "login", line->login, "order_number",
                             line->order_number, "certificate_id", line->certificate_id, "product", (int)line->product,
                             "amount_cents", (json_int_t)line->amount_cents, "names", names_json(line->names));
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

enum store_status audit_add(struct store_txn *txn, const struct audit_line *line, uint64_t now_ms)
{
    char key[KEY_MAX];
    enum store_status status = STORE_INVALID;
    for (int i = 0; i < TIME_LEN; i++)
        key[i] = (char)(now_ms >> (56 - 8 * i));
    int len = snprintf(key + TIME_LEN, sizeof key - TIME_LEN, "%s %s", line->issuance, line->what);
    char *text = line_text(line, now_ms);
    if (text && len > 0 && (size_t)len < sizeof key - TIME_LEN)
        status = store_put(txn, ISSUE_AUDIT, key, TIME_LEN + (size_t)len, text, strlen(text));
    free(text);
    return status;
}
