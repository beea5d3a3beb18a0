/* revoke: which answers to AutoRevokeSSL end it, and when it is asked once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/durations.h"
#include "gateway/issue/revocation/revoke.h"

#include "reply.h"

static const struct {
    const char *what, *body;
    bool done;
    uint64_t rest_ms;
    enum log_level level;
    const char *reason;
} ANSWERS[] = {
    {"revoked", "errorCode=0", true, 0, LOG_LEVEL_INFO, ""},
    {"revoked before", "errorCode=-21&errorMessage=The+certificate+has+already+been+revoked", true, 0, LOG_LEVEL_INFO,
     "The certificate has already been revoked"},
    {"rejected before", "errorCode=-20&errorMessage=The+certificate+request+has+already+been+rejected", true, 0,
     LOG_LEVEL_INFO, "The certificate request has already been rejected"},
    {"lost", NULL, false, 0, LOG_LEVEL_INFO, "the reply was lost"},
    {"kept back by the breaker", "-", false, 20 * 1000, LOG_LEVEL_INFO, "the login rests"},
    {"HTML", "<html>Bad gateway</html>", false, 0, LOG_LEVEL_INFO, ""},
    {"later", "errorCode=-23&errorMessage=It+is+being+issued", false, 0, LOG_LEVEL_ERROR, "-23: It is being issued"},
    {"an unknown error", "errorCode=-14&errorMessage=An+unknown+error", false, 0, LOG_LEVEL_ERROR,
     "-14: An unknown error"},
    {"the login is refused", "errorCode=-16&errorMessage=Permission+denied", false, 0, LOG_LEVEL_ERROR,
     "-16: Permission denied"},
    {"expired, says Sectigo", "errorCode=-35&errorMessage=It+has+expired", false, 0, LOG_LEVEL_ERROR,
     "-35: It has expired"},
    {"a code nobody knows", "errorCode=-999&errorMessage=Moon", false, 0, LOG_LEVEL_ERROR, "-999: Moon"},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        struct upstream_reply reply = reply_of(ANSWERS[i].body);
        struct revoke_outcome outcome = revoke_decide(&reply);
        print_message("%s\n", ANSWERS[i].what);
        assert_int_equal(outcome.to, ANSWERS[i].done ? ACME_REVOCATION_DONE : ACME_REVOCATION_ASKED);
        assert_int_equal(outcome.rest_ms, ANSWERS[i].rest_ms);
        assert_non_null(outcome.line.msg);
        assert_int_equal(outcome.line.level, ANSWERS[i].level);
        assert_string_equal(outcome.line.reason, ANSWERS[i].reason);
    }
}

enum { LATER_MS = 60 * 1000, ASKED_MS = 1000000000 };

static const struct {
    uint64_t waited_ms, next_ms;
} WAITS[] = {
    {0, LATER_MS},
    {LATER_MS - 1, LATER_MS},
    {LATER_MS + 1, LATER_MS + 1}, /* which doubles it */
    {HOUR_MS - 1, HOUR_MS - 1},
    {HOUR_MS, HOUR_MS},
    {30ull * 24 * HOUR_MS, HOUR_MS},
};

static void test_back_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof WAITS / sizeof *WAITS; i++)
        assert_int_equal(revoke_back_off_ms(ASKED_MS, LATER_MS, ASKED_MS + WAITS[i].waited_ms), WAITS[i].next_ms);
    assert_int_equal(revoke_back_off_ms(ASKED_MS, LATER_MS, ASKED_MS - HOUR_MS), LATER_MS); /* a clock that was set */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers), cmocka_unit_test(test_back_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
