/* AutoApplyOrder (reference 1 to 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/parameter.h"
#include "sectigo/sandbox/call.h"
#include "sectigo/sandbox/licence.h"
#include "sectigo/sandbox/pay.h"
#include "sectigo/sandbox/place.h"
#include "sectigo/sandbox/price.h"
#include "sectigo/sandbox/progress.h"
#include "sectigo/sandbox/sitelock.h"

static bool login_given(struct call *call)
{
    static const char *const names[] = {"loginName", "loginPassword"};
    for (size_t i = 0; i < 2; i++) {
        const char *value = sectigo_form_get(call->form, names[i]);
        if (!value || !*value) {
            answer_refuse_argument(call->answer, -3, names[i]);
            return false;
        }
    }
    return true;
}

/* Refusals about the CSR, and a term that has no price, come after the login was looked at. */
static bool comes_later(struct call *call, const struct sectigo_verdict *verdict)
{
    if (verdict->code <= -5 && verdict->code >= -13 && verdict->code != -7) {
        call->late_code = verdict->code;
        return true;
    }
    bool days = strcmp(verdict->parameter, "days") == 0;
    if (days && (verdict->code == -4 || verdict->code == -115) && argument_number(call->form, "days", 0) > 0) {
        call->late_code = -115;
        return true;
    }
    return false;
}

static void answer_verdict(struct call *call, const struct sectigo_verdict *verdict)
{
    if (verdict->code <= -2 && verdict->code >= -4)
        answer_refuse_argument(call->answer, verdict->code, verdict->parameter);
    else if (verdict->code == -7)
        answer_refuse(call->answer, -7, "'%s' is not a valid ISO-3166 country!",
                      sectigo_form_get(call->form, verdict->parameter));
    else if (verdict->code == -68)
        answer_refuse(call->answer, -68, "Argument '%s' can be used just with License products!", verdict->parameter);
    else
        answer_refuse_as(call->answer, call->kind, verdict->code);
}

bool call_check_apply(struct call *call)
{
    struct sectigo_order_facts facts;
    struct sectigo_verdict verdict;
    const char *csr = sectigo_form_get(call->form, "csr");
    bool fine = sectigo_order_examine(call->form, &facts, &verdict);
    if (!fine && !comes_later(call, &verdict)) {
        answer_verdict(call, &verdict);
        return false;
    }
    call->cart = facts.cart;
    if (call->cart.certificate && csr)
        call->csr_code = csr_read(csr, &call->csr);
    return login_given(call);
}

/* ---- organisation ---- */

struct attribute {
    const char *argument, *field;
};

/* Subject lines of what the request says; of the CSR, where that has priority, its organisation and country. */
static char *subject_of(const struct call *call)
{
    static const struct attribute attributes[] = {
        {"organizationName", "O"},     {"streetAddress1", "street"}, {"localityName", "L"},
        {"stateOrProvinceName", "ST"}, {"postalCode", "postalCode"}, {"countryName", "C"},
    };
    const char *priority = sectigo_form_get(call->form, "prioritiseCSRValues");
    bool csr_first = !priority || strcasecmp(priority, "N") != 0;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    for (size_t i = 0; stream && i < sizeof attributes / sizeof *attributes; i++) {
        const char *value = sectigo_form_get(call->form, attributes[i].argument);
        const char *own = *attributes[i].field == 'O'             ? call->csr.organization
                          : strcmp(attributes[i].field, "C") == 0 ? call->csr.country
                                                                  : "";
        if (*own && (csr_first || !value || !*value))
            value = own;
        if (value && *value && !strchr(value, '\n'))
            fprintf(stream, "%s=%s\n", attributes[i].field, value);
    }
    if (stream)
        fclose(stream);
    return text;
}

static bool set_validation(const struct call *call, struct order *order)
{
    const struct sectigo_product *product = call->cart.certificate;
    bool organization = product && product->validation >= SECTIGO_OV;
    char code[17], *subject;
    order->caa_status = call->sandbox->settings.check_caa && product ? STEP_NOT_COMPLETED : STEP_NOT_REQUIRED;
    order->organization_status = order->call_back_status = organization ? STEP_NOT_COMPLETED : STEP_NOT_REQUIRED;
    order->click_through_status =
        organization && product->validation == SECTIGO_EV ? STEP_NOT_COMPLETED : STEP_NOT_REQUIRED;
    order->brand_status = STEP_NOT_REQUIRED;
    if (!organization)
        return true;
    place_random(code, sizeof code - 1);
    subject = subject_of(call);
    free(order->subject);
    order->subject = subject;
    return subject && text_set(&order->verification_code, code);
}

/* ---- placing ---- */

static int check_foreign(const struct call *call)
{
    const char *foreign = sectigo_form_get(call->form, "foreignOrderNumber");
    size_t cursor = 0;
    if (!call->sandbox->settings.check_numbers || !foreign || !*foreign ||
        !argument_yes(call->form, "checkFONIsUnique") ||
        !book_next_foreign(&call->sandbox->book, foreign, call->account->login->name, &cursor))
        return 0;
    return (int)call->sandbox->settings.duplicate_foreign_order_code;
}

static bool refuse_names(struct call *call, int code, const char *argument)
{
    if (code == -3 || code == -4)
        answer_refuse_argument(call->answer, code, argument);
    else if (code == -162)
        answer_refuse(call->answer, code,
                      "The CSR must not contain domain names that are not in the domainNames parameter!");
    else
        answer_refuse_as(call->answer, call->kind, code);
    return false;
}

