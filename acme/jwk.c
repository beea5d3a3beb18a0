#include "acme/jwk.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "acme/base64url.h"
#include "acme/jws.h"

enum { COORDINATE_MAX = 66, MODULUS_MAX = 16384 / 8, EXPONENT_MAX = 4, ED25519_LEN = 32 };

/* The members that RFC 7638 hashes, in its order, after the one that names the curve. */
static const struct curve {
    const char *kty, *crv;
    enum jwk_kind kind;
    size_t len; /* octets of a coordinate */
    const char *group;
} curves[] = {
    {"EC", "P-256", JWK_P256, 32, "P-256"},
    {"EC", "P-384", JWK_P384, 48, "P-384"},
    {"EC", "P-521", JWK_P521, 66, "P-521"},
    {"OKP", "Ed25519", JWK_ED25519, ED25519_LEN, NULL},
};

static bool refuse_key(struct acme_problem *problem, const char *reason)
{
    return acme_problem_set(problem, ACME_BAD_PUBLIC_KEY, "The JWK is refused: %s", reason);
}

/* A member's text, "" where it is absent or no string. */
static const char *text_member(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

static ssize_t octets_member(const json_t *json, const char *name, uint8_t *out, size_t size)
{
    const char *text = text_member(json, name);
    return base64url_decode(text, strlen(text), out, size);
}

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static unsigned bit_length(const uint8_t *octets, size_t len)
{
    unsigned bits = (unsigned)len * 8;

    for (unsigned top = len ? octets[0] : 0; top && !(top & 0x80); top <<= 1)
        bits--;
    return bits;
}

/* A hostile modulus or exponent makes each verification cost milliseconds: both are bounded before a key exists. */
static bool rsa_bounded(const uint8_t *n, ssize_t n_len, const uint8_t *e, ssize_t e_len, struct acme_problem *problem)
{
    uint32_t exponent = 0;

    if (n_len <= 0 || e_len <= 0)
        return refuse_key(problem,
                          "\"n\" (at most 4096 bits) and \"e\" (at most 32 bits) must be base64url without padding");
    if (n[0] == 0 || e[0] == 0)
        return refuse_key(problem, "\"n\" and \"e\" must not begin with a zero octet (RFC 7518 section 6.3.1)");
    unsigned bits = bit_length(n, (size_t)n_len);
    if (bits < ACME_RSA_BITS_MIN || bits > ACME_RSA_BITS_MAX)
        return acme_problem_set(problem, ACME_BAD_PUBLIC_KEY,
                                "The JWK is refused: RSA of %u bits; %d to %d are accepted", bits, ACME_RSA_BITS_MIN,
                                ACME_RSA_BITS_MAX);
    for (ssize_t i = 0; i < e_len; i++)
        exponent = exponent << 8 | e[i];
    if (exponent < 65537 || exponent % 2 == 0)
        return refuse_key(problem, "the RSA exponent must be odd and from 65537 to 32 bits long");
    if (n[n_len - 1] % 2 == 0)
        return refuse_key(problem, "the RSA modulus is even");
    return true;
}

static EVP_PKEY *rsa_key(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL);
    BIGNUM *exponent = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;

    if (build && modulus && exponent && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        params = OSSL_PARAM_BLD_to_param(build);
    if (params)
        key = key_from_params("RSA", params);
    OSSL_PARAM_free(params);
    BN_free(exponent);
    BN_free(modulus);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static bool parse_rsa(const json_t *json, struct jwk *jwk, struct acme_problem *problem)
{
    uint8_t n[MODULUS_MAX], e[EXPONENT_MAX];
    ssize_t n_len = octets_member(json, "n", n, sizeof n);
    ssize_t e_len = octets_member(json, "e", e, sizeof e);

    if (!rsa_bounded(n, n_len, e, e_len, problem))
        return false;
    jwk->kind = JWK_RSA;
    jwk->key = rsa_key(n, (size_t)n_len, e, (size_t)e_len);
    snprintf(jwk->canonical, sizeof jwk->canonical, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}",
             text_member(json, "e"), text_member(json, "n"));
    return jwk->key || refuse_key(problem, "the numbers make no RSA key");
}

static bool parse_ec(const json_t *json, const struct curve *curve, struct jwk *jwk, struct acme_problem *problem)
{
    /* The point is built here and whole: the library would take the point at infinity for a key. */
    uint8_t point[1 + 2 * COORDINATE_MAX] = {0x04};
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve->group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * curve->len),
        OSSL_PARAM_construct_end(),
    };

    if (octets_member(json, "x", point + 1, curve->len) != (ssize_t)curve->len ||
        octets_member(json, "y", point + 1 + curve->len, curve->len) != (ssize_t)curve->len)
        return acme_problem_set(
            problem, ACME_BAD_PUBLIC_KEY,
            "The JWK is refused: \"x\" and \"y\" of %s must be base64url of exactly %zu octets each", curve->crv,
            curve->len);
    jwk->kind = curve->kind;
    jwk->key = key_from_params("EC", params);
    snprintf(jwk->canonical, sizeof jwk->canonical, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
             curve->crv, text_member(json, "x"), text_member(json, "y"));
    return jwk->key || refuse_key(problem, "the point is not on its curve");
}

