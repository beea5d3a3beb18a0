#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acme/id.h"

static void begins_with_the_time(void **state)
{
    static const uint8_t time[6] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab};
    struct acme_id id;

    (void)state;
    assert_true(acme_id_make(&id, UINT64_C(0x0123456789ab)));
    assert_memory_equal(id.octets, time, sizeof time);
}

static void sorts_by_time(void **state)
{
    struct acme_id earlier, later;

    (void)state;
    assert_true(acme_id_make(&earlier, UINT64_C(1790000000999)));
    assert_true(acme_id_make(&later, UINT64_C(1790000001000)));
    assert_true(memcmp(earlier.octets, later.octets, ACME_ID_LEN) < 0);
}

static void two_of_one_moment_differ(void **state)
{
    struct acme_id a, b;

    (void)state;
    assert_true(acme_id_make(&a, 1));
    assert_true(acme_id_make(&b, 1));
    assert_memory_not_equal(a.octets, b.octets, ACME_ID_LEN);
}

static void text_round_trips(void **state)
{
    struct acme_id id, back;
    char text[ACME_ID_TEXT + 1];

    (void)state;
    assert_true(acme_id_make(&id, UINT64_C(1790000000000)));
    acme_id_text(&id, text);
    assert_int_equal(strlen(text), ACME_ID_TEXT);
    assert_true(acme_id_parse(text, ACME_ID_TEXT, &back));
    assert_memory_equal(id.octets, back.octets, ACME_ID_LEN);
}

static void other_text_is_refused(void **state)
{
    struct acme_id id;

    (void)state;
    assert_false(acme_id_parse("", 0, &id));
    assert_false(acme_id_parse("AAAAAAAAAAAAAAAAAAAAAAA", 23, &id));
    assert_false(acme_id_parse("AAAAAAAAAAAAAAAAAAAAAAAAA", 25, &id));
    assert_false(acme_id_parse("AAAAAAAAAAAA/AAAAAAAAAAA", 24, &id));
    assert_false(acme_id_parse("AAAAAAAAAAAAAAAAAAAAAA==", 24, &id));
    assert_true(acme_id_parse("AAAAAAAAAAAAAAAAAAAAAAAA", 24, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_the_time),     cmocka_unit_test(sorts_by_time),
        cmocka_unit_test(two_of_one_moment_differ), cmocka_unit_test(text_round_trips),
        cmocka_unit_test(other_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
