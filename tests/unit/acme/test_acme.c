/* The ACME server as a client meets it: the whole flow, and the rules of RFC 8555 section 6. */
#include "client.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include <openssl/crypto.h>

#include "store/shortage.h"

static const char *const one_name[] = {"www.example.com", NULL};

static void a_client_gets_a_certificate(void **state)
{
    (void)state;
    static const char *const names[] = {"www.example.com", "*.example.com", NULL};
    struct world w;
    struct client c;
    char url[ACME_URL_MAX], certificate_url[ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);

    struct reply r = new_order(&w, &c, names, url);
    assert_status(&r, 201);
    assert_string_equal(member(&r, "status"), "pending");
    assert_int_equal(json_array_size(json_object_get(r.json, "authorizations")), 2);
    assert_int_equal(json_array_size(json_object_get(r.json, "identifiers")), 2);
    assert_string_equal(w.policy, "default");
    reply_free(&r);

    struct acme_order order;
    order_read(&w, url, &order);
    for (size_t i = 0; i < 2; i++)
        prove(&w, &c, &order.authzs[i], ACME_DNS_01);
    assert_int_equal(w.validations, 2);
    acme_order_clear(&order);
    r = post(&w, &c, url, NULL);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "ready");
    assert_string_equal(r.it->location, url);
    char finalize[ACME_URL_MAX];
    strcpy(finalize, member(&r, "finalize"));
    reply_free(&r);

    char *payload = csr_payload(names);
    r = post(&w, &c, finalize, payload);
    assert_status(&r, 200);
    assert_string_equal(member(&r, "status"), "processing");
    assert_string_equal(r.it->location, url);
    assert_int_equal(r.it->retry_after_s, 3);
    assert_int_equal(w.acceptances, 1);
    reply_free(&r);
    free(payload);

    struct ending e = {.order = url_id(url), .now_ms = w.now_ms};
    struct acme_certificate certificate = {.account = url_id(c.kid),
                                           .order = e.order,
                                           .policy = "house",
                                           .profile = "standard",
                                           .serial = {0x17, 0x18},
                                           .serial_len = 2,
                                           .chain = "-----BEGIN CERTIFICATE-----\n",
                                           .certificate_id = "1",
                                           .issuance = "t1"};
    assert_true(acme_id_make(&certificate.id, w.now_ms));
    e.certificate = certificate.id;
    assert_int_equal(store_call(w.store, save_certificate, &certificate), STORE_OK);
    assert_int_equal(store_call(w.store, ending_complete, &e), STORE_OK);
    r = post(&w, &c, url, NULL);
    assert_string_equal(member(&r, "status"), "valid");
    strcpy(certificate_url, member(&r, "certificate"));
    assert_int_equal(r.it->retry_after_s, 0);
    reply_free(&r);
    r = post(&w, &c, certificate_url, NULL);
    assert_status(&r, 200);
    assert_string_equal(r.it->content_type, "application/pem-certificate-chain");
    assert_int_equal(r.it->body_len, strlen(certificate.chain));
    assert_memory_equal(r.it->body, certificate.chain, r.it->body_len);
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

static void the_directory_names_what_is_routed(void **state)
{
    (void)state;
    struct world w;
    static const char *const identities[] = {"sectigo.com", NULL};
    world_open(&w);
    w.config.terms_of_service = "https://acme.test/terms";
    w.config.website = "https://acme.test/";
    w.config.caa_identities = identities;
    world_restart(&w);
    struct reply r = get(&w, ACME_GET, "/directory");
    assert_status(&r, 200);
    assert_string_equal(r.it->content_type, "application/json");
    assert_int_equal(r.it->link_count, 0);
    assert_string_equal(member(&r, "newNonce"), BASE "/acme/new-nonce");
    assert_string_equal(member(&r, "newAccount"), BASE "/acme/new-account");
    assert_string_equal(member(&r, "newOrder"), BASE "/acme/new-order");
    assert_string_equal(member(&r, "keyChange"), BASE "/acme/key-change");
    assert_string_equal(member(&r, "revokeCert"), BASE "/acme/revoke-cert");
    assert_string_equal(member(&r, "newAuthz"), BASE "/acme/new-authz");
    assert_string_equal(member(&r, "renewalInfo"), BASE "/acme/renewal-info");
    const json_t *meta = json_object_get(r.json, "meta");
    assert_string_equal(json_string_value(json_object_get(meta, "termsOfService")), "https://acme.test/terms");
    assert_string_equal(json_string_value(json_object_get(meta, "website")), "https://acme.test/");
    assert_string_equal(json_string_value(json_array_get(json_object_get(meta, "caaIdentities"), 0)), "sectigo.com");
    reply_free(&r);
    world_close(&w);
}

