/* pushes: kept until the reply that they overtook has told their number, bounded in count and time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/issue/life/pushes.h"

static struct sectigo_push *make(const char *order_number, const char *certificate_id)
{
    struct sectigo_push push = {0};
    snprintf(push.order_number, sizeof push.order_number, "%s", order_number);
    snprintf(push.certificate_id, sizeof push.certificate_id, "%s", certificate_id);
    push.certificate = strdup("pem");
    struct sectigo_push *copy = push_copy(&push);
    sectigo_push_clear(&push);
    assert_non_null(copy);
    return copy;
}

static void expect(struct pushes *pushes, const char *order_number, const char *certificate_id, bool found)
{
    struct sectigo_push *push = pushes_take(pushes, order_number, certificate_id, 1);
    assert_int_equal(push != NULL, found);
    if (push)
        assert_string_equal(push->certificate, "pem");
    push_free(push);
}

static void test_take(void **state)
{
    struct pushes *pushes = pushes_make();
    (void)state;
    pushes_keep(pushes, make("1", "11"), 0);
    pushes_keep(pushes, make("2", ""), 0);
    expect(pushes, "3", "", false);
    expect(pushes, "", "", false); /* what has no number matches nothing */
    expect(pushes, "2", "22", true);
    expect(pushes, "2", "22", false);
    expect(pushes, "9", "11", true);
    pushes_free(pushes);
}

static void test_bounds(void **state)
{
    struct pushes *pushes = pushes_make();
    char number[16];
    (void)state;
    for (int i = 0; i <= PUSHES_MAX; i++) {
        snprintf(number, sizeof number, "%d", i);
        pushes_keep(pushes, make(number, ""), 0);
    }
    expect(pushes, "0", "", false); /* the oldest made room */
    expect(pushes, "1", "", true);
    pushes_keep(pushes, make("late", ""), PUSHES_KEPT_S * 1000);
    assert_null(pushes_take(pushes, "2", "", PUSHES_KEPT_S * 1000));
    struct sectigo_push *late = pushes_take(pushes, "late", "", PUSHES_KEPT_S * 1000);
    assert_non_null(late);
    push_free(late);
    pushes_free(pushes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_take), cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
