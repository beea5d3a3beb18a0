/* payment: what a look at an order that waits for its payment leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "acme/durations.h"
#include "gateway/issue/money/payment.h"

static const uint64_t NOW_MS = 1796040000000;
static const struct config_issuance times = {.settle_again_ms = 5 * MINUTE_MS, .resend_ms = 15 * MINUTE_MS};

/* Minutes, before now and after it. */
static const struct {
    const char *what;
    enum payment_state state;
    uint32_t sends, looks;
    int32_t refusal;
    unsigned sent_ago;
    bool waits;
    enum payment_state to;
    unsigned due_in;
} cases[] = {
    {"not sent yet", PAYMENT_WAITING, 0, 0, 0, 0, true, PAYMENT_WAITING, 0},
    {"paid by somebody", PAYMENT_WAITING, 0, 0, 0, 0, false, PAYMENT_DONE, 0},
    {"was accepted", PAYMENT_UNKNOWN, 1, 0, 0, 1, false, PAYMENT_DONE, 0},
    {"was accepted, and refused the second time", PAYMENT_UNKNOWN, 2, 0, -4, 1, false, PAYMENT_DONE, 0},
    {"the first look", PAYMENT_UNKNOWN, 1, 0, 0, 1, true, PAYMENT_UNKNOWN, 5},
    {"the first look, late", PAYMENT_UNKNOWN, 1, 0, 0, 30, true, PAYMENT_UNKNOWN, 5},
    {"the second look, too early to send", PAYMENT_UNKNOWN, 1, 1, 0, 6, true, PAYMENT_UNKNOWN, 9},
    {"the second look, nearly", PAYMENT_UNKNOWN, 1, 1, 0, 14, true, PAYMENT_UNKNOWN, 5},
    {"sent again", PAYMENT_UNKNOWN, 1, 2, 0, 15, true, PAYMENT_WAITING, 0},
    {"refused the first time", PAYMENT_UNKNOWN, 1, 0, -91, 1, true, PAYMENT_WAITING, 60},
    {"refused the second time: the first look", PAYMENT_UNKNOWN, 2, 0, -91, 1, true, PAYMENT_UNKNOWN, 5},
    {"refused the second time: the second look", PAYMENT_UNKNOWN, 2, 1, -91, 20, true, PAYMENT_WAITING, 60},
};

static void test_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct payment payment = {.state = cases[i].state,
                                  .sends = cases[i].sends,
                                  .looks = cases[i].looks,
                                  .refusal = cases[i].refusal,
                                  .sent_ms = NOW_MS - (uint64_t)cases[i].sent_ago * MINUTE_MS};
        struct payment_decision is = payment_decide(&payment, cases[i].waits, &times, NOW_MS);
        uint64_t due_ms = NOW_MS + (uint64_t)cases[i].due_in * MINUTE_MS;

        if (is.to != cases[i].to || (is.to != PAYMENT_DONE && is.due_ms != due_ms))
            fail_msg("%s: %s, %lld ms from now", cases[i].what, payment_state_text(is.to),
                     (long long)(is.due_ms - NOW_MS));
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(payment_state_text(PAYMENT_WAITING), "waiting");
    assert_string_equal(payment_state_text(PAYMENT_DONE), "done");
    assert_string_equal(payment_state_text(PAYMENT_STATES), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decide), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
