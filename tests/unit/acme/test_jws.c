#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>

#include "acme/base64url.h"
#include "acme/jws.h"

/* RFC 7515 appendices A.1 to A.3 sign this. */
#define PAYLOAD "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

static const struct vector {
    const char *input, *signature, *key;
    enum jws_alg alg;
    enum jwk_kind kind;
} vectors[] = {
    /* RFC 7515 appendix A.2 */
    {"eyJhbGciOiJSUzI1NiJ9." PAYLOAD,
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t"
     "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j"
     "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ"
     "Ge77Rw",
     "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1"
     "Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-K"
     "XBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethF"
     "kMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}",
     JWS_RS256, JWK_RSA},
    /* RFC 7515 appendix A.3 */
    {"eyJhbGciOiJFUzI1NiJ9." PAYLOAD,
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
     JWS_ES256, JWK_P256},
    /* RFC 7515 appendix A.4 */
    {"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
     "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZC"
     "PEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
     "{\"kty\":\"EC\",\"crv\":\"P-521\","
     "\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\","
     "\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}",
     JWS_ES512, JWK_P521},
    /* RFC 8037 appendix A.4 and A.5 */
    {"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
     "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", JWS_EDDSA,
     JWK_ED25519},
};
enum { VECTORS = sizeof vectors / sizeof *vectors };

/* The RFC's examples have neither url nor nonce, so that they cannot be parsed as ACME requests. */
static struct jws jws_of(const struct vector *vector)
{
    struct jws jws = {.alg = vector->alg, .signing_input = strdup(vector->input)};

    jws.signing_input_len = strlen(vector->input);
    jws.signature_len =
        (size_t)base64url_decode(vector->signature, strlen(vector->signature), jws.signature, sizeof jws.signature);
    return jws;
}

static struct jwk key_of(const char *text)
{
    struct acme_problem problem = {0};
    struct jwk jwk;

    if (!jwk_parse_text(text, strlen(text), &jwk, &problem))
        fail_msg("%s", problem.detail);
    return jwk;
}

static void fails(const struct jws *jws, enum jwk_kind kind, EVP_PKEY *key, enum acme_problem_type type)
{
    struct acme_problem problem = {0};

    assert_false(jws_verify(jws, kind, key, &problem));
    assert_int_equal(problem.type, type);
    acme_problem_clear(&problem);
}

static void the_vectors_verify(void **state)
{
    (void)state;
    for (int i = 0; i < VECTORS; i++) {
        struct acme_problem problem = {0};
        struct jws jws = jws_of(&vectors[i]);
        struct jwk jwk = key_of(vectors[i].key);
        assert_int_equal(jwk.kind, vectors[i].kind);
        if (!jws_verify(&jws, jwk.kind, jwk.key, &problem))
            fail_msg("%d: %s", i, problem.detail);
        jwk_clear(&jwk);
        jws_clear(&jws);
    }
}

static void a_changed_bit_does_not_verify(void **state)
{
    (void)state;
    for (int i = 0; i < VECTORS; i++) {
        struct jws jws = jws_of(&vectors[i]);
        struct jwk jwk = key_of(vectors[i].key);
        jws.signing_input[7] ^= 1;
        fails(&jws, jwk.kind, jwk.key, ACME_MALFORMED);
        jws.signing_input[7] ^= 1;
        for (size_t n = 0; n < jws.signature_len; n += 13) {
            jws.signature[n] ^= 0x10;
            fails(&jws, jwk.kind, jwk.key, ACME_MALFORMED);
            jws.signature[n] ^= 0x10;
        }
        jws.signature_len--;
        fails(&jws, jwk.kind, jwk.key, ACME_MALFORMED);
        jws.signature_len += 2;
        fails(&jws, jwk.kind, jwk.key, ACME_MALFORMED);
        jwk_clear(&jwk);
        jws_clear(&jws);
    }
}

