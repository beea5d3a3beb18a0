/* A world for tests of the ACME room: a store in a temporary folder, an ACME server with hooks that remember, and
 * clients that sign real JWSs. Each exchange is driven to its reply, or to where the reply is held. */
#ifndef TESTS_UNIT_ACME_CLIENT_H
#define TESTS_UNIT_ACME_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "acme/account.h"
#include "acme/acme.h"
#include "acme/base64url.h"

#define BASE "https://acme.test:14000"
enum { P256_HALF = 32, START_S = 1800000000 };

/* ---- the world ---- */

struct world {
    char folder[64];
    struct store *store;
    struct acme *acme;
    struct acme_thread *thread;
    struct acme_config config;
    uint64_t now_ms;
    bool doubtful; /* now_ms may be wrong */
    unsigned validations, beginnings, acceptances, revocations;
    struct acme_validation begun;
    bool revoked_by_account;
    uint8_t subject[ACME_VALIDATION_SUBJECT_LEN]; /* of the last validation asked for */
    char policy[ACME_POLICY_MAX + 1];             /* that may_order was asked about */
    enum acme_problem_type refuse_order, refuse_csr;
};

static inline bool world_may_order(void *ctx, struct store_txn *txn, const char *policy, const struct acme_names *names,
                                   char profile[static ACME_POLICY_MAX + 1], struct acme_problem *problem)
{
    struct world *w = ctx;
    assert_non_null(txn);
    assert_true(names->count > 0);
    snprintf(w->policy, sizeof w->policy, "%s", policy);
    if (!*profile)
        snprintf(profile, ACME_POLICY_MAX + 1, "standard");
    return !w->refuse_order || acme_problem_set(problem, w->refuse_order, "Refused by the test.");
}

static inline enum store_status world_validate(void *ctx, struct store_txn *txn,
                                               const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN],
                                               uint64_t now_ms)
{
    struct world *w = ctx;
    memcpy(w->subject, subject, sizeof w->subject);
    w->validations++;
    return store_job_set(txn, 1, subject, ACME_VALIDATION_SUBJECT_LEN, now_ms);
}

static inline void world_validate_soon(void *validator, const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN],
                                       const struct acme_validation *validation)
{
    struct world *w = validator;
    memcpy(w->subject, subject, sizeof w->subject);
    w->begun = *validation;
    w->beginnings++;
}

static inline enum store_status world_accept_csr(void *ctx, struct store_txn *txn, const struct acme_order *order,
                                                 const struct acme_csr *csr, uint64_t now_ms,
                                                 struct acme_problem *problem)
{
    struct world *w = ctx;
    (void)now_ms;
    assert_non_null(txn);
    assert_int_equal(order->status, ACME_ORDER_READY);
    assert_non_null(csr->der);
    if (w->refuse_csr) {
        acme_problem_set(problem, w->refuse_csr, "Refused by the test.");
        return STORE_REFUSED;
    }
    w->acceptances++;
    return STORE_OK;
}

static inline enum store_status world_revoke(void *ctx, struct store_txn *txn,
                                             const struct acme_certificate *certificate, const struct acme_id *account,
                                             uint64_t now_ms)
{
    struct world *w = ctx;
    assert_int_equal(certificate->revocation, ACME_REVOCATION_ASKED);
    w->revocations++;
    w->revoked_by_account = account != NULL;
    return store_job_set(txn, 3, certificate->id.octets, ACME_ID_LEN, now_ms);
}

static inline void world_start(struct world *w)
{
    w->acme = acme_make(&w->config);
    assert_non_null(w->acme);
    w->thread = acme_thread_make();
    assert_non_null(w->thread);
}

static inline void world_stop(struct world *w)
{
    acme_thread_free(w->thread);
    acme_free(w->acme);
}

