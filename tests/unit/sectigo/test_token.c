#include "cases.h"

#include "sectigo/sectigo.h"

/* The octets "abc": MD5 of RFC 1321, SHA-256 of FIPS 180. */
static const uint8_t abc[] = {'a', 'b', 'c'};

static void test_hashes(void **state)
{
    struct sectigo_token token;
    (void)state;

    assert_true(sectigo_token_make(abc, sizeof abc, NULL, &token));
    assert_string_equal(token.md5_upper, "900150983CD24FB0D6963F7D28E17F72");
    assert_string_equal(token.md5_lower, "900150983cd24fb0d6963f7d28e17f72");
    assert_string_equal(token.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(token.unique_value, "");
}

static void test_file(void **state)
{
    struct sectigo_token token;
    char file[128];
    (void)state;

    assert_true(sectigo_token_make(abc, sizeof abc, "", &token));
    assert_int_equal(sectigo_token_file(&token, file, sizeof file), 76);
    assert_string_equal(file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nsectigo.com");
    assert_true(sectigo_token_make(abc, sizeof abc, "Abc123", &token));
    assert_int_equal(sectigo_token_file(&token, file, sizeof file), 83);
    assert_string_equal(file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nsectigo.com\nAbc123");
    assert_int_equal(sectigo_token_file(&token, file, 83), 0);
    assert_int_equal(sectigo_token_file(&token, file, 84), 83);
}

static void test_cname(void **state)
{
    struct sectigo_token token;
    char owner[256], target[256], name[300];
    (void)state;

    assert_true(sectigo_token_make(abc, sizeof abc, NULL, &token));
    assert_true(sectigo_token_cname(&token, "example.com.", owner, target));
    assert_string_equal(owner, "_900150983cd24fb0d6963f7d28e17f72.example.com");
    assert_string_equal(target, "ba7816bf8f01cfea414140de5dae2223.b00361a396177a9cb410ff61f20015ad.sectigo.com");
    assert_true(sectigo_token_make(abc, sizeof abc, "Abc123", &token));
    assert_true(sectigo_token_cname(&token, "example.com", owner, target));
    assert_string_equal(target, "ba7816bf8f01cfea414140de5dae2223.b00361a396177a9cb410ff61f20015ad.Abc123.sectigo.com");
    memset(name, 'a', sizeof name);
    name[219] = '\0';
    assert_true(sectigo_token_cname(&token, name, owner, target));
    name[219] = 'a';
    name[220] = '\0';
    assert_false(sectigo_token_cname(&token, name, owner, target));
    assert_false(sectigo_token_cname(&token, "", owner, target));
}

static void test_unique_values(void **state)
{
    static const struct {
        const char *value;
        bool ok;
    } cases[] = {
        {"a", true},
        {"abcdefghij0123456789", true},
        {"abcdefghij01234567890", false},
        {"a-b", false},
        {"a b", false},
        {"\xc3\xa4", false},
    };
    struct sectigo_token token;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(sectigo_token_make(abc, sizeof abc, cases[i].value, &token), cases[i].ok);
}

static void test_pem_round_trip(void **state)
{
    const char *subject[] = {"CN", "example.com", NULL};
    size_t len, back_len;
    (void)state;

    uint8_t *der = make_csr(subject, "DNS:example.com", &len);
    char *pem = sectigo_csr_pem(der, len);
    assert_ptr_equal(strstr(pem, "-----BEGIN CERTIFICATE REQUEST-----\n"), pem);
    assert_non_null(strstr(pem, "\n-----END CERTIFICATE REQUEST-----\n"));
    uint8_t *back = sectigo_csr_der(pem, &back_len);
    assert_int_equal(back_len, len);
    assert_memory_equal(back, der, len);
    free(back);
    free(pem);
    char *bare = base64_of(der, len);
    back = sectigo_csr_der(bare, &back_len);
    assert_int_equal(back_len, len);
    free(back);
    bare[20] = '!';
    assert_null(sectigo_csr_der(bare, &back_len));
    free(bare);
    assert_null(sectigo_csr_der("-----BEGIN CERTIFICATE REQUEST-----\nMAA=", &back_len));
    assert_null(sectigo_csr_der("", &back_len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),        cmocka_unit_test(test_file),           cmocka_unit_test(test_cname),
        cmocka_unit_test(test_unique_values), cmocka_unit_test(test_pem_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
