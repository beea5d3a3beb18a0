#include "gateway/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "acme/account.h"
#include "gateway/cost.h"
#include "gateway/days.h"
#include "gateway/tables.h"

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

uint64_t audit_ordered_ms(const json_t *line)
{
    const json_t *found = json_object_get(line, "ordered_ms");
    return (uint64_t)json_integer_value(found ? found : json_object_get(line, "time_ms"));
}

/* The external account key that the account came with; "" for none, and for an account that is gone or cannot be read:
 * what was bought is written down all the same. */
static void find_key(struct store_txn *txn, const struct acme_id *account, char key[static EXTERNAL_KEY_ID_MAX + 1])
{
    struct acme_account known;
    key[0] = '\0';
    if (acme_account_load(txn, account, &known) == STORE_OK)
        memcpy(key, known.external_key, sizeof known.external_key);
    acme_account_clear(&known);
}

static json_t *line_json(const struct audit_line *line, const char *external_key, uint64_t now_ms)
{
    char account[ACME_ID_TEXT + 1];
    acme_id_text(line->account, account);
    json_t *json =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:o}", "time_ms", (json_int_t)now_ms,
                  "what", line->what, "issuance", line->issuance, "account", account, "key", external_key, "policy",
                  line->policy, "profile", line->profile, "login", line->login, "order_number", line->order_number,
                  "certificate_id", line->certificate_id, "product", (int)line->product, "amount_cents",
                  (json_int_t)line->amount_cents, "names", names_json(line->names));
    if (json && line->ordered_ms &&
        json_object_set_new(json, "ordered_ms", json_integer((json_int_t)line->ordered_ms)) != 0) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

/* Two lines of the same subject in one millisecond are two: the second has its place in the next that is free. */
static enum store_status put_line(struct store_txn *txn, const char *subject, const char *what, const char *text,
                                  uint64_t now_ms)
{
    char key[KEY_MAX];
    enum store_status status = STORE_EXISTS;
    int len = snprintf(key + TIME_LEN, sizeof key - TIME_LEN, "%s %s", subject, what);
    if (!text || len <= 0 || (size_t)len >= sizeof key - TIME_LEN)
        return STORE_INVALID;
    for (; status == STORE_EXISTS; now_ms++) {
        for (int i = 0; i < TIME_LEN; i++)
            key[i] = (char)(now_ms >> (56 - 8 * i));
        status = store_insert(txn, ISSUE_AUDIT, key, TIME_LEN + (size_t)len, text, strlen(text));
    }
    return status;
}

enum store_status audit_note(struct store_txn *txn, const char *what, const char *subject, const json_t *members,
                             const struct audit_by *by, uint64_t now_ms)
{
    char request[17] = "";
    if (by->request)
        snprintf(request, sizeof request, "%016" PRIx64, by->request);
    json_t *json = json_pack("{s:I, s:s, s:s, s:o?, s:s*, s:s*, s:s*, s:s*, s:s*, s:O?}", "time_ms", (json_int_t)now_ms,
                             "what", what, "subject", subject, "uid", by->uid < 0 ? NULL : json_integer(by->uid),
                             "token", by->token, "user", by->user, "role", by->role, "address", by->address,
                             "request_id", request[0] ? request : NULL, "members", members);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    enum store_status status = put_line(txn, subject, what, text, now_ms);
    free(text);
    json_decref(json);
    return status;
}

enum store_status audit_add(struct store_txn *txn, const struct audit_line *line, uint64_t now_ms)
{
    char external_key[EXTERNAL_KEY_ID_MAX + 1];
    find_key(txn, line->account, external_key);
    json_t *json = line_json(line, external_key, now_ms);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    enum store_status status = put_line(txn, line->issuance, line->what, text, now_ms);
    if (status == STORE_OK)
        status = cost_add(txn, json);
    if (status == STORE_OK)
        status = days_add_line(txn, json);
    free(text);
    json_decref(json);
    return status;
}
