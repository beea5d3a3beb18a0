/* GetDetailedOrderStatus (reference 8) and WebHostReport (notes 2.7). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sectigo/sandbox/call.h"

static void add_of_order(struct answer *answer, size_t x, const char *name, const char *value)
{
    char key[64];
    snprintf(key, sizeof key, "%zu_%s", x, name);
    if (value)
        answer_add(answer, key, value);
}

static void add_certificate(struct answer *answer, size_t x, const char *name, const char *value)
{
    char key[64];
    snprintf(key, sizeof key, "%zu_1_%s", x, name);
    if (value)
        answer_add(answer, key, value);
}

static void add_certificate_number(struct answer *answer, size_t x, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    add_certificate(answer, x, name, text);
}

/* As Sectigo's clocks on the wall show it. */
static const char *date_text(const struct call *call, int64_t time_ms, char out[static 32])
{
    time_t time_s = (time_t)(time_ms / 1000 + call->sandbox->settings.report_zone_minutes * 60);
    struct tm parts;
    gmtime_r(&time_s, &parts);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &parts);
    return out;
}

/* Reports know an order only some time after it was placed. */
static bool is_reported(const struct call *call, struct order *order)
{
    const struct settings *settings = &call->sandbox->settings;
    if (order->missed < settings->report_lag_looks) {
        order->missed++;
        return false;
    }
    return now_ms() - order->placed_ms >= settings->report_lag_ms;
}

/* The steps, as GetDetailedOrderStatus, WebHostReport and CollectSSL name them. */
static void add_steps(struct answer *answer, size_t x, const struct order *order)
{
    add_certificate_number(answer, x, "csrStatus", 1);
    add_certificate_number(answer, x, "dcvStatus", order_dcv_status(order));
    add_certificate_number(answer, x, "ovCallBackStatus", order->call_back_status);
    add_certificate_number(answer, x, "organizationValidationStatus", order->organization_status);
    add_certificate_number(answer, x, "freeDVUPStatus", STEP_NOT_REQUIRED);
    add_certificate_number(answer, x, "evClickThroughStatus", order->click_through_status);
    add_certificate_number(answer, x, "caaStatus", order->caa_status);
}

static const char *first_name(const struct order *order)
{
    return order->domains.count ? order_domain(order, 0)->name : NULL;
}

static bool has_reason(const struct order *order)
{
    return order->state == ORDER_REJECTED || order->state == ORDER_REVOKED || order->state == ORDER_FAILED;
}

/* What Auto Organizational Validation found: for tests, that a certain organisation is known. */
static void add_suggestion(struct answer *answer, size_t x, const struct order *order)
{
    bool known = order->organization && strcasecmp(order->organization, "Sectigo") == 0;
    if (order->organization_status == STEP_NOT_REQUIRED || order->organization_status == STEP_COMPLETED) {
        add_of_order(answer, x, "suggestedOrgDetails", "NotApplicable");
        return;
    }
    add_of_order(answer, x, "suggestedOrgDetails", known ? "Found" : "NotFound");
    if (!known)
        return;
    add_of_order(answer, x, "organizationName", "Sectigo Limited");
    add_of_order(answer, x, "streetAddress", "5 Becker Farm Road");
    add_of_order(answer, x, "localityName", "Roseland");
    add_of_order(answer, x, "stateOrProvinceName", "NJ");
    add_of_order(answer, x, "postalCode", "07068");
    add_of_order(answer, x, "countryName", "US");
    add_of_order(answer, x, "dunsNumber", "079134542");
    add_of_order(answer, x, "telephoneNumber", "+1 888 266 6361");
}

static void add_status(struct call *call, size_t x, const struct order *order)
{
    struct answer *answer = call->answer;
    const struct certificate *certificate = order_certificate(order);
    int64_t query = argument_number(call->form, "queryType", 0);
    char date[32];
    add_of_order(answer, x, "orderNumber", order->number);
    add_of_order(answer, x, "orderDateTime", date_text(call, order->placed_ms, date));
    add_of_order(answer, x, "orderStatus", order_status_text(order));
    if (has_reason(order))
        add_of_order(answer, x, "orderStatusReason", order->reason);
    add_suggestion(answer, x, order);
    if (!order->certificate_id)
        return;
    add_certificate(answer, x, "certificateID", order->certificate_id);
    add_certificate(answer, x, "serialNumber", certificate ? certificate->serial : NULL);
    add_certificate(answer, x, "objectType", "SSL Certificate");
    add_certificate(answer, x, "FQDN", first_name(order));
    add_certificate(answer, x, "certificateStatus", order_status_text(order));
    if (has_reason(order))
        add_certificate(answer, x, "certificateStatusReason", order->reason);
    if (certificate && argument_yes(call->form, "showValidityPeriod")) {
        add_certificate_number(answer, x, "notBefore", certificate->not_before_s);
        add_certificate_number(answer, x, "notAfter", certificate->not_after_s);
    }
    if (query > 0)
        add_steps(answer, x, order);
}