static void new_nonce_answers_head_and_get(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct reply head = get(&w, ACME_HEAD, "/acme/new-nonce"), plain = get(&w, ACME_GET, "/acme/new-nonce");
    assert_status(&head, 200);
    assert_status(&plain, 204);
    assert_true(strlen(head.it->nonce) > 0 && strlen(plain.it->nonce) > 0);
    assert_string_not_equal(head.it->nonce, plain.it->nonce);
    assert_null(plain.it->body);
    assert_string_equal(plain.it->links[0], "<" BASE "/directory>;rel=\"index\"");
    reply_free(&head);
    reply_free(&plain);
    world_close(&w);
}

static void directory_and_nonce_take_post_as_get(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    struct reply r = post(&w, &c, "/directory", NULL);
    assert_status(&r, 200);
    reply_free(&r);
    r = post(&w, &c, "/acme/new-nonce", NULL);
    assert_status(&r, 204);
    reply_free(&r);
    r = post(&w, &c, "/directory", "{}");
    assert_problem(&r, 400, ACME_MALFORMED, "POST-as-GET");
    client_free(&c);
    world_close(&w);
}

static void paths_and_methods_are_checked(void **state)
{
    (void)state;
    static const char *const absent[] = {"",
                                         "/",
                                         "/directory/",
                                         "/acme",
                                         "/acme/order/",
                                         "/acme/order/short",
                                         "/acme/order/AAAAAAAAAAAAAAAAAAAAAAAA/finalise",
                                         "/acme/challenge/AAAAAAAAAAAAAAAAAAAAAAAA/http-02",
                                         "//directory"};
    struct world w;
    world_open(&w);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        struct reply r = get(&w, ACME_GET, absent[i]);
        assert_problem(&r, 404, ACME_MALFORMED, "no such resource");
    }
    struct reply r = get(&w, ACME_GET, "/acme/order/AAAAAAAAAAAAAAAAAAAAAAAA");
    assert_string_equal(r.it->allow, "POST");
    assert_problem(&r, 405, ACME_MALFORMED, NULL);
    r = get(&w, ACME_OTHER, "/directory");
    assert_string_equal(r.it->allow, "GET, HEAD, POST");
    assert_problem(&r, 405, ACME_MALFORMED, NULL);
    world_close(&w);
}

static void large_and_foreign_bodies_are_refused(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    struct acme_request request = {.method = ACME_POST,
                                   .path = "/acme/new-order",
                                   .path_len = strlen("/acme/new-order"),
                                   .content_type = "application/jose+json",
                                   .content_type_len = strlen("application/jose+json"),
                                   .body_too_large = true,
                                   .now_ms = w.now_ms};
    struct reply r = begin(&w, &request);
    assert_true(strlen(r.it->nonce) > 0);
    assert_problem(&r, 413, ACME_MALFORMED, "larger than");
    request.body_too_large = false;
    request.body_len = ACME_BODY_MAX + 1;
    r = begin(&w, &request);
    assert_problem(&r, 413, ACME_MALFORMED, "larger than");
    request.body_len = 0;
    request.content_type = NULL;
    r = begin(&w, &request);
    assert_problem(&r, 415, ACME_MALFORMED, "application/jose+json");
    r = send_message(&w, &c, (struct message){.path = c.kid, .content_type = "application/json"});
    assert_problem(&r, 415, ACME_MALFORMED, NULL);
    r = send_message(&w, &c, (struct message){.path = c.kid, .content_type = "application/jose+json; charset=utf-8"});
    assert_status(&r, 200);
    reply_free(&r);
    r = send_message(&w, &c, (struct message){.path = c.kid, .body = "{\"protected\":"});
    assert_problem(&r, 400, ACME_MALFORMED, "JSON");
    client_free(&c);
    world_close(&w);
}

