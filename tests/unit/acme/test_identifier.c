#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acme/identifier.h"

#define LABEL63 "a23456789012345678901234567890123456789012345678901234567890123"

static void accepts(const char *type, const char *text, const char *canonical)
{
    struct acme_problem problem = {0};
    struct acme_identifier identifier;

    if (!identifier_parse(type, text, strlen(text), &identifier, &problem))
        fail_msg("%s", problem.detail);
    assert_string_equal(identifier.value, canonical);
}

static void refuses(const char *type, const char *text, enum acme_problem_type expected, const char *words)
{
    struct acme_problem problem = {0};
    struct acme_identifier identifier;

    if (identifier_parse(type, text, strlen(text), &identifier, &problem))
        fail_msg("accepted: %s", text);
    assert_int_equal(problem.type, expected);
    if (!strstr(problem.detail, words))
        fail_msg("\"%s\" does not say \"%s\"", problem.detail, words);
}

static void names_are_accepted_in_canonical_form(void **state)
{
    (void)state;
    accepts("dns", "example.com", "example.com");
    accepts("dns", "WWW.Example.COM", "www.example.com");
    accepts("dns", "a-b.c--d.0.example", "a-b.c--d.0.example");
    accepts("dns", "*.example.com", "*.example.com");
    accepts("dns", "*.Sub.example.com", "*.sub.example.com");
    accepts("dns", "1.2.3.4.in-addr.arpa", "1.2.3.4.in-addr.arpa");
    accepts("dns", LABEL63 ".example", LABEL63 ".example");
    accepts("dns", LABEL63 "." LABEL63 "." LABEL63 ".a23456789.123456789.123456789.123456789.123456789.123456789.e",
            LABEL63 "." LABEL63 "." LABEL63 ".a23456789.123456789.123456789.123456789.123456789.123456789.e");
}

static void a_labels_must_be_valid(void **state)
{
    (void)state;
    accepts("dns", "xn--mnchen-3ya.example", "xn--mnchen-3ya.example");
    accepts("dns", "XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example");
    accepts("dns", "xn--fa-hia.example", "xn--fa-hia.example"); /* sharp s, allowed by IDNA 2008 */
    accepts("dns", "xn--fiqs8s.xn--fiqs8s", "xn--fiqs8s.xn--fiqs8s");
    accepts("dns", "*.xn--mnchen-3ya.example", "*.xn--mnchen-3ya.example");
    refuses("dns", "xn--ls8h.example", ACME_MALFORMED, "IDNA");       /* an emoji */
    refuses("dns", "xn--a.example", ACME_MALFORMED, "IDNA");          /* broken Punycode */
    refuses("dns", "xn--.example", ACME_MALFORMED, "hyphen");         /* nothing */
    refuses("dns", "xn--example-.example", ACME_MALFORMED, "hyphen"); /* ASCII in disguise */
    refuses("dns", "xn--mnchen-3yb9.example", ACME_MALFORMED, "IDNA");
    refuses("dns", "xn--Mnchen-3YA0000000.example", ACME_MALFORMED, "IDNA");
    accepts("dns", "xn--tda.example", "xn--tda.example");        /* a lower-case umlaut */
    refuses("dns", "xn--wca.example", ACME_MALFORMED, "IDNA");   /* the upper-case one */
    refuses("dns", "xn--n3h.example", ACME_MALFORMED, "IDNA");   /* a snowman */
    refuses("dns", "xn--a-xbb.example", ACME_MALFORMED, "IDNA"); /* not in NFC */
    refuses("dns", "xn--uba.example", ACME_MALFORMED, "IDNA");   /* middle dot without its two l */
    refuses("dns", "xn--mi7c.example", ACME_MALFORMED, "IDNA");  /* full-width letter */
    refuses("dns", "xn--1ug.example", ACME_MALFORMED, "IDNA");   /* joiner alone */
    refuses("dns", "xn--1-0hc.example", ACME_MALFORMED, "IDNA"); /* digit before Hebrew (RFC 5893) */
    accepts("dns", "xn--1-zhc.example", "xn--1-zhc.example");
    accepts("dns", "xn--ll-0ea.example", "xn--ll-0ea.example");
    accepts("dns", "xn--11b6iy14e.example", "xn--11b6iy14e.example"); /* joiner behind a virama */
    refuses("dns", "ab--cd.example", ACME_MALFORMED, "reserved");
    refuses("dns", "m\xc3\xbcnchen.example", ACME_MALFORMED, "A-label");
}