void call_status(struct call *call)
{
    const struct book *book = &call->sandbox->book;
    struct order *order = call_find_order(call), *base;
    size_t x = 1;
    if (!order)
        return;
    answer_code(call->answer, 0);
    add_status(call, x++, order);
    call->found = 1;
    if (argument_number(call->form, "queryType", 0) != 2)
        return;
    base = book_find(book, order->base_number ? order->base_number : order->number);
    for (int64_t n = 1; base && n <= base->replacements; n++) {
        char number[128];
        struct order *replacement;
        snprintf(number, sizeof number, "%srepl#%lld", base->number, (long long)n);
        replacement = book_find(book, number);
        if (replacement && replacement != order && is_reported(call, replacement))
            add_status(call, x++, replacement);
    }
    call->found = (int64_t)x - 1;
}

/* ---- WebHostReport ---- */

/* LIKE of SQL: '_' one character, '%' any number; without regard to case. */
static bool like(const char *pattern, const char *text)
{
    for (; *pattern && *pattern != '%'; pattern++, text++) {
        if (!*text || (*pattern != '_' && strncasecmp(pattern, text, 1) != 0))
            return false;
    }
    if (!*pattern)
        return !*text;
    while (*pattern == '%')
        pattern++;
    do {
        if (!*pattern || like(pattern, text))
            return true;
    } while (*text++);
    return false;
}

struct wanted {
    const char *value;
    bool found;
};

static bool compare_part(void *arg, const char *part)
{
    struct wanted *wanted = arg;
    wanted->found |= wanted->value && strcmp(part, wanted->value) == 0;
    return true;
}

/* Whether a filter of that name is absent or lists the value. */
static bool listed(const struct call *call, const char *name, const char *value)
{
    const char *list = sectigo_form_get(call->form, name);
    struct wanted wanted = {.value = value};
    if (!list || !*list)
        return true;
    argument_each(list, compare_part, &wanted);
    return wanted.found;
}

static bool like_filter(const struct call *call, const char *name, const char *value)
{
    const char *pattern = sectigo_form_get(call->form, name);
    return !pattern || !*pattern || (value && like(pattern, value));
}

static bool any_name(const struct call *call, const struct order *order)
{
    const char *pattern = sectigo_form_get(call->form, "fqdn");
    if (!pattern || !*pattern)
        return true;
    for (size_t i = 0; i < order->domains.count; i++) {
        if (like(pattern, order_domain(order, i)->name))
            return true;
    }
    return false;
}

static bool selected(const struct call *call, const struct order *order)
{
    int64_t placed_s = order->placed_ms / 1000;
    return strcmp(order->login, call->account->login->name) == 0 &&
           placed_s >= argument_number(call->form, "notBefore", 0) &&
           placed_s <= argument_number(call->form, "notAfter", INT64_MAX) &&
           listed(call, "orderNumber", order->number) && listed(call, "certificateID", order->certificate_id) &&
           listed(call, "foreignOrderNumber", order->foreign_order_number) &&
           like_filter(call, "organizationName", order->organization) && any_name(call, order);
}

/* Names with commas between them: the last becomes the first, all in capitals, a blank behind each comma; malloc'd.
 * Takes names. */
static char *shuffled(char *names)
{
    size_t left = names ? strlen(names) : 0, len;
    char *text = NULL;
    FILE *stream = names ? open_memstream(&text, &len) : NULL;
    for (bool first = true; stream && left > 0; first = false) {
        const char *comma = memrchr(names, ',', left), *from = comma ? comma + 1 : names;
        fprintf(stream, "%s%.*s", first ? "" : ", ", (int)(names + left - from), from);
        left = comma ? (size_t)(comma - names) : 0;
    }
    if (stream)
        fclose(stream);
    for (char *at = text; at && *at; at++)
        *at = (char)toupper((unsigned char)*at);
    free(names);
    return text;
}