static void the_signed_url_is_the_one_called(void **state)
{
    (void)state;
    static const char *const wrong[] = {BASE "/acme/new-order/", BASE "/acme/new-orde",
                                        "https://acme.test/acme/new-order", BASE "/acme/new-order?a=b"};
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct reply r = send_message(&w, &c, (struct message){.path = "/acme/new-order", .url = wrong[i]});
        assert_problem(&r, 403, ACME_UNAUTHORIZED, wrong[i]);
    }
    struct reply r = send_message(&w, &c, (struct message){.path = c.kid, .query = "a=b", .url = c.kid});
    assert_problem(&r, 403, ACME_UNAUTHORIZED, NULL);
    r = send_message(&w, &c, (struct message){.path = c.kid, .query = "a=b"});
    assert_status(&r, 200);
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

static void nonces_serve_once_and_only_signed_requests(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    char nonce[64];
    world_open(&w);
    register_client(&w, &c);
    client_make(&other);
    strcpy(other.kid, c.kid);
    fresh_nonce(&w, nonce);
    struct message m = {.path = c.kid, .nonce = nonce};
    struct reply r = send_message(&w, &other, m); /* signed by a stranger: the nonce stays good */
    assert_problem(&r, 400, ACME_MALFORMED, "signature");
    r = send_message(&w, &c, m);
    assert_status(&r, 200);
    reply_free(&r);
    r = send_message(&w, &c, m);
    assert_problem(&r, 400, ACME_BAD_NONCE, "JWS has an invalid anti-replay nonce");
    m.nonce = "Zm9yZ2Vk";
    r = send_message(&w, &c, m);
    assert_problem(&r, 400, ACME_BAD_NONCE, "JWS has an invalid anti-replay nonce");
    r = send_message(&w, &c,
                     (struct message){.path = c.kid, .header = "{\"alg\":\"ES256\",\"url\":\"u\",\"kid\":\"k\"}"});
    assert_problem(&r, 400, ACME_BAD_NONCE, NULL);
    client_free(&other);
    client_free(&c);
    world_close(&w);
}

static void accounts_are_named_by_kid(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    world_open(&w);
    register_client(&w, &c);
    struct reply r = send_message(&w, &c, (struct message){.path = "/acme/new-order", .payload = "{}", .jwk = true});
    assert_problem(&r, 400, ACME_MALFORMED, "kid");
    r = send_message(&w, &c, (struct message){.path = "/acme/new-account", .payload = "{}"});
    assert_problem(&r, 400, ACME_MALFORMED, "jwk");
    r = send_message(&w, &c,
                     (struct message){.path = "/acme/new-order",
                                      .payload = "{}",
                                      .kid = BASE "/acme/account/AAAAAAAAAAAAAAAAAAAAAAAA"});
    assert_problem(&r, 400, ACME_ACCOUNT_DOES_NOT_EXIST, "AAAAAAAA");
    r = send_message(&w, &c, (struct message){.path = "/acme/new-order", .payload = "{}", .kid = "https://other/1"});
    assert_problem(&r, 400, ACME_MALFORMED, "https://other/1");
    r = post(&w, &c, "/acme/new-order", "[]");
    assert_problem(&r, 400, ACME_MALFORMED, "not a JSON object");
    r = post(&w, &c, "/acme/new-order", NULL);
    assert_problem(&r, 400, ACME_MALFORMED, "empty");
    client_free(&c);
    world_close(&w);
}

