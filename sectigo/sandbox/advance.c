/* What people or time do at Sectigo, done by hand: POST /sandbox/orders/N/advance. */
#include <stdio.h>
#include <string.h>

#include "sectigo/sandbox/control.h"
#include "sectigo/sandbox/pay.h"
#include "sectigo/sandbox/progress.h"
#include "sectigo/sandbox/sitelock.h"

struct step {
    const char *name;
    bool (*take)(struct sandbox *sandbox, struct order *order, json_t *request);
};

static const char *member_text(json_t *request, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(request, name));
    return text ? text : otherwise;
}

/* Charged now, as the order's price. */
static bool pay(struct sandbox *sandbox, struct order *order, json_t *request)
{
    (void)request;
    return order->state == ORDER_UNPAID && pay_order(sandbox, order) == 0;
}

static bool expire(struct sandbox *sandbox, struct order *order, json_t *request)
{
    (void)request;
    return sitelock_expire(sandbox, order);
}

static bool prove(struct sandbox *sandbox, struct order *order, json_t *request)
{
    (void)sandbox;
    (void)request;
    for (size_t i = 0; i < order->domains.count; i++) {
        order_domain(order, i)->validated = true;
        text_set(&order_domain(order, i)->looked, "answered by hand");
    }
    return order->state == ORDER_PENDING;
}

static bool complete(int64_t *status)
{
    if (*status == STEP_NOT_REQUIRED)
        return false;
    *status = STEP_COMPLETED;
    return true;
}

static bool organization(struct sandbox *sandbox, struct order *order, json_t *request)
{
    (void)sandbox;
    (void)request;
    return complete(&order->organization_status);
}

/* The telephone number is verified: the partner learns of it, with the code for the call-back link. */
static bool call_back(struct sandbox *sandbox, struct order *order, json_t *request)
{
    struct notice notice = {.status = "verified",
                            .description = "Phone number verified",
                            .status_code = 1,
                            .verification_code = order->verification_code,
                            .event_type = "CallBack"};
    (void)request;
    if (!complete(&order->call_back_status))
        return false;
    progress_notify(sandbox, order, &notice);
    return true;
}

static bool click_through(struct sandbox *sandbox, struct order *order, json_t *request)
{
    (void)sandbox;
    (void)request;
    return complete(&order->click_through_status);
}

static bool brand_required(struct sandbox *sandbox, struct order *order, json_t *request)
{
    struct notice notice = {
        .status = "awaitingbrandvalidation", .description = "Awaiting Validation (Brand)", .status_code = 12};
    (void)request;
    if (order->state != ORDER_PENDING)
        return false;
    order->brand_status = STEP_NOT_COMPLETED;
    progress_notify(sandbox, order, &notice);
    return true;
}

static bool brand(struct sandbox *sandbox, struct order *order, json_t *request)
{
    (void)sandbox;
    (void)request;
    return complete(&order->brand_status);
}

static bool everything(struct sandbox *sandbox, struct order *order, json_t *request)
{
    if (order->state == ORDER_UNPAID)
        pay(sandbox, order, request);
    if (order->state != ORDER_PENDING)
        return order->state == ORDER_FULFILLED;
    prove(sandbox, order, request);
    complete(&order->caa_status);
    complete(&order->organization_status);
    call_back(sandbox, order, request);
    complete(&order->click_through_status);
    complete(&order->brand_status);
    return true;
}

static bool reject(struct sandbox *sandbox, struct order *order, json_t *request)
{
    if (order->state != ORDER_PENDING && order->state != ORDER_UNPAID && order->state != ORDER_FAILED)
        return false;
    progress_end(sandbox, order, ORDER_REJECTED, member_text(request, "reason", "Rejected by hand"));
    return true;
}

static bool fail_order(struct sandbox *sandbox, struct order *order, json_t *request)
{
    if (order->state != ORDER_PENDING)
        return false;
    progress_end(sandbox, order, ORDER_FAILED, member_text(request, "reason", "CAA: Not authorized to issue"));
    return true;
}

static bool revoke(struct sandbox *sandbox, struct order *order, json_t *request)
{
    struct certificate *certificate = order_certificate(order);
    json_t *code = json_object_get(request, "code");
    if (!certificate || order->state == ORDER_REVOKED)
        return false;
    certificate->revoked_ms = now_ms();
    certificate->revocation_reason = json_integer_value(code);
    progress_end(sandbox, order, ORDER_REVOKED, member_text(request, "reason", "Revoked by hand"));
    return true;
}

static bool pre_revocation(struct sandbox *sandbox, struct order *order, json_t *request)
{
    struct notice notice = {.status = "issued",
                            .description = member_text(request, "reason", "Will be revoked"),
                            .status_code = 6,
                            .event_type = "PreRevocationNotification"};
    if (order->state != ORDER_ISSUED)
        return false;
    progress_notify(sandbox, order, &notice);
    return true;
}

static const struct step steps[] = {
    {"all", everything},
    {"payment", pay},
    {"dcv", prove},
    {"organization", organization},
    {"callback", call_back},
    {"clickthrough", click_through},
    {"brand-required", brand_required},
    {"brand", brand},
    {"reject", reject},
    {"fail", fail_order},
    {"revoke", revoke},
    {"pre-revocation", pre_revocation},
    {"expire", expire},
};

bool advance_order(struct sandbox *sandbox, struct order *order, json_t *request, char reason[static 256])
{
    const char *name = member_text(request, "step", "all");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (strcmp(steps[i].name, name) != 0)
            continue;
        if (!steps[i].take(sandbox, order, request)) {
            snprintf(reason, 256, "order %s is %s: \"%s\" has no place there", order->number,
                     order_state_words[order->state], name);
            return false;
        }
        progress_advance(sandbox, order);
        return true;
    }
    snprintf(reason, 256, "there is no step \"%.100s\"", name);
    return false;
}
