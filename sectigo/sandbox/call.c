#include "sectigo/sandbox/call.h"

#include <openssl/crypto.h>
#include <string.h>
#include <time.h>

#define LOGIN                                                                                                          \
    {"loginName", REQUIRED, 64, NULL},                                                                                 \
    {                                                                                                                  \
        "loginPassword", REQUIRED, 128, NULL                                                                           \
    }
#define FORMAT                                                                                                         \
    {                                                                                                                  \
        "responseFormat", OPTIONAL, 1, "0|1"                                                                           \
    }
#define FORMAT_JSON                                                                                                    \
    {                                                                                                                  \
        "responseFormat", OPTIONAL, 1, "1|2"                                                                           \
    }

static const struct argument collect_arguments[] = {
    LOGIN,
    {"orderNumber", GROUP_A, 128, NULL},
    {"certificateID", GROUP_A, 16, "#"},
    {"baseOrderNumber", GROUP_A, 128, NULL},
    {"queryType", REQUIRED, 1, "0|1|2|3"},
    {"responseType", OPTIONAL, 1, "0|1|2|3"},
    {"responseEncoding", OPTIONAL, 1, "0|1"},
    {"responseMimeType", OPTIONAL, 255, NULL},
    {"showValidityPeriod", OPTIONAL, 1, "Y|N"},
    {"showFQDN", OPTIONAL, 1, "Y|N"},
    {"showExtStatus", OPTIONAL, 1, "Y|N"},
    {"showMDCDomainDetails", OPTIONAL, 1, "Y|N"},
    {"showMDCDomainDetails2", OPTIONAL, 1, "Y|N"},
    {"showStatusDetails", OPTIONAL, 1, "Y|N"},
    FORMAT,
    {0},
};
static const struct argument status_arguments[] = {
    LOGIN,
    {"orderNumber", GROUP_A, 128, NULL},
    {"certificateID", GROUP_A, 16, "#"},
    {"queryType", REQUIRED, 1, "0|1|2"},
    {"showValidityPeriod", OPTIONAL, 1, "Y|N"},
    {"responseFormat", OPTIONAL, 1, "1"},
    {0},
};
static const struct argument report_arguments[] = {
    LOGIN,
    {"notBefore", OPTIONAL, 20, "#"},
    {"notAfter", OPTIONAL, 20, "#"},
    {"firstResultNo", OPTIONAL, 10, "#"},
    {"lastResultNo", OPTIONAL, 10, "#"},
    {"orderNumber", OPTIONAL, 32767, NULL},
    {"foreignOrderNumber", OPTIONAL, 32767, NULL},
    {"certificateID", OPTIONAL, 32767, NULL},
    {"organizationName", OPTIONAL, 64, NULL},
    {"fqdn", OPTIONAL, 255, NULL},
    {"showStatusDetails", OPTIONAL, 1, "Y|N"},
    {0},
};
static const struct argument revoke_arguments[] = {
    LOGIN,
    {"orderNumber", GROUP_A, 128, NULL},
    {"certificateID", GROUP_A, 16, "#"},
    {"serialNumber", GROUP_A, 60, NULL},
    {"revocationReason", REQUIRED, 1024, NULL},
    {"codeReason", OPTIONAL, 1, "0|1|3|4|5"},
    {"test", OPTIONAL, 1, "Y|N"},
    FORMAT,
    {0},
};
static const struct argument reject_arguments[] = {
    LOGIN, {"orderNumber", REQUIRED, 128, NULL}, {"test", OPTIONAL, 1, "Y|N"}, FORMAT, {0},
};
static const struct argument refund_arguments[] = {
    LOGIN,
    {"orderNumber", REQUIRED, 128, NULL},
    {"refundReasonCode", REQUIRED, 2, "1|2|3|4|5|6|7|8|9|10|11"},
    {0},
};
static const struct argument balance_arguments[] = {LOGIN, FORMAT, {0}};
static const struct argument update_dcv_arguments[] = {
    LOGIN,
    {"orderNumber", GROUP_A, 128, NULL},
    {"baseOrderNumber", GROUP_A, 128, NULL},
    {"newMethod", OPTIONAL, 32, "EMAIL|HTTP_CSR_HASH|HTTPS_CSR_HASH|CNAME_CSR_HASH"},
    {"newDCVEmailAddress", OPTIONAL, 255, NULL},
    {"domainName", OPTIONAL, 255, NULL},
    {"dcvTemplateID", OPTIONAL, 16, "#"},
    {"domainNames", OPTIONAL, 32767, NULL},
    {"newMethods", OPTIONAL, 32767, NULL},
    {"newDCVEmailAddresses", OPTIONAL, 32767, NULL},
    {0},
};
static const struct argument domain_details_arguments[] = {
    LOGIN, {"orderNumber", REQUIRED, 128, NULL}, {"showStatusDetails", OPTIONAL, 1, "Y|N"}, FORMAT_JSON, {0},
};
static const struct argument resend_arguments[] = {
    LOGIN,
    {"orderNumber", GROUP_A, 128, NULL},
    {"baseOrderNumber", GROUP_A, 128, NULL},
    {"dcvEmailAddress", REQUIRED, 255, NULL},
    {"dcvTemplateID", OPTIONAL, 16, "#"},
    {0},
};
static const struct argument addresses_arguments[] = {
    LOGIN,
    {"domainName", REQUIRED, 255, NULL},
    FORMAT_JSON,
    {0},
};
static const struct argument retry_caa_arguments[] = {
    LOGIN,
    {"orderNumber", GROUP_A, 128, NULL},
    {"certificateID", GROUP_A, 16, "#"},
    {0},
};
static const struct argument decode_arguments[] = {
    {"csr", REQUIRED, 32767, NULL},
    {"product", OPTIONAL, 64, NULL},
    {"responseFormat", OPTIONAL, 1, "0|1|2"},
    {"showErrorCodes", OPTIONAL, 1, "Y|N"},
    {"showErrorMessages", OPTIONAL, 1, "Y|N"},
    {"showFieldNames", OPTIONAL, 1, "Y|N"},
    {"showEmptyFields", OPTIONAL, 1, "Y|N"},
    {"showCN", OPTIONAL, 1, "Y|N"},
    {"showAddress", OPTIONAL, 1, "Y|N"},
    {"showCSR", OPTIONAL, 1, "Y|N"},
    {"showKeySize", OPTIONAL, 1, "Y|N"},
    {"showCSRHashes", OPTIONAL, 1, "Y|N"},
    {"showCSRHashes2", OPTIONAL, 1, "Y|N"},
    {0},
};

