/* The transport against a small TLS server that behaves as each case says. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "sectigo/transport.h"

/* ---- keys and certificates ---- */

static EVP_PKEY *key, *other_key;
static X509 *certificate, *other_certificate;
static char folder[] = "/tmp/sectigo-transport-XXXXXX";
static char ca_file[64], other_ca_file[64], key_file[64];

static X509 *self_signed(EVP_PKEY *pkey)
{
    X509 *x509 = X509_new();
    X509_NAME *name = X509_get_subject_name(x509);
    X509V3_CTX ctx;

    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"transport test", -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_set_pubkey(x509, pkey);
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
    const char *const extensions[][2] = {{"subjectAltName", "IP:127.0.0.1"}, {"basicConstraints", "critical,CA:TRUE"}};
    for (size_t i = 0; i < 2; i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf(NULL, &ctx, extensions[i][0], extensions[i][1]);
        X509_add_ext(x509, extension, -1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(x509, pkey, EVP_sha256()) > 0);
    return x509;
}

static void write_pem(char path[static 64], const char *name, X509 *x509, EVP_PKEY *pkey)
{
    snprintf(path, 64, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(x509 ? PEM_write_X509(file, x509) : PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL));
    assert_int_equal(fclose(file), 0);
}

static int make_certificates(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    certificate = self_signed(key);
    other_certificate = self_signed(other_key);
    write_pem(ca_file, "ca.pem", certificate, NULL);
    write_pem(other_ca_file, "other.pem", other_certificate, NULL);
    write_pem(key_file, "key.pem", NULL, key);
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static int drop_certificates(void **state)
{
    (void)state;
    unlink(ca_file);
    unlink(other_ca_file);
    unlink(key_file);
    rmdir(folder);
    X509_free(certificate);
    X509_free(other_certificate);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    curl_global_cleanup();
    return 0;
}

/* ---- the server ---- */

enum behaviour {
    ANSWER,         /* 200 and reply */
    ANSWER_CLOSE,   /* the same, without Content-Length, ended by close_notify */
    CUT_CLOSE,      /* the same, ended without close_notify */
    TRUNCATE,       /* Content-Length says more than comes */
    RESET,          /* TCP reset in the middle of the body */
    NO_REPLY,       /* closed after the request was read */
    DIE_ON_REUSE,   /* answers the first request of a connection, closes at the second */
    SILENT,         /* reads the request, never answers */
    SLOW_HANDSHAKE, /* accepts and says nothing */
    REDIRECT,       /* 302 to itself */
    STATUS_500,
    EMPTY_BODY,
    ENDLESS, /* a body over SECTIGO_REPLY_MAX */
};

struct server {
    enum behaviour behaviour;
    const char *reply;
    int listener, stop[2];
    uint16_t port;
    SSL_CTX *ctx;
    pthread_t thread;
    bool client_certificates;
    atomic_int connections, requests, resumed, in_flight, most_in_flight, client_certificates_seen;
    char request[8192];
    pthread_t workers[32];
    struct worker {
        struct server *server;
        int fd;
    } jobs[32];
};

static bool stopped(struct server *server, int fd)
{
    struct pollfd polled[2] = {{.fd = fd, .events = POLLIN}, {.fd = server->stop[0], .events = POLLIN}};
    return poll(polled, 2, 20000) <= 0 || !(polled[0].revents);
}

/* A whole request: headers and as much body as they say. 0 at the end of the connection. */
static size_t read_request(SSL *ssl, char *buffer, size_t size)
{
    size_t len = 0;

    for (;;) {
        char *body = strstr(buffer, "\r\n\r\n");
        const char *length = len ? strcasestr(buffer, "Content-Length:") : NULL;

        if (len && body && length && len >= (size_t)(body + 4 - buffer) + strtoul(length + 15, NULL, 10))
            return len;
        int got = SSL_read(ssl, buffer + len, (int)(size - len - 1));
        if (got <= 0)
            return 0;
        len += (size_t)got;
        buffer[len] = '\0';
    }
}

static void write_text(SSL *ssl, const char *text)
{
    SSL_write(ssl, text, (int)strlen(text));
}

static void write_reply(SSL *ssl, const char *status, const char *headers, const char *body)
{
    char head[512];

    snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body), headers);
    write_text(ssl, head);
    write_text(ssl, body);
}

