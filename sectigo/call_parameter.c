#include "sectigo/parameter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sectigo/control.h"
#include "sectigo/csr.h"
#include "sectigo/result.h"
#include "sectigo/verdict.h"
#include "sectigo/value.h"

#define CALL(name) (1u << SECTIGO_##name)

enum {
    REPLACE = CALL(AUTO_REPLACE_SSL),
    COLLECT = CALL(COLLECT_SSL),
    STATUS = CALL(GET_DETAILED_ORDER_STATUS),
    REVOKE = CALL(AUTO_REVOKE_SSL),
    REJECT = CALL(AUTO_REJECT),
    UPDATE_DCV = CALL(AUTO_UPDATE_DCV),
    MDC = CALL(GET_MDC_DOMAIN_DETAILS),
    REFUND = CALL(AUTO_REFUND),
    REPORT = CALL(WEB_HOST_REPORT),
    RETRY_CAA = CALL(RETRY_CAA_CHECK),
    RESEND = CALL(RESEND_DCV_EMAIL),
    ADDRESSES = CALL(GET_DCV_EMAIL_ADDRESS_LIST),
    DECODE = CALL(DECODE_CSR),
    MODIFY = CALL(MODIFY_THIRD_PARTY_DETAILS),
    UPGRADE_COST = CALL(SL_GET_UPGRADE_COST),
    AUTHORIZE = CALL(AUTO_AUTHORIZE),
    WITH_LOGIN = (1u << SECTIGO_CALLS) - 1 - CALL(AUTO_APPLY_ORDER) - DECODE,
    NUMBER_LIST = 32767,
    THIRD_PARTIES = SECTIGO_CODEGUARD | SECTIGO_HACKERGUARDIAN | SECTIGO_HACKERPROOF | SECTIGO_WEB_SECURITY |
                    SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON,
};

static bool digits(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

static bool yes_or_no(const char *text)
{
    return strcasecmp(text, "Y") == 0 || strcasecmp(text, "N") == 0;
}

/* One digit from the first to the last. */
static bool digit_within(const char *text, char first, char last)
{
    return text[0] >= first && text[0] <= last && !text[1];
}

static bool zero_or_one(const char *text)
{
    return digit_within(text, '0', '1');
}

static bool one_or_two(const char *text)
{
    return digit_within(text, '1', '2');
}

static bool up_to_two(const char *text)
{
    return digit_within(text, '0', '2');
}

static bool up_to_three(const char *text)
{
    return digit_within(text, '0', '3');
}

static bool order_number(const char *text)
{
    char copy[SECTIGO_ORDER_NUMBER_MAX + 1];
    return sectigo_value_order_number(text, copy);
}

static bool certificate_id(const char *text)
{
    char copy[SECTIGO_CERTIFICATE_ID_MAX + 1];
    return sectigo_value_certificate_id(text, copy);
}

static bool serial_number(const char *text)
{
    return *text && strspn(text, "0123456789abcdefABCDEF:") == strlen(text);
}

static bool refund_reason(const char *text)
{
    int code;
    return sectigo_value_int(text, &code) && sectigo_refund_reason(code);
}

static bool revocation_reason(const char *text)
{
    int code;
    return sectigo_value_int(text, &code) && sectigo_revocation_reason(code);
}

static bool dcv_method(const char *text)
{
    static const char *const methods[] = {"EMAIL", "HTTP_CSR_HASH", "HTTPS_CSR_HASH", "CNAME_CSR_HASH",
                                          "IP_ADDRESS_PRE"};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcasecmp(text, methods[i]) == 0)
            return true;
    return false;
}

static bool dcv_methods(const char *text)
{
    char method[32];

    for (;; text++) {
        size_t len = strcspn(text, ",");

        if (len >= sizeof method)
            return false;
        memcpy(method, text, len);
        method[len] = '\0';
        text += len;
        if (!dcv_method(method) || !*text)
            return dcv_method(method);
    }
}

/* Codes with commas between, all of products whose families are among those. */
static bool products_of(const char *text, unsigned families)
{
    char word[16];
    int code;

    for (;; text++) {
        size_t len = strcspn(text, ",");

        if (len >= sizeof word)
            return false;
        memcpy(word, text, len);
        word[len] = '\0';
        const struct sectigo_product *product = sectigo_value_int(word, &code) ? sectigo_product_find(code) : NULL;
        if (!product || !(product->family & families))
            return false;
        text += len;
        if (!*text)
            return true;
    }
}

static bool third_party_products(const char *text)
{
    return products_of(text, THIRD_PARTIES);
}

