#include "gateway/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "acme/account.h"
#include "acme/libraries.h"
#include "gateway/cost.h"
#include "gateway/days.h"
#include "gateway/tables.h"
#include "store/record.h"

enum { KEY_MAX = 160, TIME_LEN = 8 };

/* A line about an order: a compact record, without what its key says. All others, and those of older programs, are one
 * JSON object, which begins with another octet. */
enum { RECORD_VERSION = 1, RECORD_MAX = 64 * 1024 };

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

/* Takes names. */
static json_t *line_json(const struct audit_line *line, json_t *names, const char *external_key, uint64_t now_ms)
{
    char account[ACME_ID_TEXT + 1];
    acme_id_text(line->account, account);
    json_t *json =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:o}", "time_ms", (json_int_t)now_ms,
                  "what", line->what, "issuance", line->issuance, "account", account, "key", external_key, "policy",
                  line->policy, "profile", line->profile, "login", line->login, "order_number", line->order_number,
                  "certificate_id", line->certificate_id, "product", (int)line->product, "amount_cents",
                  (json_int_t)line->amount_cents, "names", names);
    if (json && line->ordered_ms &&
        json_object_set_new(json, "ordered_ms", json_integer((json_int_t)line->ordered_ms)) != 0) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

static bool encode_line(const struct audit_line *line, const char *external_key, uint64_t now_ms,
                        struct record_writer *w)
{
    record_begin(w, RECORD_VERSION, RECORD_MAX);
    w->compact = true;
    record_put_u64(w, now_ms);
    record_put_u64(w, line->ordered_ms);
    record_put_fixed(w, line->account->octets, ACME_ID_LEN);
    record_put_string(w, external_key);
    record_put_string(w, line->policy);
    record_put_string(w, line->profile);
    record_put_string(w, line->login);
    record_put_string(w, line->order_number);
    record_put_string(w, line->certificate_id);
    record_put_u32(w, line->product);
    record_put_u64(w, (uint64_t)line->amount_cents);
    record_put_u32(w, (uint32_t)line->names->count);
    for (size_t i = 0; i < line->names->count; i++)
        record_put_string(w, line->names->list[i].value);
    return !w->failed;
}

enum { TEXT_KEY, TEXT_POLICY, TEXT_PROFILE, TEXT_LOGIN, TEXT_NUMBER, TEXT_CERTIFICATE, TEXTS };

static json_t *decode_names(struct record_reader *r)
{
    json_t *names = json_array();
    for (uint32_t left = record_get_u32(r); names && left > 0 && !r->failed; left--) {
        struct store_slice name = record_get_bytes(r);
        if (json_array_append_new(names, json_stringn((const char *)name.data, name.len)) != 0)
            r->failed = true;
    }
    return names;
}

/* subject: the issuance, a space, and what. */
static json_t *decode_line(struct record_reader *r, char *subject)
{
    char *texts[TEXTS] = {NULL}, *space = strrchr(subject, ' ');
    struct acme_id account;
    struct audit_line line = {.issuance = subject, .account = &account};
    json_t *json = NULL;
    uint64_t time_ms = record_get_u64(r);
    line.ordered_ms = record_get_u64(r);
    record_get_fixed(r, account.octets, ACME_ID_LEN);
    for (unsigned i = 0; i < TEXTS; i++)
        texts[i] = record_dup_string(r);
    line.product = record_get_u32(r);
    line.amount_cents = (int64_t)record_get_u64(r);
    json_t *names = decode_names(r);
    if (record_complete(r) && space) {
        *space = '\0';
        line.what = space + 1;
        line.policy = texts[TEXT_POLICY];
        line.profile = texts[TEXT_PROFILE];
        line.login = texts[TEXT_LOGIN];
        line.order_number = texts[TEXT_NUMBER];
        line.certificate_id = texts[TEXT_CERTIFICATE];
        json = line_json(&line, names, texts[TEXT_KEY], time_ms);
    } else {
        json_decref(names);
    }
    for (unsigned i = 0; i < TEXTS; i++)
        free(texts[i]);
    return json;
}

json_t *audit_read(struct store_slice key, struct store_slice value)
{
    char subject[KEY_MAX];
    struct record_reader r;
    if (record_open(&r, value) != RECORD_VERSION)
        return json_loadb((const char *)value.data, value.len, JSON_REJECT_DUPLICATES, NULL);
    if (key.len <= TIME_LEN || key.len - TIME_LEN >= sizeof subject)
        return NULL;
    memcpy(subject, key.data + TIME_LEN, key.len - TIME_LEN);
    subject[key.len - TIME_LEN] = '\0';
    r.compact = true;
    return decode_line(&r, subject);
}

/* Two lines of the same subject in one millisecond are two: the second has its place in the next that is free. */
static enum store_status put_line(struct store_txn *txn, const char *subject, const char *what, const void *value,
                                  size_t value_len, uint64_t now_ms)
{
    char key[KEY_MAX];
    enum store_status status = STORE_EXISTS;
    int len = snprintf(key + TIME_LEN, sizeof key - TIME_LEN, "%s %s", subject, what);
    if (!value || len <= 0 || (size_t)len >= sizeof key - TIME_LEN)
        return STORE_INVALID;
    for (; status == STORE_EXISTS; now_ms++) {
        for (int i = 0; i < TIME_LEN; i++)
            key[i] = (char)(now_ms >> (56 - 8 * i));
        status = store_insert(txn, ISSUE_AUDIT, key, TIME_LEN + (size_t)len, value, value_len);
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
    char *text = json ? libraries_dump(json, JSON_COMPACT) : NULL;
    enum store_status status = put_line(txn, subject, what, text, text ? strlen(text) : 0, now_ms);
    free(text);
    json_decref(json);
    return status;
}

enum store_status audit_add(struct store_txn *txn, const struct audit_line *line, uint64_t now_ms)
{
    char external_key[EXTERNAL_KEY_ID_MAX + 1];
    struct record_writer w;
    enum store_status status = STORE_INVALID;
    find_key(txn, line->account, external_key);
    json_t *json = line_json(line, names_json(line->names), external_key, now_ms);
    bool encoded = encode_line(line, external_key, now_ms, &w);
    if (json && encoded && !strchr(line->what, ' '))
        status = put_line(txn, line->issuance, line->what, w.data, w.len, now_ms);
    if (status == STORE_OK)
        status = cost_add(txn, json);
    if (status == STORE_OK)
        status = days_add_line(txn, json);
    record_free(&w);
    json_decref(json);
    return status;
}
