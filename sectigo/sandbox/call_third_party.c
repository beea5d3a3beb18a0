/* modifyThirdPartyDetails, slGetUpgradeCost and AutoAuthorize (notes 2.17 to 2.19). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/sandbox/pay.h"
#include "sectigo/sandbox/progress.h"
#include "sectigo/sandbox/sitelock.h"

static const char *given_value(const struct call *call, const char *name)
{
    const char *value = sectigo_form_get(call->form, name);
    return value && *value ? value : NULL;
}

/* ---- modifyThirdPartyDetails ---- */

/* The codes of product that the order has: false where it names another. */
struct asked {
    const struct sectigo_cart *cart;
    int codes[SECTIGO_CART_MAX];
    size_t count;
};

static bool add_asked(void *arg, const char *word)
{
    struct asked *asked = arg;
    int code = (int)strtol(word, NULL, 10);
    for (size_t i = 0; i < asked->cart->count && asked->count < SECTIGO_CART_MAX; i++)
        if (asked->cart->items[i]->code == code || asked->cart->items[i]->pair == code) {
            asked->codes[asked->count++] = asked->cart->items[i]->code;
            return true;
        }
    return false;
}

/* What the pages seen do not name. */
static bool is_named(const char *name)
{
    static const char *const names[] = {"loginName", "loginPassword", "orderNumber",
                                        "product",   "action",        "qualysLoginName"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

static bool check_unseen(struct call *call)
{
    for (size_t i = 0; i < call->form->count; i++) {
        const char *name = call->form->params[i].name;
        if (is_named(name) || call->sandbox->settings.unseen_parameters == CHOICE_ACCEPT)
            continue;
        answer_refuse_argument(call->answer, -2, name);
        return false;
    }
    return true;
}

static void change_details(struct call *call, struct order *order)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    for (size_t i = 0; stream && i < call->form->count; i++) {
        const struct sectigo_param *param = &call->form->params[i];
        bool detail = !is_named(param->name) || strcasecmp(param->name, "qualysLoginName") == 0;
        if (detail)
            fprintf(stream, "%s=%s\n", param->name, param->value);
    }
    if (stream)
        fclose(stream);
    free(order->details);
    order->details = text;
    answer_code(call->answer, 0);
    call->answer->accepted = true;
    book_save(&call->sandbox->book, order);
}

static void cancel(struct call *call, struct order *order, const struct asked *asked)
{
    bool sitelock = sitelock_in(asked->cart), living = order->state == ORDER_FULFILLED;
    for (size_t i = 0; sitelock && i < asked->count; i++)
        living &= sitelock_lives(order, asked->codes[i]);
    if (sitelock && asked->cart->certificate)
        living = sitelock_lives(order, asked->codes[0]);
    if (!living) {
        answer_refuse_as(call->answer, call->kind, order->refunded_cents ? -18 : -20);
        return;
    }
    answer_code(call->answer, 0);
    call->answer->accepted = true;
    for (size_t i = 0; sitelock && i < asked->count; i++)
        sitelock_end(call->sandbox, order, asked->codes[i], true);
    if (!sitelock)
        progress_end(call->sandbox, order, ORDER_REJECTED, "Licence canceled");
}

void call_modify_third_party(struct call *call)
{
    struct sectigo_cart cart = {0};
    struct asked asked = {.cart = &cart};
    const char *action = given_value(call, "action");
    struct order *order = check_unseen(call) ? call_find_order(call) : NULL;
    if (!order)
        return;
    if (!order_cart(order, &cart) || !argument_each(given_value(call, "product"), add_asked, &asked) || !asked.count)
        answer_refuse_argument(call->answer, -4, "product");
    else if (!action && call->sandbox->settings.action_required)
        answer_refuse_argument(call->answer, -3, "action");
    else if (!action)
        change_details(call, order);
    else if (strcasecmp(action, "CANCELLICENCE") != 0)
        answer_refuse_argument(call->answer, -4, "action");
    else
        cancel(call, order, &asked);
}

/* ---- slGetUpgradeCost ---- */

void call_upgrade_cost(struct call *call)
{
    struct order *order = calloc(1, sizeof *order);
    char reason[SECTIGO_MESSAGE_MAX], money[32];
    int code = -4;
    if (order && sectigo_cart_parse(given_value(call, "product"), &call->cart, &code, reason) &&
        sitelock_in(&call->cart)) {
        order->days = argument_number(call->form, "days", 365);
        if (sitelock_take(call, order)) {
            order_money(order->price_cents, money);
            answer_code(call->answer, 0);
            answer_add(call->answer, settings_upgrade_cost_keys[call->sandbox->settings.upgrade_cost_key], money);
        }
    } else if (code == -4) {
        answer_refuse_argument(call->answer, -4, "product");
    } else {
        answer_refuse_as(call->answer, call->kind, code);
    }
    order_free(order);
}

/* ---- AutoAuthorize ---- */

/* What a second request for a paid order comes to is not documented. */
static void authorize_again(struct call *call, struct order *order)
{
    int again = call->sandbox->settings.authorize_again;
    if (again == AGAIN_REFUSE) {
        answer_refuse_argument(call->answer, -4, "orderNumber");
        return;
    }
    answer_code(call->answer, 0);
    if (again == AGAIN_CHARGE) {
        call->answer->accepted = true;
        call->account->spent_cents += order->price_cents;
        order->debited_cents += order->price_cents;
        book_save(&call->sandbox->book, order);
    }
}

void call_authorize(struct call *call)
{
    struct order *order = call_find_order(call);
    struct sectigo_cart cart = {0};
    int code;
    if (!order)
        return;
    if (order->state == ORDER_REJECTED) {
        answer_refuse_as(call->answer, call->kind, -20);
        return;
    }
    if (argument_yes(call->form, "test")) {
        answer_code(call->answer, 0);
        return;
    }
    if (order->state != ORDER_UNPAID) {
        authorize_again(call, order);
        return;
    }
    code = pay_order(call->sandbox, order);
    if (code) {
        answer_refuse_as(call->answer, call->kind, code);
        return;
    }
    order->web_products = order->certificate_id && !argument_yes(call->form, "disableSWP");
    book_save(&call->sandbox->book, order);
    answer_code(call->answer, 0);
    call->answer->accepted = true;
    if (order_cart(order, &cart) && cart.sitelock && cart.count == 1)
        sitelock_name(order, call->answer);
}
