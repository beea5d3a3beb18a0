#include "cases.h"

#include "sectigo/sectigo.h"

static bool parse(enum sectigo_call_kind call, const char *body, struct sectigo_report_answer *answer)
{
    return sectigo_parse_report(call, body, strlen(body), answer);
}

static void test_detailed_status(void **state)
{
    struct sectigo_report_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_GET_DETAILED_ORDER_STATUS,
                      "errorCode=0&1_orderNumber=12345&1_orderDateTime=2026-01-02+03%3A04%3A05&1_orderStatus=Rejected"
                      "&1_orderStatusReason=no+callback"
                      "&1_1_serialNumber=00AB&1_1_objectType=SSL&1_1_FQDN=a.example%2Cb.example"
                      "&1_1_certificateStatus=Revoked&1_1_certificateStatusReason=asked+for&1_1_csrStatus=1"
                      "&1_1_dcvStatus=0&1_1_ovCallBackStatus=-1&1_1_organizationValidationStatus=2"
                      "&1_1_freeDVUPStatus=-1&1_1_evClickThroughStatus=-1&1_1_caaStatus=1&1_1_newerField=x"
                      "&2_orderNumber=12345repl%231&2_orderDateTime=1767323045&2_1_certificateID=4711"
                      "&2_2_certificateID=4712",
                      &answer));
    assert_int_equal(answer.code, 0);
    assert_int_equal(answer.order_count, 2);
    assert_int_equal(answer.result_count, 2);
    const struct sectigo_report_order *order = &answer.orders[0];
    assert_string_equal(order->order_number, "12345");
    assert_int_equal(order->ordered_s, 1767323045);
    assert_string_equal(order->status, "Rejected");
    assert_string_equal(order->reason, "no callback");
    assert_int_equal(order->certificate_count, 1);
    const struct sectigo_report_certificate *certificate = &order->certificates[0];
    assert_string_equal(certificate->serial_number, "00AB");
    assert_string_equal(certificate->type, "SSL");
    assert_string_equal(certificate->names, "a.example,b.example");
    assert_string_equal(certificate->status, "Revoked");
    assert_string_equal(certificate->reason, "asked for");
    assert_int_equal(certificate->csr_status, 1);
    assert_int_equal(certificate->dcv_status, 0);
    assert_int_equal(certificate->ov_callback_status, -1);
    assert_int_equal(certificate->organization_status, 2);
    assert_int_equal(certificate->free_dv_up_status, -1);
    assert_int_equal(certificate->ev_click_through_status, -1);
    assert_int_equal(certificate->caa_status, 1);
    order = &answer.orders[1];
    assert_string_equal(order->order_number, "12345repl#1");
    assert_int_equal(order->ordered_s, 1767323045);
    assert_int_equal(order->certificate_count, 2);
    assert_string_equal(order->certificates[1].certificate_id, "4712");
    assert_int_equal(order->certificates[1].dcv_status, -2);
    sectigo_report_clear(&answer);
}

static void test_web_host_report(void **state)
{
    struct sectigo_report_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_WEB_HOST_REPORT,
                      "error_code=0&noOfResults=3&1_orderNumber=1&1_orderStatus=Processed&1_dateTime=1767323045"
                      "&1_foreignOrderNumber=fon-1&1_1_type=DV&1_1_domain=a.example&1_1_status=Issued"
                      "&1_1_notBefore=1767225600&1_1_notAfter=1784419200&1_1_serialNumber=AB&1_1_certificateID=9"
                      "&1_1_csrStatus=1&1_1_dcvStatus=1&2_orderNumber=2",
                      &answer));
    assert_int_equal(answer.result_count, 3); /* further pages */
    assert_int_equal(answer.order_count, 2);
    assert_string_equal(answer.orders[0].foreign_order_number, "fon-1");
    assert_string_equal(answer.orders[0].certificates[0].names, "a.example");
    assert_string_equal(answer.orders[0].certificates[0].status, "Issued");
    assert_string_equal(answer.orders[0].certificates[0].type, "DV");
    assert_int_equal(answer.orders[0].certificates[0].not_before_s, 1767225600);
    assert_int_equal(answer.orders[0].certificates[0].not_after_s, 1784419200);
    assert_string_equal(answer.orders[1].foreign_order_number, "");
    sectigo_report_clear(&answer);
}

static void test_nothing_found(void **state)
{
    struct sectigo_report_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults=0", &answer));
    assert_int_equal(answer.order_count, 0);
    assert_int_equal(answer.result_count, 0);
    sectigo_report_clear(&answer);
}

/* A later page may count on where the first one ended; rows come as they are, in any order of keys. */
static void test_indexes(void **state)
{
    struct sectigo_report_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_WEB_HOST_REPORT,
                      "errorCode=0&101_1_domain=b&102_orderNumber=7&101_orderNumber=6&noOfResults=102&102_1_domain=c",
                      &answer));
    assert_int_equal(answer.order_count, 2);
    assert_string_equal(answer.orders[0].order_number, "6");
    assert_string_equal(answer.orders[0].certificates[0].names, "b");
    assert_string_equal(answer.orders[1].certificates[0].names, "c");
    sectigo_report_clear(&answer);
}

