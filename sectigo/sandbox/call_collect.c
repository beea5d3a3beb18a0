/* CollectSSL (notes 1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/bundle.h"
#include "sectigo/sandbox/call.h"
#include "sectigo/sandbox/issue.h"

enum { INDIVIDUAL = 3 }; /* responseType: every certificate by itself */

/* The code by the order's state; queryType decides what a certificate answers. */
static int code_of(const struct order *order, int64_t query)
{
    switch (order->state) {
    case ORDER_UNPAID:
        return -22;
    case ORDER_REJECTED:
        return -20;
    case ORDER_REVOKED:
        return order_certificate(order) ? -21 : -20;
    case ORDER_READY:
        return -26;
    case ORDER_ISSUED:
    case ORDER_REPLACED:
        return query == 0 ? 1 : 2;
    default:
        return 0;
    }
}

/* Base64 of a PEM block without its armour and line ends; malloc'd. */
static char *bare(const char *pem, size_t len)
{
    const char *start = strchr(pem, '\n'), *end = start ? strstr(start, "-----END") : NULL;
    char *out = malloc(len + 1), *at = out;
    for (; out && start && end && start < end; start++) {
        if (*start != '\n' && *start != '\r')
            *at++ = *start;
    }
    if (out)
        *at = 0;
    return out;
}

static void add_pem(struct call *call, const char *name, const char *pem, size_t len)
{
    int encoding = call->sandbox->settings.collect_encoding;
    char *text = call->answer->newline || encoding == ENCODING_PEM ? strndup(pem, len) : bare(pem, len);
    size_t end = text ? strlen(text) : 0;
    if (!text) {
        call->answer->failed = true;
        return;
    }
    while (end && text[end - 1] == '\n')
        text[--end] = 0;
    if (encoding == ENCODING_LITERAL)
        answer_add_literal(call->answer, name, text);
    else
        answer_add(call->answer, name, text);
    free(text);
}

static void add_blocks(struct call *call, const char *name, const char *pem)
{
    static const char end[] = "-----END CERTIFICATE-----";
    for (const char *stop; (stop = strstr(pem, end)); pem = stop) {
        stop += sizeof end - 1;
        stop += *stop == '\n';
        add_pem(call, name, pem, (size_t)(stop - pem));
    }
}

static void add_chain(struct call *call, const struct order *order)
{
    char *chain =
        issue_chain(&call->sandbox->ca, order->test, (enum settings_chain)call->sandbox->settings.chain_order);
    if (chain)
        add_blocks(call, "caCertificate", chain);
    else
        call->answer->failed = true;
    free(chain);
}

/* In the newline format the leaf is last where the root is first. */
static void add_certificates(struct call *call, const struct order *order, int64_t query)
{
    bool leaf = query != 3, chain = query != 2;
    bool chain_first = call->answer->newline && call->sandbox->settings.chain_order == CHAIN_ROOT_FIRST;
    if (chain && chain_first)
        add_chain(call, order);
    if (leaf)
        add_blocks(call, "certificate", order_certificate(order)->pem);
    if (chain && !chain_first)
        add_chain(call, order);
}

/* ZIP, Netscape sequence and PKCS #7 hold leaf and chain; binary is the file itself instead of an answer. */
static void add_bundle(struct call *call, const struct order *order, enum bundle_kind kind)
{
    static const char *const names[] = {"zipFile", "netscapeCertificateSequence", "pkcs7"};
    const char *type = sectigo_form_get(call->form, "responseMimeType");
    char *chain = issue_chain(&call->sandbox->ca, order->test, CHAIN_LEAF_FIRST), *all = NULL, *text = NULL;
    uint8_t *bundle = NULL;
    size_t len = 0;
    if (chain && asprintf(&all, "%s%s", order_certificate(order)->pem, chain) >= 0)
        bundle = bundle_make(kind, all, &len);
    if (bundle && argument_number(call->form, "responseEncoding", 0) == 1) {
        answer_octets(call->answer, type && *type ? type : "application/octet-stream", bundle, len);
        bundle = NULL;
    } else if (bundle && (text = base64_encode(bundle, len))) {
        answer_add_literal(call->answer, names[kind], text);
    } else {
        call->answer->failed = true;
    }
    free(text);
    free(bundle);
    free(all);
    free(chain);
}