/* Opens with defaults; change w->config and call world_restart for others. */
static inline void world_open(struct world *w)
{
    static const char *const tables[] = {ACME_TABLE_NAMES};
    char reason[STORE_REASON_SIZE];
    memset(w, 0, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/acme-test-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    struct store_config store = {.path = w->folder,
                                 .map_size = 64 << 20,
                                 .tables = tables,
                                 .table_count = ACME_TABLE_COUNT,
                                 .schema = 1,
                                 .nosync = true};
    assert_int_equal(store_open(&store, &w->store, reason), STORE_OK);
    w->now_ms = START_S * 1000ULL;
    w->config = (struct acme_config){
        .store = w->store,
        .base_url = BASE,
        .instance = "t",
        .identifiers_max = 10,
        .offer = {[ACME_HTTP_01] = true, [ACME_DNS_01] = true, [ACME_TLS_ALPN_01] = true},
        .order_lifetime_s = 7 * 86400,
        .authz_valid_s = 30 * 86400,
        .hooks = {w, world_may_order, world_validate, world_accept_csr, world_revoke, world_validate_soon, w},
    };
    world_start(w);
}

static inline void world_restart(struct world *w)
{
    world_stop(w);
    world_start(w);
}

static inline void world_close(struct world *w)
{
    char command[128];
    world_stop(w);
    store_close(w->store);
    snprintf(command, sizeof command, "rm -r %s", w->folder);
    assert_int_equal(system(command), 0);
}

/* ---- clients ---- */

struct client {
    EVP_PKEY *key; /* P-256 */
    char jwk[256];
    char kid[ACME_URL_MAX]; /* "": no account yet */
};

static inline void coordinate(EVP_PKEY *key, const char *name, char text[static BASE64URL_SIZE(P256_HALF)])
{
    BIGNUM *number = NULL;
    uint8_t octets[P256_HALF];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    assert_int_equal(BN_bn2binpad(number, octets, P256_HALF), P256_HALF);
    BN_free(number);
    base64url_encode(octets, P256_HALF, text);
}

static inline void client_make(struct client *c)
{
    char x[BASE64URL_SIZE(P256_HALF)], y[BASE64URL_SIZE(P256_HALF)];
    memset(c, 0, sizeof *c);
    c->key = EVP_EC_gen("P-256");
    assert_non_null(c->key);
    coordinate(c->key, OSSL_PKEY_PARAM_EC_PUB_X, x);
    coordinate(c->key, OSSL_PKEY_PARAM_EC_PUB_Y, y);
    snprintf(c->jwk, sizeof c->jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
}

static inline void client_free(struct client *c)
{
    EVP_PKEY_free(c->key);
}

/* ES256 over text, as r and s. */
static inline void sign(EVP_PKEY *key, const char *text, uint8_t raw[static 2 * P256_HALF])
{
    uint8_t der[128];
    const uint8_t *at = der;
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len, (const uint8_t *)text, strlen(text)), 1);
    EVP_MD_CTX_free(ctx);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_non_null(signature);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, P256_HALF);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + P256_HALF, P256_HALF);
    ECDSA_SIG_free(signature);
}

/* A flattened JWS; free it. */
static inline char *jws_text(EVP_PKEY *key, const char *header, const char *payload)
{
    size_t header_size = BASE64URL_SIZE(strlen(header)), payload_size = BASE64URL_SIZE(strlen(payload));
    char *input = malloc(header_size + payload_size), *jws = malloc(header_size + payload_size + 256);
    uint8_t raw[2 * P256_HALF];
    char signature[BASE64URL_SIZE(sizeof raw)];
    assert_non_null(input);
    assert_non_null(jws);
    size_t header_len = base64url_encode(header, strlen(header), input);
    input[header_len] = '.';
    base64url_encode(payload, strlen(payload), input + header_len + 1);
    sign(key, input, raw);
    base64url_encode(raw, sizeof raw, signature);
    input[header_len] = '\0';
    sprintf(jws, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", input, input + header_len + 1,
            signature);
    free(input);
    return jws;
}

/* ---- exchanges ---- */

struct reply {
    struct acme_task *task;
    const struct acme_reply *it;
    enum acme_step step; /* ACME_DONE or ACME_HOLD */
    json_t *json;        /* NULL where the body is none */
};

static inline void reply_free(struct reply *r)
{
    json_decref(r->json);
    acme_task_free(r->task);
    memset(r, 0, sizeof *r);
}