static void test_suggested_organizations(void **state)
{
    struct sectigo_report_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_GET_DETAILED_ORDER_STATUS,
                      "errorCode=0&1_orderNumber=1&1_suggestedOrgDetails=Found&1_organizationName=Acme"
                      "&1_streetAddress=5+Road&1_localityName=Roseland&1_stateOrProvinceName=NJ&1_postalCode=07068"
                      "&1_countryName=US&1_dunsNumber=123&1_telephoneNumber=%2B1+2",
                      &answer));
    assert_string_equal(answer.orders[0].suggested_status, "Found");
    assert_int_equal(answer.orders[0].organization_count, 1);
    const struct sectigo_organization *found = answer.orders[0].organizations;
    assert_string_equal(found->name, "Acme");
    assert_string_equal(found->street, "5 Road");
    assert_string_equal(found->locality, "Roseland");
    assert_string_equal(found->state, "NJ");
    assert_string_equal(found->postal_code, "07068");
    assert_string_equal(found->country, "US");
    assert_string_equal(found->duns_number, "123");
    assert_string_equal(found->telephone, "+1 2");
    sectigo_report_clear(&answer);

    assert_true(parse(SECTIGO_GET_DETAILED_ORDER_STATUS,
                      "errorCode=0&1_orderNumber=1&1_suggestedOrgDetails=Status%3DFound%261_organizationName%3DAcme"
                      "%262_organizationName%3DAcme%2520Two",
                      &answer));
    assert_string_equal(answer.orders[0].suggested_status, "Found");
    assert_int_equal(answer.orders[0].organization_count, 2);
    assert_string_equal(answer.orders[0].organizations[1].name, "Acme Two");
    sectigo_report_clear(&answer);

    static const char *const words[] = {"NotFound", "NotYetCompleted", "NotApplicable"};
    for (size_t i = 0; i < COUNT(words); i++) {
        char body[128];

        snprintf(body, sizeof body, "errorCode=0&1_orderNumber=1&1_suggestedOrgDetails=%s", words[i]);
        assert_true(parse(SECTIGO_GET_DETAILED_ORDER_STATUS, body, &answer));
        assert_string_equal(answer.orders[0].suggested_status, words[i]);
        assert_int_equal(answer.orders[0].organization_count, 0);
        sectigo_report_clear(&answer);
    }
}

static void test_refusal(void **state)
{
    struct sectigo_report_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_GET_DETAILED_ORDER_STATUS, "errorCode=-16&errorMessage=Permission+denied%21", &answer));
    assert_int_equal(answer.code, -16);
    assert_string_equal(answer.message, "Permission denied!");
    assert_int_equal(answer.order_count, 0);
    sectigo_report_clear(&answer);
}

/* "No such order" decides about money: it is only read where it was said. */
static void test_no_answer(void **state)
{
    static const struct {
        enum sectigo_call_kind call;
        const char *body;
    } cases[] = {
        {SECTIGO_WEB_HOST_REPORT, ""},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0"},
        {SECTIGO_WEB_HOST_REPORT, "noOfResults=0"},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&1_orderNumber=5"},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults="},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults=-1"},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults=many"},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults=2"},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults=1&1_orderStatus=x"},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults=1&1_orderNumber="},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults=1&0_orderNumber=1"},
        {SECTIGO_WEB_HOST_REPORT, "errorCode=0&noOfResults=1&100000_orderNumber=1"},
        {SECTIGO_WEB_HOST_REPORT, "<html>Bad gateway</html>"},
        {SECTIGO_GET_DETAILED_ORDER_STATUS, "errorCode=0"},
        {SECTIGO_GET_DETAILED_ORDER_STATUS, "errorCode=0&1_1_FQDN=a"},
    };
    struct sectigo_report_answer answer;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        if (parse(cases[i].call, cases[i].body, &answer))
            fail_msg("\"%s\" was taken for an answer", cases[i].body);
}

static void test_many_rows(void **state)
{
    char *body = malloc(400 * 1000), *out = body + sprintf(body, "errorCode=0&noOfResults=4000");
    struct sectigo_report_answer answer;
    (void)state;

    for (int i = 1; i <= 4000; i++)
        out += sprintf(out, "&%d_orderNumber=%d&%d_1_domain=a%d&%d_1_status=Issued", i, 1000 + i, i, i, i);
    assert_true(parse(SECTIGO_WEB_HOST_REPORT, body, &answer));
    assert_int_equal(answer.order_count, 4000);
    assert_string_equal(answer.orders[3999].order_number, "5000");
    assert_string_equal(answer.orders[3999].certificates[0].names, "a4000");
    sectigo_report_clear(&answer);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detailed_status),
        cmocka_unit_test(test_web_host_report),
        cmocka_unit_test(test_nothing_found),
        cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_suggested_organizations),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_many_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
