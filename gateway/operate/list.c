/* list: pages of the store's tables, and single records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/external_key.h"
#include "acme/policy.h"
#include "gateway/audit.h"
#include "gateway/clock.h"
#include "gateway/issue/life/kept.h"
#include "gateway/operate/certificates.h"
#include "gateway/operate/filter.h"
#include "gateway/operate/object.h"
#include "gateway/operate/page.h"
#include "gateway/operate/request.h"
#include "gateway/operate/view.h"
#include "gateway/tables.h"

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
    if (!page_id(key, &id, text))
        return NULL;
    bool good = load_order(txn, &id, &order) == STORE_OK;
    json_t *row = !good                                 ? page_unreadable(page, text)
                  : filter_order(page->request, &order) ? page_row(page, view_order_row(&order))
                                                        : NULL;
    acme_order_clear(&order);
    return row;
}

void orders_list(struct request *request)
{
    static const char *const states[] = {"pending", "ready", "processing", "valid", "invalid", NULL};
    struct page page = {.row = order_row};
    struct scan_from from = {.len = 0};
    if (page_takes_state(request, states))
        page_answer(request, ACME_ORDERS, &page, &from);
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
    json_t *row = good ? page_row(page, acme_policy_json(&policy)) : page_unreadable(page, name);
    acme_policy_clear(&policy);
    return row;
}

void policies_list(struct request *request)
{
    struct page page = {.row = policy_row};
    struct scan_from from = {.len = 0};
    page_answer(request, ACME_POLICIES, &page, &from);
}

static json_t *key_row(struct page *page, struct store_txn *txn, struct store_slice id, struct store_slice value)
{
    struct external_key key;
    (void)txn;
    if (!external_key_decode(id, value, &key))
        return page_unreadable(page, key.id);
    return filter_key(page->request, &key) ? page_row(page, external_key_json(&key)) : NULL;
}

void keys_list(struct request *request)
{
    static const char *const states[] = {"enabled", "disabled", NULL};
    struct page page = {.row = key_row};
    struct scan_from from = {.len = 0};
    if (page_takes_state(request, states))
        page_answer(request, ACME_EXTERNAL_KEYS, &page, &from);
}

/* ---- subscriptions ---- */

static json_t *subscription_row(struct page *page, struct store_txn *txn, struct store_slice key,
                                struct store_slice value)
{
    struct acme_id id;
    struct subscription sub;
    char text[ACME_ID_TEXT + 1];
    (void)value;
    if (!page_id(key, &id, text))
        return NULL;
    bool good = subscription_load(txn, &id, &sub) == STORE_OK;
    json_t *row = !good                                           ? page_unreadable(page, text)
                  : filter_subscription(page->request, txn, &sub) ? page_row(page, view_subscription_row(&sub))
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
    if (page_takes_state(request, states))
        page_answer(request, ISSUE_SUBSCRIPTIONS, &page, &from);
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
    json_t *row = !good                                      ? page_unreadable(page, id)
                  : filter_issuance(page->request, txn, &is) ? page_row(page, view_issuance_row(txn, &is))
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
    if (page_takes_state(request, states))
        page_answer(request, ISSUE_ISSUANCES, &page, &from);
}

/* ---- the audit ---- */

static json_t *audit_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    uint64_t time_ms = 0;
    (void)txn;
    for (size_t i = 0; i < 8 && i < key.len; i++) /* keys begin with the time */
        time_ms = time_ms << 8 | key.data[i];
    page->ended = time_ms < page->request->since_ms;            /* of a list that begins with the newest */
    json_t *line = page->ended ? NULL : audit_read(key, value); /* refusals are JSON, as its other lines are */
    if (!line)
        return page->ended ? NULL : page_unreadable(page, "audit");
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
    page_answer(request, request->refusals ? ISSUE_REFUSALS : ISSUE_AUDIT, &page, &from);
}

/* ---- certificates that were not accepted ---- */

static json_t *kept_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct kept kept;
    struct object o;
    (void)txn, (void)key;
    if (kept_decode(value, &kept) != STORE_OK) {
        kept_clear(&kept);
        return page_unreadable(page, "certificate that was not accepted");
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
    page_answer(request, ISSUE_KEPT, &page, &from);
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

static enum store_status show_account(struct store_txn *txn, const char *text, json_t **json)
{
    struct acme_id id;
    struct acme_account account;
    if (!acme_id_parse(text, strlen(text), &id))
        return STORE_NOT_FOUND;
    enum store_status status = acme_account_load(txn, &id, &account);
    if (status == STORE_OK)
        *json = account_view(txn, &account);
    acme_account_clear(&account);
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

void account_get(struct request *request)
{
    show(request, show_account, "account");
}

void certificate_get(struct request *request)
{
    show(request, certificate_show, "certificate");
}

void issuance_get(struct request *request)
{
    show(request, show_issuance, "issuance");
}
