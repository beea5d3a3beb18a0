/* list: pages of the store's tables, and single records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/external_key.h"
#include "acme/policy.h"
#include "gateway/clock.h"
#include "gateway/issue/life/kept.h"
#include "gateway/operate/filter.h"
#include "gateway/operate/object.h"
#include "gateway/operate/request.h"
#include "gateway/operate/view.h"
#include "gateway/tables.h"

struct page {
    const struct request *request;
    /* A new reference; NULL: not on this page, or out of memory (then failed is set). */
    json_t *(*row)(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value);
    json_t *items;
    uint8_t last[SCAN_KEY_MAX]; /* key of the last item */
    size_t last_len;
    bool more, failed;
    bool ended; /* nothing behind this one is on any page */
};

static bool add_row(void *ctx, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct page *page = ctx;
    json_t *row = page->row(page, txn, key, value);
    if (!row)
        return !page->failed && !page->ended;
    page->more = json_array_size(page->items) >= page->request->limit;
    if (page->more) {
        json_decref(row);
        return false;
    }
    page->failed = key.len > sizeof page->last || json_array_append_new(page->items, row) != 0;
    if (page->failed)
        return false;
    memcpy(page->last, key.data, key.len);
    page->last_len = key.len;
    return true;
}

/* ---- cursors: keys in hexadecimal digits, meaningless to others ---- */

static json_t *cursor_json(const struct page *page)
{
    static const char digits[] = "0123456789abcdef";
    char text[CURSOR_MAX + 1];
    if (!page->more)
        return json_null();
    for (size_t i = 0; i < page->last_len; i++) {
        text[2 * i] = digits[page->last[i] >> 4];
        text[2 * i + 1] = digits[page->last[i] & 15];
    }
    return json_stringn(text, 2 * page->last_len);
}

/* The keys behind the one that the cursor names, in the list's own order. */
static bool cursor_read(const char *text, struct scan_from *from)
{
    uint8_t key[SCAN_KEY_MAX];
    size_t len = strlen(text);
    if (len % 2 != 0 || len > CURSOR_MAX || strspn(text, "0123456789abcdef") != len)
        return false;
    for (size_t i = 0; i < len / 2; i++) {
        char octet[3] = {text[2 * i], text[2 * i + 1], '\0'};
        key[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
    if (!from->back)
        return scan_behind(from, key, len / 2);
    memcpy(from->key, key, len / 2);
    from->len = len / 2;
    return len > 0;
}

static void list(struct request *request, unsigned table, struct page *page, struct scan_from *from)
{
    page->request = request;
    from->back = request->newest;
    if (from->back)
        from->len = 0;
    if (request->after[0] && !cursor_read(request->after, from)) {
        answer_error(request->answer, 400, "after wants the cursor that a page ended with");
        return;
    }
    page->items = json_array();
    page->failed = !page->items;
    enum store_status status = page->failed ? STORE_OK : scan(request->admin->store, table, from, add_row, page);
    if (status == STORE_OK && !page->failed)
        answer_json(request->answer, 200,
                    json_pack("{s:O, s:o, s:s}", "items", page->items, "next", cursor_json(page), "currency",
                              request->admin->config->spending.currency));
    else if (status != STORE_OK)
        answer_store(request->answer, status, "list");
    else
        answer_error(request->answer, 503, "out of memory");
    json_decref(page->items);
}

/* One that cannot be read is shown by its id alone, so that it is seen and hides no other. */
static json_t *finish_row(struct page *page, json_t *row)
{
    page->failed = row == NULL;
    return row;
}

static json_t *unreadable(struct page *page, const char *id)
{
    return finish_row(page, json_pack("{s:s, s:s}", "id", id, "error", "cannot be read from the store"));
}

static bool id_of_key(struct store_slice key, struct acme_id *id, char text[static ACME_ID_TEXT + 1])
{
    if (!acme_id_read(key, id))
        return false;
    acme_id_text(id, text);
    return true;
}

/* Whether the state that is asked for is one at all; false: answered. states ends with NULL. */
static bool is_one_of(struct request *request, const char *const *states)
{
    char all[256] = "";
    size_t len = 0;
    for (; *states && len < sizeof all; states++) {
        if (request->state[0] == '\0' || strcmp(*states, request->state) == 0)
            return true;
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", len ? ", " : "", *states);
    }
    answer_error(request->answer, 400, "\"%s\" is no state that stands in this list; it is one of %s", request->state,
                 all);
    return false;
}

/* ---- orders ---- */

static enum store_status load_order(struct store_txn *txn, const struct acme_id *id, struct acme_order *order)
{
    enum store_status status = acme_order_load(txn, id, order);
    return status == STORE_OK ? acme_order_refresh(txn, order, clock_ms() / 1000) : status;
}

static json_t *order_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct acme_id id;
    struct acme_order order;
    char text[ACME_ID_TEXT + 1];
    (void)value;
    if (!id_of_key(key, &id, text))
        return NULL;
    bool good = load_order(txn, &id, &order) == STORE_OK;
    json_t *row = !good                                 ? unreadable(page, text)
                  : filter_order(page->request, &order) ? finish_row(page, view_order_row(&order))
                                                        : NULL;
    acme_order_clear(&order);
    return row;
}

void orders_list(struct request *request)
{
    static const char *const states[] = {"pending", "ready", "processing", "valid", "invalid", NULL};
    struct page page = {.row = order_row};
    struct scan_from from = {.len = 0};
    if (is_one_of(request, states))
        list(request, ACME_ORDERS, &page, &from);
}

/* ---- policies and external account keys ---- */

static json_t *policy_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    char name[ACME_POLICY_MAX + 1];
    struct acme_policy policy;
    (void)value;
    if (key.len > ACME_POLICY_MAX)
        return NULL;
    memcpy(name, key.data, key.len);
    name[key.len] = '\0';
    bool good = acme_policy_load(txn, name, &policy) == STORE_OK;
    json_t *row = good ? finish_row(page, acme_policy_json(&policy)) : unreadable(page, name);
    acme_policy_clear(&policy);
    return row;
}