static bool sitelock_products(const char *text)
{
    return products_of(text, SECTIGO_SITELOCK | SECTIGO_SITELOCK_ADDON);
}

#define YES_NO "Y or N", yes_or_no
#define ORDER_NUMBER SECTIGO_ORDER_NUMBER_MAX, "the number of an order", order_number
#define CERTIFICATE_ID SECTIGO_CERTIFICATE_ID_MAX, "up to 16 digits", certificate_id
#define NUMBER 0, "a number", digits
#define METHOD 32, "EMAIL, HTTP_CSR_HASH, HTTPS_CSR_HASH, CNAME_CSR_HASH or IP_ADDRESS_PRE", dcv_method
/* Looked up in AutoApplyOrder's table. */
#define AS_APPLY 0, NULL, NULL

static const struct sectigo_call_parameter parameters[] = {
    {WITH_LOGIN, "loginName", SECTIGO_OPTIONAL, 64, NULL, NULL},
    {WITH_LOGIN, "loginPassword", SECTIGO_OPTIONAL, 128, NULL, NULL},

    {COLLECT | STATUS | REVOKE | RETRY_CAA | UPDATE_DCV | RESEND, "orderNumber", SECTIGO_ONE_OF, ORDER_NUMBER},
    {REPLACE | REJECT | MDC | REFUND | MODIFY | AUTHORIZE, "orderNumber", SECTIGO_REQUIRED, ORDER_NUMBER},
    {REPORT, "orderNumber", SECTIGO_OPTIONAL, NUMBER_LIST, NULL, NULL},
    {COLLECT | STATUS | REVOKE | RETRY_CAA, "certificateID", SECTIGO_ONE_OF, CERTIFICATE_ID},
    {REPORT, "certificateID", SECTIGO_OPTIONAL, NUMBER_LIST, NULL, NULL},
    {COLLECT | UPDATE_DCV | RESEND, "baseOrderNumber", SECTIGO_ONE_OF, NUMBER},
    {REVOKE, "serialNumber", SECTIGO_ONE_OF, 34, "hexadecimal", serial_number},

    {COLLECT, "queryType", SECTIGO_REQUIRED, 1, "0 to 3", up_to_three},
    {STATUS, "queryType", SECTIGO_REQUIRED, 1, "0 to 2", up_to_two},
    {COLLECT, "responseType", SECTIGO_OPTIONAL, 1, "0 to 3", up_to_three},
    {COLLECT, "responseEncoding", SECTIGO_OPTIONAL, 1, "0 or 1", zero_or_one},
    {COLLECT, "responseMimeType", SECTIGO_OPTIONAL, 255, NULL, NULL},
    {COLLECT | REPLACE | REVOKE, "responseFormat", SECTIGO_OPTIONAL, 1, "0 or 1", zero_or_one},
    {STATUS | MDC | ADDRESSES, "responseFormat", SECTIGO_OPTIONAL, 1, "1 or 2", one_or_two},
    {DECODE, "responseFormat", SECTIGO_OPTIONAL, 1, "0 to 2", up_to_two},
    {COLLECT | STATUS, "showValidityPeriod", SECTIGO_OPTIONAL, 1, YES_NO},
    {COLLECT, "showFQDN", SECTIGO_OPTIONAL, 1, YES_NO},
    {COLLECT, "showExtStatus", SECTIGO_OPTIONAL, 1, YES_NO},
    {COLLECT, "showMDCDomainDetails", SECTIGO_OPTIONAL, 1, YES_NO},
    {COLLECT, "showMDCDomainDetails2", SECTIGO_OPTIONAL, 1, YES_NO},
    {COLLECT | MDC | REPORT, "showStatusDetails", SECTIGO_OPTIONAL, 1, YES_NO},

    {REPLACE, "exactOrder", SECTIGO_OPTIONAL, 1, YES_NO},
    {REPLACE, "csr", SECTIGO_REQUIRED, AS_APPLY},
    {REPLACE, "serverSoftware", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "domainNames", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "primaryDomainName", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "maxSubjectCNs", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "isCustomerValidated", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "dcvMethod", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "dcvEmailAddress", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "dcvEmailAddresses", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "validationTokens", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "uniqueValue", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "emailAddress", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "foreignOrderNumber", SECTIGO_OPTIONAL, AS_APPLY},
    {REPLACE, "showCertificateID", SECTIGO_OPTIONAL, AS_APPLY},

    {REVOKE, "revocationReason", SECTIGO_REQUIRED, 1024, NULL, NULL},
    {REVOKE, "codeReason", SECTIGO_OPTIONAL, 1, "0, 1, 3, 4 or 5", revocation_reason},
    {REVOKE | REJECT | AUTHORIZE, "test", SECTIGO_OPTIONAL, 1, YES_NO},
    {REFUND, "refundReasonCode", SECTIGO_REQUIRED, 2, "1 to 11", refund_reason},

    {UPDATE_DCV, "newMethod", SECTIGO_ONE_METHOD, METHOD},
    {UPDATE_DCV, "newMethods", SECTIGO_ONE_METHOD, 32767, "methods with commas between", dcv_methods},
    {UPDATE_DCV, "newDCVEmailAddress", SECTIGO_OPTIONAL, 255, NULL, NULL},
    {UPDATE_DCV, "newDCVEmailAddresses", SECTIGO_OPTIONAL, 32767, NULL, NULL},
    {UPDATE_DCV, "domainName", SECTIGO_OPTIONAL, 255, NULL, NULL},
    {UPDATE_DCV, "domainNames", SECTIGO_OPTIONAL, 32767, NULL, NULL},
    {UPDATE_DCV | RESEND, "dcvTemplateID", SECTIGO_OPTIONAL, NUMBER},
    {RESEND, "dcvEmailAddress", SECTIGO_OPTIONAL, 255, NULL, NULL},
    {ADDRESSES, "domainName", SECTIGO_REQUIRED, 255, NULL, NULL},

    {REPORT, "notBefore", SECTIGO_OPTIONAL, NUMBER},
    {REPORT, "notAfter", SECTIGO_OPTIONAL, NUMBER},
    {REPORT, "firstResultNo", SECTIGO_OPTIONAL, NUMBER},
    {REPORT, "lastResultNo", SECTIGO_OPTIONAL, NUMBER},
    {REPORT, "foreignOrderNumber", SECTIGO_OPTIONAL, NUMBER_LIST, NULL, NULL},
    {REPORT, "organizationName", SECTIGO_OPTIONAL, 64, NULL, NULL},
    {REPORT, "fqdn", SECTIGO_OPTIONAL, 255, NULL, NULL},

    {DECODE, "csr", SECTIGO_REQUIRED, AS_APPLY},
    {DECODE, "product", SECTIGO_OPTIONAL, NUMBER},
    {DECODE, "showErrorCodes", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showErrorMessages", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showFieldNames", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showEmptyFields", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showCN", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showAddress", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showCSR", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showKeySize", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showCSRHashes", SECTIGO_OPTIONAL, 1, YES_NO},
    {DECODE, "showCSRHashes2", SECTIGO_OPTIONAL, 1, YES_NO},

    {MODIFY, "product", SECTIGO_REQUIRED, 64, "codes of CodeGuard, HackerGuardian, Sectigo Web or SiteLock",
     third_party_products},
    {MODIFY, "action", SECTIGO_OPTIONAL, 64, "CANCELLICENCE; other words are not known", NULL},
    {MODIFY, "qualysLoginName", SECTIGO_OPTIONAL, 50, NULL, NULL},
    {UPGRADE_COST, "previousOrderNumber", SECTIGO_REQUIRED, ORDER_NUMBER},
    {UPGRADE_COST, "product", SECTIGO_REQUIRED, 64, "codes of SiteLock", sitelock_products},
    {UPGRADE_COST, "domainName", SECTIGO_OPTIONAL, AS_APPLY},
    {UPGRADE_COST, "days", SECTIGO_OPTIONAL, NUMBER},
    {AUTHORIZE, "disableSWP", SECTIGO_OPTIONAL, 1, YES_NO},
};
enum { PARAMETERS = sizeof parameters / sizeof *parameters };

