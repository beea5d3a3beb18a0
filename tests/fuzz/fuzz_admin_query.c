/* covers: gateway/operate/request.c gateway/operate/page.c
 *
 * Queries of operators, and the cursors in them: what is taken is within its bounds, and by the cursor that a page ends
 * with the next one begins behind it.
 *
 * The first four octets say which parameters the resource takes, the rest is the query. */
#include <stdlib.h>
#include <string.h>

#include "gateway/operate/filter.h"
#include "gateway/operate/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 40, SHOWN = 34, QUERY_MAX = 4096 };

static struct store *store;

static enum store_status fill(struct store_txn *txn, void *arg)
{
    enum store_status status = STORE_OK;
    (void)arg;
    for (unsigned i = 0; status == STORE_OK && i < ROWS; i++) {
        uint8_t key[2] = {(uint8_t)(i * 6), (uint8_t)i};
        status = store_put(txn, 0, key, 1 + i % 2, "row", 3);
    }
    return status;
}

static void open_store(void)
{
    static const char *const tables[] = {"rows"};
    char reason[STORE_REASON_SIZE];
    struct store_config config = {.engine = STORE_MEMORY,
                                  .path = "fuzz_admin_query",
                                  .tables = tables,
                                  .table_count = 1,
                                  .schema = 1,
                                  .stepped = true};
    if (store_open(&config, &store, reason) != STORE_OK || store_call(store, fill, NULL) != STORE_OK)
        abort();
}

/* Every seventh cannot be read, every fifth is on no page. */
static json_t *row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    (void)txn;
    if (value.len != 3 || key.len == 0)
        abort();
    if (key.data[0] % 7 == 0)
        return page_unreadable(page, "id");
    return key.data[0] % 5 == 0 ? NULL : page_row(page, json_pack("{s:i}", "key", key.data[0]));
}

static void check_bounds(const struct request *request)
{
    if (request->limit < 1 || request->limit > 1000 || request->days > 3650 || request->months > REQUEST_MONTHS_MAX ||
        request->reason > 5)
        abort();
    const char *const texts[] = {request->after, request->state, request->name,
                                 request->account, request->policy, request->target};
    const size_t sizes[] = {sizeof request->after, sizeof request->state, sizeof request->name,
                            sizeof request->account, sizeof request->policy, sizeof request->target};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strnlen(texts[i], sizes[i]) == sizes[i])
            abort();
}

/* What it answered, an object in any case; the caller's. */
static json_t *take_answer(struct http_answer *answer)
{
    json_t *json = answer->body ? json_loadb(answer->body, answer->body_len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(json) || (answer->status != 200) != json_is_string(json_object_get(json, "error")))
        abort();
    free(answer->body);
    answer->body = NULL;
    return json;
}

/* The pages from the asked one on: they end, and none comes twice. */
static void read_pages(struct request *request)
{
    char last[CURSOR_MAX + 1] = "";
    for (size_t shown = 0;;) {
        struct page page = {.row = row};
        struct scan_from from = {.len = 0};
        page_answer(request, 0, &page, &from);
        bool good = request->answer->status == 200;
        json_t *json = take_answer(request->answer);
        const char *next = json_string_value(json_object_get(json, "next"));
        bool more = good && next;
        size_t items = json_array_size(json_object_get(json, "items"));
        shown += items;
        if (items > request->limit || shown > SHOWN || (more && items == 0))
            abort();
        if (more && last[0] && (request->newest ? strcmp(next, last) >= 0 : strcmp(next, last) <= 0))
            abort();
        if (more) {
            snprintf(last, sizeof last, "%s", next);
            snprintf(request->after, sizeof request->after, "%s", next);
        }
        json_decref(json);
        if (!more)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const states[] = {"pending", "ready", NULL};
    static char currency[] = "USD";
    unsigned takes;
    char query[QUERY_MAX];
    if (size < sizeof takes || size - sizeof takes >= sizeof query)
        return 0;
    if (!store)
        open_store();
    memcpy(&takes, data, sizeof takes);
    memcpy(query, data + sizeof takes, size - sizeof takes);
    query[size - sizeof takes] = '\0';
    struct admin admin = {.store = store};
    struct config config = {.spending.currency = currency};
    struct http_call call = {.method = "GET", .path = "/rows", .query = query};
    struct http_answer answer = {0};
    struct request request = {.admin = &admin, .config = &config, .call = &call, .answer = &answer};
    if (request_query(&request, takes)) {
        check_bounds(&request);
        if (page_takes_state(&request, states))
            read_pages(&request);
        else
            json_decref(take_answer(&answer));
        answer_money(&request, json_pack("{s:i}", "cents", 1));
    }
    json_decref(take_answer(&answer));
    return 0;
}