static void write_endless(SSL *ssl)
{
    static char chunk[16384];

    memset(chunk, 'x', sizeof(chunk));
    write_text(ssl, "HTTP/1.1 200 OK\r\n\r\n");
    for (size_t sent = 0; sent < 2 * SECTIGO_REPLY_MAX; sent += sizeof(chunk))
        if (SSL_write(ssl, chunk, sizeof(chunk)) <= 0)
            return;
}

static void reset_connection(SSL *ssl)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    write_text(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nerrorCode=0");
    setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* True: the connection goes on. */
static bool answer(struct server *server, SSL *ssl, int nth)
{
    switch (server->behaviour) {
    case ANSWER:
        write_reply(ssl, "200 OK", "", server->reply);
        return true;
    case DIE_ON_REUSE:
        if (nth == 1)
            write_reply(ssl, "200 OK", "", server->reply);
        return nth == 1;
    case REDIRECT:
        write_reply(ssl, "302 Found", "Location: /elsewhere\r\n", "errorCode=0");
        return true;
    case STATUS_500:
        write_reply(ssl, "500 Internal Server Error", "", "errorCode=0&orderNumber=1");
        return true;
    case EMPTY_BODY:
        write_reply(ssl, "200 OK", "", "");
        return true;
    case ANSWER_CLOSE:
    case CUT_CLOSE:
        write_text(ssl, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        write_text(ssl, server->reply);
        if (server->behaviour == ANSWER_CLOSE)
            SSL_shutdown(ssl);
        return false;
    case TRUNCATE:
        write_text(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nerrorCode=0&orderNumber=12345");
        SSL_shutdown(ssl);
        return false;
    case RESET:
        reset_connection(ssl);
        return false;
    case ENDLESS:
        write_endless(ssl);
        return false;
    case SILENT:
        stopped(server, -1);
        return false;
    case NO_REPLY:
    case SLOW_HANDSHAKE:
        return false;
    }
    return false;
}

static void count_in_flight(struct server *server)
{
    int now = atomic_fetch_add(&server->in_flight, 1) + 1, most = atomic_load(&server->most_in_flight);

    while (now > most && !atomic_compare_exchange_weak(&server->most_in_flight, &most, now))
        ;
}

static void converse(struct server *server, SSL *ssl)
{
    char request[8192];

    if (SSL_accept(ssl) <= 0)
        return;
    X509 *peer = SSL_get1_peer_certificate(ssl);
    atomic_fetch_add(&server->client_certificates_seen, peer != NULL);
    X509_free(peer);
    atomic_fetch_add(&server->resumed, SSL_session_reused(ssl));
    for (int nth = 1;; nth++) {
        request[0] = '\0';
        if (!SSL_pending(ssl) && stopped(server, SSL_get_fd(ssl)))
            return;
        if (read_request(ssl, request, sizeof(request)) == 0)
            return;
        count_in_flight(server);
        if (atomic_fetch_add(&server->requests, 1) == 0)
            memcpy(server->request, request, sizeof(request));
        bool more = answer(server, ssl, nth);
        atomic_fetch_sub(&server->in_flight, 1);
        if (!more)
            return;
    }
}

static void *serve_connection(void *ctx)
{
    struct worker *job = ctx;
    SSL *ssl = SSL_new(job->server->ctx);

    if (job->server->behaviour == SLOW_HANDSHAKE) {
        stopped(job->server, -1);
    } else {
        SSL_set_fd(ssl, job->fd);
        converse(job->server, ssl);
    }
    SSL_free(ssl);
    close(job->fd);
    return NULL;
}

static void *serve(void *ctx)
{
    struct server *server = ctx;

    while (!stopped(server, server->listener)) {
        int nth = atomic_load(&server->connections);
        int fd = accept(server->listener, NULL, NULL);

        assert_true(fd >= 0 && nth < 32);
        server->jobs[nth] = (struct worker){.server = server, .fd = fd};
        assert_int_equal(pthread_create(&server->workers[nth], NULL, serve_connection, &server->jobs[nth]), 0);
        atomic_fetch_add(&server->connections, 1);
    }
    return NULL;
}

static uint16_t listen_on_loopback(int *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(*listener, 32), 0);
    getsockname(*listener, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

static int accept_any(int ok, X509_STORE_CTX *ctx)
{
    (void)ok;
    (void)ctx;
    return 1;
}

static void start_server(struct server *server, enum behaviour behaviour, const char *reply)
{
    server->behaviour = behaviour;
    server->reply = reply;
    server->port = listen_on_loopback(&server->listener);
    assert_int_equal(pipe(server->stop), 0);
    server->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(server->ctx, certificate);
    SSL_CTX_use_PrivateKey(server->ctx, key);
    if (server->client_certificates)
        SSL_CTX_set_verify(server->ctx, SSL_VERIFY_PEER, accept_any);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop_server(struct server *server)
{
    close(server->stop[1]);
    pthread_join(server->thread, NULL);
    for (int i = 0; i < atomic_load(&server->connections); i++)
        pthread_join(server->workers[i], NULL);
    close(server->stop[0]);
    close(server->listener);
    SSL_CTX_free(server->ctx);
}

/* ---- the client ---- */

static struct sectigo_client *client_with(const struct server *server, struct sectigo_client_config config)
{
    char url[64], reason[SECTIGO_MESSAGE_MAX];

    snprintf(url, sizeof(url), "https://127.0.0.1:%u", server->port);
    config.url = url;
    config.login_name = "partner";
    config.login_password = "sehr+geheim&=1";
    struct sectigo_client *client = sectigo_client_make(&config, reason);
    assert_non_null(client);
    return client;
}

static struct sectigo_client *client_of(const struct server *server)
{
    return client_with(server, (struct sectigo_client_config){.ca_file = ca_file, .timeout_ms = 20000});
}

static struct sectigo_call *make_call(struct sectigo_client *client, enum sectigo_call_kind kind)
{
    struct sectigo_form form = {0};

    sectigo_form_add(&form, "orderNumber", "1234567repl#1");
    struct sectigo_call *call = sectigo_call_make(client, kind, &form);
    assert_non_null(call);
    assert_int_equal(form.count, 0);
    return call;
}

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

/* ---- cases ---- */

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

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
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

static void test_refused_port_never_left(void **state)
{
    struct server server = {0};
    char reason[SECTIGO_MESSAGE_MAX];
    (void)state;

    server.port = listen_on_loopback(&server.listener);
    close(server.listener);
    struct sectigo_client *client = client_of(&server);
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_NEVER_LEFT);
    assert_non_null(strstr(reason, "nothing was sent"));
    sectigo_client_free(client);
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
    proxy.port = listen_on_loopback(&proxy.listener);
    close(proxy.listener);
    snprintf(url, sizeof(url), "http://user:heimlich@127.0.0.1:%u", proxy.port);
    struct sectigo_client *client =
        client_with(&server, (struct sectigo_client_config){.ca_file = ca_file, .proxy = url, .timeout_ms = 20000});
    assert_int_equal(perform(client, SECTIGO_AUTO_APPLY_ORDER, reason), SECTIGO_NEVER_LEFT);
    assert_null(strstr(reason, "heimlich"));
    sectigo_client_free(client);
    stop_server(&server);
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

    start_server(&server, ANSWER, "errorCode=0");
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

static void test_multi_handle(void **state)
{
    struct server server = {0};
    CURLM *multi = curl_multi_init();
    CURLcode results[2] = {CURLE_FAILED_INIT, CURLE_FAILED_INIT};
    int running = 1, left;
    (void)state;

    start_server(&server, ANSWER, "errorCode=0");
    struct sectigo_client *client = client_of(&server);
    struct sectigo_call *calls[2] = {make_call(client, SECTIGO_AUTO_APPLY_ORDER),
                                     make_call(client, SECTIGO_AUTO_REPLACE_SSL)};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(curl_multi_add_handle(multi, sectigo_call_handle(calls[i])), CURLM_OK);
    while (running) {
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, running ? 1000 : 0, NULL);
    }
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
        results[message->easy_handle == sectigo_call_handle(calls[1])] = message->data.result;
    for (size_t i = 0; i < 2; i++) {
        curl_multi_remove_handle(multi, sectigo_call_handle(calls[i]));
        assert_int_equal(sectigo_call_finish(calls[i], results[i]), SECTIGO_ANSWERED);
        sectigo_call_free(calls[i]);
    }
    curl_multi_cleanup(multi);
    sectigo_client_free(client);
    stop_server(&server);
    assert_int_equal(atomic_load(&server.connections), 2);
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

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
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
        cmocka_unit_test(test_refused_port_never_left),
        cmocka_unit_test(test_unresolved_never_left),
        cmocka_unit_test(test_refused_proxy_never_left),
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
