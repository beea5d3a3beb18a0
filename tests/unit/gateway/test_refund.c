/* refund: whose order may be refunded, or cancelled: never one whose number is another subscription's. And what the
 * answers to AutoRefund mean. */
#include "acme/durations.h"
#include "tests/unit/gateway/temp_store.h"

#include <string.h>

#include "gateway/issue/money/refund.h"
#include "gateway/issue/record/numbers.h"

#include "reply.h"

static char ENDPOINT[] = "https://ca.example";
static const struct acme_id FIRST = {{1}}, SECOND = {{2}};

static enum store_status claim(struct store_txn *txn, void *arg)
{
    (void)arg;
    const struct subscription sub = {.id = FIRST, .endpoint = ENDPOINT};
    return numbers_claim(txn, NUMBER_ORDER, "1000001", &sub);
}

static enum store_status ours(struct store *store, struct acme_id id, const char *number)
{
    struct subscription sub = {.id = id, .endpoint = ENDPOINT};
    struct store_txn *txn;
    snprintf(sub.order_number, sizeof sub.order_number, "%s", number);
    assert_int_equal(store_read(store, &txn), STORE_OK);
    enum store_status status = refund_is_ours(txn, &sub);
    store_read_end(txn);
    return status;
}

static void test_a_number_of_another_is_not_ours(void **state)
{
    struct temp_store temp;
    (void)state;
    temp_store_open(&temp);
    assert_int_equal(store_call(temp.store, claim, NULL), STORE_OK);
    assert_int_equal(ours(temp.store, FIRST, "1000001"), STORE_OK);
    assert_int_equal(ours(temp.store, SECOND, "1000001"), STORE_EXISTS);
    assert_int_equal(ours(temp.store, SECOND, "1000002"), STORE_NOT_FOUND);
    assert_int_equal(ours(temp.store, SECOND, ""), STORE_NOT_FOUND);
    temp_store_close(&temp);
}

enum { NOW_MS = 1000000000, LATER_MS = MINUTE_MS };

static const struct {
    const char *what, *body;
    bool confirmed;
    uint64_t rest_ms;
    enum log_level level;
    const char *reason;
} ANSWERS[] = {
    {"refunded", "errorCode=0", true, 0, LOG_LEVEL_DEBUG, ""},
    {"cancelled before", "errorCode=-20&errorMessage=The+order+has+already+been+canceled", true, 0, LOG_LEVEL_DEBUG,
     ""},
    {"refunded before", "errorCode=-18&errorMessage=This+order+has+already+been+refunded", true, 0, LOG_LEVEL_DEBUG,
     ""},
    {"lost", NULL, false, LATER_MS, LOG_LEVEL_INFO, "the reply was lost"},
    {"never left", "-", false, LATER_MS, LOG_LEVEL_INFO, "the login rests"},
    {"HTML", "<html>Bad gateway</html>", false, LATER_MS, LOG_LEVEL_INFO, "the reply is no answer of this API"},
    {"refused", "errorCode=-18&errorMessage=Too+late", false, HOUR_MS, LOG_LEVEL_ERROR, "Too late"},
    {"refused by an argument", "errorCode=-4&errorMessage=orderNumber", false, HOUR_MS, LOG_LEVEL_ERROR, "orderNumber"},
    {"later", "errorCode=-26&errorMessage=It+is+being+issued", false, LATER_MS, LOG_LEVEL_ERROR, "It is being issued"},
    {"an unknown error", "errorCode=-14&errorMessage=Unknown", false, LATER_MS, LOG_LEVEL_ERROR, "Unknown"},
    {"the login is refused", "errorCode=-16&errorMessage=Denied", false, LATER_MS, LOG_LEVEL_ERROR, "Denied"},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        struct upstream_reply reply = reply_of(ANSWERS[i].body);
        struct refund_outcome outcome = refund_decide(&reply, LATER_MS, NOW_MS);
        print_message("%s\n", ANSWERS[i].what);
        assert_int_equal(outcome.confirmed, ANSWERS[i].confirmed);
        assert_int_equal(outcome.again_ms, ANSWERS[i].confirmed ? 0 : NOW_MS + ANSWERS[i].rest_ms);
        assert_true((outcome.line.msg == NULL) == ANSWERS[i].confirmed);
        assert_int_equal(outcome.line.level, ANSWERS[i].level);
        assert_string_equal(outcome.line.reason, ANSWERS[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_number_of_another_is_not_ours),
                                       cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
