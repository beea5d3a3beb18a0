/* AutoApplyOrder and AutoReplaceSSL: both formats, and each against the other. */
#include "cases.h"

#include "sectigo/sectigo.h"

static bool parse(enum sectigo_call_kind call, const char *body, struct sectigo_order_flags flags,
                  struct sectigo_order_answer *answer)
{
    return sectigo_parse_order(call, body, strlen(body), &flags, answer);
}

static void test_examples_of_the_reference(void **state)
{
    /* 5.1 to 5.6 and the second document. */
    static const struct {
        const char *body, *order_number, *unique_value;
        int64_t cents;
    } cases[] = {
        {"0\n123456789\n35.00\n1\nImWhh1J1", "123456789", "ImWhh1J1", 3500},
        {"0\n987654321\n210.00\n1", "987654321", "", 21000},
        {"0\n987654321\n210.00\n1\n", "987654321", "", 21000},
        {"0\r\n987654321\r\n210.00\r\n1\r\n", "987654321", "", 21000},
        {"0\n3040824\n210.00\n1\nTnerFu0d", "3040824", "TnerFu0d", 21000},
    };
    struct sectigo_order_answer answer;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(parse(SECTIGO_AUTO_APPLY_ORDER, cases[i].body, (struct sectigo_order_flags){0}, &answer));
        assert_int_equal(answer.code, 0);
        assert_string_equal(answer.order_number, cases[i].order_number);
        assert_string_equal(answer.unique_value, cases[i].unique_value);
        assert_true(answer.has_cost);
        assert_int_equal(answer.cost_cents, cases[i].cents);
    }
    assert_true(parse(SECTIGO_AUTO_APPLY_ORDER,
                      "errorCode=0&orderNumber=3040824&totalCost=210.00&expectedDeliveryTime=1&uniqueValue=TnerFu0d",
                      (struct sectigo_order_flags){.url_encoded = true}, &answer));
    assert_string_equal(answer.order_number, "3040824");
    assert_string_equal(answer.unique_value, "TnerFu0d");
    assert_int_equal(answer.cost_cents, 21000);
}

/* Every combination of what may be asked for and what may come, written in both formats: the same answer. */
static void test_formats_agree(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 32; bits++) {
        bool with_id = bits & 1, with_state = bits & 2, with_unique = bits & 4, payment = bits & 8, replace = bits & 16;
        struct sectigo_order_flags flags = {.certificate_id = with_id, .certificate_state = with_state};
        enum sectigo_call_kind call = replace ? SECTIGO_AUTO_REPLACE_SSL : SECTIGO_AUTO_APPLY_ORDER;
        struct sectigo_order_answer from_lines, from_form;
        char lines[512], form[512];

        snprintf(lines, sizeof lines, "%d\n%s1%s%s%s", payment, replace ? "" : "1234567repl#1\n99.5\n",
                 with_id ? "\n1234567890123456" : "", with_state ? "\nAwaiting Validation (Full)" : "",
                 with_unique ? "\nabc123" : "");
        snprintf(form, sizeof form, "errorCode=%d%s&expectedDeliveryTime=1%s%s%s", payment,
                 replace ? "" : "&orderNumber=1234567repl%231&totalCost=99.5",
                 with_id ? "&certificateID=1234567890123456" : "",
                 with_state ? "&certificateStatus=Awaiting+Validation+%28Full%29" : "",
                 with_unique ? "&uniqueValue=abc123" : "");
        assert_true(parse(call, lines, flags, &from_lines));
        flags.url_encoded = true;
        assert_true(parse(call, form, flags, &from_form));
        assert_memory_equal(&from_lines, &from_form, sizeof from_form);
        assert_string_equal(from_form.order_number, replace ? "" : "1234567repl#1");
        assert_string_equal(from_form.certificate_id, with_id ? "1234567890123456" : "");
        assert_string_equal(from_form.unique_value, with_unique ? "abc123" : "");
        assert_int_equal(from_form.cost_cents, replace ? 0 : 9950);
    }
}

/* Notes 2.17: the two last lines of an order of SiteLock. */
static void test_site_of_the_order(void **state)
{
    static const struct {
        const char *body;
        bool ok;
        const char *unique_value, *user_id, *site_id;
    } cases[] = {
        {"0\n3040824\n149.00\n1", true, "", "", ""},
        {"0\n3040824\n149.00\n1\n123456\nsite-1", true, "", "123456", "site-1"},
        {"0\n3040824\n149.00\n1\nTnerFu0d\n123456\nsite-1", true, "TnerFu0d", "123456", "site-1"},
        {"0\n3040824\n149.00\n1\n\n\n\n123456\nsite-1\n", true, "", "123456", "site-1"},
        {"0\n3040824\n149.00\n1\nTnerFu0d", true, "TnerFu0d", "", ""},
        {"0\n3040824\n149.00\n1\nnot-unique\n123456\nsite-1", false, "", "", ""},
        {"0\n3040824\n149.00\n1\na\nuser\nsite-1", false, "", "", ""},
        {"0\n3040824\n149.00\n1\n\n\n\n\n123456\nsite-1", false, "", "", ""},
    };
    struct sectigo_order_answer answer;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool ok =
            parse(SECTIGO_AUTO_APPLY_ORDER, cases[i].body, (struct sectigo_order_flags){.sitelock = true}, &answer);

        if (ok != cases[i].ok || (ok && (strcmp(answer.unique_value, cases[i].unique_value) != 0 ||
                                         strcmp(answer.site.user_id, cases[i].user_id) != 0 ||
                                         strcmp(answer.site.site_id, cases[i].site_id) != 0)))
            fail_msg("case %zu: %d, \"%s\", \"%s\", \"%s\"", i, ok, answer.unique_value, answer.site.user_id,
                     answer.site.site_id);
    }
    assert_false(parse(SECTIGO_AUTO_APPLY_ORDER, cases[1].body, (struct sectigo_order_flags){0}, &answer));
}

