#include "gateway/operate/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Of the last row; null where there is none. */
static json_t *cursor_json(const struct page *page)
{
    static const char digits[] = "0123456789abcdef";
    char text[CURSOR_MAX + 1];
    if (page->last_len == 0)
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

void page_answer(struct request *request, unsigned table, struct page *page, struct scan_from *from)
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
                    json_pack("{s:O, s:o, s:o, s:s}", "items", page->items, "next",
                              page->more ? cursor_json(page) : json_null(), "last", cursor_json(page), "currency",
                              request->config->spending.currency));
    else if (status != STORE_OK)
        answer_store(request->answer, status, "list");
    else
        answer_error(request->answer, 503, "out of memory");
    json_decref(page->items);
}

json_t *page_row(struct page *page, json_t *row)
{
    page->failed = row == NULL;
    return row;
}

json_t *page_unreadable(struct page *page, const char *id)
{
    return page_row(page, json_pack("{s:s, s:s}", "id", id, "error", "cannot be read from the store"));
}

bool page_id(struct store_slice key, struct acme_id *id, char text[static ACME_ID_TEXT + 1])
{
    if (!acme_id_read(key, id))
        return false;
    acme_id_text(id, text);
    return true;
}

bool page_takes_state(struct request *request, const char *const *states)
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
