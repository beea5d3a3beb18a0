/* notice: which answers confirm what a push told of a revocation, which deny it, and which say nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/issue/revocation/notice.h"

#include "reply.h"

#define ORDER "errorCode=0&1_orderNumber=12345&1_orderStatus="

static const struct {
    const char *what, *body;
    enum notice_found revoked, will_be;
} ANSWERS[] = {
    {"lost", NULL, NOTICE_UNANSWERED, NOTICE_UNANSWERED},
    {"never left", "-", NOTICE_UNANSWERED, NOTICE_UNANSWERED},
    {"HTML", "<html>Bad gateway</html>", NOTICE_UNANSWERED, NOTICE_UNANSWERED},
    {"a refusal", "errorCode=-16&errorMessage=Permission+denied%21", NOTICE_UNANSWERED, NOTICE_UNANSWERED},
    {"no order", "errorCode=0", NOTICE_UNANSWERED, NOTICE_UNANSWERED},
    {"an order that lives", ORDER "Issued&1_1_certificateStatus=Issued", NOTICE_DENIED, NOTICE_CONFIRMED},
    {"an order that is revoked", ORDER "revoked", NOTICE_CONFIRMED, NOTICE_CONFIRMED},
    {"a certificate of it that is", ORDER "Issued&1_1_certificateStatus=Issued&1_2_certificateStatus=Revoked",
     NOTICE_CONFIRMED, NOTICE_CONFIRMED},
    {"another end", ORDER "Rejected&1_1_certificateStatus=Expired", NOTICE_DENIED, NOTICE_CONFIRMED},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        struct upstream_reply reply = reply_of(ANSWERS[i].body);
        print_message("%s\n", ANSWERS[i].what);
        assert_int_equal(notice_decide(&reply, false), ANSWERS[i].revoked);
        assert_int_equal(notice_decide(&reply, true), ANSWERS[i].will_be);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
