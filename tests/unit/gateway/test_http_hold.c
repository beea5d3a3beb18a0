/* hold: the table of waiting replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http/hold.h"

static struct acme_id id(uint8_t first, uint8_t last)
{
    struct acme_id made = {{0}};
    made.octets[0] = first;
    made.octets[ACME_ID_LEN - 1] = last;
    return made;
}

static int prepare(void **state)
{
    struct holds *holds = malloc(sizeof *holds);
    assert_non_null(holds);
    holds_init(holds);
    *state = holds;
    return 0;
}

static int end(void **state)
{
    free(*state);
    return 0;
}

struct seen {
    struct holds *holds;
    struct hold *list[8];
    unsigned count;
    bool remove;
};

static void see(void *ctx, struct hold *hold)
{
    struct seen *seen = ctx;
    seen->list[seen->count++] = hold;
    if (seen->remove) {
        hold_remove(seen->holds, hold);
        memset(hold, 0xff, sizeof *hold); /* as if freed */
    }
}

static void test_topics_are_told_apart(void **state)
{
    struct holds *holds = *state;
    struct hold a = {0}, b = {0}, c = {0};
    struct seen seen = {.holds = holds};
    struct acme_id one = id(1, 7), two = id(1, 200), absent = id(1, 8);
    hold_add(holds, &a, &one, 100);
    hold_add(holds, &b, &two, 100);
    hold_add(holds, &c, &one, 100);
    assert_false(holds_mark(holds, &absent));
    holds_each_marked(holds, see, &seen);
    assert_int_equal(seen.count, 0);
    assert_true(holds_mark(holds, &one));
    assert_true(holds_mark(holds, &one));
    holds_each_marked(holds, see, &seen);
    assert_int_equal(seen.count, 2);
    assert_ptr_equal(seen.list[0], &a);
    assert_ptr_equal(seen.list[1], &c);
    holds_each_marked(holds, see, &seen);
    assert_int_equal(seen.count, 2);
    assert_true(holds_mark(holds, &two));
    holds_each_marked(holds, see, &seen);
    assert_int_equal(seen.count, 3);
    assert_ptr_equal(seen.list[2], &b);
    hold_remove(holds, &a);
    hold_remove(holds, &b);
    hold_remove(holds, &c);
    hold_remove(holds, &c);
    assert_false(hold_is_linked(&c));
    assert_false(holds_mark(holds, &one));
}

static void test_each_survives_removal(void **state)
{
    struct holds *holds = *state;
    struct hold list[3] = {0};
    struct seen seen = {.holds = holds, .remove = true};
    struct acme_id topic = id(1, 1);
    for (unsigned i = 0; i < 3; i++)
        hold_add(holds, &list[i], &topic, 100);
    assert_true(holds_mark(holds, &topic));
    holds_each_marked(holds, see, &seen);
    assert_int_equal(seen.count, 3);
    assert_false(holds_mark(holds, &topic));
}

static void test_due_ones_come_out_once(void **state)
{
    struct holds *holds = *state;
    struct hold late = {0}, early = {0}, middle = {0};
    struct acme_id topic = id(3, 3);
    assert_int_equal(holds->earliest_ms, UINT64_MAX);
    hold_add(holds, &late, &topic, 3000);
    hold_add(holds, &early, &topic, 1000);
    hold_add(holds, &middle, &topic, 2000);
    assert_int_equal(holds->earliest_ms, 1000);
    assert_null(holds_due(holds, 999));
    assert_ptr_equal(holds_due(holds, 1000), &early);
    assert_null(holds_due(holds, 1000));
    assert_int_equal(holds->earliest_ms, 2000);
    hold_remove(holds, &middle);
    assert_null(holds_due(holds, 2500));
    assert_int_equal(holds->earliest_ms, 3000);
    assert_ptr_equal(holds_due(holds, UINT64_MAX), &late);
    assert_null(holds_due(holds, UINT64_MAX));
    assert_int_equal(holds->earliest_ms, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_topics_are_told_apart, prepare, end),
        cmocka_unit_test_setup_teardown(test_each_survives_removal, prepare, end),
        cmocka_unit_test_setup_teardown(test_due_ones_come_out_once, prepare, end),
    };
    return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
