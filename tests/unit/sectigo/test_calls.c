/* The parameters of the calls beside AutoApplyOrder: one order that fits for each, and what must not pass. */
#include "cases.h"

#include "sectigo/parameter.h"

static char *csr;

static int make_request(void **state)
{
    size_t len;
    (void)state;

    uint8_t *der = make_csr(NULL, "DNS:a.example", &len);
    csr = base64_of(der, len);
    return 0;
}

static int drop_request(void **state)
{
    (void)state;
    free(csr);
    return 0;
}

/* "a=b&c=d", where "@csr" stands for a request. */
static void fill(struct sectigo_form *form, const char *text)
{
    assert_true(sectigo_form_parse(text, strlen(text), NULL, form));
    for (size_t i = 0; i < form->count; i++) {
        if (strcmp(form->params[i].value, "@csr") == 0) {
            free(form->params[i].value);
            form->params[i].value = strdup(csr);
        }
    }
}

static const struct {
    enum sectigo_call_kind call;
    const char *form;
    int code;
    const char *about;
} cases[] = {
    {SECTIGO_COLLECT_SSL,
     "loginName=a&loginPassword=b&orderNumber=12repl%231&queryType=1&responseType=3&responseEncoding=0"
     "&responseFormat=1&showValidityPeriod=Y&showFQDN=Y&showExtStatus=Y&showStatusDetails=Y&showMDCDomainDetails=Y"
     "&showMDCDomainDetails2=N&responseMimeType=text%2Fplain",
     0, ""},
    {SECTIGO_COLLECT_SSL, "certificateID=1234567890123456&queryType=0", 0, ""},
    {SECTIGO_COLLECT_SSL, "baseOrderNumber=12&queryType=2", 0, ""},
    {SECTIGO_COLLECT_SSL, "queryType=2", -3, "orderNumber"},
    {SECTIGO_COLLECT_SSL, "orderNumber=1", -3, "queryType"},
    {SECTIGO_COLLECT_SSL, "orderNumber=1&certificateID=2&queryType=2", -4, "certificateID"},
    {SECTIGO_COLLECT_SSL, "orderNumber=1&queryType=4", -4, "queryType"},
    {SECTIGO_COLLECT_SSL, "certificateID=12345678901234567&queryType=0", -4, "certificateID"},
    {SECTIGO_COLLECT_SSL, "orderNumber=1&queryType=1&showCertificateID=Y", -2, "showCertificateID"},
    {SECTIGO_COLLECT_SSL, "orderNumber=1&queryType=1&responseType=4", -4, "responseType"},
    {SECTIGO_COLLECT_SSL, "orderNumber=1&queryType=1&responseEncoding=2", -4, "responseEncoding"},
    {SECTIGO_COLLECT_SSL, "orderNumber=1&queryType=1&showFQDN=1", -4, "showFQDN"},

    {SECTIGO_GET_DETAILED_ORDER_STATUS, "orderNumber=1&queryType=2&responseFormat=1&showValidityPeriod=Y", 0, ""},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, "certificateID=1&queryType=0", 0, ""},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, "queryType=0", -3, "orderNumber"},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, "orderNumber=1", -3, "queryType"},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, "orderNumber=1&queryType=3", -4, "queryType"},
    {SECTIGO_GET_DETAILED_ORDER_STATUS, "orderNumber=1&queryType=1&baseOrderNumber=1", -2, "baseOrderNumber"},

    {SECTIGO_AUTO_REPLACE_SSL,
     "orderNumber=12&exactOrder=N&csr=@csr&serverSoftware=-1&domainNames=a.example&primaryDomainName=a.example"
     "&maxSubjectCNs=1&isCustomerValidated=N&validationTokens=ALLCNAMECSRHASH&uniqueValue=abc&emailAddress=none"
     "&foreignOrderNumber=x&showCertificateID=Y&responseFormat=1",
     0, ""},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12&csr=@csr&dcvMethod=EMAIL&dcvEmailAddress=a@b.example", 0, ""},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12&csr=@csr&dcvEmailAddresses=a@b.example", 0, ""},
    {SECTIGO_AUTO_REPLACE_SSL,
     "orderNumber=12&csr=@csr&domainNames=192.0.2.1&dcvMethod=EMAIL&dcvEmailAddress=admin@b.example", -4, "dcvMethod"},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12&csr=@csr&domainNames=a.b.example&dcvEmailAddress=me@b.example", -4,
     "dcvEmailAddress"},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12&csr=@csr&domainNames=a.b.example&dcvEmailAddress=admin@b.example", 0,
     ""},
    {SECTIGO_AUTO_REPLACE_SSL, "csr=@csr", -3, "orderNumber"},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12", -3, "csr"},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12&csr=@csr&days=365", -2, "days"},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12&csr=@csr&uniqueValue=a-b", -4, "uniqueValue"},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12&csr=@csr&exactOrder=yes", -4, "exactOrder"},
    {SECTIGO_AUTO_REPLACE_SSL, "orderNumber=12&csr=@csr&maxSubjectCNs=2", -4, "maxSubjectCNS"},

    {SECTIGO_AUTO_REVOKE_SSL, "serialNumber=00AB&revocationReason=lost&codeReason=4&test=N&responseFormat=1", 0, ""},
    {SECTIGO_AUTO_REVOKE_SSL, "certificateID=1&revocationReason=lost", 0, ""},
    {SECTIGO_AUTO_REVOKE_SSL, "orderNumber=1&revocationReason=lost", 0, ""},
    {SECTIGO_AUTO_REVOKE_SSL, "orderNumber=1", -3, "revocationReason"},
    {SECTIGO_AUTO_REVOKE_SSL, "revocationReason=lost", -3, "orderNumber"},
    {SECTIGO_AUTO_REVOKE_SSL, "orderNumber=1&revocationReason=lost&codeReason=2", -4, "codeReason"},
    {SECTIGO_AUTO_REVOKE_SSL, "serialNumber=xyz&revocationReason=lost", -4, "serialNumber"},
    {SECTIGO_AUTO_REVOKE_SSL, "orderNumber=1&serialNumber=ab&revocationReason=lost", -4, "serialNumber"},

    {SECTIGO_AUTO_REJECT, "orderNumber=1&test=Y", 0, ""},
    {SECTIGO_AUTO_REJECT, "test=Y", -3, "orderNumber"},
    {SECTIGO_AUTO_REJECT, "orderNumber=1&certificateID=1", -2, "certificateID"},

    {SECTIGO_GET_ACCOUNT_BALANCE, "loginName=a&loginPassword=b", 0, ""},
    {SECTIGO_GET_ACCOUNT_BALANCE, "", 0, ""},
    {SECTIGO_GET_ACCOUNT_BALANCE, "responseFormat=1", -2, "responseFormat"},

    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&newMethod=HTTP_CSR_HASH&domainName=a.example", 0, ""},
    {SECTIGO_AUTO_UPDATE_DCV, "baseOrderNumber=1&newMethod=EMAIL&newDCVEmailAddress=a@b.example&dcvTemplateID=1", 0,
     ""},
    {SECTIGO_AUTO_UPDATE_DCV,
     "orderNumber=1&domainNames=a.example+b.example&newMethods=EMAIL,CNAME_CSR_HASH&newDCVEmailAddresses=a@b.example",
     0, ""},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&newMethod=HTTP_CSR_HASH&responseFormat=1", -2, "responseFormat"},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&domainName=192.0.2.1&newMethod=EMAIL&newDCVEmailAddress=admin@a.example",
     -4, "newMethod"},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&domainName=b.a.example&newMethod=EMAIL&newDCVEmailAddress=me@a.example",
     -4, "newDCVEmailAddress"},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&domainNames=a.example *.a.example&newMethods=HTTP_CSR_HASH,HTTP_CSR_HASH",
     -4, "newMethods"},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1", -3, "newMethod"},
    {SECTIGO_AUTO_UPDATE_DCV, "newMethod=EMAIL", -3, "orderNumber"},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&newMethod=EMAIL&newMethods=EMAIL", -4, "newMethods"},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&newMethod=HTTP", -4, "newMethod"},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&newMethods=EMAIL,HTTP", -4, "newMethods"},
    {SECTIGO_AUTO_UPDATE_DCV, "orderNumber=1&newMethods=EMAIL,", -4, "newMethods"},

    {SECTIGO_GET_MDC_DOMAIN_DETAILS, "orderNumber=1&showStatusDetails=Y&responseFormat=1", 0, ""},
    {SECTIGO_GET_MDC_DOMAIN_DETAILS, "showStatusDetails=Y", -3, "orderNumber"},
    {SECTIGO_GET_MDC_DOMAIN_DETAILS, "orderNumber=1&responseFormat=0", -4, "responseFormat"},

    {SECTIGO_AUTO_REFUND, "orderNumber=1&refundReasonCode=11", 0, ""},
    {SECTIGO_AUTO_REFUND, "orderNumber=1&refundReasonCode=1", 0, ""},
    {SECTIGO_AUTO_REFUND, "orderNumber=1&refundReasonCode=12", -4, "refundReasonCode"},
    {SECTIGO_AUTO_REFUND, "orderNumber=1&refundReasonCode=0", -4, "refundReasonCode"},
    {SECTIGO_AUTO_REFUND, "orderNumber=1", -3, "refundReasonCode"},
    {SECTIGO_AUTO_REFUND, "refundReasonCode=1", -3, "orderNumber"},

    {SECTIGO_WEB_HOST_REPORT, "foreignOrderNumber=a,b&orderNumber=1,2&certificateID=3,4", 0, ""},
    {SECTIGO_WEB_HOST_REPORT,
     "notBefore=1767225600&notAfter=1784419200&firstResultNo=1&lastResultNo=100&organizationName=x&fqdn=%25.example"
     "&showStatusDetails=Y",
     0, ""},
    {SECTIGO_WEB_HOST_REPORT, "notBefore=yesterday", -4, "notBefore"},
    {SECTIGO_WEB_HOST_REPORT, "uniqueValue=a", -2, "uniqueValue"},

    {SECTIGO_RETRY_CAA_CHECK, "certificateID=1", 0, ""},
    {SECTIGO_RETRY_CAA_CHECK, "orderNumber=1", 0, ""},
    {SECTIGO_RETRY_CAA_CHECK, "", -3, "orderNumber"},

    {SECTIGO_RESEND_DCV_EMAIL, "baseOrderNumber=1&dcvEmailAddress=a@b.example&dcvTemplateID=2", 0, ""},
    {SECTIGO_RESEND_DCV_EMAIL, "orderNumber=1", 0, ""},
    {SECTIGO_RESEND_DCV_EMAIL, "orderNumber=1&dcvTemplateID=two", -4, "dcvTemplateID"},

    {SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST, "domainName=a.example&responseFormat=1", 0, ""},
    {SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST, "responseFormat=1", -3, "domainName"},

    {SECTIGO_DECODE_CSR,
     "csr=@csr&responseFormat=0&showErrorCodes=Y&showErrorMessages=Y&showFieldNames=Y&showEmptyFields=N&showCN=Y"
     "&showAddress=Y&showCSR=N&showKeySize=Y&showCSRHashes=N&showCSRHashes2=Y&product=287",
     0, ""},
    {SECTIGO_DECODE_CSR, "showCN=Y", -3, "csr"},
    {SECTIGO_DECODE_CSR, "csr=@csr&loginName=a", -2, "loginName"},

    /* the two examples of notes 2.18, as they stand there */
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS,
     "loginName=login_name&loginPassword=login_password&product=1060&orderNumber=3042396&action=CANCELLICENCE", 0, ""},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS,
     "loginName=login_name&loginPassword=login_password&product=346&orderNumber=341&qualysLoginName=qualys_login_name",
     0, ""},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "product=1060,1069&orderNumber=1&action=CANCELLICENCE&companyName=Sectigo", 0,
     ""},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "product=1072&orderNumber=1&action=CANCELLICENCE", 0, ""},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "product=703&orderNumber=1&action=UPDATE", 0, ""},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "product=1060&action=CANCELLICENCE", -3, "orderNumber"},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "orderNumber=1&action=CANCELLICENCE", -3, "product"},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "product=287&orderNumber=1", -4, "product"},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "product=356&orderNumber=1", -4, "product"},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "product=1060,&orderNumber=1", -4, "product"},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS, "product=1060&orderNumber=%21", -4, "orderNumber"},
    {SECTIGO_MODIFY_THIRD_PARTY_DETAILS,
     "product=346&orderNumber=1&qualysLoginName=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -4,
     "qualysLoginName"},

    {SECTIGO_SL_GET_UPGRADE_COST, "previousOrderNumber=3034881&product=1061,1069&domainName=mydomain.com&days=365", 0,
     ""},
    {SECTIGO_SL_GET_UPGRADE_COST, "previousOrderNumber=3034881&product=1061&newest=1", 0, ""},
    {SECTIGO_SL_GET_UPGRADE_COST, "product=1061", -3, "previousOrderNumber"},
    {SECTIGO_SL_GET_UPGRADE_COST, "previousOrderNumber=1", -3, "product"},
    {SECTIGO_SL_GET_UPGRADE_COST, "previousOrderNumber=1&product=1000", -4, "product"},
    {SECTIGO_SL_GET_UPGRADE_COST, "previousOrderNumber=1&product=1061&domainName=a+b", -4, "domainName"},

    {SECTIGO_AUTO_AUTHORIZE, "loginName=login_name&loginPassword=login_password&orderNumber=1234567", 0, ""},
    {SECTIGO_AUTO_AUTHORIZE, "orderNumber=1&test=Y&disableSWP=N", 0, ""},
    {SECTIGO_AUTO_AUTHORIZE, "test=Y", -3, "orderNumber"},
    {SECTIGO_AUTO_AUTHORIZE, "orderNumber=1&disableSWP=yes", -4, "disableSWP"},
    {SECTIGO_AUTO_AUTHORIZE, "orderNumber=1&test=1", -4, "test"},
    {SECTIGO_AUTO_AUTHORIZE, "orderNumber=1&responseFormat=1", -2, "responseFormat"},

    {SECTIGO_AUTO_APPLY_ORDER, "product=1000&days=365&appRepEmailAddress=a@b.example", 0, ""},
    {SECTIGO_AUTO_APPLY_ORDER, "product=1000&days=365", -3, "appRepEmailAddress"},
    {SECTIGO_AUTO_APPLY_ORDER, "product=1009&days=365&appRepEmailAddress=a@b.example", 0, ""},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sectigo_form form;
        struct sectigo_verdict verdict;

        fill(&form, cases[i].form);
        bool ok = sectigo_call_check(cases[i].call, &form, &verdict);
        sectigo_form_clear(&form);
        if (ok != (cases[i].code == 0) || verdict.code != cases[i].code ||
            (!ok && (strcmp(verdict.parameter, cases[i].about) != 0 || !strstr(verdict.reason, cases[i].about))))
            fail_msg("%s %s: %d, %s, \"%s\"", sectigo_call_info(cases[i].call)->name, cases[i].form, verdict.code,
                     verdict.parameter, verdict.reason);
    }
}

/* Each parameter of each call stands in a form that fits. */
static void test_every_parameter_is_sent(void **state)
{
    size_t count;
    const struct sectigo_call_parameter *rows = sectigo_call_parameters(&count);
    (void)state;

    for (size_t i = 0; i < count; i++) {
        for (unsigned call = 0; call < SECTIGO_CALLS; call++) {
            bool seen = !(rows[i].calls & 1u << call) || strncmp(rows[i].name, "login", 5) == 0;

            for (size_t j = 0; j < COUNT(cases) && !seen; j++) {
                struct sectigo_form form;

                if (cases[j].call != call || cases[j].code != 0)
                    continue;
                fill(&form, cases[j].form);
                seen = sectigo_form_get(&form, rows[i].name) != NULL;
                sectigo_form_clear(&form);
            }
            if (!seen)
                fail_msg("%s of %s is in no case", rows[i].name, sectigo_call_info((enum sectigo_call_kind)call)->name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_every_parameter_is_sent),
    };
    return cmocka_run_group_tests(tests, make_request, drop_request);
}
