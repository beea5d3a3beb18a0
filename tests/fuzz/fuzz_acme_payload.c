/* covers: acme/revoke.c acme/renewal_info.c acme/key_change.c acme/binding.c acme/certificate_name.c
 *
 * Payloads that somebody with an account sends, to every resource: inner JWSs of key changes and of external account
 * bindings, certificates to be revoked, names of certificates. Each gets an answer that is no fault of ours.
 *
 * The signatures are taken for good, nonces too (CMakeLists.txt: --wrap), and what would be stored is not. The input is
 * a path, a newline, an octet that says who asks, and the payload. No fuzzer finds keys and certificates, or looks
 * through base64: control characters stand for what there is (enum token), { and } as 0x0e and 0x0f for base64url of
 * what is between them. */
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "acme/account.h"
#include "acme/acme.h"
#include "acme/base64url.h"
#include "acme/external_key.h"
#include "acme/jws.h"
#include "acme/nonce.h"
#include "acme/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
bool __wrap_jws_verify(const struct jws *jws, enum jwk_kind kind, EVP_PKEY *key, struct acme_problem *problem);
bool __wrap_jws_verify_mac(const struct jws *jws, const uint8_t *key, size_t key_len, struct acme_problem *problem);
enum nonce_verdict __wrap_nonce_redeem(struct nonces *nonces, const char *text, size_t len);

#define BASE "https://acme.test"
static const uint64_t START_S = 1800000000;
enum { EXPANDED_MAX = 64 * 1024, TOKEN_MAX = 4096, LIFE_S = 90 * 86400 };

/* Who asks: bits of the octet. */
enum { BY_KEY = 1, BY_CERTIFICATE_KEY = 2, BY_NEW_KEY = 4, BY_OTHER = 8, LATE = 16, BY_GET = 32 };

/* What a control character stands for. */
enum token {
    OWN_CERTIFICATE = 1, /* of the account; in base64url */
    OTHERS_CERTIFICATE,
    REVOKED_CERTIFICATE,
    ACCOUNT, /* its URL */
    ACCOUNT_KEY, /* a JWK */
    NEW_KEY,
    OWN_NAME, /* of the certificate, as RFC 9773 has it */
    ENCODED = 0x0e,
    ENCODED_END,
    TOKENS
};

static char tokens[TOKENS][TOKEN_MAX];
static char certificate_key[TOKEN_MAX], others_account[TOKEN_MAX];
static struct store *store;
static struct acme *acme;
static struct acme_thread *thread;
static EVP_PKEY *leaf_key;

/* ---- what is taken for good ---- */

bool __wrap_jws_verify(const struct jws *jws, enum jwk_kind kind, EVP_PKEY *key, struct acme_problem *problem)
{
    (void)jws, (void)kind, (void)key, (void)problem;
    return true;
}

bool __wrap_jws_verify_mac(const struct jws *jws, const uint8_t *key, size_t key_len, struct acme_problem *problem)
{
    (void)jws, (void)key, (void)key_len, (void)problem;
    return true;
}

enum nonce_verdict __wrap_nonce_redeem(struct nonces *nonces, const char *text, size_t len)
{
    (void)nonces, (void)text, (void)len;
    return NONCE_GOOD;
}

static bool may_order(void *ctx, struct store_txn *txn, const char *policy, const struct acme_names *names,
                      char profile[static ACME_POLICY_MAX + 1], struct acme_problem *problem)
{
    (void)ctx, (void)txn, (void)policy, (void)names, (void)problem;
    if (!*profile)
        snprintf(profile, ACME_POLICY_MAX + 1, "standard");
    return true;
}

static enum store_status validate(void *ctx, struct store_txn *txn,
                                  const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN], uint64_t now_ms)
{
    (void)ctx, (void)txn, (void)subject, (void)now_ms;
    return STORE_OK;
}

static enum store_status accept_csr(void *ctx, struct store_txn *txn, const struct acme_order *order,
                                    const struct acme_csr *csr, uint64_t now_ms, struct acme_problem *problem)
{
    (void)ctx, (void)txn, (void)order, (void)csr, (void)now_ms, (void)problem;
    return STORE_OK;
}

