/* The transport against a small TLS server that behaves as each case says. */
#include <dlfcn.h>

#include "calling.h"

static enum sectigo_outcome perform(struct sectigo_client *client, enum sectigo_call_kind kind,
                                    char reason[static SECTIGO_MESSAGE_MAX])
{
    struct sectigo_call *call = make_call(client, kind);
    enum sectigo_outcome outcome = sectigo_call_perform(call);

    snprintf(reason, SECTIGO_MESSAGE_MAX, "%s", sectigo_call_reason(call));
    assert_null(strstr(reason, "geheim"));
    sectigo_call_free(call);
    return outcome;
}

static void test_outcomes(void **state)
{
    static const struct {
        enum behaviour behaviour;
        long timeout_ms;
        enum sectigo_outcome expected;
        const char *reason;
    } cases[] = {
        {ANSWER, 20000, SECTIGO_ANSWERED, ""},
        {ANSWER_CLOSE, 20000, SECTIGO_ANSWERED, ""},
        {CUT_CLOSE, 20000, SECTIGO_LOST, "no whole reply"},
        {TRUNCATE, 20000, SECTIGO_LOST, "no whole reply"},
        {RESET, 20000, SECTIGO_LOST, "no whole reply"},
        {NO_REPLY, 20000, SECTIGO_LOST, "no whole reply"},
        {SILENT, 300, SECTIGO_LOST, "no whole reply"},
        {SLOW_HANDSHAKE, 300, SECTIGO_NEVER_LEFT, "nothing was sent"},
        {REDIRECT, 20000, SECTIGO_LOST, "HTTP status 302"},
        {STATUS_500, 20000, SECTIGO_LOST, "HTTP status 500"},
        {EMPTY_BODY, 20000, SECTIGO_LOST, "empty reply"},
        {ENDLESS, 20000, SECTIGO_LOST, "longer than"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server server = {0};
        char reason[SECTIGO_MESSAGE_MAX];

        start_server(&server, cases[i].behaviour, "errorCode=0&orderNumber=1");
        struct sectigo_client *client =
            client_with(&server, (struct sectigo_client_config){.ca_file = ca_file, .timeout_ms = cases[i].timeout_ms});
        enum sectigo_outcome outcome = perform(client, SECTIGO_AUTO_APPLY_ORDER, reason);
        sectigo_client_free(client);
        stop_server(&server);
        if (outcome != cases[i].expected || !strstr(reason, cases[i].reason))
            fail_msg("case %zu: outcome %d, reason \"%s\"", i, (int)outcome, reason);
        assert_int_equal(atomic_load(&server.requests), cases[i].behaviour == SLOW_HANDSHAKE ? 0 : 1);
    }
}

/* Newer libraries call a cut an error by themselves; those that do not must not make an answer of it. */
static void test_cut_is_no_answer_whatever_libcurl_calls_it(void **state)
{
    struct server server = {0};
    (void)state;

    start_server(&server, CUT_CLOSE, "errorCode=0&orderNumber=1");
    struct sectigo_client *client = client_of(&server);
    struct sectigo_call *call = make_call(client, SECTIGO_AUTO_APPLY_ORDER);
    curl_easy_perform(sectigo_call_handle(call));
    assert_int_equal(sectigo_call_finish(call, CURLE_OK), SECTIGO_LOST);
    assert_non_null(strstr(sectigo_call_reason(call), "it was cut"));
    sectigo_call_free(call);
    sectigo_client_free(client);
    stop_server(&server);
}

static void test_request(void **state)
{
    struct server server = {0};
    size_t len;
    (void)state;

    start_server(&server, ANSWER, "errorCode=0&orderNumber=1");
    struct sectigo_client *client = client_of(&server);
    struct sectigo_call *call = make_call(client, SECTIGO_AUTO_APPLY_ORDER);
    assert_int_equal(sectigo_call_perform(call), SECTIGO_ANSWERED);
    assert_string_equal(sectigo_call_body(call, &len), "errorCode=0&orderNumber=1");
    assert_int_equal(len, 25);
    sectigo_call_free(call);
    sectigo_client_free(client);
    stop_server(&server);
    assert_ptr_equal(strstr(server.request, "POST /products/!AutoApplyOrder HTTP/1.1\r\n"), server.request);
    assert_non_null(strstr(server.request, "Content-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(server.request, "\r\n\r\norderNumber=1234567repl%231&loginName=partner&loginPassword="
                                           "sehr%2Bgeheim%26%3D1"));
}

static void test_wrong_authority_never_left(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client =
        client_with(&server, (struct sectigo_client_config){.ca_file = other_ca_file, .timeout_ms = 20000});
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_NEVER_LEFT);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.requests), 0);
}