const struct sectigo_call_parameter *sectigo_call_parameters(size_t *count)
{
    *count = PARAMETERS;
    return parameters;
}

static const struct sectigo_call_parameter *find_parameter(enum sectigo_call_kind call, const char *name)
{
    for (size_t i = 0; i < PARAMETERS; i++)
        if (parameters[i].calls & 1u << call && strcasecmp(parameters[i].name, name) == 0)
            return &parameters[i];
    return NULL;
}

static bool is_given(const struct sectigo_form *form, const char *name)
{
    const char *value = sectigo_form_get(form, name);
    return value && *value;
}

static bool check_value(const struct sectigo_call_parameter *row, const char *value, struct sectigo_verdict *verdict)
{
    bool as_apply = !row->max && !row->allowed && !row->fits;
    const struct sectigo_parameter *known = as_apply ? sectigo_parameter_find(row->name) : NULL;
    struct sectigo_parameter own = {.name = row->name, .max = row->max, .allowed = row->allowed, .fits = row->fits};

    return sectigo_parameter_check(known ? known : &own, value, false, verdict);
}

static bool check_group(enum sectigo_call_kind call, const struct sectigo_form *form, enum sectigo_need group,
                        struct sectigo_verdict *verdict)
{
    const struct sectigo_call_parameter *first = NULL, *chosen = NULL;