static const struct argument third_party_arguments[] = {
    LOGIN,
    {"orderNumber", REQUIRED, 128, NULL},
    {"product", REQUIRED, 64, NULL},
    {"action", OPTIONAL, 64, NULL},
    {"qualysLoginName", OPTIONAL, 50, NULL},
    {"*", OPTIONAL, 255, NULL},
    {0},
};
static const struct argument upgrade_cost_arguments[] = {
    LOGIN,
    {"previousOrderNumber", REQUIRED, 128, NULL},
    {"product", REQUIRED, 64, NULL},
    {"domainName", OPTIONAL, 32767, NULL},
    {"days", OPTIONAL, 10, "#"},
    {0},
};
static const struct argument authorize_arguments[] = {
    LOGIN, {"orderNumber", REQUIRED, 128, NULL}, {"test", OPTIONAL, 1, "Y|N"}, {"disableSWP", OPTIONAL, 1, "Y|N"}, {0},
};

static const struct endpoint endpoints[] = {
    {SECTIGO_AUTO_APPLY_ORDER, "/products/!AutoApplyOrder", "AutoApplyOrder", .check = call_check_apply,
     .run = call_apply},
    {SECTIGO_AUTO_APPLY_ORDER, "/products/!AutoApplySSL", "AutoApplyOrder", .check = call_check_apply,
     .run = call_apply},
    {SECTIGO_AUTO_REPLACE_SSL, "/products/!AutoReplaceSSL", "AutoReplaceSSL", .check = call_check_replace,
     .run = call_replace},
    {SECTIGO_COLLECT_SSL, "/products/download/CollectSSL", "CollectSSL", .arguments = collect_arguments,
     .run = call_collect},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, "/products/!GetDetailedOrderStatus", "GetDetailedOrderStatus",
     .arguments = status_arguments, .run = call_status, .format_default_url = true},
    /* as reference 8 spells it */
    {SECTIGO_GET_DETAILED_ORDER_STATUS, "/products!/GetDetailedOrderStatus", "GetDetailedOrderStatus",
     .arguments = status_arguments, .run = call_status, .format_default_url = true},
    {SECTIGO_AUTO_REVOKE_SSL, "/products/!AutoRevokeSSL", "AutoRevokeSSL", .arguments = revoke_arguments,
     .run = call_revoke},
    {SECTIGO_AUTO_REJECT, "/products/!AutoReject", "AutoReject", .arguments = reject_arguments, .run = call_reject},
    {SECTIGO_GET_ACCOUNT_BALANCE, "/products/!getAccountBalance", "getAccountBalance", .arguments = balance_arguments,
     .run = call_balance},
    {SECTIGO_AUTO_UPDATE_DCV, "/products/!AutoUpdateDCV", "AutoUpdateDCV", .arguments = update_dcv_arguments,
     .run = call_update_dcv, .format_default_url = true},
    {SECTIGO_GET_MDC_DOMAIN_DETAILS, "/products/!GetMDCDomainDetails", "GetMDCDomainDetails",
     .arguments = domain_details_arguments, .run = call_domain_details, .format_default_url = true},
    {SECTIGO_AUTO_REFUND, "/products/!AutoRefund", "AutoRefund", .arguments = refund_arguments, .run = call_refund,
     .format_default_url = true},
    {SECTIGO_WEB_HOST_REPORT, "/products/!WebHostReport", "WebHostReport", .arguments = report_arguments,
     .run = call_report, .format_default_url = true},
    {SECTIGO_RETRY_CAA_CHECK, "/products/!RetryCAACheck", "RetryCAACheck", .arguments = retry_caa_arguments,
     .run = call_retry_caa, .format_default_url = true},
    {SECTIGO_RESEND_DCV_EMAIL, "/products/!ResendDCVEmail", "ResendDCVEmail", .arguments = resend_arguments,
     .run = call_resend_email, .format_default_url = true},
    {SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST, "/products/!GetDCVEmailAddressList", "GetDCVEmailAddressList",
     .arguments = addresses_arguments, .run = call_email_addresses},
    {SECTIGO_DECODE_CSR, "/products/!DecodeCSR", "DecodeCSR", .may_get = true, .arguments = decode_arguments,
     .run = call_decode_csr},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "/products/!modifyThirdPartyDetails", "modifyThirdPartyDetails",
     .arguments = third_party_arguments, .run = call_modify_third_party, .format_default_url = true},
    {SECTIGO_SL_GET_UPGRADE_COST, "/products/!slGetUpgradeCost", "slGetUpgradeCost",
     .arguments = upgrade_cost_arguments, .run = call_upgrade_cost, .format_default_url = true},
    {SECTIGO_AUTO_AUTHORIZE, "/products/!AutoAuthorize", "AutoAuthorize", .arguments = authorize_arguments,
     .run = call_authorize},
};