static atomic_int folders_loaded;

/* Stands before OpenSSL's own: libcurl must never ask for a folder of authorities. */
int X509_STORE_load_path(X509_STORE *store, const char *path)
{
    (void)store;
    (void)path;
    atomic_fetch_add(&folders_loaded, 1);
    return 1;
}

static void test_no_other_authorities(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_ANSWERED);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&folders_loaded), 0);
}

static SSL_CTX *kept; /* of the first connection after keep_next was set */
static bool keep_next;

/* Stands before OpenSSL's own: keeps a connection's context as a library may that ends connections later. */
void SSL_CTX_set_info_callback(SSL_CTX *context, void (*fn)(const SSL *ssl, int where, int value))
{
    void (*own)(SSL_CTX *, void (*)(const SSL *, int, int));

    *(void **)&own = dlsym(RTLD_NEXT, "SSL_CTX_set_info_callback");
    own(context, fn);
    if (keep_next && SSL_CTX_up_ref(context))
        kept = context;
    keep_next = false;
}

/* The farewell of a connection may come after its call has been freed, and while another call is under way: it writes
 * into neither. */
static void test_farewell_after_the_call(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    keep_next = true;
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_ANSWERED);
    sectigo_client_free(client);
    stop_server(&server);
    assert_non_null(kept);

    server = (struct server){0};
    start_server(&server, CUT_CLOSE, "errorCode=0&orderNumber=1");
    client = client_of(&server);
    struct sectigo_call *call = make_call(client, SECTIGO_AUTO_APPLY_ORDER);
    SSL *ssl = SSL_new(kept);
    assert_non_null(ssl);
    SSL_CTX_get_info_callback(kept)(ssl, SSL_CB_READ_ALERT, SSL_AD_CLOSE_NOTIFY);
    assert_int_equal(sectigo_call_perform(call), SECTIGO_LOST);
    SSL_free(ssl);
    SSL_CTX_free(kept);
    sectigo_call_free(call);
    sectigo_client_free(client);
    stop_server(&server);
}

static void test_refused_port_never_left(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    server.port = bind_on_loopback(&server.listener);
    struct sectigo_client *client = client_of(&server);
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_NEVER_LEFT);
    assert_non_null(strstr(reason, "nothing was sent"));
    sectigo_client_free(client);
    close(server.listener);
}

static void test_unresolved_never_left(void **state)
{
    struct sectigo_client_config config = {.url = "https://sectigo.invalid", .timeout_ms = 20000};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    struct sectigo_client *client = sectigo_client_make(&config, reason);
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_NEVER_LEFT);
    sectigo_client_free(client);
}

static void test_refused_proxy_never_left(void **state)
{
    struct server server = {0}, proxy = {0};
    char reason[SECTIGO_MESSAGE_MAX], url[64];
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    proxy.port = bind_on_loopback(&proxy.listener);
    snprintf(url, sizeof url, "http://user:heimlich@127.0.0.1:%u", proxy.port);
    struct sectigo_client *client =
        client_with(&server, (struct sectigo_client_config){.ca_file = ca_file, .proxy = url, .timeout_ms = 20000});
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_NEVER_LEFT);
    assert_null(strstr(reason, "heimlich"));
    sectigo_client_free(client);
    stop_server(&server);
    close(proxy.listener);
}

