#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acme/base64url.h"

/* RFC 4648 section 10, without the padding that RFC 7515 takes away; RFC 7515 appendix C. */
static const struct {
    const char *octets, *text;
} vectors[] = {
    {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\x03\xec\xff\xe0\xc1", "A-z_4ME"},
};

static void encodes_and_decodes_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char text[16];
        uint8_t octets[16];
        size_t len = strlen(vectors[i].octets);
        assert_int_equal(base64url_encode(vectors[i].octets, len, text), strlen(vectors[i].text));
        assert_string_equal(text, vectors[i].text);
        assert_int_equal(base64url_decode(text, strlen(text), octets, sizeof octets), len);
        assert_memory_equal(octets, vectors[i].octets, len);
    }
}

/* RFC 4648 section 5, table 2. */
static void knows_the_whole_alphabet(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t octets[48];
    char text[BASE64URL_SIZE(48)];

    (void)state;
    assert_int_equal(base64url_decode(alphabet, 64, octets, sizeof octets), 48);
    assert_int_equal(octets[0], 0x00);
    assert_int_equal(octets[47], 0xbf);
    base64url_encode(octets, sizeof octets, text);
    assert_string_equal(text, alphabet);
}

static void every_other_character_is_refused(void **state)
{
    int accepted = 0;
    uint8_t octets[3];

    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[] = {(char)c, 'A', 'A', 'A'};
        accepted += base64url_decode(text, 4, octets, sizeof octets) == 3;
    }
    assert_int_equal(accepted, 64);
}

static void second_spellings_are_refused(void **state)
{
    static const char *const texts[] = {"Zh",    "Zm9",   "Zg==",  "Zg=",    "Z",    "A",
                                        "Zm9vY", "Zm9vA", "Zm 9v", "Zm9v\n", "Zm+v", "Zm/v"};
    uint8_t octets[16];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(base64url_decode(texts[i], strlen(texts[i]), octets, sizeof octets), -1);
}

static void never_writes_beyond_its_size(void **state)
{
    uint8_t octets[4] = {0, 0, 0, 0x55};

    (void)state;
    assert_int_equal(base64url_decode("Zm9vYg", 6, octets, 3), -1);
    assert_int_equal(base64url_decode("Zm9v", 4, octets, 3), 3);
    assert_int_equal(octets[3], 0x55);
    assert_int_equal(base64url_decode("", 0, octets, 0), 0);
}

static void round_trips_any_length(void **state)
{
    uint8_t in[256], out[256];
    char text[BASE64URL_SIZE(256)];

    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 167 + 13);
    for (size_t len = 0; len <= sizeof in; len++) {
        size_t n = base64url_encode(in, len, text);
        assert_int_equal(n, BASE64URL_SIZE(len) - 1);
        assert_int_equal(base64url_decode(text, n, out, sizeof out), len);
        assert_memory_equal(in, out, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_the_vectors),  cmocka_unit_test(knows_the_whole_alphabet),
        cmocka_unit_test(every_other_character_is_refused), cmocka_unit_test(second_spellings_are_refused),
        cmocka_unit_test(never_writes_beyond_its_size),     cmocka_unit_test(round_trips_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
