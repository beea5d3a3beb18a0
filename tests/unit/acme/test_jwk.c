#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>

#include "acme/base64url.h"
#include "acme/jwk.h"

#define RSA_N                                                                                                          \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"                          \
    "BJECPebWKRXjBZCiFV4n3oknjh"                                                                                       \
    "Mstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"                                                   \
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvR"                                                              \
    "L5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"               \
    "kEgU8awapJzKnqD"                                                                                                  \
    "Kgw"
#define P256_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define P256_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ED25519_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

static void accepts(const char *text, enum jwk_kind kind, struct jwk *jwk)
{
    struct acme_problem problem = {0};

    if (!jwk_parse_text(text, strlen(text), jwk, &problem))
        fail_msg("%s", problem.detail);
    assert_int_equal(jwk->kind, kind);
    assert_non_null(jwk->key);
}

static void refuses(const char *text, enum acme_problem_type type)
{
    struct acme_problem problem = {0};
    struct jwk jwk;

    if (jwk_parse_text(text, strlen(text), &jwk, &problem))
        fail_msg("accepted: %s", text);
    if (problem.type != type)
        fail_msg("%s: %s", text, problem.detail);
    assert_null(jwk.key);
    acme_problem_clear(&problem);
}

static void thumbprint_is(const struct jwk *jwk, const char *expected)
{
    char text[BASE64URL_SIZE(JWK_THUMBPRINT_LEN)];

    base64url_encode(jwk->thumbprint, JWK_THUMBPRINT_LEN, text);
    assert_string_equal(text, expected);
}

/* RFC 7638 section 3.1 */
static void rsa_thumbprint(void **state)
{
    struct jwk jwk;

    (void)state;
    accepts("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}", JWK_RSA,
            &jwk);
    thumbprint_is(&jwk, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_string_equal(jwk.canonical, "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}");
    jwk_clear(&jwk);
}

/* RFC 8037 appendix A.2 and A.3 */
static void ed25519_thumbprint(void **state)
{
    struct jwk jwk;

    (void)state;
    accepts("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED25519_X "\"}", JWK_ED25519, &jwk);
    thumbprint_is(&jwk, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    jwk_clear(&jwk);
}

/* The key of RFC 7515 appendix A.3. */
static void canonical_text_gives_the_same_key(void **state)
{
    struct jwk jwk, again;

    (void)state;
    accepts("{ \"y\":\"" P256_Y "\", \"x\":\"" P256_X "\", \"use\":\"sig\", \"crv\":\"P-256\", \"kty\":\"EC\" }",
            JWK_P256, &jwk);
    assert_string_equal(jwk.canonical, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}");
    accepts(jwk.canonical, JWK_P256, &again);
    assert_int_equal(EVP_PKEY_eq(jwk.key, again.key), 1);
    assert_memory_equal(jwk.thumbprint, again.thumbprint, JWK_THUMBPRINT_LEN);
    jwk_clear(&again);
    jwk_clear(&jwk);
}

static void text_of_point(char *to, size_t size, const char *crv, const uint8_t *x, size_t x_len, const uint8_t *y,
                          size_t y_len)
{
    char x_text[128], y_text[128];

    base64url_encode(x, x_len, x_text);
    base64url_encode(y, y_len, y_text);
    snprintf(to, size, "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}", crv, x_text, y_text);
}

static void generated_keys_of_all_curves_are_accepted(void **state)
{
    static const struct {
        const char *crv;
        size_t len;
        enum jwk_kind kind;
    } curves[] = {{"P-256", 32, JWK_P256}, {"P-384", 48, JWK_P384}, {"P-521", 66, JWK_P521}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *key = EVP_EC_gen(curves[i].crv);
        unsigned char point[133];
        size_t len = 0, n = curves[i].len;
        char text[512];
        struct jwk jwk;
        assert_int_equal(EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof point, &len), 1);
        assert_int_equal(len, 1 + 2 * n);
        text_of_point(text, sizeof text, curves[i].crv, point + 1, n, point + 1 + n, n);
        accepts(text, curves[i].kind, &jwk);
        assert_int_equal(EVP_PKEY_eq(jwk.key, key), 1);
        jwk_clear(&jwk);

        point[n] ^= 1; /* off the curve */
        text_of_point(text, sizeof text, curves[i].crv, point + 1, n, point + 1 + n, n);
        refuses(text, ACME_BAD_PUBLIC_KEY);
        point[n] ^= 1;
        text_of_point(text, sizeof text, curves[i].crv, point + 1, n - 1, point + n, n + 1); /* sum is right */
        refuses(text, ACME_BAD_PUBLIC_KEY);
        EVP_PKEY_free(key);
    }
}

static void hostile_points_are_refused(void **state)
{
    static const uint8_t zero[33] = {0};
    static const uint8_t prime[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    1,    [20] = 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,        0xff};
    char text[512];

    (void)state;
    text_of_point(text, sizeof text, "P-256", zero, 0, zero, 0);
    refuses(text, ACME_BAD_PUBLIC_KEY);
    text_of_point(text, sizeof text, "P-256", zero, 1, zero, 0); /* the point at infinity's encoding */
    refuses(text, ACME_BAD_PUBLIC_KEY);
    text_of_point(text, sizeof text, "P-256", zero, 32, zero, 32);
    refuses(text, ACME_BAD_PUBLIC_KEY);
    text_of_point(text, sizeof text, "P-256", zero, 33, zero, 33);
    refuses(text, ACME_BAD_PUBLIC_KEY);
    text_of_point(text, sizeof text, "P-256", prime, 32, prime, 32);
    refuses(text, ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"EC\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "=\",\"y\":\"" P256_Y "\"}", ACME_BAD_PUBLIC_KEY);
}

/* An RSA JWK with a modulus of so many bits, its octets all set but the last as given, and exponent e. */
static char *rsa_text(size_t bits, uint8_t last, const char *e)
{
    size_t len = (bits + 7) / 8;
    uint8_t *n = malloc(len);
    char *n_text = malloc(BASE64URL_SIZE(len)), *text = malloc(2 * len + 256);

    memset(n, 0xff, len);
    n[0] = (uint8_t)(0xff >> (len * 8 - bits));
    n[len - 1] = last;
    base64url_encode(n, len, n_text);
    sprintf(text, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", n_text, e);
    free(n_text);
    free(n);
    return text;
}

static void hostile_rsa_keys_are_refused(void **state)
{
    static const struct {
        size_t bits;
        uint8_t last;
        const char *e;
    } keys[] = {
        {512, 0xff, "AQAB"},     {1024, 0xff, "AQAB"},   {2047, 0xff, "AQAB"}, {4097, 0xff, "AQAB"},
        {16384, 0xff, "AQAB"},   {2048, 0xfe, "AQAB"},   {2048, 0xff, "AQAC"}, /* even exponent */
        {2048, 0xff, "Aw"},      {2048, 0xff, "AQ"},     {2048, 0xff, "AP__"}, /* 3, 1, 65535 with a zero octet */
        {2048, 0xff, "AQAAAAE"},                                               /* 2^32 + 1 */
        {2048, 0xff, ""},        {2048, 0xff, "AAEAAQ"},                       /* none, leading zero */
    };

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *text = rsa_text(keys[i].bits, keys[i].last, keys[i].e);
        refuses(text, ACME_BAD_PUBLIC_KEY);
        free(text);
    }
    char *huge = rsa_text(3072, 0xff, RSA_N); /* a huge exponent */
    refuses(huge, ACME_BAD_PUBLIC_KEY);
    free(huge);
    refuses("{\"kty\":\"RSA\",\"n\":\"AA" RSA_N "\",\"e\":\"AQAB\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"RSA\",\"e\":\"AQAB\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"RSA\",\"n\":17,\"e\":\"AQAB\"}", ACME_BAD_PUBLIC_KEY);
}

static void bounds_of_rsa_are_accepted(void **state)
{
    static const size_t bits[] = {2048, 3072, 4096};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *text = rsa_text(bits[i], 0xff, "_____w"); /* 2^32 - 1 */
        struct jwk jwk;
        accepts(text, JWK_RSA, &jwk);
        assert_int_equal(EVP_PKEY_get_bits(jwk.key), bits[i]);
        jwk_clear(&jwk);
        free(text);
    }
}