static void *refuse_tunnel(void *ctx)
{
    static const char reply[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    char request[4096] = "";
    size_t len = 0;
    int fd = accept(*(int *)ctx, NULL, NULL);

    for (ssize_t got = 1; got > 0 && !strstr(request, "\r\n\r\n"); len += (size_t)(got > 0 ? got : 0))
        got = read(fd, request + len, sizeof request - len - 1);
    bool asked = strncmp(request, "CONNECT 127.0.0.1:", 18) == 0 && write(fd, reply, strlen(reply)) > 0;
    close(fd);
    return asked ? ctx : NULL;
}

/* The proxy was talked to, Sectigo was not. */
static void test_refused_tunnel_never_left(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX], url[64];
    int listener;
    pthread_t proxy;
    void *asked;
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    snprintf(url, sizeof url, "http://127.0.0.1:%u", listen_on_loopback(&listener));
    assert_int_equal(pthread_create(&proxy, NULL, refuse_tunnel, &listener), 0);
    struct sectigo_client *client =
        client_with(&server, (struct sectigo_client_config){.ca_file = ca_file, .proxy = url, .timeout_ms = 20000});
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_NEVER_LEFT);
    pthread_join(proxy, &asked);
    assert_non_null(asked);
    close(listener);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.connections), 0);
}

static void test_date(void **state)
{
    static const struct {
        const char *header;
        uint64_t date_s;
    } cases[] = {
        {"", 0},
        {"Date: Thu, 26 Nov 2026 14:34:48 GMT\r\n", 1795703688},
        {"date:Thu, 26 Nov 2026 14:34:48 GMT\r\n", 1795703688},
        {"Date: \r\n", 0},
        {"Date: soon\r\n", 0},
        {"Date: Wed, 01 Jan 1930 00:00:00 GMT\r\n", 0},
        {"Date: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 0},
        {"X-Date: Thu, 26 Nov 2026 14:34:48 GMT\r\n", 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server server = {.headers = cases[i].header};
        start_server(&server, ANSWER, "errorCode=0");
        struct sectigo_client *client = client_of(&server);
        struct sectigo_call *call = make_call(client, SECTIGO_COLLECT_SSL);
        assert_int_equal(sectigo_call_perform(call), SECTIGO_ANSWERED);
        assert_int_equal(sectigo_call_date_s(call), cases[i].date_s);
        sectigo_call_free(call);
        sectigo_client_free(client);
        stop_server(&server);
    }
}

/* What changes something: a connection of its own each time, but one TLS session. */
static void test_changing_calls_use_fresh_connections(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    for (int i = 0; i < 3; i++)
        assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_ANSWERED);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.connections), 3);
    assert_int_equal(atomic_load(&server.resumed), 2);
    assert_int_equal(atomic_load(&server.requests), 3);
}

static void test_reading_calls_reuse_connections(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    for (int i = 0; i < 3; i++)
        assert_int_equal(perform(client, SECTIGO_COLLECT_SSL, reason), SECTIGO_ANSWERED);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.connections), 1);
    assert_int_equal(atomic_load(&server.requests), 3);
}

/* libcurl repeats a request whose reused connection died; a purchase must never be repeated by it. */
static void test_purchase_is_not_repeated(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    start_server(&server, DIE_ON_REUSE, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    assert_int_equal(perform(client, SECTIGO_COLLECT_SSL, reason), SECTIGO_ANSWERED);
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_ANSWERED);
    assert_int_equal(perform(client, SECTIGO_AUTO_REVOKE_SSL, reason), SECTIGO_ANSWERED);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.connections), 3);
    assert_int_equal(atomic_load(&server.requests), 3);
}

static void *collect_once(void *ctx)
{
    char reason[SECTIGO_MESSAGE_MAX];

    return perform(ctx, SECTIGO_COLLECT_SSL, reason) == SECTIGO_ANSWERED ? ctx : NULL;
}

static void test_collect_is_serialised(void **state)
{
    struct server server = {0};
    pthread_t threads[6];
    (void)state;

    start_server(&server, ANSWER_IN_COMPANY, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, collect_once, client), 0);
    for (size_t i = 0; i < 6; i++) {
        void *ok;
        pthread_join(threads[i], &ok);
        assert_non_null(ok);
    }
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.most_in_flight), 1);
    assert_int_equal(atomic_load(&server.requests), 6);
}

static void test_client_certificate(void **state)
{
    struct server server = {.client_certificates = true};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_with(
        &server, (struct sectigo_client_config){
                     .ca_file = ca_file, .client_certificate = ca_file, .client_key = key_file, .timeout_ms = 20000});
    assert_int_equal(perform(client, SECTIGO_GET_ACCOUNT_BALANCE, reason), SECTIGO_ANSWERED);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.client_certificates_seen), 1);
}

