/* AutoReplaceSSL (notes 2.1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/call.h"
#include "sectigo/sandbox/place.h"
#include "sectigo/sandbox/progress.h"

static const struct argument arguments[] = {
    {"loginName", REQUIRED, 64, NULL},
    {"loginPassword", REQUIRED, 128, NULL},
    {"orderNumber", REQUIRED, 128, NULL},
    {"exactOrder", OPTIONAL, 1, "Y|N"},
    {"csr", REQUIRED, 32767, NULL},
    {"serverSoftware", OPTIONAL, 4, "2|10|14|35|36|18|30|31|-1"},
    {"domainNames", OPTIONAL, 32767, NULL},
    {"primaryDomainName", OPTIONAL, 64, NULL},
    {"maxSubjectCNs", OPTIONAL, 1, "0|1"},
    {"isCustomerValidated", OPTIONAL, 1, "Y|N"},
    {"dcvMethod", OPTIONAL, 32, "EMAIL|HTTP_CSR_HASH|HTTPS_CSR_HASH|CNAME_CSR_HASH|IP_ADDRESS_PRE"},
    {"dcvEmailAddress", OPTIONAL, 255, NULL},
    {"dcvEmailAddresses", OPTIONAL, 32767, NULL},
    {"validationTokens", OPTIONAL, 32767, NULL},
    {"uniqueValue", OPTIONAL, 20, NULL},
    {"emailAddress", OPTIONAL, 255, NULL},
    {"foreignOrderNumber", OPTIONAL, 64, NULL},
    {"omitAdditionalFQDN", OPTIONAL, 1, "Y|N"},
    {"showCertificateID", OPTIONAL, 1, "Y|N"},
    {"responseFormat", OPTIONAL, 1, "0|1"},
    {0},
};

bool call_check_replace(struct call *call)
{
    const char *foreign = sectigo_form_get(call->form, "foreignOrderNumber");
    const char *unique = sectigo_form_get(call->form, "uniqueValue");
    bool refuse_foreign;
    pthread_mutex_lock(&call->sandbox->lock);
    refuse_foreign = call->sandbox->settings.foreign_order_number_on_replace == CHOICE_REFUSE;
    pthread_mutex_unlock(&call->sandbox->lock);
    if (foreign && refuse_foreign) {
        answer_refuse_argument(call->answer, -2, "foreignOrderNumber");
        return false;
    }
    if (!argument_check(arguments, call->form, call->answer))
        return false;
    if (unique && strspn(unique, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(unique)) {
        answer_refuse_argument(call->answer, -4, "uniqueValue");
        return false;
    }
    call->csr_code = csr_read(sectigo_form_get(call->form, "csr"), &call->csr);
    return true;
}

/* The order to be replaced may be, or the code that says why not. exactOrder=N: the newest of the family counts. */
static int judge_base(const struct call *call, const struct order *order, const struct order *base)
{
    const struct order *newest =
        argument_yes(call->form, "exactOrder") ? order : book_newest(&call->sandbox->book, base->number);
    if (base->refunded_cents || base->state == ORDER_REJECTED || newest->state == ORDER_REJECTED)
        return -20;
    if (newest->state == ORDER_REVOKED)
        return order_certificate(newest) ? -21 : -20;
    if (newest->state == ORDER_PENDING || newest->state == ORDER_READY || newest->state == ORDER_UNPAID)
        return -26;
    return base->placed_ms / 1000 + base->days * 86400 <= now_ms() / 1000 ? -36 : 0;
}

