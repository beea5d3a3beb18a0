/* http: what the TLS listeners offer, and new certificates while they serve. */
#include "http_server.h"

#include "gateway/http/tls.h"

static int prepare(void **state)
{
    world_prepare(state);
    struct world *w = *state;
    w->config.public_tls = (struct http_tls){.certificate_file = w->certificate, .key_file = w->key};
    return 0;
}

static void expect_served(struct client *client)
{
    assert_true(client_send(client, "GET /tls HTTP/1.1\r\nHost: x\r\n\r\n"));
    struct client_reply *reply = expect(client, 200);
    assert_string_equal(reply->body, "GET /tls? auth= type= peer=127.0.0.1 len=0 ");
    free(reply);
}

static void expect_name(const struct client *client, const char *name)
{
    char found[64] = "";
    X509 *certificate = SSL_get1_peer_certificate(client->ssl);
    assert_non_null(certificate);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, found, sizeof found);
    X509_free(certificate);
    assert_string_equal(found, name);
}

static void test_only_http1_is_offered(void **state)
{
    struct world *w = *state;
    const unsigned char *protocol;
    unsigned len;
    world_start(w);
    struct client *client = client_open(w->public);
    assert_true(client_handshake(client, "\x02h2\x08http/1.1"));
    SSL_get0_alpn_selected(client->ssl, &protocol, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(protocol, "http/1.1", 8);
    expect_served(client);
    client_close(client);

    client = client_open(w->public);
    assert_true(client_handshake(client, "\x02h2"));
    SSL_get0_alpn_selected(client->ssl, &protocol, &len);
    assert_int_equal(len, 0);
    expect_served(client);
    client_close(client);
}

static bool handshake_with(struct world *w, int version)
{
    struct client *client = client_open(w->public);
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(client->context, 0);
    SSL_CTX_set_min_proto_version(client->context, version);
    SSL_CTX_set_max_proto_version(client->context, version);
    client->ssl = SSL_new(client->context);
    SSL_set_fd(client->ssl, client->fd);
    bool ok = SSL_connect(client->ssl) == 1;
    client_close(client);
    return ok;
}

static void test_protocol_versions(void **state)
{
    struct world *w = *state;
    world_start(w);
    assert_true(handshake_with(w, TLS1_3_VERSION));
    assert_true(handshake_with(w, TLS1_2_VERSION));
    assert_false(handshake_with(w, TLS1_1_VERSION));
}

static void test_plain_text_on_a_tls_port(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *client = client_open(w->public);
    assert_true(client_send(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_at_end(client));
    client_close(client);
}

static SSL_SESSION *ticket;
static unsigned tickets;

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(ticket);
    ticket = session;
    tickets++;
    return 1;
}

/* One ticket, and any loop resumes it. */
static void test_sessions_resume(void **state)
{
    struct world *w = *state;
    world_start(w);
    for (unsigned round = 0; round < 8; round++) {
        struct client *client = client_open(w->public);
        client->context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(client->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(client->context, on_ticket);
        client->ssl = SSL_new(client->context);
        if (ticket)
            assert_int_equal(SSL_set_session(client->ssl, ticket), 1);
        SSL_set_fd(client->ssl, client->fd);
        assert_int_equal(SSL_connect(client->ssl), 1);
        tickets = 0;
        expect_served(client);
        assert_int_equal(tickets, 1);
        assert_int_equal(SSL_session_reused(client->ssl), round > 0);
        client_close(client);
    }
    SSL_SESSION_free(ticket);
    ticket = NULL;
}

static void test_large_body_arrives_and_too_large_is_told(void **state)
{
    enum { LIMIT = 256 * 1024 };
    struct world *w = *state;
    char *octets = calloc(1, 4 * LIMIT);
    world_start(w);
    struct client *client = client_open_tls(w->public);
    assert_true(client_send(client, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", LIMIT));
    assert_true(client_write(client, octets, LIMIT));
    free(expect(client, 200));
    assert_true(client_send(client, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 4 * LIMIT));
    client_write(client, octets, 4 * LIMIT);
    free(expect(client, 413));
    client_close(client);
    free(octets);
}

static void test_reload_serves_the_new_certificate(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *old = client_open_tls(w->public);
    expect_name(old, "first.example");
    expect_served(old);
    world_certificate(w, "second.example", 0, 3600);
    assert_true(world_change(w));
    /* Loops learn of it by a message each: a connection begun just now may still get the first one. */
    bool fresh = false;
    for (unsigned i = 0; i < 100 && !fresh; i++) {
        struct client *client = client_open_tls(w->public);
        X509 *certificate = SSL_get1_peer_certificate(client->ssl);
        char found[64] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, found, sizeof found);
        fresh = strcmp(found, "second.example") == 0;
        X509_free(certificate);
        expect_served(client);
        client_close(client);
    }
    assert_true(fresh);
    expect_served(old);
    client_close(old);
}

/* h2o keeps a bare pointer to the context until the ClientHello is there. */
static void test_reload_during_a_slow_handshake(void **state)
{
    enum { COUNT = 6 };
    struct client *slow[COUNT];
    struct world *w = *state;
    world_start(w);
    for (unsigned i = 0; i < COUNT; i++)
        slow[i] = client_open(w->public);
    /* Accepted for sure: each loop has served somebody after them. */
    for (unsigned i = 0; i < 20; i++) {
        struct client *client = client_open_tls(w->public);
        expect_served(client);
        client_close(client);
    }
    for (unsigned round = 0; round < 3; round++) {
        world_certificate(w, "later.example", 0, 3600);
        assert_true(world_change(w));
        for (unsigned i = 0; i < 20; i++) {
            struct client *client = client_open_tls(w->public);
            expect_served(client);
            client_close(client);
        }
    }
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(client_handshake(slow[i], "\x08http/1.1"));
        expect_name(slow[i], "first.example");
        expect_served(slow[i]);
        client_close(slow[i]);
    }
}

static void test_bad_files_keep_the_old_certificate(void **state)
{
    struct world *w = *state;
    world_start(w);
    char *kept_key = strdup(w->key);
    /* The key of another certificate. */
    snprintf(w->key, sizeof w->key, "%s/other.pem", w->folder);
    world_certificate(w, "mismatch.example", 0, 3600);
    snprintf(w->key, sizeof w->key, "%s", kept_key);
    assert_false(world_change(w));
    assert_non_null(strstr(w->reason, kept_key));
    world_certificate(w, "expired.example", -7200, -3600);
    assert_false(world_change(w));
    assert_non_null(strstr(w->reason, "has expired"));
    world_certificate(w, "future.example", 3600, 7200);
    assert_false(world_change(w));
    assert_non_null(strstr(w->reason, "not valid yet"));
    assert_int_equal(truncate(w->certificate, 10), 0);
    assert_false(world_change(w));
    assert_non_null(strstr(w->reason, w->certificate));
    assert_int_equal(unlink(w->certificate), 0);
    assert_false(world_change(w));
    assert_non_null(strstr(w->reason, w->certificate));
    struct client *client = client_open_tls(w->public);
    expect_name(client, "first.example");
    expect_served(client);
    client_close(client);
    free(kept_key);
}

static void test_bad_files_stop_the_start(void **state)
{
    struct world *w = *state;
    assert_int_equal(unlink(w->key), 0);
    assert_false(world_try_start(w));
    assert_non_null(strstr(w->reason, w->key));
}

static void test_stop_during_a_handshake(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *slow = client_open(w->public), *client = client_open_tls(w->public);
    expect_served(client);
    world_stop(w);
    assert_true(client_at_end(slow));
    assert_true(client_at_end(client));
    client_close(slow);
    client_close(client);
}

#define TLS_TEST(test) cmocka_unit_test_setup_teardown(test, prepare, world_end)

/* What was handed to a context for its loading is gone when it is served: OpenSSL may ask again, whenever it likes. */
static void test_a_context_asks_nobody(void **state)
{
    struct world *w = *state;
    char reason[HTTP_REASON_MAX], text[8] = "";
    SSL_CTX *context = tls_load(w->certificate, w->key, reason);
    assert_non_null(context);
    pem_password_cb *ask = SSL_CTX_get_default_passwd_cb(context);
    assert_int_equal(ask(text, sizeof text, 0, SSL_CTX_get_default_passwd_cb_userdata(context)), -1);
    SSL_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(test_only_http1_is_offered),
        TLS_TEST(test_protocol_versions),
        TLS_TEST(test_plain_text_on_a_tls_port),
        TLS_TEST(test_sessions_resume),
        TLS_TEST(test_large_body_arrives_and_too_large_is_told),
        TLS_TEST(test_reload_serves_the_new_certificate),
        TLS_TEST(test_reload_during_a_slow_handshake),
        TLS_TEST(test_bad_files_keep_the_old_certificate),
        TLS_TEST(test_bad_files_stop_the_start),
        TLS_TEST(test_stop_during_a_handshake),
        TLS_TEST(test_a_context_asks_nobody),
    };
    return cmocka_run_group_tests_name("http_tls", tests, NULL, NULL);
}