/* Runs one transfer of the multi handle to its end. */
static CURLcode run_transfer(CURLM *multi, CURL *easy)
{
    int running = 1, left;
    assert_int_equal(curl_multi_add_handle(multi, easy), CURLM_OK);
    while (running) {
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, running ? 1000 : 0, NULL);
    }
    CURLMsg *message = curl_multi_info_read(multi, &left);
    assert_non_null(message);
    CURLcode result = message->data.result;
    curl_multi_remove_handle(multi, easy);
    return result;
}

/* One after another: libcurl takes a session out of its cache while it is being renewed, so that of two at once one may
 * find none. */
static void test_multi_handle(void **state)
{
    struct server server = {0};
    CURLM *multi = curl_multi_init();
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_ANSWERED);
    struct sectigo_call *calls[2] = {make_call(client, SECTIGO_AUTO_APPLY_ORDER),
                                     make_call(client, SECTIGO_AUTO_REPLACE_SSL)};
    for (size_t i = 0; i < 2; i++) {
        CURLcode result = run_transfer(multi, sectigo_call_handle(calls[i]));
        assert_int_equal(sectigo_call_finish(calls[i], result), SECTIGO_ANSWERED);
        sectigo_call_free(calls[i]);
    }
    curl_multi_cleanup(multi);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.connections), 3);
    assert_int_equal(atomic_load(&server.resumed), 2); /* on other handles than the one that made the session */
}

static void test_login_in_the_form_is_refused(void **state)
{
    struct server server = {.port = 1};
    struct sectigo_form form = {0};
    (void)state;

    struct sectigo_client *client = client_of(&server);
    sectigo_form_add(&form, "LoginName", "somebody");
    assert_null(sectigo_call_make(client, SECTIGO_COLLECT_SSL, &form));
    assert_int_equal(form.count, 0);
    sectigo_client_free(client);
}

static void test_configurations(void **state)
{
    static const struct {
        struct sectigo_client_config config;
        const char *reason; /* NULL: fits */
    } cases[] = {
        {{.url = "https://secure.trust-provider.com"}, NULL},
        {{.url = "https://secure.trust-provider.com/"}, NULL},
        {{.url = "https://[::1]:8443"}, NULL},
        {{.url = "http://secure.trust-provider.com"}, "https://"},
        {{.url = NULL}, "https://"},
        {{.url = "https://"}, "host"},
        {{.url = "https://host/products"}, "host"},
        {{.url = "https://user:secret@host"}, "host"},
        {{.url = "https://host?x"}, "host"},
        {{.url = "https://host", .ca_file = "/nowhere/ca.pem"}, "/nowhere/ca.pem"},
        {{.url = "https://host", .client_certificate = "/dev/null"}, "together"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char reason[SECTIGO_MESSAGE_MAX] = "";
        struct sectigo_client *client = sectigo_client_make(&cases[i].config, reason);

        if (!client != (cases[i].reason != NULL) || (cases[i].reason && !strstr(reason, cases[i].reason)))
            fail_msg("case %zu: \"%s\"", i, reason);
        assert_null(strstr(reason, "secret"));
        sectigo_client_free(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_wrong_authority_never_left),
        cmocka_unit_test(test_no_other_authorities),
        cmocka_unit_test(test_cut_is_no_answer_whatever_libcurl_calls_it),
        cmocka_unit_test(test_farewell_after_the_call),
        cmocka_unit_test(test_refused_port_never_left),
        cmocka_unit_test(test_unresolved_never_left),
        cmocka_unit_test(test_refused_proxy_never_left),
        cmocka_unit_test(test_refused_tunnel_never_left),
        cmocka_unit_test(test_date),
        cmocka_unit_test(test_changing_calls_use_fresh_connections),
        cmocka_unit_test(test_reading_calls_reuse_connections),
        cmocka_unit_test(test_purchase_is_not_repeated),
        cmocka_unit_test(test_collect_is_serialised),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_multi_handle),
        cmocka_unit_test(test_login_in_the_form_is_refused),
        cmocka_unit_test(test_configurations),
    };
    return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