/* Whatever a CSR can be refused for, then its names, then its token. */
static bool take_csr(struct call *call, struct order *order)
{
    const char *argument = "csr";
    int code = call->csr_code ? call->csr_code : place_key(call);
    if (!code && call->late_code != -115)
        code = call->late_code;
    if (!code)
        code = place_names(call, call->cart.certificate, order, &argument);
    if (code)
        return refuse_names(call, code, argument);
    code = check_foreign(call);
    if (code)
        return refuse_names(call, code == -4 ? -4 : code, "foreignOrderNumber");
    code = place_token(call, order);
    if (code)
        answer_refuse_as(call->answer, call->kind, code);
    return !code;
}

static bool set_facts(struct call *call, struct order *order)
{
    struct book *book = &call->sandbox->book;
    const char *foreign = sectigo_form_get(call->form, "foreignOrderNumber");
    const char *organization = sectigo_form_get(call->form, "organizationName");
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)book->next_number);
    order->kind = ORDER_PURCHASE;
    order->placed_ms = now_ms();
    order->days = argument_number(call->form, "days", 0);
    order->test = argument_yes(call->form, "test");
    order->ip_addresses = argument_number(call->form, "IP Addresses", 0);
    if (!text_set(&order->number, number) || !text_set(&order->login, call->account->login->name) ||
        !text_set(&order->product, sectigo_form_get(call->form, "product")) ||
        !text_set(&order->foreign_order_number, foreign && *foreign ? foreign : NULL) ||
        !text_set(&order->contact_email, sectigo_form_get(call->form, "appRepEmailAddress")) ||
        !text_set(&order->service_login, sectigo_form_get(call->form, "appRepLoginName")) ||
        !text_set(&order->organization, organization && *organization ? organization : NULL))
        return false;
    snprintf(number, sizeof number, "%lld", (long long)book->next_certificate);
    return !call->cart.certificate || text_set(&order->certificate_id, number);
}

static bool charge(struct call *call, struct order *order)
{
    int64_t cents;
    if (call->late_code == -115) {
        answer_refuse(call->answer, -115, "No price found for product %s!", order->product);
        return false;
    }
    if (order->test)
        return true;
    if (!sitelock_in(&call->cart))
        order->price_cents = price_of(&call->cart, order->days, order->domains.count);
    cents = order->price_cents;
    if (call->sandbox->settings.payment_required) {
        order->state = ORDER_UNPAID;
        return true;
    }
    if (cents > sandbox_credit(call->sandbox, call->account)) {
        answer_refuse_as(call->answer, call->kind, -15);
        return false;
    }
    order->debited_cents = cents;
    return true;
}

/* The lines that name a SiteLock account are the eighth and the ninth. */
enum { SITE_LINE = 8 };

static void reply(struct call *call, const struct order *order)
{
    struct answer *answer = call->answer;
    char money[32];
    order_money(order->state == ORDER_UNPAID ? order->price_cents : order->debited_cents, money);
    answer_code(answer, order->state == ORDER_UNPAID ? 1 : 0);
    answer_add(answer, "orderNumber", order->number);
    answer_add(answer, "totalCost", money);
    answer_add(answer, "expectedDeliveryTime", order->click_through_status == STEP_NOT_COMPLETED ? "240" : "1");
    if (argument_yes(call->form, "showCertificateID") && order->certificate_id)
        answer_add(answer, "certificateID", order->certificate_id);
    if (argument_yes(call->form, "showCertificateState") && order->certificate_id)
        answer_add(answer, "certificateStatus", "1 Awaiting Validation (Full)");
    if (order->unique_value)
        answer_add(answer, "uniqueValue", order->unique_value);
    while (sitelock_in(&call->cart) && answer->newline && answer->count < SITE_LINE - 1)
        answer_add(answer, "", "");
    if (sitelock_in(&call->cart))
        sitelock_name(order, answer);
}

static void start_order(struct sandbox *sandbox, struct order *order)
{
    struct notice click_through = {.status = "click-through",
                                   .description = "EV click-through e-mail sent",
                                   .status_code = 1,
                                   .verification_code = order->verification_code};
    if (order->state != ORDER_UNPAID)
        pay_begin(sandbox, order);
    if (order->click_through_status == STEP_NOT_COMPLETED)
        progress_notify(sandbox, order, &click_through);
}

static bool prepare_placed(struct call *call, struct order *order)
{
    order->state = call->cart.certificate ? ORDER_PENDING : ORDER_FULFILLED;
    if (call->cart.certificate && !take_csr(call, order))
        return false;
    if (!call->cart.certificate && check_foreign(call)) {
        refuse_names(call, check_foreign(call), "foreignOrderNumber");
        return false;
    }
    if (!set_facts(call, order) || !set_validation(call, order)) {
        answer_refuse_as(call->answer, call->kind, -14);
        return false;
    }
    return licence_check(call, order) && charge(call, order);
}

void call_apply(struct call *call)
{
    struct order *order = calloc(1, sizeof *order);
    if (order && prepare_placed(call, order) && book_add(&call->sandbox->book, order)) {
        call->account->spent_cents += order->debited_cents;
        reply(call, order);
        call->answer->accepted = true;
        call->placed = order;
        start_order(call->sandbox, order);
        return;
    }
    order_free(order);
    if (!call->answer->count)
        answer_refuse_as(call->answer, call->kind, -14);
}