static enum store_status revoke(void *ctx, struct store_txn *txn, const struct acme_certificate *certificate,
                                const struct acme_id *account, uint64_t now_ms)
{
    (void)ctx, (void)txn, (void)account, (void)now_ms;
    if (certificate->revocation != ACME_REVOCATION_ASKED)
        abort();
    return STORE_OK;
}

/* ---- what there is ---- */

static void need(bool good)
{
    if (!good)
        abort();
}

static void jwk_text(EVP_PKEY *key, char out[static TOKEN_MAX])
{
    uint8_t point[65];
    char x[64], y[64];
    size_t len;
    need(EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof point, &len) == 1 && len == sizeof point);
    base64url_encode(point + 1, 32, x);
    base64url_encode(point + 33, 32, y);
    snprintf(out, TOKEN_MAX, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
}

static X509 *make_leaf(uint8_t serial)
{
    X509 *leaf = X509_new();
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    authority->keyid = ASN1_OCTET_STRING_new();
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:a.example,IP:192.0.2.1");
    need(ASN1_OCTET_STRING_set(authority->keyid, (const uint8_t *)"authority", 9) == 1 &&
         X509_set_version(leaf, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set(X509_get_serialNumber(leaf), 0x1200 + serial) == 1 &&
         X509_time_adj_ex(X509_getm_notBefore(leaf), 0, 0, NULL) &&
         X509_time_adj_ex(X509_getm_notAfter(leaf), 90, 0, NULL) &&
         X509_set_pubkey(leaf, leaf_key) == 1 && X509_add_ext(leaf, names, -1) == 1 &&
         X509_add1_ext_i2d(leaf, NID_authority_key_identifier, authority, 0, 0) == 1 &&
         X509_sign(leaf, leaf_key, EVP_sha256()) > 0);
    X509_EXTENSION_free(names);
    AUTHORITY_KEYID_free(authority);
    return leaf;
}

static void save_certificate(struct store_txn *txn, const struct acme_account *owner, uint8_t serial,
                             enum acme_revocation revocation, char out[static TOKEN_MAX])
{
    char none[] = "", *text;
    uint8_t *der = NULL;
    X509 *leaf = make_leaf(serial);
    BIO *bio = BIO_new(BIO_s_mem());
    int len = i2d_X509(leaf, &der);
    need(len > 0 && BASE64URL_SIZE((size_t)len) <= TOKEN_MAX && PEM_write_bio_X509(bio, leaf) == 1 &&
         BIO_write(bio, "", 1) == 1);
    BIO_get_mem_data(bio, &text);
    base64url_encode(der, (size_t)len, out);
    struct acme_certificate certificate = {.account = owner->id,
                                           .serial = {0x12, serial},
                                           .serial_len = 2,
                                           .not_before_s = (int64_t)START_S,
                                           .not_after_s = (int64_t)START_S + LIFE_S,
                                           .issued_ms = START_S * 1000,
                                           .chain = text,
                                           .certificate_id = none,
                                           .issuance = none,
                                           .revocation = revocation};
    need(acme_id_make(&certificate.id, START_S * 1000) &&
         EVP_Digest(der, (size_t)len, certificate.der_sha256, NULL, EVP_sha256(), NULL) == 1 &&
         acme_certificate_save(txn, &certificate) == STORE_OK);
    OPENSSL_free(der);
    BIO_free(bio);
    X509_free(leaf);
}

static void save_account(struct store_txn *txn, struct acme_account *account, const char *jwk,
                         char out[static TOKEN_MAX])
{
    struct acme_problem problem = {0};
    char text[ACME_ID_TEXT + 1];
    struct jwk key = {0};
    json_t *json = json_loads(jwk, 0, NULL);
    need(jwk_parse(json, &key, &problem));
    *account = (struct acme_account){
        .status = ACME_ACCOUNT_VALID, .created_s = START_S, .key = key.canonical, .policy = "default"};
    memcpy(account->thumbprint, key.thumbprint, JWK_THUMBPRINT_LEN);
    need(acme_id_make(&account->id, START_S * 1000) && acme_account_save(txn, account) == STORE_OK &&
         acme_account_bind_key(txn, account->thumbprint, &account->id) == STORE_OK);
    acme_id_text(&account->id, text);
    snprintf(out, TOKEN_MAX, BASE "/acme/account/%s", text);
    account->key = NULL;
    jwk_clear(&key);
    json_decref(json);
}

static const uint8_t seal[EXTERNAL_KEY_SEAL_LEN] = "a key that seals where one fuzz";

static enum store_status fill(struct store_txn *txn, void *arg)
{
    struct acme_account account, other;
    struct acme_policy policy;
    struct external_key key;
    char others_key[TOKEN_MAX];
    EVP_PKEY *another = EVP_EC_gen("P-256");
    (void)arg;
    jwk_text(another, others_key);
    EVP_PKEY_free(another);
    save_account(txn, &account, tokens[ACCOUNT_KEY], tokens[ACCOUNT]);
    save_account(txn, &other, others_key, others_account);
    save_certificate(txn, &account, 1, ACME_REVOCATION_NONE, tokens[OWN_CERTIFICATE]);
    save_certificate(txn, &other, 2, ACME_REVOCATION_NONE, tokens[OTHERS_CERTIFICATE]);
    save_certificate(txn, &account, 3, ACME_REVOCATION_DONE, tokens[REVOKED_CERTIFICATE]);
    need(acme_policy_make("web", &policy) && acme_policy_save(txn, &policy) == STORE_OK &&
         external_key_make(&key, "k1", "web", 1, seal) && external_key_save(txn, &key) == STORE_OK &&
         external_key_make(&key, "k2", "web", 1, seal));
    acme_policy_clear(&policy);
    key.enabled = false;
    return external_key_save(txn, &key);
}

static void open_world(void)
{
    static const char *const tables[] = {ACME_TABLE_NAMES};
    static EVP_PKEY *keys[2];
    char reason[STORE_REASON_SIZE];
    struct store_config config = {.engine = STORE_MEMORY,
                                  .path = "fuzz_acme_payload",
                                  .tables = tables,
                                  .table_count = ACME_TABLE_COUNT,
                                  .schema = 1,
                                  .stepped = true};
    need(store_open(&config, &store, reason) == STORE_OK);
    leaf_key = EVP_EC_gen("P-256");
    jwk_text(leaf_key, certificate_key);
    for (unsigned i = 0; i < 2; i++) {
        keys[i] = EVP_EC_gen("P-256");
        jwk_text(keys[i], tokens[i == 0 ? ACCOUNT_KEY : NEW_KEY]);
        EVP_PKEY_free(keys[i]);
    }
    snprintf(tokens[OWN_NAME], TOKEN_MAX, "YXV0aG9yaXR5.EgE");
    need(store_call(store, fill, NULL) == STORE_OK);
    struct acme_config settings = {
        .store = store,
        .base_url = BASE,
        .instance = "t",
        .seal = seal,
        .identifiers_max = 10,
        .offer = {[ACME_HTTP_01] = true, [ACME_DNS_01] = true, [ACME_TLS_ALPN_01] = true},
        .order_lifetime_s = 7 * 86400,
        .authz_valid_s = 30 * 86400,
        .hooks = {.may_order = may_order, .validate = validate, .accept_csr = accept_csr, .revoke = revoke},
    };
    acme = acme_make(&settings);
    thread = acme_thread_make();
    need(acme && thread);
}

/* ---- a request ---- */

struct text {
    char octets[EXPANDED_MAX];
    size_t len;
};

static void append(struct text *text, const void *data, size_t len)
{
    size_t room = sizeof text->octets - text->len;
    len = len < room ? len : room;
    memcpy(text->octets + text->len, data, len);
    text->len += len;
}

static void append_text(struct text *text, const char *more)
{
    append(text, more, strlen(more));
}

static void append_encoded(struct text *text, const void *data, size_t len)
{
    static char encoded[BASE64URL_SIZE(EXPANDED_MAX)];
    base64url_encode(data, len, encoded);
    append_text(text, encoded);
}

/* One level of brackets: what is within them has tokens, and no others. */
static void expand(struct text *out, const uint8_t *data, size_t len)
{
    static struct text inner;
    struct text *at = out;
    inner.len = 0;
    for (size_t i = 0; i < len; i++) {
        if (data[i] == ENCODED) {
            at = &inner;
        } else if (data[i] == ENCODED_END) {
            append_encoded(out, inner.octets, inner.len);
            inner.len = 0;
            at = out;
        } else if (data[i] >= OWN_CERTIFICATE && data[i] <= OWN_NAME) {
            append_text(at, tokens[data[i]]);
        } else {
            append(at, &data[i], 1);
        }
    }
}

static void write_body(struct text *body, const struct text *path, uint8_t who, const struct text *payload)
{
    static struct text header;
    const char *key = who & BY_NEW_KEY           ? tokens[NEW_KEY]
                      : who & BY_CERTIFICATE_KEY ? certificate_key
                                                 : tokens[ACCOUNT_KEY];
    char signer[TOKEN_MAX + 16];
    if (who & BY_KEY)
        snprintf(signer, sizeof signer, "\",\"jwk\":%s}", key);
    else
        snprintf(signer, sizeof signer, "\",\"kid\":\"%s\"}", who & BY_OTHER ? others_account : tokens[ACCOUNT]);
    header.len = body->len = 0;
    append_text(&header, "{\"alg\":\"ES256\",\"nonce\":\"nonce\",\"url\":\"" BASE);
    append(&header, path->octets, path->len);
    append_text(&header, signer);
    append_text(body, "{\"protected\":\"");
    append_encoded(body, header.octets, header.len);
    append_text(body, "\",\"payload\":\"");
    append_encoded(body, payload->octets, payload->len);
    append_text(body, "\",\"signature\":\"AAAA\"}");
}

struct change {
    struct acme_task *task;
    enum store_status status;
};

/* So that one run does not see another. */
static enum store_status change_and_drop(struct store_txn *txn, void *arg)
{
    struct change *change = arg;
    change->status = acme_change(txn, change->task);
    return STORE_REFUSED;
}

static void check(const struct acme_reply *reply, bool post)
{
    if (reply->status < 200 || reply->status > 499 || (post && !reply->nonce[0]))
        abort();
    bool is_json = reply->body && strstr(reply->content_type, "json");
    json_t *body = is_json ? json_loadb(reply->body, reply->body_len, 0, NULL) : NULL;
    if (is_json && !body)
        abort();
    if (reply->status >= 400 && !(json_string_length(json_object_get(body, "type")) > 0 &&
                                  json_string_length(json_object_get(body, "detail")) > 0))
        abort();
    json_decref(body);
}

static void exchange(const struct acme_request *request)
{
    struct acme_task *task;
    struct acme_remark remark;
    enum acme_step step = acme_begin(acme, thread, request, &task);
    if (step == ACME_COMMIT || step == ACME_NOTE) {
        struct change change = {.task = task};
        store_call(store, change_and_drop, &change);
        if (step == ACME_COMMIT)
            step = acme_committed(task, thread, change.status, request->now_ms);
    }
    if (step == ACME_HOLD)
        step = acme_resume(task, thread, true, request->now_ms);
    if (step != ACME_DONE && step != ACME_NOTE)
        abort();
    check(acme_task_reply(task), request->method == ACME_POST);
    acme_task_remark(task, &remark);
    acme_task_free(task);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct text path, payload, body;
    const uint8_t *newline = memchr(data, '\n', size);
    if (!newline || (size_t)(newline - data) + 2 > size)
        return 0;
    if (!store)
        open_world();
    const uint8_t *rest = newline + 2;
    uint8_t who = newline[1];
    path.len = payload.len = 0;
    expand(&path, data, (size_t)(newline - data));
    expand(&payload, rest, size - (size_t)(rest - data));
    write_body(&body, &path, who, &payload);
    struct acme_request request = {
        .method = who & BY_GET ? ACME_GET : ACME_POST,
        .path = path.octets,
        .path_len = path.len,
        .content_type = "application/jose+json",
        .content_type_len = strlen("application/jose+json"),
        .peer = "192.0.2.1",
        .body = (const uint8_t *)body.octets,
        .body_len = body.len,
        .now_ms = (START_S + (who & LATE ? LIFE_S + 1 : 1000)) * 1000,
    };
    exchange(&request);
    return 0;
}
