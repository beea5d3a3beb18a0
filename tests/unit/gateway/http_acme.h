/* http_acme: a real ACME room behind the server under test, and an ACME client with an ES256 key. */
#ifndef TESTS_UNIT_GATEWAY_HTTP_ACME_H
#define TESTS_UNIT_GATEWAY_HTTP_ACME_H

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "acme/base64url.h"
#include "gateway/clock.h"
#include "http_server.h"

#define BASE_URL "https://acme.example.com"

static unsigned acme_world_workers; /* of servers from now on: as where the store waits for a network */

static const char *const acme_tables[] = {ACME_TABLE_NAMES};

struct acme_world {
    struct world *w;
    char store_path[128];
    struct store *store;
    struct acme_config config;
    struct acme *acme;
    sem_t validations; /* posted once for each challenge that became processing */
    pthread_mutex_t lock;
    uint8_t subject[ACME_VALIDATION_SUBJECT_LEN]; /* of the last one */
};

static inline bool may_order(void *ctx, struct store_txn *txn, const char *policy, const struct acme_names *names,
                             char profile[static ACME_POLICY_MAX + 1], struct acme_problem *problem)
{
    (void)ctx, (void)txn, (void)policy, (void)names, (void)profile, (void)problem;
    return true;
}

static inline enum store_status validate(void *ctx, struct store_txn *txn,
                                         const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN], uint64_t now_ms)
{
    struct acme_world *a = ctx;
    (void)txn, (void)now_ms;
    pthread_mutex_lock(&a->lock);
    memcpy(a->subject, subject, sizeof a->subject);
    pthread_mutex_unlock(&a->lock);
    sem_post(&a->validations);
    return STORE_OK;
}

static inline enum store_status accept_csr(void *ctx, struct store_txn *txn, const struct acme_order *order,
                                           const struct acme_csr *csr, uint64_t now_ms, struct acme_problem *problem)
{
    (void)ctx, (void)txn, (void)order, (void)csr, (void)now_ms, (void)problem;
    return STORE_OK;
}

static inline int acme_world_prepare(void **state)
{
    struct acme_world *a = calloc(1, sizeof *a);
    char reason[STORE_REASON_SIZE] = "";
    world_prepare(state);
    a->w = *state;
    snprintf(a->store_path, sizeof a->store_path, "%s/store", a->w->folder);
    const struct store_config store = {
        .path = a->store_path,
        .map_size = 64 << 20,
        .tables = acme_tables,
        .table_count = ACME_TABLE_COUNT,
        .schema = 1,
        .nosync = true,
    };
    enum store_status status = store_open(&store, &a->store, reason);
    if (status != STORE_OK)
        print_error("%s\n", reason);
    assert_int_equal(status, STORE_OK);
    sem_init(&a->validations, 0, 0);
    pthread_mutex_init(&a->lock, NULL);
    a->config = (struct acme_config){
        .store = a->store,
        .base_url = BASE_URL,
        .instance = "t",
        .identifiers_max = 10,
        .offer = {[ACME_HTTP_01] = true},
        .order_lifetime_s = 3600,
        .authz_valid_s = 0,
        .hold_finalize_ms = 20000,
        .hold_challenge_ms = 20000,
        .hooks = {.ctx = a, .may_order = may_order, .validate = validate, .accept_csr = accept_csr},
    };
    *state = a;
    return 0;
}

static inline void acme_world_start(struct acme_world *a)
{
    struct world *w = a->w;
    assert_non_null(a->acme = acme_make(&a->config));
    w->config.workers = acme_world_workers;
    w->config.acme = a->acme;
    w->config.store = a->store;
    w->config.acme_listen = any_port;
    w->config.acme_listen_count = 1;
    w->config.acme_tls = (struct http_tls){.certificate_file = w->certificate, .key_file = w->key};
    world_start(w);
}

static inline int acme_world_end(void **state)
{
    struct acme_world *a = *state;
    world_stop(a->w);
    acme_free(a->acme);
    if (a->store)
        store_close(a->store);
    sem_destroy(&a->validations);
    pthread_mutex_destroy(&a->lock);
    *state = a->w;
    free(a);
    return world_end(state);
}

/* ---- settling a challenge as the validator does ---- */

struct settling {
    struct acme_world *a;
    struct acme_validation validation;
};

static inline enum store_status settle(struct store_txn *txn, void *arg)
{
    struct settling *settling = arg;
    enum store_status status = acme_validation_load(txn, settling->a->subject, &settling->validation);
    return status == STORE_OK ? acme_validation_settle(txn, &settling->validation, NULL, clock_ms()) : status;
}

/* Waits for the next challenge to become processing. */
static inline void await_validation(struct acme_world *a)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLIENT_TIMEOUT_S;
    assert_int_equal(sem_timedwait(&a->validations, &until), 0);
}

static inline void settle_and_notify(struct acme_world *a)
{
    struct settling settling = {.a = a};
    assert_int_equal(store_call(a->store, settle, &settling), STORE_OK);
    http_notify(a->w->server, &settling.validation.authz);
}

