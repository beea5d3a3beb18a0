#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/problem.h"

static void every_type_has_a_urn_and_back(void **state)
{
    (void)state;
    for (int type = ACME_PROBLEM_NONE + 1; type < ACME_PROBLEM_TYPES; type++) {
        const char *urn = acme_problem_urn((enum acme_problem_type)type);
        assert_non_null(urn);
        assert_memory_equal(urn, "urn:ietf:params:acme:error:", 27);
        assert_int_equal(acme_problem_from_urn(urn), type);
    }
    assert_int_equal(acme_problem_from_urn("urn:ietf:params:acme:error:nosuch"), ACME_PROBLEM_NONE);
}

static void set_fills_type_status_and_detail(void **state)
{
    struct acme_problem problem = {0};

    (void)state;
    assert_false(acme_problem_set(&problem, ACME_RATE_LIMITED, "try in %d s", 30));
    assert_int_equal(problem.type, ACME_RATE_LIMITED);
    assert_int_equal(problem.status, 429);
    assert_string_equal(problem.detail, "try in 30 s");
    assert_false(acme_problem_status(&problem, 413, ACME_MALFORMED, "too large"));
    assert_int_equal(problem.status, 413);
    acme_problem_clear(&problem);
    assert_int_equal(problem.type, ACME_PROBLEM_NONE);
}

static void setting_again_drops_the_extra_and_may_quote_itself(void **state)
{
    struct acme_problem problem = {0};

    (void)state;
    acme_problem_set(&problem, ACME_DNS, "no answer");
    problem.extra = json_pack("{s:s}", "more", "text");
    acme_problem_set(&problem, ACME_CAA, "CAA: %s", problem.detail);
    assert_string_equal(problem.detail, "CAA: no answer");
    assert_null(problem.extra);
}

static void peers_words_become_printable(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x99\x82"},
        {"a\nb\tc\x1b[31m\x7f", "a?b?c?[31m?"},
        {"\xff\xfe", "??"},
        {"\xc0\x80", "??"},           /* overlong NUL */
        {"\xe0\x80\xaf", "???"},      /* overlong slash */
        {"\xed\xa0\x80", "???"},      /* surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
        {"\xc2\x85", "??"},           /* C1 control */
        {"\xe2\x80\xae", "???"},      /* right-to-left override */
        {"\xe2\x82", "??"},           /* cut */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct acme_problem problem = {0};
        acme_problem_set(&problem, ACME_TLS, "%s", cases[i].in);
        assert_string_equal(problem.detail, cases[i].out);
        json_t *document = acme_problem_json(&problem);
        assert_non_null(document);
        json_decref(document);
    }
}

static void a_long_detail_is_cut_between_characters(void **state)
{
    char text[2 * ACME_DETAIL_MAX + 1];
    struct acme_problem problem = {0};

    (void)state;
    for (size_t i = 0; i < ACME_DETAIL_MAX; i++)
        memcpy(text + 2 * i, "\xc3\xbc", 2);
    text[2 * ACME_DETAIL_MAX] = '\0';
    acme_problem_set(&problem, ACME_TLS, "%s", text);
    assert_int_equal(strlen(problem.detail), ACME_DETAIL_MAX - 2);
    assert_null(strchr(problem.detail, '?'));
}

static void document_has_all_members(void **state)
{
    struct acme_problem problem = {0};

    (void)state;
    acme_problem_set(&problem, ACME_BAD_SIGNATURE_ALGORITHM, "use another");
    problem.extra = json_pack("{s:[s]}", "algorithms", "ES256");
    char *text = acme_problem_dump(&problem);
    json_t *document = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(document, "type")),
                        "urn:ietf:params:acme:error:badSignatureAlgorithm");
    assert_string_equal(json_string_value(json_object_get(document, "detail")), "use another");
    assert_int_equal(json_integer_value(json_object_get(document, "status")), 400);
    assert_int_equal(json_array_size(json_object_get(document, "algorithms")), 1);
    json_decref(document);
    free(text);
    acme_problem_clear(&problem);
}

static void memory_is_short(void **state)
{
    struct acme_problem problem = {0};
    (void)state;
    assert_false(acme_problem_out_of_memory(&problem));
    assert_int_equal(problem.type, ACME_SERVER_INTERNAL);
    assert_int_equal(problem.status, 503);
    assert_int_equal(problem.retry_after_s, 60);
    assert_string_equal(problem.detail, ACME_OUT_OF_MEMORY);
    acme_problem_clear(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_a_urn_and_back),
        cmocka_unit_test(set_fills_type_status_and_detail),
        cmocka_unit_test(setting_again_drops_the_extra_and_may_quote_itself),
        cmocka_unit_test(peers_words_become_printable),
        cmocka_unit_test(a_long_detail_is_cut_between_characters),
        cmocka_unit_test(document_has_all_members),
        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