static void test_refusals_agree(void **state)
{
    struct sectigo_order_answer from_lines, from_form;
    (void)state;

    assert_true(parse(SECTIGO_AUTO_APPLY_ORDER, "-3\nThe 'csr' argument is missing!\n", (struct sectigo_order_flags){0},
                      &from_lines));
    assert_true(parse(SECTIGO_AUTO_APPLY_ORDER, "errorCode=-3&errorMessage=The+%27csr%27+argument+is+missing%21",
                      (struct sectigo_order_flags){.url_encoded = true}, &from_form));
    assert_memory_equal(&from_lines, &from_form, sizeof from_form);
    assert_int_equal(from_form.code, -3);
    assert_string_equal(from_form.message, "The 'csr' argument is missing!");
}

static void test_message_of_the_table_where_none_came(void **state)
{
    struct sectigo_order_answer answer;
    (void)state;

    assert_true(
        parse(SECTIGO_AUTO_APPLY_ORDER, "errorCode=-15", (struct sectigo_order_flags){.url_encoded = true}, &answer));
    assert_string_equal(answer.message, "Not enough credit!");
    assert_true(parse(SECTIGO_AUTO_APPLY_ORDER, "-15", (struct sectigo_order_flags){0}, &answer));
    assert_string_equal(answer.message, "Not enough credit!");
}

static void test_unknown_code_keeps_its_text(void **state)
{
    struct sectigo_order_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_AUTO_APPLY_ORDER, "errorCode=-777&errorMessage=Something%20n%C3%A9w%0A%ff",
                      (struct sectigo_order_flags){.url_encoded = true}, &answer));
    assert_int_equal(answer.code, -777);
    assert_string_equal(answer.message, "Something n\xc3\xa9w ?");
    /* Overlong, a surrogate, beyond the last character, cut. */
    assert_true(parse(SECTIGO_AUTO_APPLY_ORDER,
                      "errorCode=-777&errorMessage=%e0%80%80,%ed%a0%80,%f4%90%80%80,%f0%80%80%80,%e2%82",
                      (struct sectigo_order_flags){.url_encoded = true}, &answer));
    assert_string_equal(answer.message, "???,???,????,????,??");
}

static void test_encoded_separators_stay_in_the_message(void **state)
{
    struct sectigo_order_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_AUTO_APPLY_ORDER, "errorCode=-4&errorMessage=a%26orderNumber%3D1&x=y",
                      (struct sectigo_order_flags){.url_encoded = true}, &answer));
    assert_string_equal(answer.message, "a&orderNumber=1");
    assert_string_equal(answer.order_number, "");
}

/* The outcome is unknown: neither success nor refusal may be read from these. */
static void test_no_answer(void **state)
{
    static const struct {
        const char *body;
        struct sectigo_order_flags flags;
    } cases[] = {
        {"", {.url_encoded = true}},
        {"Internal Server Error", {.url_encoded = true}},
        {"<html><body>errorCode=0</body></html>", {.url_encoded = true}},
        {"orderNumber=123&totalCost=1.00", {.url_encoded = true}},
        {"errorCode=&orderNumber=1", {.url_encoded = true}},
        {"errorCode=0x0&orderNumber=1", {.url_encoded = true}},
        {"errorCode= 0&orderNumber=1", {.url_encoded = true}},
        {"errorCode=+0&orderNumber=1", {.url_encoded = true}},
        {"errorCode=00&orderNumber=1", {.url_encoded = true}},
        {"errorCode=-0&orderNumber=1", {.url_encoded = true}},
        {"errorCode=0", {.url_encoded = true}},
        {"errorCode=0&orderNumber=", {.url_encoded = true}},
        {"errorCode=0&orderNumber=<b>1</b>", {.url_encoded = true}},
        {"errorCode=0&orderNumber=1 2", {.url_encoded = true}},
        {"errorCode=-3&errorCode=0&orderNumber=1", {.url_encoded = true}},
        {"errorCode=0&orderNumber=1%", {.url_encoded = true}},
        {"errorCode=99999999999&orderNumber=1", {.url_encoded = true}},
        {"0\n123456789\n35.00\n1", {.url_encoded = true}},
        {"errorCode=0&orderNumber=123", {0}},
        {"", {0}},
        {"\n\n", {0}},
        {"0", {0}},
        {"0\n1234", {0}},
        {"0\n1234\n35.00", {0}},
        {"0\n\n35.00\n1", {0}},
        {"0\n1234\n35,00\n1", {0}},
        {"0\n1234\n1,235.00\n1", {0}},
        {"0\n1234\n-35.00\n1", {0}},
        {"0\n1234\n35.001\n1", {0}},
        {"0\n1234\n35.\n1", {0}},
        {"0\n1234\n.5\n1", {0}},
        {"0\n1234\n$35.00\n1", {0}},
        {"0\n1234\n35.00\n1\nnot-alphanumeric!", {0}},
        {"0\n1234\n35.00\n1\nabc\nmore", {0}},
        {"0\n1234\n35.00\n1", {.certificate_id = true}},
        {"0\n1234\n35.00\n1\nabc", {.certificate_id = true}},
        {"0\n1234\n35.00\n1\n12345678901234567", {.certificate_id = true}},
        {"0\n1234\n35.00\n1\n77", {.certificate_id = true, .certificate_state = true}},
        {"<!DOCTYPE html>\n<html>", {0}},
        {"-3\nThe text\nand more", {0}},
    };
    struct sectigo_order_answer answer;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        if (parse(SECTIGO_AUTO_APPLY_ORDER, cases[i].body, cases[i].flags, &answer))
            fail_msg("\"%s\" was taken for an answer", cases[i].body);
}