static char *listed_names(const struct call *call, const struct order *order)
{
    char *names = order_names(order);
    return call->sandbox->settings.report_names == NAMES_SHUFFLED ? shuffled(names) : names;
}

static void add_row(struct call *call, size_t x, const struct order *order)
{
    struct answer *answer = call->answer;
    const struct certificate *certificate = order_certificate(order);
    char date[32], *names = listed_names(call, order);
    add_of_order(answer, x, "orderNumber", order->number);
    if (call->sandbox->settings.report_foreign_order_number)
        add_of_order(answer, x, "foreignOrderNumber", order->foreign_order_number);
    add_of_order(answer, x, "orderStatus", order_status_text(order));
    add_of_order(answer, x, "dateTime", date_text(call, order->placed_ms, date));
    if (order->certificate_id) {
        add_certificate(answer, x, "type", "SSL Certificate");
        add_certificate(answer, x, "product", order->product);
        add_certificate(answer, x, "domain", names);
        add_certificate(answer, x, "status", order_status_text(order));
        if (certificate) {
            add_certificate_number(answer, x, "notBefore", certificate->not_before_s);
            add_certificate_number(answer, x, "notAfter", certificate->not_after_s);
            add_certificate(answer, x, "serialNumber", certificate->serial);
        }
        add_certificate(answer, x, "certificateID", order->certificate_id);
        if (argument_yes(call->form, "showStatusDetails"))
            add_steps(answer, x, order);
    }
    free(names);
}

/* Rows firstResultNo to lastResultNo of what is selected. */
struct page {
    int64_t first, last;
    size_t found, rows;
};

/* Whether the row that was found now is one of this page. */
static bool is_on(struct page *page)
{
    page->found++;
    return (int64_t)page->found >= page->first && (int64_t)page->found <= page->last;
}

static void add_if_selected(struct call *call, struct order *order, struct page *page)
{
    if (selected(call, order) && is_reported(call, order) && is_on(page))
        add_row(call, ++page->rows, order);
}

static void add_strangers(struct call *call, struct page *page)
{
    for (int64_t i = 0; i < call->sandbox->settings.report_strangers; i++) {
        char text[64];
        size_t x;
        if (!is_on(page))
            continue;
        x = ++page->rows;
        snprintf(text, sizeof text, "%lld", (long long)(70000000 + i));
        add_of_order(call->answer, x, "orderNumber", text);
        add_certificate(call->answer, x, "certificateID", text);
        snprintf(text, sizeof text, "shop-%lld", (long long)i);
        add_of_order(call->answer, x, "foreignOrderNumber", text);
        add_of_order(call->answer, x, "orderStatus", "Issued");
        add_of_order(call->answer, x, "dateTime", date_text(call, now_ms(), text));
        snprintf(text, sizeof text, "shop-%lld.example", (long long)i);
        add_certificate(call->answer, x, "domain", text);
    }
}

/* One foreignOrderNumber is what a gateway asks for after each lost reply: answered from the index. */
void call_report(struct call *call)
{
    const struct book *book = &call->sandbox->book;
    const char *foreign = sectigo_form_get(call->form, "foreignOrderNumber");
    struct page page = {.first = argument_number(call->form, "firstResultNo", 1),
                        .last = argument_number(call->form, "lastResultNo", INT64_MAX)};
    int64_t most = call->sandbox->settings.report_page_max;
    struct order *order;
    size_t cursor = 0;
    char count[24];
    if (most > 0 && page.last - page.first >= most)
        page.last = page.first + most - 1;
    answer_code(call->answer, 0);
    answer_add(call->answer, "noOfResults", "");
    if (foreign && *foreign && !strpbrk(foreign, ", \t\r\n")) {
        while ((order = book_next_foreign(book, foreign, call->account->login->name, &cursor)))
            add_if_selected(call, order, &page);
    } else {
        add_strangers(call, &page);
        for (size_t i = 0; i < book->count; i++)
            add_if_selected(call, book->orders[i], &page);
    }
    call->found = (int64_t)page.found;
    snprintf(count, sizeof count, "%zu", page.found);
    if (call->answer->count > 1 && !text_set(&call->answer->fields[1].value, count))
        call->answer->failed = true;
}
