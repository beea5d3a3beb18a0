/* The page of people: all orders and their states. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sectigo/sandbox/control.h"

static void put_escaped(FILE *stream, const char *text)
{
    for (; text && *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        case '&':
            fputs("&amp;", stream);
            break;
        case '"':
            fputs("&quot;", stream);
            break;
        default:
            putc(*text, stream);
        }
    }
}

static void put_time(FILE *stream, int64_t time_ms)
{
    time_t time_s = (time_t)(time_ms / 1000);
    struct tm parts;
    char text[32];
    if (!time_ms)
        return;
    gmtime_r(&time_s, &parts);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    fputs(text, stream);
}

static void put_domains(FILE *stream, const struct order *order)
{
    for (size_t i = 0; i < order->domains.count; i++) {
        const struct domain *domain = order_domain(order, i);
        fprintf(stream, "<div title=\"");
        put_escaped(stream, domain->looked);
        fprintf(stream, "\">%s ", domain->validated ? "&#10003;" : domain->removed ? "&#10007;" : "&hellip;");
        put_escaped(stream, domain->name);
        fprintf(stream, " <small>");
        put_escaped(stream, domain->method);
        fprintf(stream, "</small></div>");
    }
}

static void put_order(FILE *stream, const struct order *order)
{
    char money[32];
    order_money(order->debited_cents, money);
    fprintf(stream, "<tr class=\"%s\"><td>", order_state_words[order->state]);
    put_escaped(stream, order->number);
    fprintf(stream, "%s</td><td>%s", order->test ? " <small>test</small>" : "", order_state_words[order->state]);
    if (order->reason) {
        fprintf(stream, "<br><small>");
        put_escaped(stream, order->reason);
        fprintf(stream, "</small>");
    }
    fprintf(stream, "</td><td>");
    put_domains(stream, order);
    fprintf(stream, "</td><td>");
    put_escaped(stream, order->product);
    fprintf(stream, " <small>%lld days</small></td><td class=\"n\">%s</td><td>", (long long)order->days, money);
    put_escaped(stream, order->foreign_order_number);
    fprintf(stream, "</td><td>");
    put_time(stream, order->placed_ms);
    fprintf(stream, "</td><td>");
    put_time(stream, order->issued_ms);
    fprintf(stream, "</td></tr>\n");
}

char *page_make(const struct sandbox *sandbox)
{
    const struct book *book = &sandbox->book;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    if (!stream)
        return NULL;
    fprintf(stream,
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sectigo sandbox</title><style>"
            "body{font:15px system-ui,sans-serif;margin:2em;color:#222}table{border-collapse:collapse}"
            "td,th{padding:.35em .8em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}"
            ".n{text-align:right}small{color:#777}.issued td:nth-child(2){color:#067a2e}"
            ".failed td:nth-child(2),.rejected td:nth-child(2),.revoked td:nth-child(2){color:#b00020}"
            "</style><h1>Sectigo sandbox</h1><p>%zu orders. Nothing here costs money, no certificate is trusted. "
            "<a href=\"ledger\">ledger</a> &middot; <a href=\"faults\">faults</a> &middot; "
            "<a href=\"settings\">settings</a></p><table><tr><th>order</th><th>state</th><th>names</th><th>product</th>"
            "<th>debited</th><th>foreignOrderNumber</th><th>placed (UTC)</th><th>issued (UTC)</th></tr>\n",
            book->count);
    for (size_t i = book->count; i > 0; i--)
        put_order(stream, book->orders[i - 1]);
    fprintf(stream, "</table></html>\n");
    if (fclose(stream)) {
        free(text);
        return NULL;
    }
    return text;
}
