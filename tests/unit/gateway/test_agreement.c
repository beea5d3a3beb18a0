/* agreement: everything that a report says of an order is compared with what was sent, and nothing that it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gateway/issue/upstream/agreement.h"

#define TEXT(text) ((char *)(uintptr_t)(text))
enum { SINGLE = 488, WILDCARD = 489, MULTI = 492 };

static const int64_t SENT_S = 1796040000, HOUR = 3600;

struct world {
    struct acme_names names;
    struct agreement sent;
    struct sectigo_report_certificate certificates[2];
    struct sectigo_report_order order;
    char why[AGREEMENT_WHY_MAX];
};

static void order_names(struct world *w, const char *first, const char *second, const char *third)
{
    const char *const given[] = {first, second, third};
    names_clear(&w->names);
    for (size_t i = 0; i < 3 && given[i]; i++) {
        struct acme_identifier name = {.type = ACME_DNS_NAME};
        strcpy(name.value, given[i]);
        assert_true(names_add(&w->names, &name));
    }
}

static int set_up(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    w.sent = (struct agreement){.foreign_order_number = "a1",
                                .names = &w.names,
                                .base_of_wildcard = true,
                                .purchase = true,
                                .product = MULTI,
                                .days = 365,
                                .sent_ms = (uint64_t)SENT_S * 1000,
                                .resent_ms = (uint64_t)SENT_S * 1000,
                                .now_ms = (uint64_t)(SENT_S + HOUR) * 1000};
    w.order =
        (struct sectigo_report_order){.order_number = "77", .certificates = w.certificates, .certificate_count = 1};
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    names_clear(&((struct world *)*state)->names);
    return 0;
}

static bool holds(struct world *w)
{
    w->why[0] = '\0';
    bool agreed = agreement_holds(&w->sent, &w->order, w->why);
    assert_true(agreed || w->why[0]);
    return agreed;
}

static bool says(struct world *w, const char *names)
{
    w->certificates[0].names = TEXT(names);
    return holds(w);
}

static void test_names_are_a_set(void **state)
{
    struct world *w = *state;
    order_names(w, "a.example", "b.example", "c.example");
    assert_true(says(w, NULL)); /* not said, not compared */
    assert_true(says(w, ""));
    assert_true(says(w, "a.example,b.example,c.example"));
    assert_true(says(w, "C.EXAMPLE b.Example; a.example, a.example"));
    assert_false(says(w, "a.example,b.example"));
    assert_non_null(strstr(w->why, "c.example"));
    assert_false(says(w, "a.example,b.example,c.example,d.example"));
    assert_non_null(strstr(w->why, "d.example"));
    assert_false(says(w, "a.example,b.example,xc.example"));
    assert_false(says(w, "a.example,b.example,not_a_name!"));
    w->order.certificate_count = 2; /* a name a certificate */
    w->certificates[1].names = TEXT("c.example");
    assert_true(says(w, "a.example,b.example"));
    assert_false(says(w, "a.example"));
}

static void test_names_that_a_product_adds(void **state)
{
    struct world *w = *state;
    order_names(w, "d.example", "www.d.example", NULL);
    assert_false(says(w, "d.example"));
    w->sent.product = SINGLE;
    assert_true(says(w, "d.example"));
    assert_true(says(w, "www.d.example,d.example"));
    assert_false(says(w, "e.example"));
    order_names(w, "d.example", NULL, NULL);
    assert_false(says(w, "d.example,www.d.example")); /* omitAdditionalFQDN=Y: it was not to be added */
    w->sent.product = WILDCARD;
    order_names(w, "*.d.example", NULL, NULL);
    assert_true(says(w, "*.d.example, d.example"));
    assert_false(says(w, "d.example"));
    w->sent.base_of_wildcard = false;
    assert_false(says(w, "*.d.example, d.example"));
    order_names(w, "*.d.example", "d.example", NULL);
    assert_true(says(w, "*.d.example"));
}

static void test_product_and_term(void **state)
{
    struct world *w = *state;
    order_names(w, "a.example", NULL, NULL);
    w->certificates[0].product = MULTI;
    w->certificates[0].days = 365;
    assert_true(holds(w));
    w->certificates[0].product = SINGLE;
    assert_false(holds(w));
    assert_non_null(strstr(w->why, "488"));
    w->certificates[0].product = 0;
    w->certificates[0].days = 730;
    assert_false(holds(w));
    assert_non_null(strstr(w->why, "730"));
    w->sent.purchase = false; /* the family's, whatever the profile says by now */
    w->certificates[0].product = SINGLE;
    assert_true(holds(w));
}

static void test_time(void **state)
{
    struct world *w = *state;
    order_names(w, "a.example", NULL, NULL);
    for (int64_t hours = -26; hours <= 26; hours += 13) { /* a day alone, in any zone */
        w->order.ordered_s = SENT_S + hours * HOUR;
        assert_true(holds(w));
    }
    w->order.ordered_s = SENT_S - 27 * HOUR;
    assert_false(holds(w));
    w->order.ordered_s = SENT_S + 28 * HOUR;
    assert_false(holds(w));
    w->sent.now_ms += 30 * (uint64_t)HOUR * 1000;
    assert_true(holds(w));
}

static void test_numbers(void **state)
{
    struct world *w = *state;
    order_names(w, "a.example", NULL, NULL);
    strcpy(w->order.foreign_order_number, "a1");
    assert_true(holds(w));
    strcpy(w->order.foreign_order_number, "a2");
    assert_false(holds(w));
    w->order.foreign_order_number[0] = w->order.order_number[0] = '\0';
    assert_false(holds(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_are_a_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_a_product_adds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_product_and_term, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