/* Every algorithm with every other's key, also when the caller is wrong about the key's kind. */
static void an_algorithm_needs_its_own_kind_of_key(void **state)
{
    (void)state;
    for (int i = 0; i < VECTORS; i++) {
        struct jws jws = jws_of(&vectors[i]);
        for (int k = 0; k < VECTORS; k++) {
            struct jwk jwk = key_of(vectors[k].key);
            if (k != i) {
                fails(&jws, jwk.kind, jwk.key, ACME_BAD_SIGNATURE_ALGORITHM);
                fails(&jws, vectors[i].kind, jwk.key, ACME_BAD_SIGNATURE_ALGORITHM);
            }
            jwk_clear(&jwk);
        }
        struct jwk jwk = key_of(vectors[i].key);
        fails(&jws, vectors[(i + 1) % VECTORS].kind, jwk.key, ACME_BAD_SIGNATURE_ALGORITHM);
        jws.alg = JWS_HS256;
        fails(&jws, jwk.kind, jwk.key, ACME_BAD_SIGNATURE_ALGORITHM);
        jws.alg = JWS_NONE;
        fails(&jws, jwk.kind, jwk.key, ACME_BAD_SIGNATURE_ALGORITHM);
        jwk_clear(&jwk);
        jws_clear(&jws);
    }
}

/* A DER signature, and zeros for r and s (CVE-2022-21449), where raw ones are due. */
static void ecdsa_signatures_must_be_raw(void **state)
{
    struct jws jws = jws_of(&vectors[1]);
    struct jwk jwk = key_of(vectors[1].key);
    uint8_t *to = jws.signature;
    ECDSA_SIG *pair = ECDSA_SIG_new();

    (void)state;
    ECDSA_SIG_set0(pair, BN_bin2bn(jws.signature, 32, NULL), BN_bin2bn(jws.signature + 32, 32, NULL));
    jws.signature_len = (size_t)i2d_ECDSA_SIG(pair, &to);
    fails(&jws, jwk.kind, jwk.key, ACME_MALFORMED);
    memset(jws.signature, 0, sizeof jws.signature);
    jws.signature_len = 64;
    fails(&jws, jwk.kind, jwk.key, ACME_MALFORMED);
    ECDSA_SIG_free(pair);
    jwk_clear(&jwk);
    jws_clear(&jws);
}

/* RFC 7515 appendix A.1 */
static void the_mac_vector_verifies(void **state)
{
    static const struct vector vector = {"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD,
                                         "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", NULL, JWS_HS256, 0};
    static const char key_text[] =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    struct acme_problem problem = {0};
    struct jws jws = jws_of(&vector);
    uint8_t key[64];

    (void)state;
    assert_int_equal(base64url_decode(key_text, strlen(key_text), key, sizeof key), 64);
    assert_true(jws_verify_mac(&jws, key, sizeof key, &problem));
    assert_false(jws_verify_mac(&jws, key, 63, &problem));
    assert_int_equal(problem.type, ACME_UNAUTHORIZED);
    uint8_t good[32];
    memcpy(good, jws.signature, sizeof good);
    HMAC(EVP_sha256(), "", 0, (const uint8_t *)vector.input, strlen(vector.input), jws.signature, NULL);
    assert_false(jws_verify_mac(&jws, key, 0, &problem)); /* right, but anybody's */
    memcpy(jws.signature, good, sizeof good);
    jws.signature_len--;
    assert_false(jws_verify_mac(&jws, key, sizeof key, &problem));
    jws.signature_len = 0;
    assert_false(jws_verify_mac(&jws, key, sizeof key, &problem));
    jws.alg = JWS_ES256;
    assert_false(jws_verify_mac(&jws, key, sizeof key, &problem));
    assert_int_equal(problem.type, ACME_BAD_SIGNATURE_ALGORITHM);
    acme_problem_clear(&problem);
    jws_clear(&jws);
}

/* Requests. A flattened JWS around this header and payload, with a signature of zeros. */

