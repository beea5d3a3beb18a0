/* The ledger: every order as JSON, with what is derived from it. */
#include <stdlib.h>

#include "sectigo/sandbox/control.h"

static json_t *names_json(const struct order *order)
{
    json_t *names = json_array();
    for (size_t i = 0; i < order->domains.count; i++)
        json_array_append_new(names, json_string(order_domain(order, i)->name));
    return names;
}

static json_t *certificate_ids(const struct order *order)
{
    return order->certificate_id ? json_pack("[s]", order->certificate_id) : json_array();
}

json_t *ledger_order(const struct order *order)
{
    json_t *json = record_encode(&order_type, order, false);
    char money[32];
    order_money(order->debited_cents, money);
    if (json && !json_object_set_new(json, "names", names_json(order)) &&
        !json_object_set_new(json, "certificateIDs", certificate_ids(order)) &&
        !json_object_set_new(json, "debited", json_string(money)))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *count_requests(const struct sandbox *sandbox)
{
    json_t *counts = json_object();
    for (int kind = 0; kind < SECTIGO_CALLS; kind++)
        json_object_set_new(counts, sectigo_call_info((enum sectigo_call_kind)kind)->name,
                            json_integer((json_int_t)sandbox->requests[kind]));
    return counts;
}

json_t *ledger_all(const struct sandbox *sandbox)
{
    const struct book *book = &sandbox->book;
    json_t *orders = json_array();
    json_int_t purchases = 0, tests = 0, replacements = 0;
    for (size_t i = 0; orders && i < book->count; i++) {
        const struct order *order = book->orders[i];
        replacements += order->kind == ORDER_REPLACEMENT;
        purchases += order->kind == ORDER_PURCHASE && !order->test;
        tests += order->kind == ORDER_PURCHASE && order->test;
        json_array_append_new(orders, ledger_order(order));
    }
    return json_pack("{s:o, s:I, s:I, s:I, s:o, s:I, s:I}", "orders", orders, "purchases", purchases, "testPurchases",
                     tests, "replacements", replacements, "requests", count_requests(sandbox), "concurrentCollects",
                     (json_int_t)sandbox->concurrent_collects, "connections", (json_int_t)sandbox->connections);
}