/* ---- the client ---- */

struct acme_client {
    struct client *connection;
    EVP_PKEY *key;
    char jwk[256], kid[256], nonce[128];
};

static inline void encode_coordinate(const EVP_PKEY *key, const char *name, char out[static BASE64URL_SIZE(32)])
{
    BIGNUM *number = NULL;
    uint8_t octets[32];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    assert_int_equal(BN_bn2binpad(number, octets, sizeof octets), sizeof octets);
    base64url_encode(octets, sizeof octets, out);
    BN_free(number);
}

/* ES256 as JOSE has it: r and s, 32 octets each. */
static inline void sign(EVP_PKEY *key, const char *text, char out[static BASE64URL_SIZE(64)])
{
    uint8_t der[128], raw[64];
    const uint8_t *at = der;
    size_t len = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &len, (const uint8_t *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_non_null(signature);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32);
    ECDSA_SIG_free(signature);
    base64url_encode(raw, sizeof raw, out);
}

static inline void take_nonce(struct acme_client *c, const struct client_reply *reply)
{
    assert_true(client_header(reply, "Replay-Nonce", 0, c->nonce, sizeof c->nonce));
}

/* Sends a signed POST. payload NULL: POST-as-GET. */
static inline void acme_send(struct acme_client *c, const char *path, const char *payload)
{
    char protected[1024], encoded[1400], body[1024] = "", input[2600], signature[BASE64URL_SIZE(64)], *jws = NULL;
    const char *sep = c->kid[0] ? "\"" : "";
    snprintf(protected, sizeof protected,
             "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"" BASE_URL "%s\",\"%s\":%s%s%s}", c->nonce, path,
             c->kid[0] ? "kid" : "jwk", sep, c->kid[0] ? c->kid : c->jwk, sep);
    base64url_encode(protected, strlen(protected), encoded);
    if (payload)
        base64url_encode(payload, strlen(payload), body);
    snprintf(input, sizeof input, "%s.%s", encoded, body);
    sign(c->key, input, signature);
    int len =
        asprintf(&jws, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", encoded, body, signature);
    assert_true(len > 0);
    assert_true(client_send(c->connection,
                            "POST %s HTTP/1.1\r\nHost: acme.example.com\r\nUser-Agent: test/1\r\n"
                            "Content-Type: application/jose+json\r\nContent-Length: %d\r\n\r\n%s",
                            path, len, jws));
    free(jws);
}

/* The reply to what acme_send sent; the caller frees it. */
static inline struct client_reply *acme_receive(struct acme_client *c, int status)
{
    struct client_reply *reply = expect(c->connection, status);
    take_nonce(c, reply);
    return reply;
}

static inline struct client_reply *acme_call(struct acme_client *c, const char *path, const char *payload, int status)
{
    acme_send(c, path, payload);
    return acme_receive(c, status);
}

/* Copies what stands between before and the next quote. */
static inline void cut_text(const char *text, const char *before, char *out, size_t size)
{
    const char *at = strstr(text, before);
    assert_non_null(at);
    at += strlen(before);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

/* Connects and makes an account. */
static inline struct acme_client *acme_client_make(struct acme_world *a)
{
    struct acme_client *c = calloc(1, sizeof *c);
    char x[BASE64URL_SIZE(32)], y[BASE64URL_SIZE(32)], location[256];
    assert_non_null(c);
    assert_non_null(c->connection = client_open_tls(a->w->acme));
    assert_non_null(c->key = EVP_EC_gen("P-256"));
    encode_coordinate(c->key, "qx", x);
    encode_coordinate(c->key, "qy", y);
    snprintf(c->jwk, sizeof c->jwk, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
    assert_true(client_send(c->connection, "HEAD /acme/new-nonce HTTP/1.1\r\nHost: acme.example.com\r\n\r\n"));
    struct client_reply *reply = client_read(c->connection, true);
    assert_int_equal(reply->status, 200);
    take_nonce(c, reply);
    free(reply);
    reply = acme_call(c, "/acme/new-account", "{\"termsOfServiceAgreed\":true}", 201);
    assert_true(client_header(reply, "Location", 0, location, sizeof location));
    snprintf(c->kid, sizeof c->kid, "%s", location);
    free(reply);
    return c;
}

static inline void acme_client_end(struct acme_client *c)
{
    client_close(c->connection);
    EVP_PKEY_free(c->key);
    free(c);
}

/* Orders a name and copies the path of its http-01 challenge. */
static inline void order_challenge(struct acme_client *c, const char *name, char *path, size_t size)
{
    char payload[256], authz[256];
    snprintf(payload, sizeof payload, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}", name);
    struct client_reply *reply = acme_call(c, "/acme/new-order", payload, 201);
    cut_text(reply->body, "\"authorizations\":[\"" BASE_URL, authz, sizeof authz);
    free(reply);
    reply = acme_call(c, authz, NULL, 200);
    cut_text(reply->body, "\"url\":\"" BASE_URL, path, size);
    free(reply);
}

#endif
