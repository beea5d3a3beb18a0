#include "sectigo/sandbox/licence.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "sectigo/code.h"
#include "sectigo/sandbox/sitelock.h"

enum { RENEWAL_S = 30 * 86400, GUARDIAN = SECTIGO_HACKERGUARDIAN | SECTIGO_HACKERPROOF };

static bool refuse_licence(struct call *call, int code)
{
    const struct sectigo_code *row = sectigo_code_find(call->kind, code, call->cart.families);
    answer_refuse(call->answer, code, "%s", row ? row->text : "An unknown error occurred!");
    return false;
}

static bool is_alive(const struct order *order)
{
    return !order->refunded_cents && order->state != ORDER_REJECTED &&
           order->placed_ms + order->days * 86400000 > now_ms();
}

static bool same_text(const char *own, const char *given)
{
    return own && given && strcasecmp(own, given) == 0;
}

static bool same_company(const struct call *call, const struct order *order)
{
    return same_text(order->organization, sectigo_form_get(call->form, "organizationName"));
}

static bool same_email(const struct call *call, const struct order *order)
{
    return same_text(order->contact_email, sectigo_form_get(call->form, "appRepEmailAddress"));
}

static bool same_account(const struct call *call, const struct order *order)
{
    return same_text(order->service_login, sectigo_form_get(call->form, "appRepLoginName"));
}

static bool same_login(const struct call *call, const struct order *order)
{
    return strcmp(order->login, call->account->login->name) == 0;
}

/* A living order of one of those families for which same holds. */
static const struct order *find_licence(const struct call *call, unsigned families,
                                        bool (*same)(const struct call *call, const struct order *order))
{
    const struct book *book = &call->sandbox->book;
    for (size_t i = 0; i < book->count; i++) {
        struct sectigo_cart cart = {0};
        if (is_alive(book->orders[i]) && order_cart(book->orders[i], &cart) && (cart.families & families) &&
            same(call, book->orders[i]))
            return book->orders[i];
    }
    return NULL;
}

/* Whoever has an account with the service must renew it instead. */
static bool check_new(struct call *call)
{
    unsigned families = call->cart.families;
    if ((families & GUARDIAN) && find_licence(call, GUARDIAN, same_company))
        return refuse_licence(call, -57);
    if ((families & SECTIGO_CODEGUARD) && find_licence(call, SECTIGO_CODEGUARD, same_email))
        return refuse_licence(call, -63);
    if ((families & SECTIGO_WEB_SECURITY) && find_licence(call, SECTIGO_WEB_SECURITY, same_email))
        return refuse_licence(call, -122);
    if ((families & SECTIGO_IP_PACK) && !(families & GUARDIAN) && !find_licence(call, GUARDIAN, same_account))
        return refuse_licence(call, -59);
    return true;
}

static bool has_trial(const struct sectigo_cart *cart)
{
    for (size_t i = 0; i < cart->count; i++) {
        if (cart->items[i]->trial)
            return true;
    }
    return false;
}

static bool refuse_early(struct call *call, int64_t expires_s)
{
    time_t time_s = (time_t)expires_s;
    struct tm parts;
    char date[16];
    gmtime_r(&time_s, &parts);
    strftime(date, sizeof date, "%Y-%m-%d", &parts);
    answer_refuse(call->answer, -56,
                  "Your current license expires on %s. Licenses can only be renewed up to 30 days prior to the expiry "
                  "of your existing license.",
                  date);
    return false;
}

static bool check_renewal(struct call *call, const char *previous)
{
    const struct order *order = book_find(&call->sandbox->book, previous);
    struct sectigo_cart cart = {0};
    int64_t expires_s;
    if (!order || !same_login(call, order) || !order_cart(order, &cart)) {
        answer_refuse_argument(call->answer, -4, "previousOrderNumber");
        return false;
    }
    if (!(cart.families & call->cart.families & SECTIGO_LICENCES))
        return refuse_licence(call, -71);
    if (has_trial(&cart))
        return refuse_licence(call, -45);
    expires_s = order->placed_ms / 1000 + order->days * 86400;
    if (expires_s - now_ms() / 1000 > RENEWAL_S)
        return refuse_early(call, expires_s);
    if (argument_number(call->form, "IP Addresses", 0) < order->ip_addresses) {
        answer_refuse(call->answer, -60,
                      "To renew your access to the PCI portal you must purchase enough IP Addresses to support those "
                      "currently setup. Previously you have purchased %lld IP addresses.",
                      (long long)order->ip_addresses);
        return false;
    }
    return true;
}

bool licence_check(struct call *call, struct order *order)
{
    unsigned others = SECTIGO_LICENCES & ~(unsigned)(SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON);
    const char *previous = sectigo_form_get(call->form, "previousOrderNumber");
    int code = (int)call->sandbox->settings.licence_service_code;
    if (!(call->cart.families & SECTIGO_LICENCES))
        return true;
    if (code)
        return refuse_licence(call, code);
    if (sitelock_in(&call->cart) && !sitelock_take(call, order))
        return false;
    if (!(call->cart.families & others))
        return true;
    return previous && *previous ? check_renewal(call, previous) : check_new(call);
}
