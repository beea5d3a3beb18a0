#include "sectigo/sandbox/sitelock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/code.h"
#include "sectigo/sandbox/price.h"

enum { FAMILY = SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON, YEAR_DAYS = 365 };
static const int64_t day_ms = 86400000, renewal_days = 30;

bool sitelock_in(const struct sectigo_cart *cart)
{
    return (cart->families & FAMILY) != 0;
}

/* In the text of ended products: ",1060,1068,". */
static bool is_ended(const struct order *order, int product)
{
    char word[16];
    snprintf(word, sizeof word, ",%d,", product);
    return order->ended && strstr(order->ended, word);
}

static void add_ended(struct order *order, int product)
{
    char *text;
    if (is_ended(order, product) || asprintf(&text, "%s%d,", order->ended ? order->ended : ",", product) < 0)
        return;
    free(order->ended);
    order->ended = text;
}

bool sitelock_lives(const struct order *order, int product)
{
    struct sectigo_cart cart = {0};
    bool there = false;
    if (order->state == ORDER_UNPAID || order->state == ORDER_REJECTED || order->refunded_cents ||
        is_ended(order, product) || !order_cart(order, &cart) || order->ends_ms <= now_ms())
        return false;
    for (size_t i = 0; i < cart.count; i++)
        there |= cart.items[i]->code == product;
    return there;
}

static const struct sectigo_product *licence_of(const struct order *order)
{
    struct sectigo_cart cart = {0};
    return order_cart(order, &cart) && cart.sitelock && sitelock_lives(order, cart.sitelock->code) ? cart.sitelock
                                                                                                   : NULL;
}

static bool same_text(const char *own, const char *given)
{
    return own && given && strcasecmp(own, given) == 0;
}

/* ---- what an order is refused for ---- */

static bool refuse_sitelock(struct call *call, int code, unsigned families)
{
    const struct sectigo_code *row = sectigo_code_find(call->kind, code, families);
    answer_refuse(call->answer, code, "%s", row ? row->text : "An unknown error occurred!");
    return false;
}

static bool refuse_argument(struct call *call, const char *argument)
{
    answer_refuse_argument(call->answer, -4, argument);
    return false;
}

/* Domain and e-mail belong to one account each. */
static bool check_new(struct call *call)
{
    const struct book *book = &call->sandbox->book;
    const char *domain = sectigo_form_get(call->form, "domainName");
    const char *email = sectigo_form_get(call->form, "appRepEmailAddress");
    for (size_t i = 0; i < book->count; i++) {
        const struct order *order = book->orders[i];
        if (licence_of(order) && (same_text(order->domain_name, domain) || same_text(order->contact_email, email)))
            return refuse_sitelock(call, -122, FAMILY);
    }
    return true;
}

/* The licence that add-ons and changes are about; NULL: answered. */
static struct order *find_previous(struct call *call)
{
    const char *number = sectigo_form_get(call->form, "previousOrderNumber");
    const char *domain = sectigo_form_get(call->form, "domainName");
    struct order *order = book_find(&call->sandbox->book, number);
    struct sectigo_cart cart = {0};
    bool ours = order && strcmp(order->login, call->account->login->name) == 0;
    if (!ours || !order_cart(order, &cart) || !cart.sitelock) {
        answer_refuse_argument(call->answer, -4, "previousOrderNumber");
        return NULL;
    }
    if (order->refunded_cents || !sitelock_lives(order, cart.sitelock->code)) {
        refuse_sitelock(call, order->refunded_cents ? -18 : -20, FAMILY);
        return NULL;
    }
    if (domain && order->domain_name && !same_text(order->domain_name, domain)) {
        answer_refuse_argument(call->answer, -4, "domainName");
        return NULL;
    }
    return order;
}

static bool in_refund_period(const struct sandbox *sandbox, const struct order *order)
{
    return order->days >= YEAR_DAYS && now_ms() - order->starts_ms <= sandbox->settings.refund_period_days * day_ms;
}

static bool in_renewal_period(const struct order *order)
{
    return order->ends_ms - now_ms() <= renewal_days * day_ms;
}

