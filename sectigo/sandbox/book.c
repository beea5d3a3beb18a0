#include "sectigo/sandbox/book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_NUMBER = 1000001, FIRST_CERTIFICATE = 2000000001 };

static bool index_add(json_t *index, const char *key, size_t position)
{
    json_t *positions;
    if (!key || !*key)
        return true;
    positions = json_object_get(index, key);
    if (!positions) {
        positions = json_array();
        if (!positions || json_object_set_new(index, key, positions))
            return false;
    }
    return json_array_append_new(positions, json_integer((json_int_t)position)) == 0;
}

static struct order *index_first(const struct book *book, const json_t *index, const char *key)
{
    const json_t *positions = key ? json_object_get(index, key) : NULL;
    return positions ? book->orders[json_integer_value(json_array_get(positions, 0))] : NULL;
}

static bool token_key(const char *csr_sha256, const char *unique_value, char out[static 128])
{
    return snprintf(out, 128, "%s/%s", csr_sha256, unique_value ? unique_value : "") < 128;
}

static bool index_order(struct book *book, const struct order *order, size_t position)
{
    char token[128];
    bool ok = index_add(book->by_number, order->number, position) &&
              index_add(book->by_certificate, order->certificate_id, position) &&
              index_add(book->by_foreign, order->foreign_order_number, position) &&
              index_add(book->by_csr, order->csr_sha256, position);
    if (ok && order->csr_sha256 && token_key(order->csr_sha256, order->unique_value, token))
        ok = index_add(book->by_token, token, position);
    return ok;
}

/* Numbers go on behind the highest seen. */
static void follow_numbers(struct book *book, const struct order *order)
{
    int64_t number = strtoll(order->number, NULL, 10);
    int64_t certificate = order->certificate_id ? strtoll(order->certificate_id, NULL, 10) : 0;
    if (number >= book->next_number)
        book->next_number = number + 1;
    if (certificate >= book->next_certificate)
        book->next_certificate = certificate + 1;
}

static bool take_order(struct book *book, struct order *order)
{
    if (book->count == book->capacity) {
        size_t capacity = book->capacity ? 2 * book->capacity : 1024;
        struct order **orders = realloc(book->orders, capacity * sizeof *orders);
        if (!orders)
            return false;
        book->orders = orders;
        book->capacity = capacity;
    }
    if (!index_order(book, order, book->count))
        return false;
    follow_numbers(book, order);
    book->orders[book->count++] = order;
    return true;
}

/* An earlier line about the same order is superseded. */
static bool read_order(struct book *book, json_t *value)
{
    const char *wrong;
    struct order *order = book_find(book, json_string_value(json_object_get(value, "orderNumber")));
    if (order) {
        record_clear(&order_type, order);
        return record_decode(&order_type, value, order, &wrong) && order->number;
    }
    order = calloc(1, sizeof *order);
    if (order && record_decode(&order_type, value, order, &wrong) && order->number && take_order(book, order))
        return true;
    order_free(order);
    return false;
}

static bool read_line(void *arg, const char *kind, json_t *value)
{
    struct book *book = arg;
    return strcmp(kind, "order") == 0 ? read_order(book, value) : json_object_set(book->kept, kind, value) == 0;
}

static bool write_anew(struct book *book)
{
    const char *kind;
    json_t *value;
    bool ok = journal_rewrite(&book->journal);
    json_object_foreach(book->kept, kind, value) ok = ok && journal_append(&book->journal, kind, json_incref(value));
    for (size_t i = 0; ok && i < book->count; i++)
        ok = book_save(book, book->orders[i]);
    return ok && journal_rewritten(&book->journal);
}

bool book_open(struct book *book, const char *folder, char reason[static JOURNAL_REASON_MAX])
{
    char path[4096];
    *book = (struct book){.journal.fd = -1, .next_number = FIRST_NUMBER, .next_certificate = FIRST_CERTIFICATE};
    book->by_number = json_object();
    book->by_certificate = json_object();
    book->by_foreign = json_object();
    book->by_csr = json_object();
    book->by_token = json_object();
    book->kept = json_object();
    if (!book->by_number || !book->by_certificate || !book->by_foreign || !book->by_csr || !book->by_token ||
        !book->kept) {
        snprintf(reason, JOURNAL_REASON_MAX, "out of memory");
        return false;
    }
    snprintf(path, sizeof path, "%s/journal.jsonl", folder);
    if (!journal_open(&book->journal, path, read_line, book, reason))
        return false;
    if (!write_anew(book)) {
        snprintf(reason, JOURNAL_REASON_MAX, "cannot write in %.400s", folder);
        return false;
    }
    return true;
}

void book_close(struct book *book)
{
    for (size_t i = 0; i < book->count; i++)
        order_free(book->orders[i]);
    free(book->orders);
    json_decref(book->by_number);
    json_decref(book->by_certificate);
    json_decref(book->by_foreign);
    json_decref(book->by_csr);
    json_decref(book->by_token);
    json_decref(book->kept);
    journal_close(&book->journal);
}

bool book_add(struct book *book, struct order *order)
{
    return book_save(book, order) && take_order(book, order);
}

bool book_save(struct book *book, const struct order *order)
{
    return journal_append(&book->journal, "order", record_encode(&order_type, order, true));
}

bool book_keep(struct book *book, const char *kind, json_t *value)
{
    return json_object_set(book->kept, kind, value) == 0 && journal_append(&book->journal, kind, value);
}

struct order *book_find(const struct book *book, const char *number)
{
    return index_first(book, book->by_number, number);
}

struct order *book_find_certificate(const struct book *book, const char *id)
{
    return index_first(book, book->by_certificate, id);
}

struct order *book_next_foreign(const struct book *book, const char *foreign, const char *login, size_t *cursor)
{
    const json_t *positions = json_object_get(book->by_foreign, foreign);
    while (*cursor < json_array_size(positions)) {
        struct order *order = book->orders[json_integer_value(json_array_get(positions, (*cursor)++))];
        if (strcmp(order->login, login) == 0)
            return order;
    }
    return NULL;
}

bool book_csr_used(const struct book *book, const char *csr_sha256)
{
    return json_object_get(book->by_csr, csr_sha256) != NULL;
}

bool book_token_used(const struct book *book, const char *csr_sha256, const char *unique_value)
{
    char token[128];
    return token_key(csr_sha256, unique_value, token) && json_object_get(book->by_token, token) != NULL;
}

struct order *book_newest(const struct book *book, const char *base_number)
{
    struct order *base = book_find(book, base_number), *newest = base;
    for (int64_t n = base ? base->replacements : 0; n > 0; n--) {
        char number[128];
        struct order *order;
        snprintf(number, sizeof number, "%srepl#%lld", base_number, (long long)n);
        order = book_find(book, number);
        if (order && order->state != ORDER_REJECTED)
            return order;
    }
    return newest;
}