/* Names validated for the same CSR in this family, or by the setting for the login, need no new look. */
static void reuse_validation(const struct call *call, struct order *order)
{
    const struct book *book = &call->sandbox->book;
    for (size_t i = 0; i < book->count; i++) {
        const struct order *earlier = book->orders[i];
        const char *base = earlier->base_number ? earlier->base_number : earlier->number;
        bool family = strcmp(base, order->base_number) == 0;
        bool same_csr = family && earlier->csr_sha256 && strcmp(earlier->csr_sha256, order->csr_sha256) == 0;
        bool same_login = call->sandbox->settings.reuse_validation && strcmp(earlier->login, order->login) == 0;
        for (size_t n = 0; (same_csr || same_login) && n < order->domains.count * earlier->domains.count; n++) {
            struct domain *domain = order_domain(order, n / earlier->domains.count);
            const struct domain *known = order_domain(earlier, n % earlier->domains.count);
            if (known->validated && !domain->validated && strcmp(known->name, domain->name) == 0) {
                domain->validated = true;
                text_set(&domain->looked, "validated before");
            }
        }
    }
}

static bool set_facts(struct call *call, struct order *order, const struct order *base)
{
    const char *foreign = sectigo_form_get(call->form, "foreignOrderNumber");
    char number[128];
    order->state = ORDER_PENDING;
    order->kind = ORDER_REPLACEMENT;
    order->placed_ms = now_ms();
    order->days = base->days;
    order->test = base->test;
    order->caa_status = call->sandbox->settings.check_caa ? STEP_NOT_COMPLETED : STEP_NOT_REQUIRED;
    order->call_back_status = order->organization_status = order->click_through_status = order->brand_status =
        STEP_NOT_REQUIRED;
    snprintf(number, sizeof number, "%srepl#%lld", base->number, (long long)base->replacements + 1);
    if (!text_set(&order->number, number) || !text_set(&order->base_number, base->number) ||
        !text_set(&order->login, base->login) || !text_set(&order->product, base->product) ||
        !text_set(&order->organization, base->organization) || !text_set(&order->subject, base->subject) ||
        !text_set(&order->foreign_order_number, foreign && *foreign ? foreign : NULL))
        return false;
    snprintf(number, sizeof number, "%lld", (long long)call->sandbox->book.next_certificate);
    return text_set(&order->certificate_id, number);
}

static bool prepare_replacement(struct call *call, struct order *order, const struct order *base)
{
    const char *argument = "csr";
    char reason[SECTIGO_MESSAGE_MAX];
    int code = call->csr_code ? call->csr_code : place_key(call), cart_code;
    if (!code && !sectigo_cart_parse(base->product, &call->cart, &cart_code, reason))
        code = -14;
    order->kind = ORDER_REPLACEMENT;
    if (!code)
        code = place_names(call, call->cart.certificate, order, &argument);
    if (!code)
        code = place_token(call, order);
    if (!code && !set_facts(call, order, base))
        code = -14;
    if (code == -3 || code == -4)
        answer_refuse_argument(call->answer, code, argument);
    else if (code)
        answer_refuse_as(call->answer, call->kind, code);
    return !code;
}

static void reply(struct call *call, const struct order *order)
{
    answer_code(call->answer, 0);
    if (!call->answer->newline)
        answer_add(call->answer, "certificateID", order->certificate_id);
    answer_add(call->answer, "expectedDeliveryTime", "1");
    if (order->unique_value)
        answer_add(call->answer, "uniqueValue", order->unique_value);
}

void call_replace(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct order *replaced = call_find_order(call), *base = NULL, *order;
    int code;
    if (!replaced)
        return;
    base = book_find(&sandbox->book, replaced->base_number ? replaced->base_number : replaced->number);
    if (!base || !base->certificate_id) {
        answer_refuse_argument(call->answer, -4, "orderNumber");
        return;
    }
    code = judge_base(call, replaced, base);
    if (code) {
        answer_refuse_as(call->answer, call->kind, code);
        return;
    }
    order = calloc(1, sizeof *order);
    if (order && prepare_replacement(call, order, base)) {
        reuse_validation(call, order);
        if (book_add(&sandbox->book, order)) {
            base->replacements++;
            book_save(&sandbox->book, base);
            reply(call, order);
            call->answer->accepted = true;
            call->placed = order;
            progress_look(sandbox, order);
            return;
        }
    }
    order_free(order);
    if (!call->answer->count)
        answer_refuse_as(call->answer, call->kind, -14);
}