/* Points of small order verify signatures that nobody made. These are the y of all of them, without the sign bit,
 * little-endian; spellings of y above the field's prime are refused too. */
static bool ed25519_is_weak(const uint8_t key[static ED25519_LEN])
{
    static const uint8_t order8[2][ED25519_LEN] = {
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    };
    uint8_t y[ED25519_LEN];
    bool middle_clear = true, middle_full = true;

    memcpy(y, key, sizeof y);
    y[31] &= 0x7f;
    for (int i = 1; i < 31; i++) {
        middle_clear &= y[i] == 0x00;
        middle_full &= y[i] == 0xff;
    }
    return (middle_clear && y[31] == 0x00 && y[0] <= 1) ||   /* 0 and 1 */
           (middle_full && y[31] == 0x7f && y[0] >= 0xec) || /* p - 1, p and above */
           memcmp(y, order8[0], sizeof y) == 0 || memcmp(y, order8[1], sizeof y) == 0;
}

static bool parse_ed25519(const json_t *json, struct jwk *jwk, struct acme_problem *problem)
{
    uint8_t x[ED25519_LEN];

    if (octets_member(json, "x", x, sizeof x) != ED25519_LEN)
        return refuse_key(problem, "\"x\" of Ed25519 must be base64url of exactly 32 octets");
    if (ed25519_is_weak(x))
        return refuse_key(problem, "the Ed25519 point is of small order or not canonical");
    jwk->kind = JWK_ED25519;
    jwk->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, sizeof x);
    snprintf(jwk->canonical, sizeof jwk->canonical, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}",
             text_member(json, "x"));
    return jwk->key || refuse_key(problem, "the octets make no Ed25519 key");
}

static bool parse_curve(const json_t *json, struct jwk *jwk, struct acme_problem *problem)
{
    const char *kty = text_member(json, "kty"), *crv = text_member(json, "crv");

    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        const struct curve *curve = &curves[i];
        if (strcmp(kty, curve->kty) != 0 || strcmp(crv, curve->crv) != 0)
            continue;
        return curve->group ? parse_ec(json, curve, jwk, problem) : parse_ed25519(json, jwk, problem);
    }
    return acme_problem_set(
        problem, ACME_BAD_PUBLIC_KEY,
        "The JWK is refused: kty \"%.20s\" with crv \"%.20s\"; RSA, EC with P-256, P-384 or P-521, and "
        "OKP with Ed25519 are accepted",
        kty, crv);
}

static bool holds_private_key(const json_t *json)
{
    static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
        if (json_object_get(json, secret[i]))
            return true;
    }
    return false;
}

bool jwk_parse(const json_t *json, struct jwk *jwk, struct acme_problem *problem)
{
    bool ok = false;

    memset(jwk, 0, sizeof *jwk);
    if (!json_is_object(json) || !json_is_string(json_object_get(json, "kty")))
        return acme_problem_set(problem, ACME_MALFORMED, "The JWK must be an object with a member \"kty\"");
    if (holds_private_key(json))
        return refuse_key(problem,
                          "it holds a private or secret key; make a new key pair and send its public part only");
    ERR_clear_error();
    if (strcmp(text_member(json, "kty"), "RSA") == 0)
        ok = parse_rsa(json, jwk, problem);
    else
        ok = parse_curve(json, jwk, problem);
    if (ok && EVP_Digest(jwk->canonical, strlen(jwk->canonical), jwk->thumbprint, NULL, EVP_sha256(), NULL) != 1)
        ok = acme_problem_set(problem, ACME_SERVER_INTERNAL, "The key's thumbprint could not be computed");
    ERR_clear_error();
    if (!ok)
        jwk_clear(jwk);
    return ok;
}

bool jwk_parse_text(const char *text, size_t len, struct jwk *jwk, struct acme_problem *problem)
{
    json_t *json = acme_json_parse(text, len, "JWK", problem);

    memset(jwk, 0, sizeof *jwk);
    bool ok = json && jwk_parse(json, jwk, problem);
    json_decref(json);
    return ok;
}

void jwk_clear(struct jwk *jwk)
{
    EVP_PKEY_free(jwk->key);
    memset(jwk, 0, sizeof *jwk);
}
