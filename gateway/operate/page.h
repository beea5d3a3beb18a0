/* page: a page of a table of the store, as the answer to a request. Inside this room only. */
#ifndef GATEWAY_OPERATE_PAGE_H
#define GATEWAY_OPERATE_PAGE_H

#include "acme/id.h"
#include "gateway/operate/request.h"

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

/* Answers with the rows behind the request's cursor, at most its limit, and the cursor that goes on. from: where the
 * list begins without a cursor. */
void page_answer(struct request *request, unsigned table, struct page *page, struct scan_from *from);
/* A row: notes where memory was short. Takes row. */
json_t *page_row(struct page *page, json_t *row);
/* One that cannot be read is shown by its id alone, so that it is seen and hides no other. */
json_t *page_unreadable(struct page *page, const char *id);
/* The id that a key is, and its text; false: it is none. */
bool page_id(struct store_slice key, struct acme_id *id, char text[static ACME_ID_TEXT + 1]);
/* Whether the state that is asked for is one at all; false: answered. states ends with NULL. */
bool page_takes_state(struct request *request, const char *const *states);

#endif