static void other_names_are_refused(void **state)
{
    (void)state;
    refuses("dns", "", ACME_MALFORMED, "empty");
    refuses("dns", "example.com.", ACME_MALFORMED, "without the final dot");
    refuses("dns", ".", ACME_MALFORMED, "final dot");
    refuses("dns", ".example.com", ACME_MALFORMED, "empty label");
    refuses("dns", "a..example.com", ACME_MALFORMED, "empty label");
    refuses("dns", "localhost", ACME_REJECTED_IDENTIFIER, "single label");
    refuses("dns", "a_b.example.com", ACME_MALFORMED, "underscore");
    refuses("dns", "-a.example.com", ACME_MALFORMED, "hyphen");
    refuses("dns", "a-.example.com", ACME_MALFORMED, "hyphen");
    refuses("dns", "a b.example.com", ACME_MALFORMED, "only letters");
    refuses("dns", "example.com/path", ACME_MALFORMED, "only letters");
    refuses("dns", "example.com:443", ACME_MALFORMED, "port");
    refuses("dns", "user@example.com", ACME_MALFORMED, "only letters");
    refuses("dns", LABEL63 "4.example", ACME_MALFORMED, "63");
    refuses("dns", LABEL63 "." LABEL63 "." LABEL63 ".a23456789.123456789.123456789.123456789.123456789.123456789.ex",
            ACME_MALFORMED, "253");
    refuses("dns", LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ".example", ACME_MALFORMED, "253");
    refuses("dns", "example.123", ACME_MALFORMED, "number");
    refuses("dns", "192.0.2.1", ACME_MALFORMED, "\"ip\"");
    refuses("dns", "2001:db8::1", ACME_MALFORMED, "\"ip\"");
    refuses("email", "a@example.com", ACME_UNSUPPORTED_IDENTIFIER, "email");
    refuses("DNS", "example.com", ACME_UNSUPPORTED_IDENTIFIER, "DNS");
}

static void a_nul_does_not_end_a_name(void **state)
{
    struct acme_problem problem = {0};
    struct acme_identifier identifier;

    (void)state;
    assert_false(identifier_parse("dns", "a.example\0.evil.test", 20, &identifier, &problem));
    assert_false(identifier_parse("ip", "192.0.2.1\0x", 11, &identifier, &problem));
}

static void wildcards_only_in_front(void **state)
{
    (void)state;
    refuses("dns", "*", ACME_MALFORMED, "wildcard");
    refuses("dns", "*.", ACME_MALFORMED, "final dot");
    refuses("dns", "*.com", ACME_REJECTED_IDENTIFIER, "single label");
    refuses("dns", "*.*.example.com", ACME_MALFORMED, "wildcard");
    refuses("dns", "www.*.example.com", ACME_MALFORMED, "wildcard");
    refuses("dns", "w*.example.com", ACME_MALFORMED, "wildcard");
    refuses("dns", "*w.example.com", ACME_MALFORMED, "wildcard");
    refuses("dns", "*example.com", ACME_MALFORMED, "wildcard");
    refuses("dns", "*..example.com", ACME_MALFORMED, "empty label");
    refuses("dns", "*.192.0.2.1", ACME_MALFORMED, "number");
}