void policies_list(struct request *request)
{
    struct page page = {.row = policy_row};
    struct scan_from from = {.len = 0};
    list(request, ACME_POLICIES, &page, &from);
}

static json_t *key_row(struct page *page, struct store_txn *txn, struct store_slice id, struct store_slice value)
{
    struct external_key key;
    (void)txn;
    if (!external_key_decode(id, value, &key))
        return unreadable(page, key.id);
    return filter_key(page->request, &key) ? finish_row(page, external_key_json(&key)) : NULL;
}

void keys_list(struct request *request)
{
    static const char *const states[] = {"enabled", "disabled", NULL};
    struct page page = {.row = key_row};
    struct scan_from from = {.len = 0};
    if (is_one_of(request, states))
        list(request, ACME_EXTERNAL_KEYS, &page, &from);
}

/* ---- subscriptions ---- */

static json_t *subscription_row(struct page *page, struct store_txn *txn, struct store_slice key,
                                struct store_slice value)
{
    struct acme_id id;
    struct subscription sub;
    char text[ACME_ID_TEXT + 1];
    (void)value;
    if (!id_of_key(key, &id, text))
        return NULL;
    bool good = subscription_load(txn, &id, &sub) == STORE_OK;
    json_t *row = !good                                           ? unreadable(page, text)
                  : filter_subscription(page->request, txn, &sub) ? finish_row(page, view_subscription_row(&sub))
                                                                  : NULL;
    subscription_clear(&sub);
    return row;
}

void subscriptions_list(struct request *request)
{
    const char *states[SUBSCRIPTION_STATES] = {NULL};
    struct page page = {.row = subscription_row};
    struct scan_from from = {.len = 0};
    for (int state = 1; state < SUBSCRIPTION_STATES; state++)
        states[state - 1] = view_subscription_state((enum subscription_state)state);
    if (is_one_of(request, states))
        list(request, ISSUE_SUBSCRIPTIONS, &page, &from);
}

/* ---- issuances ---- */

static json_t *issuance_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct issuance is;
    char id[ISSUANCE_ID_MAX + 1];
    const char *wanted = page->request->state;
    enum issuance_state state = issuance_state_of(value);
    if (key.len > ISSUANCE_ID_MAX || (wanted[0] && (state == 0 || strcmp(issuance_state_text(state), wanted) != 0)))
        return NULL;
    memcpy(id, key.data, key.len);
    id[key.len] = '\0';
    bool good = issuance_load(txn, id, &is) == STORE_OK;
    json_t *row = !good                                      ? unreadable(page, id)
                  : filter_issuance(page->request, txn, &is) ? finish_row(page, view_issuance_row(txn, &is))
                                                             : NULL;
    issuance_clear(&is);
    return row;
}