static void test_nul_is_no_answer(void **state)
{
    struct sectigo_order_answer answer;
    (void)state;

    assert_false(sectigo_parse_order(SECTIGO_AUTO_APPLY_ORDER, "errorCode=0&orderNumber=1\0", 26,
                                     &(struct sectigo_order_flags){.url_encoded = true}, &answer));
    assert_false(
        sectigo_parse_order(SECTIGO_AUTO_APPLY_ORDER, "0\n12\0\n1\n1", 9, &(struct sectigo_order_flags){0}, &answer));
}

static void test_order_stands_though_details_cannot_be_read(void **state)
{
    struct sectigo_order_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_AUTO_APPLY_ORDER,
                      "errorCode=0&orderNumber=12&totalCost=1,210.00&certificateID=x&uniqueValue=%21",
                      (struct sectigo_order_flags){.url_encoded = true}, &answer));
    assert_string_equal(answer.order_number, "12");
    assert_false(answer.has_cost);
    assert_string_equal(answer.certificate_id, "");
    assert_string_equal(answer.unique_value, "");
}

static void test_amounts(void **state)
{
    static const struct {
        const char *text;
        int64_t cents; /* -1: none */
    } cases[] = {
        {"210.00", 21000}, {"35", 3500}, {"0.5", 50},           {"0", 0},   {"0.05", 5}, {"007.10", 710}, {"", -1},
        {"1.234", -1},     {"1e3", -1},  {"%2B5", -1},          {"-1", -1}, {"1 ", -1},  {"%20210", -1},  {"NaN", -1},
        {"1.2.3", -1},     {".", -1},    {"9999999999999", -1},
    };
    struct sectigo_order_answer answer;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        char body[128];

        snprintf(body, sizeof body, "errorCode=0&orderNumber=12&totalCost=%s", cases[i].text);
        assert_true(parse(SECTIGO_AUTO_APPLY_ORDER, body, (struct sectigo_order_flags){.url_encoded = true}, &answer));
        if (answer.has_cost != (cases[i].cents >= 0) || (answer.has_cost && answer.cost_cents != cases[i].cents))
            fail_msg("\"%s\" gave %d, %lld", cases[i].text, answer.has_cost, (long long)answer.cost_cents);
    }
}

static void test_replacement_with_an_order_number(void **state)
{
    struct sectigo_order_answer answer;
    (void)state;

    assert_true(parse(SECTIGO_AUTO_REPLACE_SSL, "errorCode=0&certificateID=77&orderNumber=12repl%231",
                      (struct sectigo_order_flags){.url_encoded = true}, &answer));
    assert_string_equal(answer.order_number, "12repl#1");
    assert_string_equal(answer.certificate_id, "77");
}

static void test_other_calls_are_refused(void **state)
{
    struct sectigo_order_answer answer;
    (void)state;

    assert_false(parse(SECTIGO_COLLECT_SSL, "errorCode=0&orderNumber=1",
                       (struct sectigo_order_flags){.url_encoded = true}, &answer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_reference),
        cmocka_unit_test(test_formats_agree),
        cmocka_unit_test(test_refusals_agree),
        cmocka_unit_test(test_site_of_the_order),
        cmocka_unit_test(test_message_of_the_table_where_none_came),
        cmocka_unit_test(test_unknown_code_keeps_its_text),
        cmocka_unit_test(test_encoded_separators_stay_in_the_message),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_nul_is_no_answer),
        cmocka_unit_test(test_order_stands_though_details_cannot_be_read),
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_replacement_with_an_order_number),
        cmocka_unit_test(test_other_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