static void a_change_that_fails_is_told(void **state)
{
    (void)state;
    static const struct {
        enum store_status store;
        int status;
        uint32_t retry_after_s;
    } cases[] = {{STORE_FULL, 503, 300}, {STORE_CLOSED, 503, 5}, {STORE_IO, 500, 0}, {STORE_REFUSED, 500, 0}};
    struct world w;
    struct client c;
    char payload[256];
    world_open(&w);
    register_client(&w, &c);
    names_payload(payload, sizeof payload, one_name);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m = {.path = "/acme/new-order", .payload = payload, .begin = true};
        struct reply r = send_message(&w, &c, m);
        assert_int_equal(r.step, ACME_COMMIT);
        r.step = acme_committed(r.task, w.thread, cases[i].store, w.now_ms);
        reply_read(&r);
        assert_int_equal(r.it->retry_after_s, cases[i].retry_after_s);
        assert_string_equal(r.it->location, "");
        assert_problem(&r, cases[i].status, ACME_SERVER_INTERNAL, NULL);
    }
    struct acme_task *dropped =
        send_message(&w, &c, (struct message){.path = "/acme/new-order", .payload = payload, .begin = true}).task;
    acme_task_free(dropped); /* a client that left */
    client_free(&c);
    world_close(&w);
}

static enum store_status run_twice(struct store_txn *txn, void *arg)
{
    enum store_status first = acme_change(txn, arg);
    return first == STORE_OK ? STORE_REFUSED : first;
}

static void a_change_may_run_again(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    char payload[256];
    world_open(&w);
    register_client(&w, &c);
    names_payload(payload, sizeof payload, one_name);
    struct reply r =
        send_message(&w, &c, (struct message){.path = "/acme/new-order", .payload = payload, .begin = true});
    assert_int_equal(store_call(w.store, run_twice, r.task), STORE_REFUSED);
    assert_int_equal(store_call(w.store, run_twice, r.task), STORE_REFUSED);
    reply_commit(&w, &r);
    assert_status(&r, 201);
    assert_int_equal(json_array_size(json_object_get(r.json, "authorizations")), 1);
    struct acme_order order;
    order_read(&w, r.it->location, &order);
    assert_string_equal(order.names.list[0].value, "www.example.com");
    acme_order_clear(&order);
    reply_free(&r);
    client_free(&c);
    world_close(&w);
}

/* ---- several threads ---- */

enum { THREADS = 4, ROUNDS = 10 };

static bool allow(void *ctx, struct store_txn *txn, const char *policy, const struct acme_names *names,
                  char profile[static ACME_POLICY_MAX + 1], struct acme_problem *problem)
{
    (void)ctx, (void)txn, (void)policy, (void)names, (void)problem;
    profile[0] = '\0';
    return true;
}

static enum store_status note(void *ctx, struct store_txn *txn,
                              const uint8_t subject[static ACME_VALIDATION_SUBJECT_LEN], uint64_t now_ms)
{
    (void)ctx;
    return store_job_set(txn, 1, subject, ACME_VALIDATION_SUBJECT_LEN, now_ms);
}

static void *one_thread(void *arg)
{
    struct world w = *(struct world *)arg;
    struct client c;
    w.thread = acme_thread_make();
    assert_non_null(w.thread);
    register_client(&w, &c);
    for (int i = 0; i < ROUNDS; i++) {
        char url[ACME_URL_MAX];
        struct acme_order order;
        struct reply r = new_order(&w, &c, one_name, url);
        assert_status(&r, 201);
        reply_free(&r);
        order_read(&w, url, &order);
        challenge_url(&order.authzs[0], ACME_HTTP_01, url);
        r = post(&w, &c, url, "{}");
        assert_string_equal(member(&r, "status"), "processing");
        reply_free(&r);
        acme_order_clear(&order);
    }
    acme_thread_free(w.thread);
    client_free(&c);
    return NULL;
}

static void threads_share_one_server(void **state)
{
    (void)state;
    struct world w;
    pthread_t threads[THREADS];
    world_open(&w);
    w.config.hooks = (struct acme_hooks){&w, allow, note, world_accept_csr, world_revoke, NULL, NULL};
    world_restart(&w);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_thread, &w), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct store_txn *txn;
    assert_int_equal(store_read(w.store, &txn), STORE_OK);
    assert_int_equal(store_count(txn, ACME_ACCOUNTS), THREADS);
    assert_int_equal(store_count(txn, ACME_ORDERS), THREADS * ROUNDS);
    store_read_end(txn);
    world_close(&w);
}

