/* rows: what Sectigo reports of certificates. After each start the gateway asks for all of it: that is written without a
 * form, which would cost as much as all else that Sectigo does. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/model.h"

enum { ROOM = 1024, ESCAPED = 3 /* times as long, at most */ };

static void make_room(struct page *page, size_t more)
{
    if (page->room == 0)
        page->len = strlen(page->text);
    if (page->room >= page->len + more + 1)
        return;
    page->room = 2 * (page->len + more) + ROOM;
    page->text = realloc(page->text, page->room);
    if (!page->text)
        abort();
}

static void put(struct page *page, const char *text, size_t len)
{
    make_room(page, len);
    memcpy(page->text + page->len, text, len);
    page->len += len;
    page->text[page->len] = '\0';
}

static void put_number(struct page *page, uint64_t number)
{
    char digits[20], *first = digits + sizeof digits;
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put(page, first, (size_t)(digits + sizeof digits - first));
}

/* As forms have it. */
static void put_value(struct page *page, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    make_room(page, ESCAPED * strlen(value));
    char *out = page->text + page->len;
    for (const char *c = value; *c; c++) {
        if (*c == ' ') {
            *out++ = '+';
        } else if (isalnum((unsigned char)*c) || *c == '.' || *c == '-') {
            *out++ = *c;
        } else {
            *out++ = '%';
            *out++ = hex[(unsigned char)*c >> 4];
            *out++ = hex[*c & 15];
        }
    }
    *out = '\0';
    page->len = (size_t)(out - page->text);
}

static void begin(struct page *page, unsigned row, const char *name)
{
    put(page, "&", 1);
    put_number(page, row);
    put(page, "_", 1);
    put(page, name, strlen(name));
    put(page, "=", 1);
}

static void add_text(struct page *page, unsigned row, const char *name, const char *value)
{
    begin(page, row, name);
    put_value(page, value);
}

static void add_number(struct page *page, unsigned row, const char *name, uint64_t value)
{
    begin(page, row, name);
    put_number(page, value);
}

static void add_names(struct page *page, unsigned row, const struct acme_names *names)
{
    begin(page, row, "1_domain");
    for (size_t i = 0; i < names->count; i++) {
        put_value(page, i > 0 ? "," : "");
        put_value(page, names->list[i].value);
    }
}

void page_add(struct page *page, unsigned row, const struct certificate *certificate, bool detailed)
{
    static const char *const words[] = {"Awaiting validation", "Pre-sign failed", "Issued", "Revoked", "Rejected"};
    const struct order *order = &model.orders[certificate->order];
    const char *state = words[certificate->state];
    char number[SECTIGO_ORDER_NUMBER_MAX + 1];
    model_number(certificate, number);
    add_text(page, row, "orderNumber", number);
    add_text(page, row, "foreignOrderNumber", certificate->foreign);
    add_text(page, row, "orderStatus", order->refunded ? "Refunded" : order->rejected ? "Rejected" : state);
    add_number(page, row, detailed ? "orderDateTime" : "dateTime", certificate->asked_ms / 1000);
    add_names(page, row, authority_names(certificate->csr->set));
    add_text(page, row, "1_status", state);
    add_number(page, row, "1_certificateID", model_id(certificate));
    if (certificate->state == CAA_FAILED)
        add_text(page, row, "1_statusReason", "CAA: Not authorized to issue");
    if (certificate->state == ISSUED || certificate->state == REVOKED)
        add_text(page, row, "1_serialNumber", certificate->serial);
}