static void add_ext_status(struct call *call, const struct order *order)
{
    answer_add(call->answer, "certificateStatus", order_status_text(order));
    answer_add(call->answer, "validationStatus", order_complete(order) ? "Validated" : "Not Validated");
}

static void add_status_details(struct call *call, const struct order *order)
{
    answer_add(call->answer, "csrStatus", "1");
    answer_addf(call->answer, "dcvStatus", "%d", order_dcv_status(order));
    answer_addf(call->answer, "ovCallBackStatus", "%lld", (long long)order->call_back_status);
    answer_addf(call->answer, "organizationValidationStatus", "%lld", (long long)order->organization_status);
    answer_add(call->answer, "freeDVUPStatus", "-1");
    if (order->click_through_status != STEP_NOT_REQUIRED) {
        answer_addf(call->answer, "evClickThroughStatus", "%lld", (long long)order->click_through_status);
        answer_addf(call->answer, "brandValStatus", "%lld", (long long)order->brand_status);
    }
}

/* "name,status" pairs; the exact syntax is documented nowhere. */
static void add_domain_details(struct call *call, const struct order *order, const char *name, bool method)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    for (size_t i = 0; stream && i < order->domains.count; i++) {
        const struct domain *domain = order_domain(order, i);
        fprintf(stream, "%s%s,%s", i ? "," : "", domain->name, domain->validated ? "Validated" : "Awaiting Validation");
        if (method)
            fprintf(stream, ",%s", domain->method);
    }
    if (stream)
        fclose(stream);
    if (text)
        answer_add(call->answer, name, text);
    free(text);
}

static void add_shown(struct call *call, const struct order *order, bool have)
{
    const struct certificate *certificate = order_certificate(order);
    if (have && argument_yes(call->form, "showValidityPeriod")) {
        answer_addf(call->answer, "notBefore", "%lld", (long long)certificate->not_before_s);
        answer_addf(call->answer, "notAfter", "%lld", (long long)certificate->not_after_s);
    }
    if (have && argument_yes(call->form, "showFQDN"))
        answer_add(call->answer, "fqdn", order_domain(order, 0)->name);
}

static void add_details(struct call *call, const struct order *order)
{
    if (argument_yes(call->form, "showExtStatus"))
        add_ext_status(call, order);
    if (argument_yes(call->form, "showStatusDetails"))
        add_status_details(call, order);
    if (argument_yes(call->form, "showMDCDomainDetails"))
        add_domain_details(call, order, "mdcDomainDetails", false);
    if (argument_yes(call->form, "showMDCDomainDetails2"))
        add_domain_details(call, order, "mdcDomainDetails2", true);
}

/* The forms that are one file are for queryType 1; binary is for two of them. */
static bool check_forms(struct call *call, int64_t query, int64_t form)
{
    bool binary = argument_number(call->form, "responseEncoding", 0) == 1;
    if (form != INDIVIDUAL && query != 1)
        answer_refuse_argument(call->answer, -4, "responseType");
    else if (binary && form != BUNDLE_ZIP && form != BUNDLE_PKCS7)
        answer_refuse_argument(call->answer, -4, "responseEncoding");
    else
        return true;
    return false;
}

void call_collect(struct call *call)
{
    struct order *order = call_find_order(call);
    int64_t query = argument_number(call->form, "queryType", 0);
    int64_t form = argument_number(call->form, "responseType", INDIVIDUAL);
    bool have;
    int code;
    if (!order || !check_forms(call, query, form))
        return;
    if (order->state == ORDER_FULFILLED) {
        answer_refuse_argument(call->answer, -4, "orderNumber");
        return;
    }
    code = code_of(order, query);
    have = code > 0;
    if (code < 0) {
        answer_refuse_as(call->answer, call->kind, code);
        return;
    }
    answer_code(call->answer, code);
    if (!call->answer->newline)
        answer_add(call->answer, "orderNumber", order->number);
    add_shown(call, order, have);
    if (have && form != INDIVIDUAL)
        add_bundle(call, order, (enum bundle_kind)form);
    else if (have && query > 0)
        add_certificates(call, order, query);
    add_details(call, order);
    if (have && query > 0 && !order->collected_ms) {
        order->collected_ms = now_ms();
        book_save(&call->sandbox->book, order);
    }
}