/* ---- no memory ---- */

static const int PLENTY = INT_MAX;
static atomic_int allocations_left = INT_MAX; /* and the one after them fails */

static bool is_scarce(void)
{
    bool scarce = atomic_fetch_sub(&allocations_left, 1) == 0;
    if (scarce)
        shortage_note();
    return scarce;
}

static void *scarce_malloc(size_t size)
{
    return is_scarce() ? NULL : malloc(size);
}

static void *scarce_crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return scarce_malloc(size);
}

static void *scarce_crypto_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_scarce() ? NULL : realloc(old, size);
}

static void scarce_crypto_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

/* Every allocation of JSON and of OpenSSL fails once: the reply is 503 or the right answer, never half of one, and never
 * that the client did something wrong. */
static void what_libraries_get_no_memory_for_is_nobodys_fault(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    char payload[256], url[ACME_URL_MAX];
    world_open(&w);
    register_client(&w, &c);
    ready_order(&w, &c, one_name, url);
    names_payload(payload, sizeof payload, one_name);
    const struct message messages[] = {{.path = url}, {.path = c.kid}, {.path = "/acme/new-order", .payload = payload}};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        bool served = false;
        for (int n = 0; !served && n < 5000; n++) {
            const char *path = strstr(messages[i].path, "/acme/");
            char *body = message_body(&w, &c, &messages[i], path);
            struct acme_request request = {.method = ACME_POST,
                                           .path = path,
                                           .path_len = strlen(path),
                                           .content_type = "application/jose+json",
                                           .content_type_len = strlen("application/jose+json"),
                                           .body = (const uint8_t *)body,
                                           .body_len = strlen(body),
                                           .now_ms = w.now_ms};
            struct reply r = {0};
            acme_thread_free(w.thread); /* which knows keys already */
            w.thread = acme_thread_make();
            assert_non_null(w.thread);
            atomic_store(&allocations_left, n);
            r.step = acme_begin(w.acme, w.thread, &request, &r.task);
            if (r.step == ACME_NOTE)
                store_call(w.store, acme_change, r.task);
            if (r.step == ACME_COMMIT)
                r.step = acme_committed(r.task, w.thread, store_call(w.store, acme_change, r.task), w.now_ms);
            served = atomic_exchange(&allocations_left, PLENTY) >= 0;
            reply_read(&r);
            assert_non_null(r.it->body);
            if (served || r.it->status < 300)
                assert_true(r.it->status < 300 && json_object_get(r.json, "status") != NULL);
            else
                assert_int_equal(r.it->status, 503);
            reply_free(&r);
            free(body);
        }
        assert_true(served);
    }
    client_free(&c);
    world_close(&w);
}

static void a_base_url_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct world w;
    char base[ACME_URL_MAX];
    world_open(&w);
    memset(base, 'a', sizeof base - 1);
    base[sizeof base - 1] = '\0';
    w.config.base_url = base;
    assert_null(acme_make(&w.config));
    world_close(&w);
}

int main(void)
{
    CRYPTO_set_mem_functions(scarce_crypto_malloc, scarce_crypto_realloc, scarce_crypto_free);
    json_set_alloc_funcs(scarce_malloc, free);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_gets_a_certificate),
        cmocka_unit_test(the_directory_names_what_is_routed),
        cmocka_unit_test(new_nonce_answers_head_and_get),
        cmocka_unit_test(directory_and_nonce_take_post_as_get),
        cmocka_unit_test(paths_and_methods_are_checked),
        cmocka_unit_test(large_and_foreign_bodies_are_refused),
        cmocka_unit_test(the_signed_url_is_the_one_called),
        cmocka_unit_test(nonces_serve_once_and_only_signed_requests),
        cmocka_unit_test(accounts_are_named_by_kid),
        cmocka_unit_test(a_change_that_fails_is_told),
        cmocka_unit_test(a_change_may_run_again),
        cmocka_unit_test(threads_share_one_server),
        cmocka_unit_test(what_libraries_get_no_memory_for_is_nobodys_fault),
        cmocka_unit_test(a_base_url_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