/* What no page says of Business and 911 is played by the setting. */
static bool check_addons(struct call *call, int licence)
{
    bool doubtful = call->sandbox->settings.doubtful_add_ons == CHOICE_ACCEPT;
    for (size_t i = 0; i < call->cart.count; i++) {
        enum sectigo_takes takes;
        if (call->cart.items[i]->family != SECTIGO_SITELOCK_ADDON)
            continue;
        takes = sectigo_sitelock_takes(licence, call->cart.items[i]->code);
        if (takes == SECTIGO_TAKES_NOT || (takes == SECTIGO_TAKES_PERHAPS && !doubtful))
            return refuse_sitelock(call, -121, SECTIGO_SITELOCK_ADDON);
    }
    return true;
}

/* The same licence again: in the last 30 days. A lower one: then, or in the refund period. A higher one: always. */
static bool check_change(struct call *call, const struct order *previous, const struct sectigo_product *old)
{
    int from = sectigo_sitelock_tier(old->code), to = sectigo_sitelock_tier(call->cart.sitelock->code);
    if (call->cart.sitelock->code == SECTIGO_SITELOCK_BUNDLE && old->code != SECTIGO_SITELOCK_BUNDLE)
        return refuse_argument(call, "product");
    if (to > from || in_renewal_period(previous))
        return true;
    if (to < from && in_refund_period(call->sandbox, previous))
        return true;
    return refuse_sitelock(call, -121, SECTIGO_SITELOCK);
}

/* ---- term and price ---- */

static int64_t addons_price(const struct sectigo_cart *cart, int64_t days)
{
    int64_t cents = 0;
    for (size_t i = 0; i < cart->count; i++)
        if (cart->items[i]->family == SECTIGO_SITELOCK_ADDON)
            cents += price_of_product(cart->items[i], days);
    return cents;
}

/* For the time that is left, less what the old licence's rest is worth. */
static int64_t change_price(const struct order *previous, const struct sectigo_product *old,
                            const struct sectigo_product *licence)
{
    int64_t left_days = (previous->ends_ms - now_ms() + day_ms / 2) / day_ms;
    int64_t cents = price_of_product(licence, left_days) - price_of_product(old, left_days);
    return cents > 0 ? cents : 0;
}

static bool take_previous(struct call *call, struct order *order)
{
    struct order *previous = find_previous(call);
    const struct sectigo_product *old = previous ? licence_of(previous) : NULL;
    const struct sectigo_product *licence = call->cart.sitelock;
    if (!old || !check_addons(call, licence ? licence->code : old->code))
        return false;
    order->price_cents = addons_price(&call->cart, order->days);
    if (!text_set(&order->previous_number, previous->number))
        return refuse_sitelock(call, -14, FAMILY);
    if (!licence)
        return true;
    if (!check_change(call, previous, old))
        return false;
    if (licence->code == old->code) {
        order->price_cents += price_of_product(licence, order->days);
        order->ends_ms = previous->ends_ms + order->days * day_ms;
        return true;
    }
    order->price_cents += change_price(previous, old, licence);
    order->ends_ms = previous->ends_ms;
    return true;
}

bool sitelock_take(struct call *call, struct order *order)
{
    const char *previous = sectigo_form_get(call->form, "previousOrderNumber");
    const char *domain = sectigo_form_get(call->form, "domainName");
    const char *renew = sectigo_form_get(call->form, "enableAutoRenew");
    const struct settings *settings = &call->sandbox->settings;
    int64_t term_days = order->days ? order->days : YEAR_DAYS;
    if (!settings->sitelock_activated)
        return refuse_sitelock(call, -76, FAMILY);
    order->starts_ms = now_ms();
    order->ends_ms = now_ms() + term_days * day_ms;
    order->auto_renew = renew && *renew ? argument_yes(call->form, "enableAutoRenew") : settings->auto_renew;
    if (!domain && order->domains.count)
        domain = order_domain(order, 0)->name;
    if (!text_set(&order->domain_name, domain))
        return refuse_sitelock(call, -14, FAMILY);
    if (previous && *previous)
        return take_previous(call, order);
    order->price_cents = price_of(&call->cart, order->days, order->domains.count);
    return check_new(call) && (!call->cart.sitelock || check_addons(call, call->cart.sitelock->code));
}

/* ---- what happens to it ---- */

static bool has_living(const struct order *order)
{
    struct sectigo_cart cart = {0};
    if (!order_cart(order, &cart))
        return false;
    for (size_t i = 0; i < cart.count; i++)
        if ((cart.items[i]->family & FAMILY) && sitelock_lives(order, cart.items[i]->code))
            return true;
    return false;
}

