#include "cases.h"

#include "sectigo/sectigo.h"

static void test_encode(void **state)
{
    struct sectigo_form form = {0};
    (void)state;

    sectigo_form_add(&form, "IP Addresses", "10");
    sectigo_form_add(&form, "orderNumber", "1234567repl#1");
    sectigo_form_add(&form, "csr", "MII+/=");
    sectigo_form_add(&form, "absent", NULL);
    sectigo_form_add_secret(&form, "loginPassword", "a&b=c%");
    sectigo_form_addf(&form, "days", "%d", 365);
    char *text = sectigo_form_encode(&form, false), *masked = sectigo_form_encode(&form, true);
    assert_string_equal(text, "IP+Addresses=10&orderNumber=1234567repl%231&csr=MII%2B%2F%3D&loginPassword=a%26b%3Dc%25"
                              "&days=365");
    assert_string_equal(masked, "IP+Addresses=10&orderNumber=1234567repl%231&csr=MII%2B%2F%3D&loginPassword=***"
                                "&days=365");
    free(text);
    free(masked);
    sectigo_form_clear(&form);
}

static void test_round_trip_of_every_octet(void **state)
{
    struct sectigo_form form = {0}, back;
    char all[256];
    (void)state;

    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = '\0';
    sectigo_form_add(&form, all, all);
    char *text = sectigo_form_encode(&form, false);
    assert_true(sectigo_form_parse(text, strlen(text), NULL, &back));
    assert_int_equal(back.count, 1);
    assert_string_equal(back.params[0].name, all);
    assert_string_equal(back.params[0].value, all);
    free(text);
    sectigo_form_clear(&form);
    sectigo_form_clear(&back);
}

static void test_parse(void **state)
{
    static const char *const keep[] = {"certificate", NULL};
    static const char text[] = "a=1&&b=x+y%26z%3D%2B&Certificate=+A+%2B&c&d=&a=2&";
    struct sectigo_form form;
    (void)state;

    assert_true(sectigo_form_parse(text, strlen(text), keep, &form));
    assert_int_equal(form.count, 6);
    assert_string_equal(sectigo_form_get(&form, "A"), "1");
    assert_string_equal(sectigo_form_get(&form, "b"), "x y&z=+");
    assert_string_equal(sectigo_form_get(&form, "certificate"), "+A++");
    assert_string_equal(sectigo_form_get(&form, "c"), "");
    assert_string_equal(sectigo_form_get(&form, "d"), "");
    assert_null(sectigo_form_get(&form, "e"));
    assert_string_equal(form.params[5].value, "2");
    sectigo_form_clear(&form);
}

static void test_no_form(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {{"a=%", 3}, {"a=%4", 4}, {"a=%4g", 5}, {"a=%00", 5}, {"a=\0b", 4}, {"%zz=1", 5}, {"a=%%41", 6}};
    struct sectigo_form form;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        if (sectigo_form_parse(cases[i].text, cases[i].len, NULL, &form))
            fail_msg("case %zu was taken for a form", i);
}

static void test_too_many_pairs(void **state)
{
    size_t len = 40000 * 2;
    char *text = malloc(len);
    struct sectigo_form form;
    (void)state;

    for (size_t i = 0; i < len; i += 2)
        memcpy(text + i, "a&", 2);
    assert_false(sectigo_form_parse(text, len, NULL, &form));
    assert_true(sectigo_form_parse(text, 2000, NULL, &form));
    assert_int_equal(form.count, 1000);
    sectigo_form_clear(&form);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),         cmocka_unit_test(test_round_trip_of_every_octet),
        cmocka_unit_test(test_parse),          cmocka_unit_test(test_no_form),
        cmocka_unit_test(test_too_many_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