static void refuses_ed25519(const uint8_t octets[32])
{
    char text[256], x[BASE64URL_SIZE(32)];

    base64url_encode(octets, 32, x);
    snprintf(text, sizeof text, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}", x);
    refuses(text, ACME_BAD_PUBLIC_KEY);
}

static void weak_ed25519_points_are_refused(void **state)
{
    static const uint8_t order8[2][32] = {
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    };
    uint8_t y[32];

    (void)state;
    for (int sign = 0; sign <= 0x80; sign += 0x80) {
        for (uint8_t small = 0; small <= 1; small++) {
            memset(y, 0, sizeof y);
            y[0] = small;
            y[31] = (uint8_t)sign;
            refuses_ed25519(y);
        }
        for (int low = 0xec; low <= 0xff; low++) { /* p - 1 and everything from p on */
            memset(y, 0xff, sizeof y);
            y[0] = (uint8_t)low;
            y[31] = (uint8_t)(0x7f | sign);
            refuses_ed25519(y);
        }
        for (int i = 0; i < 2; i++) {
            memcpy(y, order8[i], sizeof y);
            y[31] |= (uint8_t)sign;
            refuses_ed25519(y);
        }
    }
    refuses("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED25519_X "\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED25519_X "\"}", ACME_BAD_PUBLIC_KEY);
}

static void private_and_secret_keys_are_refused(void **state)
{
    (void)state;
    refuses("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED25519_X
            "\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"}",
            ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ\"}", ACME_BAD_PUBLIC_KEY);
    refuses("{\"kty\":\"oct\"}", ACME_BAD_PUBLIC_KEY);
}

static void what_is_no_jwk_is_malformed(void **state)
{
    (void)state;
    refuses("{}", ACME_MALFORMED);
    refuses("[]", ACME_MALFORMED);
    refuses("{\"kty\":1}", ACME_MALFORMED);
    refuses("", ACME_MALFORMED);
    refuses("{\"kty\":\"EC\",\"kty\":\"RSA\"}", ACME_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsa_thumbprint),
        cmocka_unit_test(ed25519_thumbprint),
        cmocka_unit_test(canonical_text_gives_the_same_key),
        cmocka_unit_test(generated_keys_of_all_curves_are_accepted),
        cmocka_unit_test(hostile_points_are_refused),
        cmocka_unit_test(hostile_rsa_keys_are_refused),
        cmocka_unit_test(bounds_of_rsa_are_accepted),
        cmocka_unit_test(weak_ed25519_points_are_refused),
        cmocka_unit_test(private_and_secret_keys_are_refused),
        cmocka_unit_test(what_is_no_jwk_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