static inline void reply_read(struct reply *r)
{
    r->it = acme_task_reply(r->task);
    if ((r->step == ACME_DONE || r->step == ACME_NOTE) && r->it->body && strstr(r->it->content_type, "json")) {
        r->json = json_loadb(r->it->body, r->it->body_len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(r->json);
    }
}

static inline const char *member(const struct reply *r, const char *name)
{
    const char *text = json_string_value(json_object_get(r->json, name));
    return text ? text : "";
}

/* The problem document that the reply must be; detail has to be in it where one is given. */
static inline void assert_problem(struct reply *r, int status, enum acme_problem_type type, const char *detail)
{
    assert_int_equal(r->step, ACME_DONE);
    if (r->it->status != status)
        fail_msg("status %d: %s", r->it->status, r->it->body ? r->it->body : "");
    assert_string_equal(r->it->content_type, "application/problem+json");
    assert_string_equal(member(r, "type"), acme_problem_urn(type));
    assert_int_equal(json_integer_value(json_object_get(r->json, "status")), status);
    if (detail && !strstr(member(r, "detail"), detail))
        fail_msg("\"%s\" is not in \"%s\"", detail, member(r, "detail"));
    reply_free(r);
}

static inline void assert_status(const struct reply *r, int status)
{
    assert_int_equal(r->step, ACME_DONE);
    if (r->it->status != status)
        fail_msg("status %d: %s", r->it->status, r->it->body ? r->it->body : "");
}

/* Commits what the task asks for. */
static inline void reply_commit(struct world *w, struct reply *r)
{
    enum store_status status = store_call(w->store, acme_change, r->task);
    r->step = acme_committed(r->task, w->thread, status, w->now_ms);
    reply_read(r);
}

static inline struct reply begin(struct world *w, const struct acme_request *request)
{
    struct reply r = {0};
    r.step = acme_begin(w->acme, w->thread, request, &r.task);
    reply_read(&r);
    return r;
}

static inline struct reply get(struct world *w, enum acme_method method, const char *path)
{
    struct acme_request request = {
        .method = method, .path = path, .path_len = strlen(path), .peer = "192.0.2.1", .now_ms = w->now_ms};
    return begin(w, &request);
}

static inline void fresh_nonce(struct world *w, char nonce[static 64])
{
    struct reply r = get(w, ACME_HEAD, "/acme/new-nonce");
    assert_status(&r, 200);
    assert_true(strlen(r.it->nonce) > 0);
    strcpy(nonce, r.it->nonce);
    reply_free(&r);
}

/* What is sent; NULL or false means what a good client does. */
struct message {
    const char *path, *payload; /* payload NULL: POST-as-GET */
    const char *query, *url, *nonce, *kid, *content_type, *header, *body, *user_agent;
    bool jwk;   /* sign with jwk although there is an account */
    bool begin; /* stop before the commit */
};

static inline char *message_body(struct world *w, const struct client *c, const struct message *m, const char *path)
{
    char nonce[64], url[ACME_URL_MAX], header[8 * ACME_URL_MAX], signer[2 * ACME_URL_MAX];
    if (m->body)
        return strdup(m->body);
    if (!m->nonce)
        fresh_nonce(w, nonce);
    snprintf(url, sizeof url, "%s%s%s%s", BASE, path, m->query ? "?" : "", m->query ? m->query : "");
    if (m->jwk || (!*c->kid && !m->kid))
        snprintf(signer, sizeof signer, "\"jwk\":%s", c->jwk);
    else
        snprintf(signer, sizeof signer, "\"kid\":\"%s\"", m->kid ? m->kid : c->kid);
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"%s\",%s}",
             m->nonce ? m->nonce : nonce, m->url ? m->url : url, signer);
    return jws_text(c->key, m->header ? m->header : header, m->payload ? m->payload : "");
}