static void addresses_are_canonical(void **state)
{
    (void)state;
    accepts("ip", "192.0.2.1", "192.0.2.1");
    accepts("ip", "2001:db8::1", "2001:db8::1");
    accepts("ip", "2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1");
    accepts("ip", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"); /* RFC 5952 section 4.2.3 */
    accepts("ip", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    accepts("ip", "::1", "::1");
    refuses("ip", "", ACME_MALFORMED, "not an IP address");
    refuses("ip", "192.0.2.01", ACME_MALFORMED, "not an IP address");
    refuses("ip", "192.0.2", ACME_MALFORMED, "not an IP address");
    refuses("ip", "3221225985", ACME_MALFORMED, "not an IP address");
    refuses("ip", "0x7f.1", ACME_MALFORMED, "not an IP address");
    refuses("ip", "192.0.2.1/32", ACME_MALFORMED, "prefix");
    refuses("ip", "[2001:db8::1]", ACME_MALFORMED, "brackets");
    refuses("ip", "fe80::1%eth0", ACME_MALFORMED, "zone");
    refuses("ip", "::ffff:192.0.2.1", ACME_MALFORMED, "write it as IPv4");
    refuses("ip", "::192.0.2.1", ACME_MALFORMED, "write it as IPv4");
    refuses("ip", "example.com", ACME_MALFORMED, "not an IP address");
}

static struct acme_names names_of(const char *json)
{
    struct acme_names names;
    struct acme_problem problem = {0};
    json_t *array = json_loads(json, 0, NULL);

    if (!names_parse(array, 100, &names, &problem))
        fail_msg("%s", problem.detail);
    json_decref(array);
    return names;
}

static void names_are_a_set(void **state)
{
    struct acme_names a =
        names_of("[{\"type\":\"dns\",\"value\":\"b.example\"},{\"type\":\"ip\",\"value\":\"192.0.2.1\"},"
                 "{\"type\":\"dns\",\"value\":\"A.example\"},{\"type\":\"dns\",\"value\":\"b.EXAMPLE\"}]");
    struct acme_names b =
        names_of("[{\"type\":\"ip\",\"value\":\"192.0.2.1\"},{\"type\":\"dns\",\"value\":\"a.example\"},"
                 "{\"type\":\"dns\",\"value\":\"b.example\"}]");
    struct acme_names c;
    unsigned char digest_a[32], digest_b[32];

    (void)state;
    assert_int_equal(a.count, 3);
    assert_string_equal(a.list[0].value, "a.example");
    assert_string_equal(a.list[1].value, "b.example");
    assert_string_equal(a.list[2].value, "192.0.2.1");
    assert_true(names_equal(&a, &b));
    assert_true(names_contain(&a, &b.list[2]));
    assert_true(names_digest(&a, digest_a) && names_digest(&b, digest_b));
    assert_memory_equal(digest_a, digest_b, 32);
    assert_true(names_copy(&c, &a));
    assert_true(names_equal(&a, &c));
    names_clear(&b);
    b = names_of("[{\"type\":\"dns\",\"value\":\"a.example\"},{\"type\":\"dns\",\"value\":\"b.example\"},"
                 "{\"type\":\"ip\",\"value\":\"192.0.2.2\"}]");
    assert_false(names_equal(&a, &b));
    assert_false(names_contain(&a, &b.list[2]));
    assert_true(names_digest(&b, digest_b));
    assert_memory_not_equal(digest_a, digest_b, 32);
    names_clear(&a);
    names_clear(&b);
    names_clear(&c);
}

static void many_names_stay_sorted(void **state)
{
    struct acme_names names = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct acme_identifier identifier = {.type = ACME_DNS_NAME};
        snprintf(identifier.value, sizeof identifier.value, "h%02d.example", (i * 37) % 100);
        assert_true(names_add(&names, &identifier));
    }
    assert_int_equal(names.count, 100);
    for (size_t i = 1; i < names.count; i++)
        assert_true(strcmp(names.list[i - 1].value, names.list[i].value) < 0);
    names_clear(&names);
}

static void appending_takes_only_what_comes_behind(void **state)
{
    (void)state;
    static const struct acme_identifier dns_a = {ACME_DNS_NAME, "a.example"}, dns_b = {ACME_DNS_NAME, "b.example"},
                                        ip_a = {ACME_IP_ADDRESS, "a.example"};
    struct acme_names names = {0};
    assert_true(names_append(&names, &dns_a));
    assert_false(names_append(&names, &dns_a));
    assert_true(names_append(&names, &dns_b));
    assert_false(names_append(&names, &dns_a));
    assert_true(names_append(&names, &ip_a));
    assert_false(names_append(&names, &dns_b)); /* the type comes first */
    assert_int_equal(names.count, 3);
    names_clear(&names);
}

static json_t *refused_names(const char *json, size_t max, struct acme_problem *problem)
{
    struct acme_names names;
    json_t *array = json_loads(json, JSON_DECODE_ANY, NULL);

    assert_false(names_parse(array, max, &names, problem));
    assert_int_equal(names.count, 0);
    assert_null(names.list);
    json_decref(array);
    return json_object_get(problem->extra, "subproblems");
}

static void one_bad_name_is_named(void **state)
{
    struct acme_problem problem = {0};
    const json_t *list = refused_names("[{\"type\":\"dns\",\"value\":\"good.example\"},"
                                       "{\"type\":\"dns\",\"value\":\"localhost\"}]",
                                       100, &problem);

    (void)state;
    assert_int_equal(problem.type, ACME_REJECTED_IDENTIFIER);
    assert_non_null(strstr(problem.detail, "localhost"));
    assert_int_equal(json_array_size(list), 1);
    acme_problem_clear(&problem);
}

/* RFC 8555 section 6.7.1 */
static void several_bad_names_are_subproblems(void **state)
{
    struct acme_problem problem = {0};
    const json_t *list =
        refused_names("[{\"type\":\"dns\",\"value\":\"a_b.example\"},{\"type\":\"dns\",\"value\":\"ok.example\"},"
                      "{\"type\":\"email\",\"value\":\"x@example\"},{\"value\":7}]",
                      100, &problem);
    const json_t *second = json_array_get(list, 1);

    (void)state;
    assert_int_equal(problem.type, ACME_COMPOUND);
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(json_string_value(json_object_get(second, "type")),
                        "urn:ietf:params:acme:error:unsupportedIdentifier");
    assert_string_equal(json_string_value(json_object_get(json_object_get(second, "identifier"), "value")),
                        "x@example");
    assert_null(json_object_get(second, "status"));
    acme_problem_clear(&problem);
}

static void a_bad_list_is_malformed(void **state)
{
    static const char *const lists[] = {"[]", "{}", "\"a.example\"", "null", "[[]]", "[null]", "[{\"type\":\"dns\"}]"};

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct acme_problem problem = {0};
        refused_names(lists[i], 100, &problem);
        assert_int_equal(problem.type, ACME_MALFORMED);
        acme_problem_clear(&problem);
    }
    struct acme_problem problem = {0};
    refused_names("[{\"type\":\"dns\",\"value\":\"a.example\"},{\"type\":\"dns\",\"value\":\"b.example\"}]", 1,
                  &problem);
    assert_non_null(strstr(problem.detail, "at most 1"));
    acme_problem_clear(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_accepted_in_canonical_form),
        cmocka_unit_test(a_labels_must_be_valid),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(a_nul_does_not_end_a_name),
        cmocka_unit_test(wildcards_only_in_front),
        cmocka_unit_test(addresses_are_canonical),
        cmocka_unit_test(names_are_a_set),
        cmocka_unit_test(many_names_stay_sorted),
        cmocka_unit_test(appending_takes_only_what_comes_behind),
        cmocka_unit_test(one_bad_name_is_named),
        cmocka_unit_test(several_bad_names_are_subproblems),
        cmocka_unit_test(a_bad_list_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