/* A product more has ended: with the last one the order has, unless a certificate is in it. */
static void end_product(struct sandbox *sandbox, struct order *order, int product, enum order_state state)
{
    add_ended(order, product);
    if (order->state == ORDER_FULFILLED && !has_living(order)) {
        order->state = (int)state;
        order->closed_ms = now_ms();
    }
    book_save(&sandbox->book, order);
}

/* All add-ons of a domain's account that the licence does not take; licence 0: all of them. */
static void end_addons(struct sandbox *sandbox, const struct order *of, int licence)
{
    const struct book *book = &sandbox->book;
    for (size_t i = 0; i < book->count; i++) {
        struct order *order = book->orders[i];
        struct sectigo_cart cart = {0};
        bool theirs = strcmp(order->login, of->login) == 0 && same_text(order->domain_name, of->domain_name);
        if (!theirs || !order_cart(order, &cart))
            continue;
        for (size_t j = 0; j < cart.count; j++) {
            int addon = cart.items[j]->code;
            bool stays = licence && sectigo_sitelock_takes(licence, addon) != SECTIGO_TAKES_NOT;
            if (cart.items[j]->family == SECTIGO_SITELOCK_ADDON && !stays && sitelock_lives(order, addon))
                end_product(sandbox, order, addon, ORDER_REJECTED);
        }
    }
}

void sitelock_begin(struct sandbox *sandbox, struct order *order)
{
    struct order *previous = order->previous_number ? book_find(&sandbox->book, order->previous_number) : NULL;
    const struct sectigo_product *old = previous ? licence_of(previous) : NULL;
    struct sectigo_cart cart = {0};
    if (!old || !order_cart(order, &cart) || !cart.sitelock)
        return;
    if (cart.sitelock->code != old->code)
        end_addons(sandbox, previous, cart.sitelock->code);
    end_product(sandbox, previous, old->code, ORDER_REPLACED);
}

static void give_back(struct sandbox *sandbox, struct order *order)
{
    struct account *account = sandbox_account(sandbox, order->login);
    order->refunded_cents = order->debited_cents;
    if (account)
        account->spent_cents -= order->refunded_cents;
}

void sitelock_end(struct sandbox *sandbox, struct order *order, int product, bool refund)
{
    const struct sectigo_product *found = sectigo_product_find(product);
    bool licence = found && found->family == SECTIGO_SITELOCK;
    bool pays = refund && licence && order->debited_cents && in_refund_period(sandbox, order);
    if (licence)
        end_addons(sandbox, order, 0);
    end_product(sandbox, order, product, ORDER_REJECTED);
    if (pays)
        give_back(sandbox, order);
    book_save(&sandbox->book, order);
}

bool sitelock_expire(struct sandbox *sandbox, struct order *order)
{
    const struct sectigo_product *licence = licence_of(order);
    struct account *account = sandbox_account(sandbox, order->login);
    int64_t cents = licence ? price_of_product(licence, order->days) : 0;
    if (!licence || !account)
        return false;
    if (!order->auto_renew || cents > sandbox_credit(sandbox, account)) {
        sitelock_end(sandbox, order, licence->code, false);
        return true;
    }
    account->spent_cents += cents;
    order->debited_cents += cents;
    order->starts_ms = now_ms();
    order->ends_ms = now_ms() + order->days * day_ms;
    return book_save(&sandbox->book, order);
}

void sitelock_refund(struct call *call, struct order *order)
{
    const struct sectigo_product *licence = licence_of(order);
    if (!has_living(order)) {
        answer_refuse_as(call->answer, call->kind, -20);
        return;
    }
    if (!licence) {
        answer_refuse(call->answer, -18, "An add-on alone is not refunded!");
        return;
    }
    if (!order->debited_cents || !in_refund_period(call->sandbox, order)) {
        answer_refuse(call->answer, -18, "The refund period is over!");
        return;
    }
    answer_code(call->answer, 0);
    call->answer->accepted = true;
    sitelock_end(call->sandbox, order, licence->code, true);
}

void sitelock_name(const struct order *order, struct answer *answer)
{
    answer_add(answer, "siteLockUserID", order->number);
    answer_addf(answer, "siteLockSiteID", "site-%s", order->number);
}