void issuances_list(struct request *request)
{
    const char *states[ISSUANCE_STATES] = {NULL};
    struct page page = {.row = issuance_row};
    struct scan_from from = {.len = 0};
    for (int state = 1; state < ISSUANCE_STATES; state++)
        states[state - 1] = issuance_state_text((enum issuance_state)state);
    if (is_one_of(request, states))
        list(request, ISSUE_ISSUANCES, &page, &from);
}

/* ---- the audit ---- */

static json_t *audit_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    uint64_t time_ms = 0;
    (void)txn;
    for (size_t i = 0; i < 8 && i < key.len; i++) /* keys begin with the time */
        time_ms = time_ms << 8 | key.data[i];
    page->ended = time_ms < page->request->since_ms; /* of a list that begins with the newest */
    json_t *line = page->ended ? NULL : json_loadb((const char *)value.data, value.len, JSON_REJECT_DUPLICATES, NULL);
    if (!line)
        return page->ended ? NULL : unreadable(page, "audit");
    if (filter_audit(page->request, line))
        return line;
    json_decref(line);
    return NULL;
}

void audit_list(struct request *request)
{
    struct page page = {.row = audit_row};
    struct scan_from from = {.len = 8};
    for (int i = 0; i < 8; i++)
        from.key[i] = (uint8_t)(request->since_ms >> (56 - 8 * i));
    list(request, ISSUE_AUDIT, &page, &from);
}

/* ---- certificates that were not accepted ---- */

static json_t *kept_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct kept kept;
    struct object o;
    (void)txn, (void)key;
    if (kept_decode(value, &kept) != STORE_OK) {
        kept_clear(&kept);
        return unreadable(page, "certificate that was not accepted");
    }
    object_begin(&o);
    object_time(&o, "time_ms", kept.at_ms);
    object_text(&o, "issuance", kept.issuance);
    object_text(&o, "reason", kept.reason);
    object_text(&o, "certificate", kept.leaf);
    kept_clear(&kept);
    return object_end(&o);
}

void kept_list(struct request *request)
{
    struct page page = {.row = kept_row};
    struct scan_from from = {.len = 0};
    list(request, ISSUE_KEPT, &page, &from);
}

/* ---- one ---- */

/* Reads and shows one record inside the snapshot; *json is NULL where status is not STORE_OK, or out of memory. */
typedef enum store_status show_fn(struct store_txn *txn, const char *id, json_t **json);

static enum store_status show_order(struct store_txn *txn, const char *text, json_t **json)
{
    struct acme_id id;
    struct acme_order order;
    if (!acme_id_parse(text, strlen(text), &id))
        return STORE_NOT_FOUND;
    enum store_status status = load_order(txn, &id, &order);
    if (status == STORE_OK)
        *json = view_order(txn, &order);
    acme_order_clear(&order);
    return status;
}

static enum store_status show_subscription(struct store_txn *txn, const char *text, json_t **json)
{
    struct acme_id id;
    struct subscription sub;
    if (!acme_id_parse(text, strlen(text), &id))
        return STORE_NOT_FOUND;
    enum store_status status = subscription_load(txn, &id, &sub);
    if (status == STORE_OK)
        *json = view_subscription(txn, &sub);
    subscription_clear(&sub);
    return status;
}

static enum store_status show_issuance(struct store_txn *txn, const char *text, json_t **json)
{
    struct issuance is;
    enum store_status status = issuance_load(txn, text, &is);
    if (status == STORE_OK)
        *json = view_issuance(txn, &is);
    issuance_clear(&is);
    return status;
}

static void show(struct request *request, show_fn *fn, const char *what)
{
    struct store_txn *txn;
    json_t *json = NULL;
    enum store_status status = store_read(request->admin->store, &txn);
    if (status == STORE_OK) {
        status = fn(txn, request->argument, &json);
        store_read_end(txn);
    }
    if (status == STORE_OK)
        answer_money(request, json);
    else
        answer_store(request->answer, status, what);
}

void order_get(struct request *request)
{
    show(request, show_order, "order");
}

void subscription_get(struct request *request)
{
    show(request, show_subscription, "subscription");
}

void issuance_get(struct request *request)
{
    show(request, show_issuance, "issuance");
}
