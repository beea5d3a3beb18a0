#include "sectigo/sandbox/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_words[] = {"purchase", "replacement", NULL};
const char *const order_state_words[] = {"unpaid",   "pending", "ready",    "issued",    "failed",
                                         "rejected", "revoked", "replaced", "fulfilled", NULL};

#define ROW(record, kind, member, json, ...)                                                                           \
    {                                                                                                                  \
        .name = json, .type = FIELD_##kind, .offset = offsetof(struct record, member), __VA_ARGS__                     \
    }

static const struct field domain_fields[] = {
    ROW(domain, TEXT, name, "name"),
    ROW(domain, TEXT, method, "method"),
    ROW(domain, TEXT, email, "email"),
    ROW(domain, FLAG, additional, "additional"),
    ROW(domain, FLAG, base, "base"),
    ROW(domain, FLAG, removed, "removed"),
    ROW(domain, FLAG, validated, "validated"),
    ROW(domain, NUMBER, attempts, "attempts"),
    ROW(domain, TEXT, looked, "looked"),
    ROW(domain, TIME, looked_ms, "lookedAt"),
    {0},
};
const struct record_type domain_type = {sizeof(struct domain), domain_fields};

static const struct field certificate_fields[] = {
    ROW(certificate, TEXT, id, "certificateID"),
    ROW(certificate, TEXT, serial, "serial"),
    ROW(certificate, NUMBER, not_before_s, "notBefore"),
    ROW(certificate, NUMBER, not_after_s, "notAfter"),
    ROW(certificate, TEXT, spki_sha256, "spki"),
    ROW(certificate, TEXT, names, "names"),
    ROW(certificate, TEXT, pem, "pem", .hidden = true),
    ROW(certificate, TIME, revoked_ms, "revoked"),
    ROW(certificate, NUMBER, revocation_reason, "revocationReasonCode"),
    ROW(certificate, TEXT, revocation_text, "revocationReason"),
    {0},
};
const struct record_type certificate_type = {sizeof(struct certificate), certificate_fields};

static const struct field notification_fields[] = {
    ROW(notification, TEXT, status, "status"),
    ROW(notification, NUMBER, status_code, "statusCode"),
    ROW(notification, TEXT, description, "statusDesc"),
    ROW(notification, TEXT, verification_code, "verificationCode"),
    ROW(notification, TEXT, event_type, "eventType"),
    ROW(notification, TEXT, removed_domains, "removedDomains"),
    ROW(notification, TEXT, certificate_id, "certificateID"),
    ROW(notification, NUMBER, attempts, "attempts"),
    ROW(notification, TIME, next_ms, "next", .hidden = true),
    ROW(notification, TIME, delivered_ms, "delivered"),
    ROW(notification, FLAG, done, "done"),
    ROW(notification, TEXT, result, "result"),
    {0},
};
const struct record_type notification_type = {sizeof(struct notification), notification_fields};