    for (size_t i = 0; i < PARAMETERS; i++) {
        const struct sectigo_call_parameter *row = &parameters[i];

        if (!(row->calls & 1u << call) || row->need != group)
            continue;
        first = first ? first : row;
        if (!is_given(form, row->name))
            continue;
        if (chosen)
            return sectigo_refuse(verdict, -4, row->name, "%s and %s may not be given together", chosen->name,
                                  row->name);
        chosen = row;
    }
    if (first && !chosen)
        return sectigo_refuse(verdict, -3, first->name, "%s (or what may stand for it) is missing", first->name);
    return true;
}

static bool check_required(enum sectigo_call_kind call, const struct sectigo_form *form,
                           struct sectigo_verdict *verdict)
{
    for (size_t i = 0; i < PARAMETERS; i++)
        if (parameters[i].calls & 1u << call && parameters[i].need == SECTIGO_REQUIRED &&
            !is_given(form, parameters[i].name))
            return sectigo_refuse(verdict, -3, parameters[i].name, "%s is missing", parameters[i].name);
    return check_group(call, form, SECTIGO_ONE_OF, verdict) && check_group(call, form, SECTIGO_ONE_METHOD, verdict);
}

/* Of these no page gives the names of all parameters: others than the table's are let pass, up to 255 characters. */
static bool is_open(enum sectigo_call_kind call)
{
    return call == SECTIGO_MODIFY_THIRD_PARTY_DETAILS || call == SECTIGO_SL_GET_UPGRADE_COST;
}

/* A parameter of an open call that the table does not know. */
static bool check_unseen(const struct sectigo_param *param, struct sectigo_verdict *verdict)
{
    enum { UNSEEN_MAX = 255 };
    const struct sectigo_parameter row = {.name = param->name, .max = UNSEEN_MAX};

    return sectigo_parameter_check(&row, param->value, false, verdict);
}

static bool check_param(enum sectigo_call_kind call, const struct sectigo_param *param, struct sectigo_verdict *verdict)
{
    const struct sectigo_call_parameter *row = find_parameter(call, param->name);
    return row ? check_value(row, param->value, verdict) : check_unseen(param, verdict);
}

/* Of a replacement whose names are not listed the CSR's common name is surely one of them. */
static bool check_replacement(const struct sectigo_form *form, struct sectigo_verdict *verdict)
{
    bool listed = is_given(form, "domainNames");
    char *common_name = listed ? NULL : sectigo_csr_common_name(sectigo_form_get(form, "csr"));
    bool tokens = is_given(form, "validationTokens") || is_given(form, "dcvEmailAddresses");
    bool fit = (!listed && tokens) ||
               sectigo_control_check_order(form, listed ? sectigo_form_get(form, "domainNames") : common_name, verdict);

    free(common_name);
    return fit;
}

static bool check_control(enum sectigo_call_kind call, const struct sectigo_form *form, struct sectigo_verdict *verdict)
{
    static const struct sectigo_control one = {.method = "newMethod", .email = "newDCVEmailAddress"};
    static const struct sectigo_control list = {.tokens = "newMethods"};

    if (call == SECTIGO_AUTO_REPLACE_SSL)
        return check_replacement(form, verdict);
    if (call != SECTIGO_AUTO_UPDATE_DCV)
        return true;
    return is_given(form, "newMethods")
               ? sectigo_control_check(form, &list, sectigo_form_get(form, "domainNames"), verdict)
               : sectigo_control_check(form, &one, sectigo_form_get(form, "domainName"), verdict);
}

bool sectigo_call_check(enum sectigo_call_kind call, const struct sectigo_form *form, struct sectigo_verdict *verdict)
{
    struct sectigo_order_facts facts;

    if (call == SECTIGO_AUTO_APPLY_ORDER)
        return sectigo_order_examine(form, &facts, verdict);
    memset(verdict, 0, sizeof *verdict);
    for (size_t i = 0; i < form->count; i++)
        if (!is_open(call) && !find_parameter(call, form->params[i].name))
            return sectigo_refuse(verdict, -2, form->params[i].name, "%.64s is no parameter of %s",
                                  form->params[i].name, sectigo_call_info(call)->name);
    if (!check_required(call, form, verdict))
        return false;
    for (size_t i = 0; i < form->count; i++)
        if (*form->params[i].value && !check_param(call, &form->params[i], verdict))
            return false;
    return check_control(call, form, verdict);
}
