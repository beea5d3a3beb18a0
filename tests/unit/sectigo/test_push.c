#include "cases.h"

#include "sectigo/sectigo.h"

static bool parse(const char *text, struct sectigo_push *push)
{
    return sectigo_parse_push("", 0, text, strlen(text), push);
}

/* People configure other forms than the document's: read where no doubt is possible. */
static void test_other_forms(void **state)
{
    static const struct {
        const char *query, *body;
        bool good;
    } cases[] = {
        {"orderNumber=12repl%231&certificateID=34&Status=issued&statusCode=6", "", true},
        {"orderNumber=12repl%231&certificateID=34&Status=issued&statusCode=6", "\r\n", true},
        {"orderNumber=12repl%231&certificateID=34", "Status=issued&statusCode=6", true},
        {"tenant=7&orderNumber=12repl%231", "orderNumber=12repl%231&certificateID=34&Status=issued&statusCode=6", true},
        {"", "orderNumber=+12repl%231+&certificateID=%0934%0A&Status=+issued&statusCode=6%20", true},
        {"", "\n orderNumber=12repl%231&certificateID=34&Status=issued&statusCode=6 \n", true},
        {"", "{\"orderNumber\":\"12repl#1\",\"certificateID\":34,\"Status\":\"issued\",\"statusCode\":6}", true},
        {"",
         " {\"orderNumber\":\"12repl#1\",\"certificateID\":\"34\",\"Status\":\"issued\",\"statusCode\":\"6\","
         "\"certificate\":null}\n",
         true},
        {"orderNumber=12repl%231", "{\"certificateID\":\"34\",\"Status\":\"issued\",\"statusCode\":6}", true},
        /* doubt */
        {"orderNumber=12", "orderNumber=12repl%231&certificateID=34&Status=issued&statusCode=6", false},
        {"", "orderNumber=12&orderNumber=12repl%231&certificateID=34&Status=issued&statusCode=6", false},
        {"statusCode=8", "orderNumber=12repl%231&certificateID=34&Status=issued&statusCode=6", false},
        {"", "{\"orderNumber\":\"12repl#1\",\"orderNumber\":\"12\",\"Status\":\"issued\",\"statusCode\":6}", false},
        {"", "{\"orderNumber\":\"12repl#1\",\"ordernumber\":\"12\",\"Status\":\"issued\",\"statusCode\":6}", false},
        {"", "{\"orderNumber\":[\"12repl#1\"],\"Status\":\"issued\",\"statusCode\":6}", false},
        {"", "{\"orderNumber\":\"12repl#1\",\"Status\":\"issued\",\"statusCode\":6.5}", false},
        {"", "{\"data\":{\"orderNumber\":\"12repl#1\",\"Status\":\"issued\",\"statusCode\":6}}", false},
        {"", "[{\"orderNumber\":\"12repl#1\",\"Status\":\"issued\",\"statusCode\":6}]", false},
        {"", "{\"orderNumber\":\"12repl#1\",\"Status\":\"issued\",\"statusCode\":6", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sectigo_push push;
        bool good =
            sectigo_parse_push(cases[i].query, strlen(cases[i].query), cases[i].body, strlen(cases[i].body), &push);
        if (good != cases[i].good)
            fail_msg("%s | %s: %s", cases[i].query, cases[i].body, good ? "read" : "not read");
        if (!good)
            continue;
        assert_string_equal(push.order_number, "12repl#1");
        assert_string_equal(push.certificate_id, "34");
        assert_int_equal(push.kind, SECTIGO_PUSH_ISSUED);
        assert_string_equal(push.status, "issued");
        sectigo_push_clear(&push);
    }
}

/* The table of reference 6, in its words. */
static void test_every_status(void **state)
{
    static const struct {
        const char *query;
        enum sectigo_push_status kind;
        const char *reason;
    } cases[] = {
        {"Status=issued&statusCode=6&statusDesc=Valid", SECTIGO_PUSH_ISSUED, ""},
        {"Status=issued&statusCode=9&statusDesc=Issued+but+not+yet+collected", SECTIGO_PUSH_ISSUED, ""},
        {"Status=revoked&statusCode=8&statusDesc=Revoked", SECTIGO_PUSH_REVOKED, ""},
        {"Status=replaced&statusCode=14&statusDesc=Replaced", SECTIGO_PUSH_REPLACED, ""},
        {"Status=awaitingbrandvalidation&statusCode=12&statusDesc=Awaiting+Validation+%28Brand%29", SECTIGO_PUSH_BRAND,
         ""},
        {"Status=failed&statusCode=5&statusDesc=POST-SIGN+FAILED", SECTIGO_PUSH_FAILED, ""},
        {"Status=failed&statusCode=3&statusDesc=PRE-SIGN+FAILED%3A+CAA%3A+Not+authorized+to+issue", SECTIGO_PUSH_FAILED,
         "CAA: Not authorized to issue"},
        {"Status=rejected&statusCode=7&statusDesc=Rejected%3A+Phishing", SECTIGO_PUSH_REJECTED, "Phishing"},
        {"Status=verified&statusCode=6&statusDesc=Phone+number+verified&verificationCode=mdtBfVzq0MlaiGg8",
         SECTIGO_PUSH_VERIFIED, ""},
        {"Status=click-through&statusCode=12&statusDesc=EV+click-through+e-mail+sent&verificationCode=a",
         SECTIGO_PUSH_CLICK_THROUGH, ""},
        {"Status=verified&statusDesc=Phone+number+verified&verificationCode=a", SECTIGO_PUSH_VERIFIED, ""},
        {"Status=new&statusCode=99&statusDesc=Something+new", SECTIGO_PUSH_OTHER, ""},
        {"eventType=PreRevocationNotification&statusCode=6&revocationReasonCode=1&revocationReasonName=keyCompromise",
         SECTIGO_PUSH_PRE_REVOCATION, ""},
        {"eventType=Certificate&Status=issued&statusCode=6", SECTIGO_PUSH_ISSUED, ""},
        {"eventType=CallBack", SECTIGO_PUSH_OTHER, ""},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sectigo_push push;
        char query[512];

        snprintf(query, sizeof query, "orderNumber=1234567repl%%231&certificateID=1234567890&%s", cases[i].query);
        if (!parse(query, &push) || push.kind != cases[i].kind || strcmp(push.reason, cases[i].reason) != 0)
            fail_msg("%s", cases[i].query);
        assert_string_equal(push.order_number, "1234567repl#1");
        assert_string_equal(push.certificate_id, "1234567890");
        assert_null(push.certificate);
        sectigo_push_clear(&push);
    }
}

static void test_fields(void **state)
{
    struct sectigo_push push;
    (void)state;

    assert_true(parse("orderNumber=1&statusCode=8&status=revoked&statusDesc=Revoked&eventType=Certificate"
                      "&removedDomains=b.example%2Cc.example&revocationReasonCode=4&revocationReasonName=superseded",
                      &push));
    assert_int_equal(push.status_code, 8);
    assert_string_equal(push.status, "revoked");
    assert_string_equal(push.status_desc, "Revoked");
    assert_string_equal(push.event_type, "Certificate");
    assert_string_equal(push.removed_domains, "b.example,c.example");
    assert_string_equal(push.revocation_reason_code, "4");
    assert_string_equal(push.revocation_reason, "superseded");
    sectigo_push_clear(&push);
}

static void test_with_certificates(void **state)
{
    struct sectigo_push push;
    (void)state;

    assert_true(parse("orderNumber=1&certificateID=2&Status=issued&statusCode=6&statusDesc=Valid"
                      "&certificate=-----BEGIN%20CERTIFICATE-----%0AMAMCAQE%3D%0A-----END%20CERTIFICATE-----%0A"
                      "&caCertificate=-----BEGIN+CERTIFICATE-----%0AMAMCAQI%3D%0A-----END+CERTIFICATE-----%0A"
                      "-----BEGIN+CERTIFICATE-----%0AMAMCAQM%3D%0A-----END+CERTIFICATE-----%0A",
                      &push));
    assert_string_equal(push.certificate, "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n");
    assert_string_equal(push.ca_certificate, "-----BEGIN CERTIFICATE-----\nMAMCAQI=\n-----END CERTIFICATE-----\n"
                                             "-----BEGIN CERTIFICATE-----\nMAMCAQM=\n-----END CERTIFICATE-----\n");
    sectigo_push_clear(&push);
}

static void test_unreadable_certificate_is_left_out(void **state)
{
    struct sectigo_push push;
    (void)state;

    assert_true(parse("orderNumber=1&statusCode=6&certificate=garbage", &push));
    assert_int_equal(push.kind, SECTIGO_PUSH_ISSUED);
    assert_null(push.certificate);
    sectigo_push_clear(&push);
}

static void test_links(void **state)
{
    struct sectigo_push push;
    (void)state;

    assert_true(parse("orderNumber=12repl%231&status=verified&verificationCode=mdt%26Bf", &push));
    char *ov = sectigo_push_ov_link(&push, "https://secure.trust-provider.com");
    char *ev = sectigo_push_ev_link(&push, "https://secure.trust-provider.com");
    assert_string_equal(
        ov, "https://secure.trust-provider.com/products/EnterCallbackCode?orderNumber=12repl%231&code2=mdt%26Bf");
    assert_string_equal(ev, "https://secure.trust-provider.com/products/"
                            "ExecuteAgreementsWithCode?orderNumber=12repl%231&code2=mdt%26Bf");
    free(ov);
    free(ev);
    push.verification_code[0] = '\0';
    assert_null(sectigo_push_ov_link(&push, "https://secure.trust-provider.com"));
    assert_null(sectigo_push_ev_link(&push, "https://secure.trust-provider.com"));
    sectigo_push_clear(&push);
}

static void test_no_push(void **state)
{
    static const char *const cases[] = {
        "",
        "statusCode=6&Status=issued",
        "orderNumber=1",
        "orderNumber=&certificateID=&statusCode=6",
        "orderNumber=1&statusCode=six",
        "orderNumber=1&statusCode=6.0",
        "orderNumber=1&statusCode=%",
        "{\"orderNumber\":1}",
    };
    struct sectigo_push push;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        if (parse(cases[i], &push))
            fail_msg("\"%s\" was taken for a push", cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status),      cmocka_unit_test(test_fields),
        cmocka_unit_test(test_with_certificates), cmocka_unit_test(test_unreadable_certificate_is_left_out),
        cmocka_unit_test(test_other_forms),       cmocka_unit_test(test_links),
        cmocka_unit_test(test_no_push),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