static const struct field order_fields[] = {
    ROW(order, TEXT, number, "orderNumber"),
    ROW(order, TEXT, base_number, "baseOrderNumber"),
    ROW(order, WORD, kind, "kind", .words = kind_words),
    ROW(order, WORD, state, "state", .words = order_state_words),
    ROW(order, TEXT, login, "login"),
    ROW(order, TEXT, foreign_order_number, "foreignOrderNumber"),
    ROW(order, TEXT, product, "product"),
    ROW(order, TEXT, certificate_id, "certificateID"),
    ROW(order, NUMBER, days, "days"),
    ROW(order, NUMBER, debited_cents, "debitedCents"),
    ROW(order, NUMBER, refunded_cents, "refundedCents"),
    ROW(order, NUMBER, ip_addresses, "ipAddresses"),
    ROW(order, NUMBER, price_cents, "priceCents"),
    ROW(order, FLAG, web_products, "webProducts"),
    ROW(order, TEXT, domain_name, "domainName"),
    ROW(order, TEXT, previous_number, "previousOrderNumber"),
    ROW(order, TEXT, ended, "endedProducts"),
    ROW(order, TIME, starts_ms, "termStarts"),
    ROW(order, TIME, ends_ms, "termEnds"),
    ROW(order, FLAG, auto_renew, "autoRenew"),
    ROW(order, TEXT, details, "details"),
    ROW(order, FLAG, test, "test"),
    ROW(order, TIME, placed_ms, "placed"),
    ROW(order, TIME, issued_ms, "issued"),
    ROW(order, TIME, closed_ms, "closed"),
    ROW(order, TEXT, csr, "csr", .hidden = true),
    ROW(order, TEXT, csr_md5, "csrMD5"),
    ROW(order, TEXT, csr_sha256, "csrSHA256"),
    ROW(order, TEXT, unique_value, "uniqueValue"),
    ROW(order, TEXT, common_name, "commonName"),
    ROW(order, TEXT, subject, "subject", .hidden = true),
    ROW(order, TEXT, organization, "organizationName"),
    ROW(order, TEXT, contact_email, "contactEmail", .hidden = true),
    ROW(order, TEXT, service_login, "serviceLogin", .hidden = true),
    ROW(order, LIST, domains, "dcv", .items = &domain_type),
    ROW(order, LIST, certificates, "certificates", .items = &certificate_type),
    ROW(order, LIST, notifications, "notifications", .items = &notification_type),
    ROW(order, NUMBER, caa_status, "caaStatus"),
    ROW(order, TEXT, caa_looked, "caaLooked"),
    ROW(order, TIME, caa_relaunched_ms, "caaRelaunched", .hidden = true),
    ROW(order, NUMBER, call_back_status, "ovCallBackStatus"),
    ROW(order, NUMBER, organization_status, "organizationValidationStatus"),
    ROW(order, NUMBER, click_through_status, "evClickThroughStatus"),
    ROW(order, NUMBER, brand_status, "brandValStatus"),
    ROW(order, TEXT, verification_code, "verificationCode"),
    ROW(order, TEXT, reason, "reason"),
    ROW(order, NUMBER, replacements, "replacements"),
    ROW(order, TIME, collected_ms, "collected"),
    {0},
};
const struct record_type order_type = {sizeof(struct order), order_fields};

void order_free(struct order *order)
{
    if (!order)
        return;
    X509_REQ_free(order->request);
    record_clear(&order_type, order);
    free(order);
}

struct domain *order_domain(const struct order *order, size_t index)
{
    return (struct domain *)order->domains.items + index;
}

const char *order_endpoint(const struct order *order)
{
    return order->kind == ORDER_REPLACEMENT ? "AutoReplaceSSL" : "AutoApplyOrder";
}

bool order_cart(const struct order *order, struct sectigo_cart *cart)
{
    char reason[SECTIGO_MESSAGE_MAX];
    int code;
    return sectigo_cart_parse(order->product, cart, &code, reason);
}

struct certificate *order_certificate(const struct order *order)
{
    return order->certificates.count ? order->certificates.items : NULL;
}

struct notification *order_notification(const struct order *order, size_t index)
{
    return (struct notification *)order->notifications.items + index;
}

void order_money(int64_t cents, char out[static 32])
{
    snprintf(out, 32, "%lld.%02lld", (long long)(cents / 100), (long long)(cents % 100));
}

char *order_names(const struct order *order)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    if (!stream)
        return NULL;
    for (size_t i = 0; i < order->domains.count; i++) {
        const struct domain *domain = order_domain(order, i);
        if (!domain->removed)
            fprintf(stream, "%s%s", ftell(stream) ? "," : "", domain->name);
    }
    if (fclose(stream)) {
        free(text);
        return NULL;
    }
    return text;
}

enum step_status order_dcv_status(const struct order *order)
{
    if (!order->domains.count)
        return STEP_NOT_REQUIRED;
    for (size_t i = 0; i < order->domains.count; i++) {
        const struct domain *domain = order_domain(order, i);
        if (!domain->validated && !domain->removed && !domain->additional)
            return STEP_IN_PROGRESS;
    }
    return STEP_COMPLETED;
}

static bool step_done(int64_t status)
{
    return status == STEP_COMPLETED || status == STEP_NOT_REQUIRED;
}

bool order_complete(const struct order *order)
{
    return order_dcv_status(order) == STEP_COMPLETED && step_done(order->caa_status) &&
           step_done(order->call_back_status) && step_done(order->organization_status) &&
           step_done(order->click_through_status) && step_done(order->brand_status);
}

const char *order_status_text(const struct order *order)
{
    static const char *const texts[] = {
        [ORDER_UNPAID] = "Awaiting Payment", [ORDER_PENDING] = "Awaiting Validation", [ORDER_READY] = "Being Issued",
        [ORDER_ISSUED] = "Issued",           [ORDER_FAILED] = "Pre-sign Failed",      [ORDER_REJECTED] = "Rejected",
        [ORDER_REVOKED] = "Revoked",         [ORDER_REPLACED] = "Replaced",           [ORDER_FULFILLED] = "Completed",
    };
    return texts[order->state];
}
