#include "gateway/issue/upstream/report.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/issue/record/numbers.h"

/* Rows of a page: with long lists of names they still fit into SECTIGO_REPLY_MAX. */
enum { PAGE = 100, ROWS_MAX = 500000 };

struct gathering {
    struct upstream_login *login;
    const char *instance;
    bool test;
    struct report *report;
    report_done_fn *done;
    void *ctx;
    uint64_t first; /* row that the page under way begins with, from 1 */
};

void report_clear(struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        report_row_clear(&report->rows[i]);
    free(report->rows);
    *report = (struct report){0};
}

/* ---- rows ---- */

/* A login with test=Y and a live one may be the same account, whose report has the orders of both. */
static bool is_ours(const struct gathering *g, const char *number)
{
    return issuance_id_is(number, g->instance, g->test);
}

static bool is_over(const struct sectigo_report_order *order)
{
    const char *status = order->status ? order->status : "";
    return strcasestr(status, "reject") || strcasestr(status, "cancel") || strcasestr(status, "refund");
}

void report_row_clear(struct report_row *row)
{
    free(row->names);
    *row = (struct report_row){.ordered_s = 0};
}

bool report_row_fill(struct report_row *row, const struct sectigo_report_order *order, bool ours)
{
    row->ordered_s = order->ordered_s;
    row->over = is_over(order);
    row->revoked = order->status && strcasestr(order->status, "revoke");
    memcpy(row->order_number, order->order_number, sizeof row->order_number);
    if (ours) /* as long as an issuance's id */
        memcpy(row->issuance, order->foreign_order_number, strlen(order->foreign_order_number) + 1);
    for (size_t i = 0; i < order->certificate_count; i++) {
        const struct sectigo_report_certificate *certificate = &order->certificates[i];
        memcpy(row->certificate_id, certificate->certificate_id, sizeof row->certificate_id);
        row->product = (uint32_t)certificate->product;
        row->days = certificate->days > 0 ? (uint32_t)certificate->days : row->days;
        row->issued = row->issued || certificate->serial_number || certificate->not_after_s > 0;
        if (certificate->names && !row->names && !(row->names = strdup(certificate->names)))
            return false;
    }
    return true;
}

static bool keep_order(struct report *report, const struct sectigo_report_order *order)
{
    if (report->count == report->capacity) {
        size_t capacity = report->capacity ? 2 * report->capacity : 256;
        struct report_row *rows = report->capacity < ROWS_MAX ? realloc(report->rows, capacity * sizeof *rows) : NULL;
        if (!rows)
            return false;
        report->rows = rows;
        report->capacity = capacity;
    }
    struct report_row *row = &report->rows[report->count++];
    *row = (struct report_row){.ordered_s = 0};
    return report_row_fill(row, order, true);
}

