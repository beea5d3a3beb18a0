/* The list of an account's orders, RFC 8555 section 7.1.2.1: in pages, oldest first, those that are invalid left out.
 */
#include <string.h>

#include "acme/reply.h"
#include "acme/tables.h"

enum { PAGE_ORDERS = 100, PAGE_VISITS = 1000, CURSOR_PREFIX_LEN = sizeof "cursor=" - 1 };

struct page {
    struct store_txn *snapshot;
    struct acme_task *task;
    json_t *list;
    unsigned visited, listed;
    bool failed, more;
    struct acme_id next; /* where the next page begins */
};

static bool visit_order(void *ctx, struct store_slice key, struct store_slice value)
{
    (void)value;
    struct page *page = ctx;
    struct acme_order order;
    struct acme_id id;
    if (key.len != 2 * ACME_ID_LEN || memcmp(key.data, page->task->account.id.octets, ACME_ID_LEN) != 0)
        return false;
    memcpy(id.octets, key.data + ACME_ID_LEN, ACME_ID_LEN);
    if (page->listed == PAGE_ORDERS || page->visited++ == PAGE_VISITS) {
        page->more = true;
        page->next = id;
        return false;
    }
    enum store_status status = acme_order_load(page->snapshot, &id, &order);
    if (status == STORE_OK)
        status = acme_order_refresh(page->snapshot, &order, acme_expiry_s(page->task));
    if (status == STORE_OK && order.status != ACME_ORDER_INVALID) {
        page->listed++;
        page->failed |= json_array_append_new(page->list, acme_url_json(page->task->acme, "order", &id, "")) != 0;
    }
    page->failed |= status != STORE_OK && status != STORE_NOT_FOUND;
    acme_order_clear(&order);
    return !page->failed;
}

/* Reads ?cursor=<order id>; none begins at the beginning. */
static bool parse_cursor(const struct acme_request *request, struct acme_id *cursor)
{
    memset(cursor, 0, sizeof *cursor);
    if (!request->query)
        return true;
    return request->query_len > CURSOR_PREFIX_LEN && memcmp(request->query, "cursor=", CURSOR_PREFIX_LEN) == 0 &&
           acme_id_parse(request->query + CURSOR_PREFIX_LEN, request->query_len - CURSOR_PREFIX_LEN, cursor);
}

static void reply_page(struct acme_task *task, struct page *page)
{
    json_t *json = json_object();
    if (json_object_set_new(json, "orders", page->list) != 0) {
        json_decref(json);
        json = NULL;
    }
    acme_reply_json(task, 200, json);
    if (page->more) {
        char tail[sizeof "/orders?cursor=" + ACME_ID_TEXT] = "/orders?cursor=", url[ACME_URL_MAX];
        acme_id_text(&page->next, tail + strlen(tail));
        acme_url(task->acme, "account", &task->account.id, tail, url);
        acme_reply_link(task, url, "next");
    }
}

enum acme_step acme_post_orders(struct acme_exchange *x, struct acme_task *task)
{
    struct acme_id cursor;
    uint8_t from[2 * ACME_ID_LEN];
    if (!acme_no_payload(x, task))
        return acme_refuse(task);
    if (memcmp(&x->id, &task->account.id, sizeof x->id) != 0 || !parse_cursor(x->request, &cursor)) {
        acme_problem_status(&task->problem, 404, ACME_MALFORMED, "There is no such list of orders.");
        return acme_refuse(task);
    }
    struct page page = {.snapshot = x->snapshot, .task = task, .list = json_array()};
    memcpy(from, x->id.octets, ACME_ID_LEN);
    memcpy(from + ACME_ID_LEN, cursor.octets, ACME_ID_LEN);
    enum store_status status = store_visit(x->snapshot, ACME_ACCOUNT_ORDERS, from, sizeof from, visit_order, &page);
    if (status != STORE_OK || page.failed || !page.list) {
        json_decref(page.list);
        acme_store_problem(&task->problem, status == STORE_OK ? STORE_IO : status);
        return acme_refuse(task);
    }
    reply_page(task, &page);
    return ACME_DONE;
}
