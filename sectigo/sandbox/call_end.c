/* What ends an order: AutoRevokeSSL, AutoReject, AutoRefund (notes 2.2, reference 7), and getAccountBalance. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sectigo/sandbox/call.h"
#include "sectigo/sandbox/progress.h"
#include "sectigo/sandbox/sitelock.h"

/* Hex without regard to case, colons and leading zeros. */
static bool same_serial(const char *wanted, const char *serial)
{
    while (*wanted == '0' || *wanted == ':')
        wanted++;
    while (*serial == '0')
        serial++;
    for (; *wanted; wanted++) {
        if (*wanted == ':')
            continue;
        if (tolower((unsigned char)*wanted) != *serial)
            return false;
        serial++;
    }
    return !*serial;
}

static struct order *find_by_serial(const struct call *call, const char *serial)
{
    const struct book *book = &call->sandbox->book;
    for (size_t i = book->count; i > 0; i--) {
        struct order *order = book->orders[i - 1];
        const struct certificate *certificate = order_certificate(order);
        if (certificate && same_serial(serial, certificate->serial) &&
            strcmp(order->login, call->account->login->name) == 0)
            return order;
    }
    return NULL;
}

static struct order *find_order(struct call *call)
{
    const char *serial = sectigo_form_get(call->form, "serialNumber");
    struct order *order;
    if (!serial || !*serial)
        return call_find_order(call);
    order = find_by_serial(call, serial);
    if (!order)
        answer_refuse_argument(call->answer, -4, "serialNumber");
    return order;
}

static int refusal_of(const struct order *order)
{
    switch (order->state) {
    case ORDER_REJECTED:
        return -20;
    case ORDER_REVOKED:
        return order_certificate(order) ? -21 : -20;
    case ORDER_READY:
        return -26;
    default:
        return 0;
    }
}

/* Issued: revoked. Not yet: rejected. By order number all of that order; the family's others stay. */
void call_revoke(struct call *call)
{
    struct order *order = find_order(call);
    struct certificate *certificate;
    const char *reason = sectigo_form_get(call->form, "revocationReason");
    int code = order ? refusal_of(order) : 0;
    if (!order)
        return;
    if (code) {
        answer_refuse_as(call->answer, call->kind, code);
        return;
    }
    answer_code(call->answer, 0);
    if (argument_yes(call->form, "test"))
        return;
    call->answer->accepted = true;
    certificate = order_certificate(order);
    if (!certificate) {
        progress_end(call->sandbox, order, ORDER_REJECTED, reason);
        return;
    }
    certificate->revoked_ms = now_ms();
    certificate->revocation_reason = argument_number(call->form, "codeReason", 0);
    text_set(&certificate->revocation_text, reason);
    progress_end(call->sandbox, order, ORDER_REVOKED, reason);
}

void call_reject(struct call *call)
{
    struct order *order = call_find_order(call);
    if (!order)
        return;
    if (order->state == ORDER_REJECTED) {
        answer_refuse_as(call->answer, call->kind, -20);
        return;
    }
    if (order->state == ORDER_READY) {
        answer_refuse_as(call->answer, call->kind, -26);
        return;
    }
    if (order_certificate(order) || order->state == ORDER_FULFILLED) {
        answer_refuse_argument(call->answer, -4, "orderNumber");
        return;
    }
    answer_code(call->answer, 0);
    if (argument_yes(call->form, "test"))
        return;
    call->answer->accepted = true;
    progress_end(call->sandbox, order, ORDER_REJECTED, "Rejected on request");
}

/* Single and wildcard certificates, and SiteLock; of the purchase, whatever was replaced since. */
void call_refund(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct order *order = call_find_order(call);
    struct sectigo_cart cart = {0};
    if (!order)
        return;
    if (order->refunded_cents) {
        answer_refuse(call->answer, -18, "This order has already been refunded");
        return;
    }
    bool known = order_cart(order, &cart);
    if (known && !cart.certificate && sitelock_in(&cart)) {
        sitelock_refund(call, order);
        return;
    }
    if (!known || !cart.certificate || cart.certificate->shape > SECTIGO_WILDCARD) {
        answer_refuse(call->answer, -18, "Only Single and Wildcard SSL Certificates can be refunded!");
        return;
    }
    if (order->kind == ORDER_REPLACEMENT || order->debited_cents == 0) {
        answer_refuse(call->answer, -18, "Nothing was paid for this order!");
        return;
    }
    answer_code(call->answer, 0);
    call->answer->accepted = true;
    order->refunded_cents = order->debited_cents;
    call->account->spent_cents -= order->refunded_cents;
    if (order_certificate(order) && order->state != ORDER_REVOKED) {
        order_certificate(order)->revoked_ms = now_ms();
        progress_end(sandbox, order, ORDER_REVOKED, "Refunded");
    } else if (order->state != ORDER_REJECTED && order->state != ORDER_REVOKED) {
        progress_end(sandbox, order, ORDER_REJECTED, "Refunded");
    } else {
        book_save(&sandbox->book, order);
    }
}

void call_balance(struct call *call)
{
    int64_t cents = sandbox_credit(call->sandbox, call->account);
    char money[32];
    order_money(cents < 0 ? -cents : cents, money);
    answer_code(call->answer, 0);
    answer_addf(call->answer, "balance", "%s%s", cents < 0 ? "-" : "", money);
}