#define URL "\"url\":\"https://acme.example/new-order\""
#define NONCE "\"nonce\":\"oFvnlFP1wIhRlYS2jTaXbA\""
#define KID "\"kid\":\"https://acme.example/account/1\""
#define JWK                                                                                                            \
    "\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                 \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define GOOD "{\"alg\":\"ES256\"," URL "," NONCE "," KID "}"

static char *body_of(const char *header, const char *payload)
{
    char *protected = malloc(BASE64URL_SIZE(strlen(header))), *text = malloc(BASE64URL_SIZE(strlen(payload)));
    char *body = NULL;

    base64url_encode(header, strlen(header), protected);
    base64url_encode(payload, strlen(payload), text);
    assert_true(asprintf(&body, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"AAAA\"}", protected, text) >
                0);
    free(text);
    free(protected);
    return body;
}

static void body_refused(const char *body, size_t len, enum jws_role role, enum acme_problem_type type,
                         const char *words)
{
    struct acme_problem problem = {0};
    struct jws jws;

    if (jws_parse((const uint8_t *)body, len, role, &jws, &problem))
        fail_msg("accepted: %s", body);
    if (problem.type != type || !strstr(problem.detail, words))
        fail_msg("\"%s\" does not say \"%s\", or is of type %d", problem.detail, words, problem.type);
    assert_null(jws.payload);
    assert_null(jws.signing_input);
    acme_problem_clear(&problem);
}

static void text_refused(const char *body, const char *words)
{
    body_refused(body, strlen(body), JWS_REQUEST, ACME_MALFORMED, words);
}

static void header_refused(const char *header, enum jws_role role, enum acme_problem_type type, const char *words)
{
    char *body = body_of(header, "{}");

    body_refused(body, strlen(body), role, type, words);
    free(body);
}

static void a_request_is_taken_apart(void **state)
{
    struct acme_problem problem = {0};
    struct jws jws;
    char *body = body_of(GOOD, "{\"a\":1}");

    (void)state;
    assert_true(jws_parse((const uint8_t *)body, strlen(body), JWS_REQUEST, &jws, &problem));
    assert_int_equal(jws.alg, JWS_ES256);
    assert_string_equal(jws.url, "https://acme.example/new-order");
    assert_string_equal(jws.nonce, "oFvnlFP1wIhRlYS2jTaXbA");
    assert_string_equal(jws.kid, "https://acme.example/account/1");
    assert_false(jws.has_jwk);
    assert_int_equal(jws.payload_len, 7);
    assert_string_equal((const char *)jws.payload, "{\"a\":1}");
    assert_int_equal(jws.signature_len, 3);
    jws_clear(&jws);
    free(body);
}

static void post_as_get_has_an_empty_payload(void **state)
{
    struct acme_problem problem = {0};
    struct jws jws;
    char *body = body_of(GOOD, "");

    (void)state;
    assert_true(jws_parse((const uint8_t *)body, strlen(body), JWS_REQUEST, &jws, &problem));
    assert_int_equal(jws.payload_len, 0);
    assert_non_null(jws.payload);
    assert_int_equal(jws.payload[0], '\0');
    assert_int_equal(jws.signing_input[jws.signing_input_len - 1], '.');
    jws_clear(&jws);
    free(body);
}

static void a_request_with_a_key_carries_it(void **state)
{
    struct acme_problem problem = {0};
    struct jws jws;
    char *body = body_of("{\"alg\":\"ES256\"," URL "," NONCE "," JWK "}", "{}");

    (void)state;
    assert_true(jws_parse((const uint8_t *)body, strlen(body), JWS_REQUEST, &jws, &problem));
    assert_true(jws.has_jwk);
    assert_int_equal(jws.jwk.kind, JWK_P256);
    assert_string_equal(jws.kid, "");
    assert_false(jws_verify(&jws, jws.jwk.kind, jws.jwk.key, &problem));
    assert_int_equal(problem.type, ACME_MALFORMED);
    jws_clear(&jws);
    free(body);
}

static void headers_of_requests(void **state)
{
    static const struct {
        const char *header;
        enum acme_problem_type type;
        const char *words;
    } cases[] = {
        {"[]", ACME_MALFORMED, "not a JSON object"},
        {"", ACME_MALFORMED, "empty"},
        {"{" URL "," NONCE "," KID "}", ACME_MALFORMED, "no \"alg\""},
        {"{\"alg\":7," URL "," NONCE "," KID "}", ACME_MALFORMED, "no \"alg\""},
        {"{\"alg\":\"ES256\",\"alg\":\"RS256\"," URL "," NONCE "," KID "}", ACME_MALFORMED, "duplicate"},
        {"{\"alg\":\"ES256\"," NONCE "," KID "}", ACME_MALFORMED, "no \"url\""},
        {"{\"alg\":\"ES256\",\"url\":null," NONCE "," KID "}", ACME_MALFORMED, "no \"url\""},
        {"{\"alg\":\"ES256\",\"url\":\"\"," NONCE "," KID "}", ACME_MALFORMED, "no \"url\""},
        {"{\"alg\":\"ES256\"," URL "," NONCE "}", ACME_MALFORMED, "neither"},
        {"{\"alg\":\"ES256\"," URL "," NONCE "," KID "," JWK "}", ACME_MALFORMED, "both"},
        {"{\"alg\":\"ES256\"," URL "," NONCE ",\"kid\":\"\"}", ACME_MALFORMED, "no \"kid\""},
        {"{\"alg\":\"ES256\"," URL "," NONCE ",\"kid\":3}", ACME_MALFORMED, "no \"kid\""},
        {"{\"alg\":\"ES256\"," URL "," NONCE ",\"jwk\":null}", ACME_MALFORMED, "neither"},
        {"{\"alg\":\"ES256\"," URL "," NONCE ",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}", ACME_BAD_PUBLIC_KEY,
         "private"},
        {"{\"alg\":\"ES256\"," URL "," KID "}", ACME_BAD_NONCE, "no anti-replay nonce"},
        {"{\"alg\":\"ES256\"," URL "," KID ",\"nonce\":\"a+b=\"}", ACME_MALFORMED, "base64url"},
        {"{\"alg\":\"ES256\"," URL "," KID ",\"nonce\":\"\"}", ACME_MALFORMED, "base64url"},
        {"{\"alg\":\"ES256\"," URL "," KID ",\"nonce\":12}", ACME_MALFORMED, "base64url"},
        {"{\"alg\":\"ES256\",\"crit\":[\"exp\"]," URL "," NONCE "," KID "}", ACME_MALFORMED, "crit"},
        {"{\"alg\":\"ES256\",\"crit\":[]," URL "," NONCE "," KID "}", ACME_MALFORMED, "crit"},
        {"{\"alg\":\"ES256\",\"b64\":false," URL "," NONCE "," KID "}", ACME_MALFORMED, "b64"},
        {"{\"alg\":\"ES256\"," URL "," NONCE "," KID "}x", ACME_MALFORMED, "not valid JSON"},
        {"{\"alg\":\"ES256\",\"x\":\"\\u0000\"," URL "," NONCE "," KID "}", ACME_MALFORMED, "not valid JSON"},
        {"{\"alg\":\"ES256\",\"x\":\"\xff\"," URL "," NONCE "," KID "}", ACME_MALFORMED, "not valid JSON"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        header_refused(cases[i].header, JWS_REQUEST, cases[i].type, cases[i].words);
}

/* RFC 8555 section 6.2: the problem lists what would be accepted. */
static void other_algorithms_are_refused_with_a_list(void **state)
{
    static const char *const names[] = {"none", "HS256", "RS512", "PS256", "ES256K", "es256", "Ed25519"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct acme_problem problem = {0};
        struct jws jws;
        char header[256];
        snprintf(header, sizeof header, "{\"alg\":\"%s\"," URL "," NONCE "," KID "}", names[i]);
        char *body = body_of(header, "{}");
        assert_false(jws_parse((const uint8_t *)body, strlen(body), JWS_REQUEST, &jws, &problem));
        assert_int_equal(problem.type, ACME_BAD_SIGNATURE_ALGORITHM);
        const json_t *list = json_object_get(problem.extra, "algorithms");
        assert_int_equal(json_array_size(list), 5);
        assert_string_equal(json_string_value(json_array_get(list, 0)), "ES256");
        acme_problem_clear(&problem);
        free(body);
    }
}

static void long_members_are_refused(void **state)
{
    char text[ACME_PROTECTED_MAX + 2], *header, *body;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[ACME_URL_MAX] = '\0';
    assert_true(asprintf(&header, "{\"alg\":\"ES256\",\"url\":\"%s\"," NONCE "," KID "}", text) > 0);
    header_refused(header, JWS_REQUEST, ACME_MALFORMED, "longer than 511");
    free(header);
    text[200] = '\0';
    assert_true(asprintf(&header, "{\"alg\":\"ES256\",\"nonce\":\"%s\"," URL "," KID "}", text) > 0);
    header_refused(header, JWS_REQUEST, ACME_BAD_NONCE, "too long");
    free(header);
    memset(text, ' ', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    header_refused(text, JWS_REQUEST, ACME_MALFORMED, "8192");
    assert_true(asprintf(&body, "{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"%2000s\"}", "A") > 0);
    for (char *c = body; *c; c++)
        *c = *c == ' ' ? 'A' : *c;
    text_refused(body, "signature");
    free(body);
}

static void bodies_that_are_no_flattened_jws(void **state)
{
    (void)state;
    text_refused("", "empty");
    text_refused("hello", "not valid JSON");
    text_refused("[]", "not a JSON object");
    text_refused("{}", "\"protected\"");
    text_refused("{\"payload\":\"\",\"signature\":\"AAAA\"}", "\"protected\"");
    text_refused("{\"protected\":\"e30\",\"signature\":\"AAAA\"}", "\"payload\"");
    text_refused("{\"protected\":\"e30\",\"payload\":\"\"}", "\"signature\"");
    text_refused("{\"protected\":\"e30\",\"payload\":{},\"signature\":\"AAAA\"}", "strings");
    text_refused("{\"protected\":\"e30=\",\"payload\":\"\",\"signature\":\"AAAA\"}", "\"protected\"");
    text_refused("{\"protected\":\"e31\",\"payload\":\"\",\"signature\":\"AAAA\"}", "\"protected\"");
    text_refused("{\"protected\":\"e30\",\"payload\":\"a+b/\",\"signature\":\"AAAA\"}", "\"payload\"");
    text_refused("{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"A A\"}", "\"signature\"");
    text_refused("{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"\"}", "\"signature\"");
    text_refused("{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"AAAA\",\"header\":{}}", "unprotected");
    text_refused("{\"payload\":\"\",\"signatures\":[]}", "signatures");
    text_refused("{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"AAAA\",\"payload\":\"e30\"}", "duplicate");
    text_refused("{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"AAAA\"}{}", "not valid JSON");
    text_refused("eyJhbGciOiJFUzI1NiJ9." PAYLOAD ".AAAA", "not valid JSON"); /* compact serialization */
    static const char with_nul[] = "{\"protected\":\"e30\"\0,\"payload\":\"\"}";
    body_refused(with_nul, sizeof with_nul - 1, JWS_REQUEST, ACME_MALFORMED, "not valid JSON");
}

static void nesting_is_bounded_outside_strings(void **state)
{
    char deep[64] = "", flat[128];
    struct acme_problem problem = {0};

    (void)state;
    memset(deep, '[', ACME_JSON_DEPTH_MAX + 1);
    assert_null(acme_json_parse(deep, strlen(deep), "payload", &problem));
    assert_non_null(strstr(problem.detail, "nested"));
    memset(deep, '[', ACME_JSON_DEPTH_MAX);
    memset(deep + ACME_JSON_DEPTH_MAX, ']', ACME_JSON_DEPTH_MAX);
    deep[2 * ACME_JSON_DEPTH_MAX] = '\0';
    json_t *json = acme_json_parse(deep, strlen(deep), "payload", &problem);
    assert_non_null(json);
    json_decref(json);
    snprintf(flat, sizeof flat, "[\"%s\\\"[[[[[[[[[[[[[[[[[[[[[[[[\",\"\\\\\",\"[[\"]", "{{{{{{{{{{{{{{{{{{{{");
    json = acme_json_parse(flat, strlen(flat), "payload", &problem);
    assert_non_null(json);
    json_decref(json);
}

static void the_inner_jws_of_key_change(void **state)
{
    struct acme_problem problem = {0};
    struct jws jws;
    char *body = body_of("{\"alg\":\"ES256\"," URL "," JWK "}", "{}");

    (void)state;
    assert_true(jws_parse((const uint8_t *)body, strlen(body), JWS_INNER_KEY, &jws, &problem));
    assert_true(jws.has_jwk);
    assert_string_equal(jws.nonce, "");
    jws_clear(&jws);
    free(body);
    header_refused("{\"alg\":\"ES256\"," URL "," NONCE "," JWK "}", JWS_INNER_KEY, ACME_MALFORMED, "nonce");
    header_refused("{\"alg\":\"ES256\"," URL "," KID "}", JWS_INNER_KEY, ACME_MALFORMED, "jwk");
    header_refused("{\"alg\":\"ES256\"," JWK "}", JWS_INNER_KEY, ACME_MALFORMED, "url");
    header_refused("{\"alg\":\"HS256\"," URL "," JWK "}", JWS_INNER_KEY, ACME_BAD_SIGNATURE_ALGORITHM, "HS256");
}

static void an_external_account_binding(void **state)
{
    static const char *const names[] = {"HS256", "HS384", "HS512"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct acme_problem problem = {0};
        struct jws jws;
        char header[256];
        snprintf(header, sizeof header, "{\"alg\":\"%s\"," URL ",\"kid\":\"key-1\"}", names[i]);
        char *body = body_of(header, "{}");
        assert_true(jws_parse((const uint8_t *)body, strlen(body), JWS_BINDING, &jws, &problem));
        assert_int_equal(jws.alg, JWS_HS256 + i);
        assert_string_equal(jws.kid, "key-1");
        jws_clear(&jws);
        free(body);
    }
    header_refused("{\"alg\":\"ES256\"," URL "," KID "}", JWS_BINDING, ACME_BAD_SIGNATURE_ALGORITHM, "HMAC");
    header_refused("{\"alg\":\"none\"," URL "," KID "}", JWS_BINDING, ACME_BAD_SIGNATURE_ALGORITHM, "HMAC");
    header_refused("{\"alg\":\"HS256\"," URL "," JWK "}", JWS_BINDING, ACME_MALFORMED, "kid");
    header_refused("{\"alg\":\"HS256\"," URL "}", JWS_BINDING, ACME_MALFORMED, "kid");
    header_refused("{\"alg\":\"HS256\"," KID "}", JWS_BINDING, ACME_MALFORMED, "url");
    header_refused("{\"alg\":\"HS256\"," URL "," KID "," NONCE "}", JWS_BINDING, ACME_MALFORMED, "nonce");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_verify),
        cmocka_unit_test(a_changed_bit_does_not_verify),
        cmocka_unit_test(an_algorithm_needs_its_own_kind_of_key),
        cmocka_unit_test(ecdsa_signatures_must_be_raw),
        cmocka_unit_test(the_mac_vector_verifies),
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(post_as_get_has_an_empty_payload),
        cmocka_unit_test(a_request_with_a_key_carries_it),
        cmocka_unit_test(headers_of_requests),
        cmocka_unit_test(other_algorithms_are_refused_with_a_list),
        cmocka_unit_test(long_members_are_refused),
        cmocka_unit_test(bodies_that_are_no_flattened_jws),
        cmocka_unit_test(nesting_is_bounded_outside_strings),
        cmocka_unit_test(the_inner_jws_of_key_change),
        cmocka_unit_test(an_external_account_binding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
