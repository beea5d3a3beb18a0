#include "gateway/issue/upstream/agreement.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "acme/durations.h"
#include "gateway/issue/upstream/report.h"
#include "sectigo/product.h"

/* The number, 128 random bits, is the proof; the time only guards against nonsense. */
static const int64_t SKEW_S = 26 * HOUR_S;

static bool __attribute__((format(printf, 2, 3))) no(char why[static AGREEMENT_WHY_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, AGREEMENT_WHY_MAX, format, args);
    va_end(args);
    return false;
}

/* ---- names ---- */

/* Sectigo adds the other name of a pair, and the base name of a wildcard, by itself: a report may have what was asked
 * for alone. */
static bool adds_names(uint32_t product)
{
    const struct sectigo_product *known = sectigo_product_find((int)product);
    return known && (known->shape == SECTIGO_SINGLE || known->shape == SECTIGO_WILDCARD);
}

static bool is_base(const struct acme_identifier *name, const struct acme_names *ordered)
{
    for (size_t i = 0; i < ordered->count; i++) {
        if (identifier_is_wildcard(&ordered->list[i]) && strcmp(ordered->list[i].value + 2, name->value) == 0)
            return true;
    }
    return false;
}

static bool names_hold(const struct agreement *sent, const struct acme_names *said, char why[static AGREEMENT_WHY_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < said->count; i++) {
        const struct acme_identifier *name = &said->list[i];
        bool ordered = names_contain(sent->names, name);
        found += ordered;
        if (!ordered && !(sent->base_of_wildcard && is_base(name, sent->names)))
            return no(why, "its name %s was not ordered", name->value);
    }
    for (size_t i = 0; i < sent->names->count; i++) {
        if (!names_contain(said, &sent->names->list[i]) && (found == 0 || !adds_names(sent->product)))
            return no(why, "it has not the name %s, which was ordered", sent->names->list[i].value);
    }
    return true;
}

static bool compare_names(const struct agreement *sent, const struct sectigo_report_order *order,
                          char why[static AGREEMENT_WHY_MAX])
{
    struct acme_names said = {0};
    bool holds = true;
    for (size_t i = 0; holds && i < order->certificate_count; i++) {
        const char *names = order->certificates[i].names;
        if (names && *names && !report_names(names, &said))
            holds = no(why, "its names cannot be read: %.200s", names);
    }
    if (holds && said.count > 0)
        holds = names_hold(sent, &said, why);
    names_clear(&said);
    return holds;
}

/* ---- what was bought ---- */

static bool compare_terms(const struct agreement *sent, const struct sectigo_report_order *order,
                          char why[static AGREEMENT_WHY_MAX])
{
    for (size_t i = 0; sent->purchase && i < order->certificate_count; i++) {
        const struct sectigo_report_certificate *said = &order->certificates[i];
        if (said->product > 0 && (uint32_t)said->product != sent->product)
            return no(why, "its product is %d, and %u was ordered", said->product, (unsigned)sent->product);
        if (said->days > 0 && (uint32_t)said->days != sent->days)
            return no(why, "its term is %d days, and %u were ordered", said->days, (unsigned)sent->days);
    }
    return true;
}

static bool compare_time(const struct agreement *sent, const struct sectigo_report_order *order,
                         char why[static AGREEMENT_WHY_MAX])
{
    uint64_t latest_ms = sent->now_ms > sent->resent_ms ? sent->now_ms : sent->resent_ms;
    if (order->ordered_s && order->ordered_s < (int64_t)(sent->sent_ms / 1000) - SKEW_S)
        return no(why, "it was ordered long before the request was sent");
    if (order->ordered_s > (int64_t)(latest_ms / 1000) + SKEW_S)
        return no(why, "it was ordered at a time that is still to come");
    return true;
}

bool agreement_holds(const struct agreement *sent, const struct sectigo_report_order *order,
                     char why[static AGREEMENT_WHY_MAX])
{
    if (!order->order_number[0])
        return no(why, "it has no order number");
    if (order->foreign_order_number[0] && strcmp(order->foreign_order_number, sent->foreign_order_number) != 0)
        return no(why, "its foreignOrderNumber is %s", order->foreign_order_number);
    return compare_names(sent, order, why) && compare_terms(sent, order, why) && compare_time(sent, order, why);
}
