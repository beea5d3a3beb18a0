#include "acme/jws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

#include "acme/base64url.h"
#include "store/shortage.h"

enum { ECDSA_HALF_MAX = 66, ECDSA_DER_MAX = 2 * (ECDSA_HALF_MAX + 3) + 3 };

/* RFC 7518 section 3.1, RFC 8037 section 3.1: an algorithm goes with one kind of key only. */
static const struct algorithm {
    const char *name;
    enum jws_alg alg;
    enum jwk_kind kind; /* 0: a MAC */
    int key_type, bits; /* what the library says of such a key; bits 0: several */
    size_t half;        /* ECDSA: octets of r and of s, each */
    const EVP_MD *(*digest)(void);
} algorithms[] = {
    {"ES256", JWS_ES256, JWK_P256, EVP_PKEY_EC, 256, 32, EVP_sha256},
    {"ES384", JWS_ES384, JWK_P384, EVP_PKEY_EC, 384, 48, EVP_sha384},
    {"ES512", JWS_ES512, JWK_P521, EVP_PKEY_EC, 521, 66, EVP_sha512},
    {"RS256", JWS_RS256, JWK_RSA, EVP_PKEY_RSA, 0, 0, EVP_sha256},
    {"EdDSA", JWS_EDDSA, JWK_ED25519, EVP_PKEY_ED25519, 0, 0, NULL},
    {"HS256", JWS_HS256, 0, 0, 0, 0, EVP_sha256},
    {"HS384", JWS_HS384, 0, 0, 0, 0, EVP_sha384},
    {"HS512", JWS_HS512, 0, 0, 0, 0, EVP_sha512},
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

static bool malformed(struct acme_problem *problem, const char *text)
{
    return acme_problem_set(problem, ACME_MALFORMED, "%s", text);
}

/* Sets badSignatureAlgorithm with the "algorithms" that RFC 8555 section 6.2 wants: those of kind, or all that sign
 * (mac false) or all MACs. */
static bool refuse_algorithm(struct acme_problem *problem, const char *name, enum jwk_kind kind, bool mac)
{
    json_t *accepted = json_array();

    for (int i = 0; accepted && i < ALGORITHMS; i++) {
        const struct algorithm *a = &algorithms[i];
        if ((a->kind == 0) == mac && (kind == 0 || a->kind == kind))
            json_array_append_new(accepted, json_string(a->name));
    }
    acme_problem_set(problem, ACME_BAD_SIGNATURE_ALGORITHM, "The JWS algorithm \"%.40s\" is not accepted %s", name,
                     kind  ? "with this account's key"
                     : mac ? "here: an external account binding is signed by HMAC"
                           : "by this server");
    problem->extra = json_pack("{s:o*}", "algorithms", accepted);
    return false;
}

static const struct algorithm *algorithm_of(enum jws_alg alg)
{
    for (int i = 0; i < ALGORITHMS; i++) {
        if (algorithms[i].alg == alg)
            return &algorithms[i];
    }
    return NULL;
}

static bool read_alg(const json_t *header, enum jws_role role, struct jws *jws, struct acme_problem *problem)
{
    const char *name = json_string_value(json_object_get(header, "alg"));
    bool mac = role == JWS_BINDING;

    if (!name)
        return malformed(problem, "The JWS protected header has no \"alg\"");
    for (int i = 0; i < ALGORITHMS; i++) {
        if (strcmp(name, algorithms[i].name) == 0 && (algorithms[i].kind == 0) == mac) {
            jws->alg = algorithms[i].alg;
            return true;
        }
    }
    return refuse_algorithm(problem, name, 0, mac);
}

static bool is_base64url(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    return len > 0 && text[len] == '\0';
}

/* RFC 8555 section 6.5.2 calls a nonce that is not base64url malformed. One that is absent, or too long to be ours, is
 * badNonce: like a stale one it can be cured by the fresh nonce of the reply. */
static bool read_nonce(const json_t *header, enum jws_role role, struct jws *jws, struct acme_problem *problem)
{
    const json_t *member = json_object_get(header, "nonce");
    const char *nonce = json_string_value(member);

    if (role != JWS_REQUEST)
        return !member || malformed(problem, "The inner JWS must not have a \"nonce\"");
    if (!member)
        return acme_problem_set(problem, ACME_BAD_NONCE, "JWS has no anti-replay nonce");
    if (!nonce || !is_base64url(nonce))
        return malformed(problem, "The JWS \"nonce\" is not a base64url string");
    if (strlen(nonce) >= sizeof jws->nonce)
        return acme_problem_set(problem, ACME_BAD_NONCE, "JWS has an invalid anti-replay nonce (too long)");
    snprintf(jws->nonce, sizeof jws->nonce, "%s", nonce);
    return true;
}

/* Copies a URL-like member; absent, empty, not a string and too long are all refused. */
static bool read_url(const json_t *header, const char *name, char out[static ACME_URL_MAX],
                     struct acme_problem *problem)
{
    const char *text = json_string_value(json_object_get(header, name));

    if (!text || !*text)
        return acme_problem_set(problem, ACME_MALFORMED, "The JWS protected header has no \"%s\"", name);
    if (strlen(text) >= ACME_URL_MAX)
        return acme_problem_set(problem, ACME_MALFORMED, "The JWS \"%s\" is longer than %d octets", name,
                                ACME_URL_MAX - 1);
    snprintf(out, ACME_URL_MAX, "%s", text);
    return true;
}

static bool read_key(const json_t *header, enum jws_role role, struct jws *jws, struct acme_problem *problem)
{
    const json_t *jwk = json_object_get(header, "jwk"), *kid = json_object_get(header, "kid");

    if (jwk && kid)
        return malformed(problem, "The JWS has both \"jwk\" and \"kid\"; exactly one is allowed");
    if (!jwk && !kid)
        return malformed(problem, "The JWS has neither \"jwk\" nor \"kid\"; exactly one is needed");
    if (jwk && role == JWS_BINDING)
        return malformed(problem, "An external account binding names its key by \"kid\", not by \"jwk\"");
    if (kid && role == JWS_INNER_KEY)
        return malformed(problem, "The inner JWS of keyChange needs the new key as \"jwk\", not \"kid\"");
    if (kid)
        return read_url(header, "kid", jws->kid, problem);
    jws->has_jwk = jwk_parse(jwk, &jws->jwk, problem);
    return jws->has_jwk;
}

static bool read_header(const json_t *header, enum jws_role role, struct jws *jws, struct acme_problem *problem)
{
    if (!json_is_object(header))
        return malformed(problem, "The JWS protected header is not a JSON object");
    if (json_object_get(header, "crit"))
        return malformed(problem, "The JWS has \"crit\": no critical header parameter is understood here");
    if (json_object_get(header, "b64"))
        return malformed(problem, "The JWS has \"b64\": unencoded payloads are not allowed in ACME");
    return read_alg(header, role, jws, problem) && read_url(header, "url", jws->url, problem) &&
           read_nonce(header, role, jws, problem) && read_key(header, role, jws, problem);
}

static bool read_protected(const json_t *text, enum jws_role role, struct jws *jws, struct acme_problem *problem)
{
    uint8_t decoded[ACME_PROTECTED_MAX];
    ssize_t len = base64url_decode(json_string_value(text), json_string_length(text), decoded, sizeof decoded);

    if (len < 0)
        return acme_problem_set(problem, ACME_MALFORMED,
                                "The JWS \"protected\" is not base64url without padding, or over %d octets",
                                ACME_PROTECTED_MAX);
    json_t *header = acme_json_parse(decoded, (size_t)len, "JWS protected header", problem);
    bool ok = header && read_header(header, role, jws, problem);
    json_decref(header);
    return ok;
}

/* One buffer "protected.payload": Ed25519 verifies in one call only. */
static bool read_signing_input(const json_t *protected, const json_t *payload, struct jws *jws,
                               struct acme_problem *problem)
{
    size_t head = json_string_length(protected), tail = json_string_length(payload);

    jws->signing_input = shortage_malloc(head + 1 + tail);
    jws->payload = shortage_malloc(tail + 1); /* more than is needed */
    if (!jws->signing_input || !jws->payload)
        return acme_problem_out_of_memory(problem);
    memcpy(jws->signing_input, json_string_value(protected), head);
    jws->signing_input[head] = '.';
    memcpy(jws->signing_input + head + 1, json_string_value(payload), tail);
    jws->signing_input_len = head + 1 + tail;

    ssize_t len = base64url_decode(json_string_value(payload), tail, jws->payload, tail);
    if (len < 0)
        return malformed(problem, "The JWS \"payload\" is not base64url without padding");
    jws->payload[len] = '\0';
    jws->payload_len = (size_t)len;
    return true;
}

static bool read_signature(const json_t *text, struct jws *jws, struct acme_problem *problem)
{
    ssize_t len =
        base64url_decode(json_string_value(text), json_string_length(text), jws->signature, sizeof jws->signature);

    if (len <= 0)
        return malformed(problem, "The JWS \"signature\" is empty, too long, or not base64url without padding");
    jws->signature_len = (size_t)len;
    return true;
}

static bool parse_members(const json_t *object, enum jws_role role, struct jws *jws, struct acme_problem *problem)
{
    const json_t *protected = json_object_get(object, "protected");
    const json_t *payload = json_object_get(object, "payload");
    const json_t *signature = json_object_get(object, "signature");

    if (!json_is_object(object))
        return malformed(problem, "The JWS is not a JSON object");
    if (json_object_get(object, "signatures"))
        return malformed(problem,
                         "The JWS has \"signatures\"; ACME takes the flattened serialization with one signature");
    if (json_object_get(object, "header"))
        return malformed(problem, "The JWS has an unprotected \"header\"; everything must be in \"protected\"");
    if (!json_is_string(protected) || !json_is_string(payload) || !json_is_string(signature))
        return malformed(problem, "The JWS must have the strings \"protected\", \"payload\" and \"signature\"");
    return read_signature(signature, jws, problem) && read_signing_input(protected, payload, jws, problem) &&
           read_protected(protected, role, jws, problem);
}

bool jws_parse_json(const json_t *object, enum jws_role role, struct jws *jws, struct acme_problem *problem)
{
    memset(jws, 0, sizeof *jws);
    if (parse_members(object, role, jws, problem))
        return true;
    jws_clear(jws);
    return false;
}

bool jws_parse(const uint8_t *body, size_t len, enum jws_role role, struct jws *jws, struct acme_problem *problem)
{
    json_t *object = acme_json_parse(body, len, "request body", problem);

    memset(jws, 0, sizeof *jws);
    bool ok = object && jws_parse_json(object, role, jws, problem);
    json_decref(object);
    return ok;
}

/* DER's INTEGER of a positive number of n octets; returns its length. */
static size_t put_integer(uint8_t *to, const uint8_t *number, size_t n)
{
    while (n > 1 && *number == 0) {
        number++;
        n--;
    }
    size_t pad = *number >> 7;
    *to++ = 0x02;
    *to++ = (uint8_t)(n + pad);
    *to = 0x00;
    memcpy(to + pad, number, n);
    return 2 + pad + n;
}

/* r and s as JOSE writes them (RFC 7518 section 3.4) to ECDSA-Sig-Value; returns its length. */
static size_t ecdsa_der(const uint8_t *raw, size_t half, uint8_t out[static ECDSA_DER_MAX])
{
    uint8_t numbers[ECDSA_DER_MAX];
    size_t len = put_integer(numbers, raw, half);
    size_t head = 0;

    len += put_integer(numbers + len, raw + half, half);
    out[head++] = 0x30;
    if (len > 127)
        out[head++] = 0x81;
    out[head++] = (uint8_t)len;
    memcpy(out + head, numbers, len);
    return head + len;
}

static bool signature_good(const struct jws *jws, const struct algorithm *a, EVP_PKEY *key)
{
    uint8_t der[ECDSA_DER_MAX];
    const uint8_t *signature = jws->signature;
    size_t len = jws->signature_len;

    if (a->half > 0) {
        if (len != 2 * a->half)
            return false;
        len = ecdsa_der(jws->signature, a->half, der);
        signature = der;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, a->digest ? a->digest() : NULL, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, signature, len, (const uint8_t *)jws->signing_input, jws->signing_input_len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

bool jws_verify(const struct jws *jws, enum jwk_kind kind, EVP_PKEY *key, struct acme_problem *problem)
{
    const struct algorithm *a = algorithm_of(jws->alg);

    if (!a || a->kind == 0 || a->kind != kind)
        return refuse_algorithm(problem, a ? a->name : "none", kind, false);
    if (EVP_PKEY_get_id(key) != a->key_type || (a->bits && EVP_PKEY_get_bits(key) != a->bits))
        return refuse_algorithm(problem, a->name, kind, false);
    ERR_clear_error();
    bool good = signature_good(jws, a, key);
    ERR_clear_error();
    return good || malformed(problem, "The JWS signature does not verify with the key given");
}

bool jws_verify_mac(const struct jws *jws, const uint8_t *key, size_t key_len, struct acme_problem *problem)
{
    const struct algorithm *a = algorithm_of(jws->alg);
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;

    if (!a || a->kind != 0)
        return refuse_algorithm(problem, a ? a->name : "none", 0, true);
    bool good = key_len > 0 && key_len <= INT32_MAX &&
                HMAC(a->digest(), key, (int)key_len, (const uint8_t *)jws->signing_input, jws->signing_input_len, mac,
                     &mac_len) &&
                mac_len == jws->signature_len && CRYPTO_memcmp(mac, jws->signature, mac_len) == 0;
    OPENSSL_cleanse(mac, sizeof mac);
    return good ||
           acme_problem_set(problem, ACME_UNAUTHORIZED,
                            "The external account binding's MAC is wrong: check the HMAC key given to the client");
}

void jws_clear(struct jws *jws)
{
    jwk_clear(&jws->jwk);
    free(jws->signing_input);
    free(jws->payload);
    memset(jws, 0, sizeof *jws);
}
