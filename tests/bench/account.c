#include "account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "acme/base64url.h"

enum { COORDINATE = 32, SIGNATURE = 2 * COORDINATE, DER_MAX = 80, JWK_SIZE = 160, HMAC_KEY_MAX = 256 };

/* RFC 7638: these members, in this order. Returns the length. */
static size_t write_jwk(const struct account *account, char out[static JWK_SIZE])
{
    return (size_t)snprintf(out, JWK_SIZE, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", account->x,
                            account->y);
}

bool account_make(struct account *account)
{
    uint8_t point[1 + 2 * COORDINATE], digest[SHA256_DIGEST_LENGTH];
    char jwk[JWK_SIZE];
    size_t len = 0;
    *account = (struct account){.key = EVP_EC_gen("P-256")};
    if (account->key == NULL ||
        !EVP_PKEY_get_octet_string_param(account->key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) ||
        len != sizeof point)
        return false;
    base64url_encode(point + 1, COORDINATE, account->x);
    base64url_encode(point + 1 + COORDINATE, COORDINATE, account->y);
    SHA256((const unsigned char *)jwk, write_jwk(account, jwk), digest);
    base64url_encode(digest, sizeof digest, account->thumbprint);
    return true;
}

void account_free(struct account *account)
{
    EVP_PKEY_free(account->key);
    free(account->kid);
    *account = (struct account){0};
}

/* RFC 7518 section 3.4: r and s, each of full length. */
static bool sign(EVP_PKEY *key, const char *text, uint8_t out[static SIGNATURE])
{
    uint8_t der[DER_MAX];
    size_t len = sizeof der;
    const uint8_t *p = der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ECDSA_SIG *signature = NULL;
    bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(ctx, der, &len, (const unsigned char *)text, strlen(text)) == 1;
    if (good)
        signature = d2i_ECDSA_SIG(NULL, &p, (long)len);
    good = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, COORDINATE) == COORDINATE &&
           BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + COORDINATE, COORDINATE) == COORDINATE;
    ECDSA_SIG_free(signature);
    EVP_MD_CTX_free(ctx);
    return good;
}

static char *encode(const char *text)
{
    size_t len = strlen(text);
    char *out = malloc(BASE64URL_SIZE(len));
    if (out != NULL)
        base64url_encode(text, len, out);
    return out;
}

/* "protected.payload" of the texts; malloc'd. */
static char *signing_input(const char *protected, const char *payload)
{
    char *head = encode(protected), *body = encode(payload), *input = NULL;
    if (head != NULL && body != NULL && asprintf(&input, "%s.%s", head, body) < 0)
        input = NULL;
    free(head);
    free(body);
    return input;
}

static char *header(const struct account *account, const char *url, const char *nonce)
{
    char *text = NULL;
    int len = account->kid != NULL
                  ? asprintf(&text, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\",\"url\":\"%s\"}", account->kid,
                             nonce, url)
                  : asprintf(&text,
                             "{\"alg\":\"ES256\",\"jwk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"},"
                             "\"nonce\":\"%s\",\"url\":\"%s\"}",
                             account->x, account->y, nonce, url);
    return len < 0 ? NULL : text;
}

/* "protected.payload" as the object that it is sent as; malloc'd. */
static char *flatten(const char *input, const char *signature)
{
    char *jws = NULL;
    size_t dot = strcspn(input, ".");
    if (asprintf(&jws, "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"%s\"}", (int)dot, input,
                 input + dot + 1, signature) < 0)
        return NULL;
    return jws;
}

char *account_sign(const struct account *account, const char *url, const char *nonce, const char *payload)
{
    uint8_t raw[SIGNATURE];
    char signature[BASE64URL_SIZE(SIGNATURE)], *jws = NULL;
    char *protected = header(account, url, nonce), *input = NULL;
    if (protected != NULL)
        input = signing_input(protected, payload);
    if (input != NULL && sign(account->key, input, raw)) {
        base64url_encode(raw, sizeof raw, signature);
        jws = flatten(input, signature);
    }
    free(protected);
    free(input);
    return jws;
}

char *account_bind(const struct account *account, const char *url, const char *kid, const char *key)
{
    uint8_t secret[HMAC_KEY_MAX], mac[SHA256_DIGEST_LENGTH];
    char jwk[JWK_SIZE], signature[BASE64URL_SIZE(SHA256_DIGEST_LENGTH)], *protected = NULL, *input = NULL, *jws = NULL;
    ssize_t secret_len = base64url_decode(key, strlen(key), secret, sizeof secret);
    if (secret_len <= 0 || asprintf(&protected, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"url\":\"%s\"}", kid, url) < 0)
        return NULL;
    write_jwk(account, jwk);
    input = signing_input(protected, jwk);
    if (input != NULL &&
        HMAC(EVP_sha256(), secret, (int)secret_len, (const unsigned char *)input, strlen(input), mac, NULL) != NULL) {
        base64url_encode(mac, sizeof mac, signature);
        jws = flatten(input, signature);
    }
    free(protected);
    free(input);
    return jws;
}