const struct endpoint *endpoint_find(const char *path)
{
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        if (strcmp(endpoints[i].path, path) == 0)
            return &endpoints[i];
    }
    return NULL;
}

static bool same_secret(const char *a, const char *b)
{
    size_t len = strlen(a);
    return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

/* -16 for a wrong or a locked login; wrong passwords in a row lock it. Lock held. */
static bool check_login(struct call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct account *account = sandbox_account(sandbox, sectigo_form_get(call->form, "loginName"));
    const char *password = sectigo_form_get(call->form, "loginPassword");
    if (account && !account->locked && same_secret(account->login->password, password)) {
        account->failures = 0;
        call->account = account;
        return true;
    }
    if (account && ++account->failures == sandbox->settings.lock_after)
        account->locked = true;
    answer_refuse(call->answer, -16,
                  "Permission denied! Incorrect login details, account is locked, password has expired or your source "
                  "IP is blocked.");
    return false;
}

/* -42 beyond so many calls of a login in a minute. Lock held. */
static bool check_limit(struct call *call)
{
    struct account *account = call->account;
    int64_t limit = call->sandbox->settings.call_limit_per_minute, minute = now_ms() / 60000;
    if (account->window_s != minute) {
        account->window_s = minute;
        account->calls = 0;
    }
    if (limit && ++account->calls > limit) {
        answer_refuse(call->answer, -42, "Call limit reached, please try again later");
        return false;
    }
    return true;
}

static void run_locked(const struct endpoint *endpoint, struct call *call)
{
    bool wants_login = endpoint->kind != SECTIGO_DECODE_CSR;
    if (!wants_login || (check_login(call) && check_limit(call)))
        endpoint->run(call);
}

static bool wants_newline(const struct endpoint *endpoint, const struct sectigo_form *form)
{
    const char *format = sectigo_form_get(form, "responseFormat");
    return format && *format ? strcmp(format, "0") == 0 : !endpoint->format_default_url;
}

void call_run(const struct endpoint *endpoint, struct call *call, bool is_post)
{
    struct sandbox *sandbox = call->sandbox;
    call->kind = endpoint->kind;
    call->answer->newline = wants_newline(endpoint, call->form);
    if (!is_post && !endpoint->may_get) {
        answer_refuse(call->answer, -17, "Request used GET rather than POST!");
        return;
    }
    if (endpoint->check ? endpoint->check(call) : argument_check(endpoint->arguments, call->form, call->answer)) {
        pthread_mutex_lock(&sandbox->lock);
        run_locked(endpoint, call);
        pthread_mutex_unlock(&sandbox->lock);
    }
    csr_clear(&call->csr);
}

struct order *call_find_order(struct call *call)
{
    const struct book *book = &call->sandbox->book;
    const char *number = sectigo_form_get(call->form, "orderNumber");
    const char *certificate = sectigo_form_get(call->form, "certificateID");
    const char *base = sectigo_form_get(call->form, "baseOrderNumber");
    const char *named = number && *number             ? "orderNumber"
                        : certificate && *certificate ? "certificateID"
                                                      : "baseOrderNumber";
    struct order *order;
    if (number && *number)
        order = book_find(book, number);
    else if (certificate && *certificate)
        order = book_find_certificate(book, certificate);
    else
        order = base ? book_newest(book, base) : NULL;
    if (order && strcmp(order->login, call->account->login->name) == 0)
        return order;
    answer_refuse_argument(call->answer, -4, named);
    return NULL;
}