static bool keep_ours(struct gathering *g, const struct sectigo_report_answer *answer)
{
    for (size_t i = 0; i < answer->order_count; i++) {
        g->report->numbered = g->report->numbered || answer->orders[i].foreign_order_number[0];
        if (is_ours(g, answer->orders[i].foreign_order_number) && !keep_order(g->report, &answer->orders[i]))
            return false;
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct report_row *left = a, *right = b;
    return strcmp(left->order_number, right->order_number);
}

/* ---- pages ---- */

static void finish_report(struct gathering *g, bool complete, const char *reason)
{
    if (g->report->count > 0)
        qsort(g->report->rows, g->report->count, sizeof *g->report->rows, compare);
    g->done(g->ctx, complete, reason);
    free(g);
}

/* No document says that the report has foreignOrderNumber [C]: where none of its orders has one, "none is ours" means
 * nothing. */
static void finish_whole(struct gathering *g, uint64_t orders)
{
    if (orders > 0 && !g->report->numbered)
        finish_report(
            g, false,
            "Sectigo's report has orders and no foreignOrderNumber, so ours cannot be told from others: compare them "
            "by hand, then acmegatectl upstream resume (report_foreign_order_number: false where it never has one)");
    else
        finish_report(g, true, NULL);
}

static void ask(struct gathering *g);

static void on_page(void *ctx, const struct upstream_reply *reply)
{
    struct gathering *g = ctx;
    struct sectigo_report_answer answer = {0};
    if (reply->outcome != UPSTREAM_ANSWERED) {
        finish_report(g, false, reply->reason);
    } else if (!sectigo_parse_report(SECTIGO_WEB_HOST_REPORT, reply->body, reply->body_len, &answer)) {
        finish_report(g, false, "the reply is no answer of this API");
    } else if (answer.code != 0) {
        finish_report(g, false, answer.message);
    } else if (!keep_ours(g, &answer)) {
        finish_report(g, false, "the report has more orders than fit into memory");
    } else if (answer.order_count == 0 || g->first + answer.order_count > answer.result_count) {
        finish_whole(g, g->first - 1 + answer.order_count);
    } else {
        g->first += answer.order_count;
        sectigo_report_clear(&answer);
        ask(g);
        return;
    }
    sectigo_report_clear(&answer);
}

static void ask(struct gathering *g)
{
    struct sectigo_form form = {0};
    sectigo_form_addf(&form, "notBefore", "%llu", (unsigned long long)(g->report->from_ms / 1000));
    sectigo_form_addf(&form, "notAfter", "%llu", (unsigned long long)(g->report->to_ms / 1000));
    sectigo_form_addf(&form, "firstResultNo", "%llu", (unsigned long long)g->first);
    sectigo_form_addf(&form, "lastResultNo", "%llu", (unsigned long long)(g->first + PAGE - 1));
    upstream_call(g->login, SECTIGO_WEB_HOST_REPORT, &form, on_page, g);
}

void report_gather(struct upstream_login *login, const char *instance, bool test, struct report *report,
                   report_done_fn *done, void *ctx)
{
    struct gathering *g = calloc(1, sizeof *g);
    if (!g) {
        done(ctx, false, "out of memory");
        return;
    }
    *g = (struct gathering){
        .login = login, .instance = instance, .test = test, .report = report, .done = done, .ctx = ctx, .first = 1};
    ask(g);
}

/* ---- names ---- */

bool report_names(const char *text, struct acme_names *names)
{
    static const char SEPARATORS[] = ", \t\r\n;";
    struct acme_problem problem = {0};
    bool good = true;
    while (good && *(text += strspn(text, SEPARATORS))) {
        struct acme_identifier name;
        size_t len = strcspn(text, SEPARATORS);
        good = (identifier_parse("dns", text, len, &name, &problem) ||
                identifier_parse("ip", text, len, &name, &problem)) &&
               (names_contain(names, &name) || names_add(names, &name));
        text += len;
    }
    acme_problem_clear(&problem);
    return good && names->count > 0;
}

/* ---- against the store ---- */

bool report_base_number(const char *order_number, char base[static SECTIGO_ORDER_NUMBER_MAX + 1])
{
    const char *mark = strstr(order_number, "repl#");
    size_t len = mark ? (size_t)(mark - order_number) : strlen(order_number);
    memcpy(base, order_number, len);
    base[len] = '\0';
    return mark != NULL;
}

static enum report_known judge_row(const struct issuance *is, const struct report_row *row)
{
    bool purchase = is->kind == ISSUANCE_PURCHASE;
    if (is->state == ISSUANCE_REFUSED ||
        (purchase && is->order_number[0] && strcmp(is->order_number, row->order_number) != 0))
        return REPORT_UNKNOWN;
    return purchase && is->sends == 0 ? REPORT_UNSENT : REPORT_KNOWN;
}

enum store_status report_find(struct store_txn *txn, const char *endpoint, const struct report_row *row,
                              enum report_known *known)
{
    struct issuance is;
    char base[SECTIGO_ORDER_NUMBER_MAX + 1];
    struct acme_id owner;
    report_base_number(row->order_number, base);
    *known = REPORT_KNOWN;
    enum store_status status = numbers_owner(txn, NUMBER_ORDER, endpoint, base, &owner);
    if (status != STORE_NOT_FOUND)
        return status;
    status = issuance_load(txn, row->issuance, &is);
    if (status == STORE_OK)
        *known = judge_row(&is, row);
    else if (status == STORE_NOT_FOUND)
        *known = REPORT_UNKNOWN;
    issuance_clear(&is);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}