/* Sends and, unless m.begin, commits. m.path may be a whole URL of ours. */
static inline struct reply send_message(struct world *w, const struct client *c, struct message m)
{
    const char *path = strncmp(m.path, BASE, strlen(BASE)) == 0 ? m.path + strlen(BASE) : m.path;
    const char *content_type = m.content_type ? m.content_type : "application/jose+json";
    char *body = message_body(w, c, &m, path);
    struct acme_request request = {
        .method = ACME_POST,
        .path = path,
        .path_len = strlen(path),
        .query = m.query,
        .query_len = m.query ? strlen(m.query) : 0,
        .content_type = content_type,
        .content_type_len = strlen(content_type),
        .user_agent = m.user_agent,
        .user_agent_len = m.user_agent ? strlen(m.user_agent) : 0,
        .peer = "192.0.2.1",
        .body = (const uint8_t *)body,
        .body_len = strlen(body),
        .now_ms = w->now_ms,
        .doubtful = w->doubtful,
    };
    struct reply r = begin(w, &request);
    free(body);
    if (r.step == ACME_COMMIT && !m.begin)
        reply_commit(w, &r);
    if (r.step == ACME_NOTE && !m.begin) {
        assert_int_equal(store_call(w->store, acme_change, r.task), STORE_OK);
        r.step = ACME_DONE;
    }
    if (r.step == ACME_DONE)
        assert_true(strlen(r.it->nonce) > 0); /* on every reply to a POST */
    return r;
}

static inline struct reply post(struct world *w, const struct client *c, const char *path, const char *payload)
{
    return send_message(w, c, (struct message){.path = path, .payload = payload});
}

/* ---- steps of the flow ---- */

static inline void register_client(struct world *w, struct client *c)
{
    client_make(c);
    struct reply r = post(w, c, "/acme/new-account", "{\"termsOfServiceAgreed\":true}");
    assert_status(&r, 201);
    strcpy(c->kid, r.it->location);
    reply_free(&r);
}

struct key_change {
    const char *url, *account, *old_jwk; /* of the inner JWS; NULL: as is right */
    EVP_PKEY *signer;
};

/* keyChange from c to next. */
static inline struct reply change_key(struct world *w, const struct client *c, const struct client *next,
                                      struct key_change k)
{
    char header[1024], payload[1024];
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"url\":\"%s\",\"jwk\":%s}",
             k.url ? k.url : BASE "/acme/key-change", next->jwk);
    snprintf(payload, sizeof payload, "{\"account\":\"%s\",\"oldKey\":%s}", k.account ? k.account : c->kid,
             k.old_jwk ? k.old_jwk : c->jwk);
    char *inner = jws_text(k.signer ? k.signer : next->key, header, payload);
    struct reply r = post(w, c, "/acme/key-change", inner);
    free(inner);
    return r;
}

/* The id at the end of, or inside, one of our URLs. */
static inline struct acme_id url_id(const char *url)
{
    struct acme_id id;
    const char *at = strstr(url, "/acme/");
    assert_non_null(at);
    at = strchr(at + strlen("/acme/"), '/');
    assert_non_null(at);
    assert_true(acme_id_parse(at + 1, ACME_ID_TEXT, &id));
    return id;
}

static inline void names_payload(char *out, size_t size, const char *const *names)
{
    size_t len = (size_t)snprintf(out, size, "{\"identifiers\":[");
    for (size_t i = 0; names[i]; i++)
        len += (size_t)snprintf(out + len, size - len, "%s{\"type\":\"dns\",\"value\":\"%s\"}", i ? "," : "", names[i]);
    snprintf(out + len, size - len, "]}");
}

/* newOrder for a NULL-terminated list of names; *url becomes the order's. */
static inline struct reply new_order(struct world *w, const struct client *c, const char *const *names,
                                     char url[static ACME_URL_MAX])
{
    char payload[4096];
    names_payload(payload, sizeof payload, names);
    struct reply r = post(w, c, "/acme/new-order", payload);
    strcpy(url, r.it->location);
    return r;
}

static inline void order_read(struct world *w, const char *url, struct acme_order *order)
{
    struct store_txn *txn;
    struct acme_id id = url_id(url);
    assert_int_equal(store_read(w->store, &txn), STORE_OK);
    assert_int_equal(acme_order_load(txn, &id, order), STORE_OK);
    store_read_end(txn);
}

static inline void authz_read(struct world *w, const struct acme_id *id, struct acme_authz *authz)
{
    struct store_txn *txn;
    assert_int_equal(store_read(w->store, &txn), STORE_OK);
    assert_int_equal(acme_authz_load(txn, id, authz), STORE_OK);
    store_read_end(txn);
}

