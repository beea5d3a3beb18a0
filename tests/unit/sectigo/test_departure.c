/* Whether a request leaves that may not, or is late. */
#include <time.h>

#include "calling.h"

static const char *say_late(void *ctx)
{
    (*(int *)ctx)++;
    return "it is too late";
}

static const char *say_nothing(void *ctx)
{
    (*(int *)ctx)++;
    return NULL;
}

/* Asked once the connection is there: what may not leave then has sent nothing. */
static void test_what_may_not_leave_has_sent_nothing(void **state)
{
    struct server server = {0};
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    for (int late = 1; late >= 0; late--) {
        int asked = 0;
        struct sectigo_call *call = make_call(client, SECTIGO_AUTO_APPLY_ORDER);
        assert_true(sectigo_call_ask_first(call, late ? say_late : say_nothing, &asked, 30000));
        assert_int_equal(sectigo_call_perform(call), late ? SECTIGO_NEVER_LEFT : SECTIGO_ANSWERED);
        assert_int_equal(sectigo_call_withheld(call), late);
        assert_int_equal(asked, 1);
        if (late)
            assert_non_null(strstr(sectigo_call_reason(call), "it is too late"));
        sectigo_call_free(call);
    }
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.connections), 2);
    assert_int_equal(atomic_load(&server.requests), 1);
}

/* As who is stopped after he has looked at the clock. */
static const char *say_nothing_late(void *ctx)
{
    struct timespec left = {.tv_nsec = 600 * 1000 * 1000};
    (*(int *)ctx)++;
    while (nanosleep(&left, &left) != 0)
        continue;
    return NULL;
}

static void test_what_was_allowed_and_is_late_has_sent_nothing(void **state)
{
    struct server server = {0};
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    for (int late = 1; late >= 0; late--) {
        int asked = 0;
        struct sectigo_call *call = make_call(client, SECTIGO_AUTO_APPLY_ORDER);
        assert_true(sectigo_call_ask_first(call, say_nothing_late, &asked, late ? 300 : 30000));
        assert_int_equal(sectigo_call_perform(call), late ? SECTIGO_NEVER_LEFT : SECTIGO_ANSWERED);
        assert_int_equal(asked, 1);
        sectigo_call_free(call);
    }
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.requests), 1);
}

/* One that has left in time may be answered later. */
static void test_what_has_left_in_time_is_not_ended(void **state)
{
    struct server server = {0};
    int asked = 0;
    (void)state;

    start_server(&server, ANSWER_LATE, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    struct sectigo_call *call = make_call(client, SECTIGO_AUTO_APPLY_ORDER);
    assert_true(sectigo_call_ask_first(call, say_nothing, &asked, 300));
    assert_int_equal(sectigo_call_perform(call), SECTIGO_ANSWERED);
    sectigo_call_free(call);
    sectigo_client_free(client);
    stop_server(&server);
}

/* The connection may take no longer than what is left of the time to leave in. */
static void test_connection_within_the_time_to_leave_in(void **state)
{
    struct server server = {0};
    int asked = 0;
    (void)state;

    start_server(&server, SLOW_HANDSHAKE, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    struct sectigo_call *call = make_call(client, SECTIGO_AUTO_APPLY_ORDER);
    assert_true(sectigo_call_ask_first(call, say_nothing, &asked, 300));
    assert_int_equal(sectigo_call_perform(call), SECTIGO_NEVER_LEFT);
    assert_int_equal(asked, 0);
    sectigo_call_free(call);
    sectigo_client_free(client);
    stop_server(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_not_leave_has_sent_nothing),
        cmocka_unit_test(test_what_was_allowed_and_is_late_has_sent_nothing),
        cmocka_unit_test(test_what_has_left_in_time_is_not_ended),
        cmocka_unit_test(test_connection_within_the_time_to_leave_in),
    };
    return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
