/* tls-alpn-01: which certificates prove control (RFC 8737, RFC 8738), and what is said of other peers. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "tcp_peer.h"
#include "validate_world.h"

static const struct dns_row rows[] = {{"v4.example", DNS_A, "127.0.0.1", 0},
                                      {"both.example", DNS_A, "127.0.0.1", 0},
                                      {"both.example", DNS_AAAA, "::1", 0},
                                      {"alias.example", DNS_CNAME, "v4.example", 0},
                                      {NULL, 0, NULL, 0}};

static struct world world;
static struct validate_config config = {.timeout_ms = 10000, .redirects_max = 10};

/* What a peer shows. */
struct shown {
    const char *names; /* subjectAltName; NULL: none */
    bool no_acme, not_critical, twice, two_san, wrong_digest, wrong_length;
    const char *alpn; /* "acme-tls/1" by default */
};

/* ---- making it ---- */

static void add_names(X509 *certificate, const char *names)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static void add_acme_identifier(X509 *certificate, const struct shown *shown)
{
    unsigned char value[34] = {0x04, 0x20};
    EVP_Digest(KEY_AUTHORIZATION, strlen(KEY_AUTHORIZATION), value + 2, NULL, EVP_sha256(), NULL);
    value[33] ^= shown->wrong_digest;
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(octets, value, shown->wrong_length ? 33 : 34);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, oid, !shown->not_critical, octets);
    X509_add_ext(certificate, extension, -1);
    if (shown->twice)
        X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(oid);
}

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                           unsigned in_len, void *ctx)
{
    (void)ssl;
    const char *offered = ctx;
    for (unsigned at = 0; at < in_len; at += in[at] + 1u) {
        if (in[at] == strlen(offered) && memcmp(in + at + 1, offered, in[at]) == 0) {
            *out = in + at + 1;
            *out_len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *make_tls(const struct shown *shown)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    if (shown->names != NULL)
        add_names(certificate, shown->names);
    if (shown->two_san)
        add_names(certificate, shown->names);
    if (!shown->no_acme)
        add_acme_identifier(certificate, shown);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(tls, certificate);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (shown->alpn == NULL)
        SSL_CTX_set_alpn_select_cb(tls, select_protocol, (void *)(uintptr_t) "acme-tls/1");
    else if (shown->alpn[0] != '\0')
        SSL_CTX_set_alpn_select_cb(tls, select_protocol, (void *)(uintptr_t)shown->alpn);
    return tls;
}

/* Serves the handshake and keeps the name that was asked for as the peer's request. */
static void serve(struct tcp_peer *peer, int fd)
{
    SSL *ssl = SSL_new(peer->tls);
    SSL_set_fd(ssl, fd);
    bool done = SSL_accept(ssl) == 1;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    snprintf(peer->request, sizeof peer->request, "%s", name != NULL ? name : "");
    if (done)
        tcp_wait_end(peer, fd);
    SSL_free(ssl);
}

static void judge_peer(const char *name, tcp_serve_fn *how, const struct shown *shown, struct verdict *verdict,
                       char asked[static 256])
{
    struct tcp_peer peer = {.serve = how, .tls = make_tls(shown)};
    assert_true(tcp_peer_start(&peer, false));
    config.tls_port = peer.port;
    judge(&world, &config, ACME_TLS_ALPN_01, name, verdict);
    tcp_peer_stop(&peer);
    snprintf(asked, 256, "%.255s", peer.request);
    SSL_CTX_free(peer.tls);
}

/* ---- the tests ---- */

static void proves_control(void **state)
{
    (void)state;
    static const struct {
        const char *name, *server_name;
        struct shown shown;
    } cases[] = {
        {"v4.example", "v4.example", {.names = "DNS:v4.example"}},
        {"v4.example", "v4.example", {.names = "DNS:V4.Example"}},
        {"alias.example", "alias.example", {.names = "DNS:alias.example"}},
        {"both.example", "both.example", {.names = "DNS:both.example"}}, /* nobody listens on ::1 */
        {"127.0.0.1", "1.0.0.127.in-addr.arpa", {.names = "IP:127.0.0.1"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict;
        char asked[256];
        judge_peer(cases[i].name, serve, &cases[i].shown, &verdict, asked);
        expect_valid(&verdict);
        assert_string_equal(asked, cases[i].server_name);
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct shown shown;
        const char *text;
    } cases[] = {
        {"v4.example", {.names = NULL}, "it has no subjectAltName"},
        {"v4.example", {.names = "DNS:v4.example", .two_san = true}, "more than one subjectAltName"},
        {"v4.example",
         {.names = "DNS:v4.example,DNS:alias.example"},
         "its names are \"v4.example\", \"alias.example\" instead of just \"v4.example\""},
        {"v4.example", {.names = "DNS:alias.example"}, "its names are \"alias.example\" instead of just"},
        {"v4.example", {.names = "DNS:4.example"}, "its names are \"4.example\""},
        {"v4.example", {.names = "IP:127.0.0.1"}, "its names are an IP address instead of just"},
        {"v4.example", {.names = "email:a@v4.example"}, "its names are one of another kind"},
        {"v4.example",
         {.names = "DNS:a,DNS:b,DNS:c,DNS:d,DNS:e"},
         "its names are \"a\", \"b\", \"c\" and 2 more instead"},
        {"127.0.0.1", {.names = "DNS:127.0.0.1"}, "its names are \"127.0.0.1\" instead of just \"127.0.0.1\""},
        {"127.0.0.1", {.names = "IP:127.0.0.2"}, "its names are an IP address"},
        {"127.0.0.1", {.names = "IP:::1"}, "its names are an IP address"},
        {"v4.example",
         {.names = "DNS:v4.example", .no_acme = true},
         "no acmeIdentifier extension (1.3.6.1.5.5.7.1.31)"},
        {"v4.example", {.names = "DNS:v4.example", .twice = true}, "more than one acmeIdentifier extension"},
        {"v4.example", {.names = "DNS:v4.example", .not_critical = true}, "acmeIdentifier extension is not critical"},
        {"v4.example", {.names = "DNS:v4.example", .wrong_length = true}, "is no OCTET STRING of 32 octets"},
        {"v4.example", {.names = "DNS:v4.example", .wrong_digest = true}, "its acmeIdentifier is 94233b"},
        {"v4.example",
         {.names = "DNS:v4.example", .alpn = ""},
         "the server did not select the ALPN protocol acme-tls/1"},
        {"v4.example",
         {.names = "DNS:v4.example", .alpn = "h2"},
         "the server does not offer the ALPN protocol acme-tls/1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict;
        char asked[256];
        judge_peer(cases[i].name, serve, &cases[i].shown, &verdict, asked);
        expect_problem(&verdict, ACME_INCORRECT_RESPONSE, cases[i].text);
        expect_problem(&verdict, ACME_INCORRECT_RESPONSE, " at 127.0.0.1 port ");
    }
}

static void close_at_once(struct tcp_peer *peer, int fd)
{
    (void)peer, (void)fd;
}

static void speak_plain_text(struct tcp_peer *peer, int fd)
{
    send(fd, "220 mail ready\r\n", 16, MSG_NOSIGNAL);
    tcp_wait_end(peer, fd);
}

static void say_nothing(struct tcp_peer *peer, int fd)
{
    tcp_wait_end(peer, fd);
}

static void tells_other_failures(void **state)
{
    (void)state;
    const struct shown shown = {.names = "DNS:v4.example"};
    struct verdict verdict;
    char asked[256];
    judge_peer("v4.example", close_at_once, &shown, &verdict, asked);
    expect_problem(&verdict, ACME_TLS, "TLS with v4.example at 127.0.0.1 port ");
    judge_peer("v4.example", speak_plain_text, &shown, &verdict, asked);
    expect_problem(&verdict, ACME_TLS, "the handshake failed: wrong version number.");
    config.timeout_ms = 1000;
    judge_peer("v4.example", say_nothing, &shown, &verdict, asked);
    expect_problem(&verdict, ACME_CONNECTION, "the handshake was not finished in time");
    config.timeout_ms = 10000;
    judge(&world, &config, ACME_TLS_ALPN_01, "both.example", &verdict); /* the last peer's port is closed now */
    expect_problem(&verdict, ACME_CONNECTION, "No TLS connection to both.example: ::1 port ");
    expect_problem(&verdict, ACME_CONNECTION, "; 127.0.0.1 port ");
    expect_problem(&verdict, ACME_CONNECTION, ": Connection refused.");
    judge(&world, &config, ACME_TLS_ALPN_01, "absent.example", &verdict);
    expect_problem(&verdict, ACME_DNS, "absent.example has no address to connect to: the name does not exist");
}

/* ::1 where the machine has it: the reverse name of RFC 3596. */
static void asks_for_the_reverse_name_of_ipv6(void **state)
{
    (void)state;
    const struct shown shown = {.names = "IP:::1"};
    struct tcp_peer peer = {.serve = serve, .tls = make_tls(&shown)};
    struct verdict verdict;
    int probe = tcp_listen(AF_INET6, 0);
    if (probe >= 0) {
        close(probe);
        assert_true(tcp_peer_start(&peer, true));
        config.tls_port = peer.port;
        judge(&world, &config, ACME_TLS_ALPN_01, "::1", &verdict);
        tcp_peer_stop(&peer);
        expect_valid(&verdict);
        assert_string_equal(peer.request, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa");
    }
    SSL_CTX_free(peer.tls);
    if (probe < 0)
        skip();
}

static int start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* the peer's own writes */
    world_start(&world, rows);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_stop(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proves_control),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(tells_other_failures),
        cmocka_unit_test(asks_for_the_reverse_name_of_ipv6),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