static inline void challenge_url(const struct acme_id *authz, enum acme_challenge_type type,
                                 char url[static ACME_URL_MAX])
{
    char text[ACME_ID_TEXT + 1];
    acme_id_text(authz, text);
    snprintf(url, ACME_URL_MAX, BASE "/acme/challenge/%s/%s", text, acme_challenge_type_text(type));
}

struct settling {
    struct world *w;
    const struct acme_problem *problem;
};

static inline enum store_status settle_last(struct store_txn *txn, void *arg)
{
    const struct settling *s = arg;
    struct acme_validation validation;
    enum store_status status = acme_validation_load(txn, s->w->subject, &validation);
    return status == STORE_OK ? acme_validation_settle(txn, &validation, s->problem, s->w->now_ms) : status;
}

/* Settles the validation asked for last: problem NULL is valid. */
static inline enum store_status settle(struct world *w, const struct acme_problem *problem)
{
    struct settling s = {w, problem};
    return store_call(w->store, settle_last, &s);
}

static inline void prove(struct world *w, const struct client *c, const struct acme_id *authz,
                         enum acme_challenge_type type)
{
    char url[ACME_URL_MAX];
    challenge_url(authz, type, url);
    struct reply r = post(w, c, url, "{}");
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "processing");
    reply_free(&r);
    assert_int_equal(settle(w, NULL), STORE_OK);
}

/* newOrder and all its proofs: a ready order. */
static inline void ready_order(struct world *w, const struct client *c, const char *const *names,
                               char url[static ACME_URL_MAX])
{
    struct acme_order order;
    struct reply r = new_order(w, c, names, url);
    assert_status(&r, 201);
    reply_free(&r);
    order_read(w, url, &order);
    for (size_t i = 0; i < order.names.count && order.status == ACME_ORDER_PENDING; i++) {
        struct acme_authz authz;
        authz_read(w, &order.authzs[i], &authz);
        if (authz.status == ACME_AUTHZ_PENDING)
            prove(w, c, &authz.id, authz.wildcard ? ACME_DNS_01 : ACME_HTTP_01);
        acme_authz_clear(&authz);
    }
    acme_order_clear(&order);
}

/* finalize's payload for a fresh key and these names; free it. */
static inline char *csr_payload_for(EVP_PKEY *key, const char *const *names)
{
    char san[1024] = "";
    for (size_t i = 0; names[i]; i++)
        snprintf(san + strlen(san), sizeof san - strlen(san), "%sDNS:%s", i ? "," : "", names[i]);
    X509_REQ *csr = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
    assert_int_equal(X509_REQ_set_version(csr, 0), 1);
    assert_int_equal(X509_REQ_set_pubkey(csr, key), 1);
    assert_int_equal(X509_REQ_add_extensions(csr, extensions), 1);
    assert_true(X509_REQ_sign(csr, key, EVP_sha256()) > 0);
    uint8_t *der = NULL;
    int len = i2d_X509_REQ(csr, &der);
    assert_true(len > 0);
    char *payload = malloc(BASE64URL_SIZE((size_t)len) + 16);
    assert_non_null(payload);
    strcpy(payload, "{\"csr\":\"");
    base64url_encode(der, (size_t)len, payload + strlen(payload));
    strcat(payload, "\"}");
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(csr);
    return payload;
}

static inline char *csr_payload(const char *const *names)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *payload = csr_payload_for(key, names);
    EVP_PKEY_free(key);
    return payload;
}

/* ---- what the issuer does ---- */

struct ending {
    struct acme_id order, certificate;
    const struct acme_problem *problem;
    uint64_t now_ms;
};

static inline enum store_status ending_complete(struct store_txn *txn, void *arg)
{
    const struct ending *e = arg;
    return acme_order_complete(txn, &e->order, &e->certificate, e->now_ms);
}

static inline enum store_status ending_fail(struct store_txn *txn, void *arg)
{
    const struct ending *e = arg;
    return acme_order_fail(txn, &e->order, e->problem, e->now_ms);
}

static inline enum store_status save_certificate(struct store_txn *txn, void *arg)
{
    return acme_certificate_save(txn, arg);
}

#endif
