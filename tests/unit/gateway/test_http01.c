/* http-01: what proves control, which redirects are followed, and what is said of everything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "gateway/egress/fetch.h"

#include "tcp_peer.h"
#include "validate_world.h"

#define HERE "/.well-known/acme-challenge/" TOKEN
#define OK(body) "HTTP/1.1 200 OK\r\n\r\n" body
#define REDIRECT(target) "HTTP/1.1 302 Found\r\nLocation: " target "\r\nContent-Length: 0\r\n\r\n"

static const struct dns_row rows[] = {{"v4.example", DNS_A, "127.0.0.1", 0},
                                      {"both.example", DNS_A, "127.0.0.1", 0},
                                      {"both.example", DNS_AAAA, "::1", 0},
                                      {"v6.example", DNS_AAAA, "::1", 0},
                                      {"alias.example", DNS_CNAME, "v4.example", 0},
                                      {"broken-v6.example", DNS_A, "127.0.0.1", 0},
                                      {"broken-v6.example", DNS_AAAA, NULL, DNS_SERVFAIL},
                                      {"text-only.example", DNS_TXT, "hello", 0},
                                      {"broken.example", DNS_A, NULL, DNS_SERVFAIL},
                                      {"broken.example", DNS_AAAA, NULL, DNS_SERVFAIL},
                                      {"silent.example", DNS_A, NULL, DNS_SILENCE},
                                      {"silent.example", DNS_AAAA, NULL, DNS_SILENCE},
                                      {NULL, 0, NULL, 0}};

static struct world world;
static struct validate_config config = {.timeout_ms = 10000, .redirects_max = 10};
static char long_body[8 * 1024], long_header[128 * 1024], to_long_url[4096];

/* Serves the one answer at HERE, and elsewhere what more says, while one validation of name runs. */
static void judge_routes(const char *name, const struct http_route *routes, bool both, struct verdict *verdict)
{
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    assert_true(tcp_peer_start(&peer, both));
    config.http_port = peer.port;
    config.tls_port = peer.port;
    judge(&world, &config, ACME_HTTP_01, name, verdict);
    tcp_peer_stop(&peer);
}

static void judge_answer(const char *name, const char *answer, struct verdict *verdict)
{
    const struct http_route routes[] = {{HERE, answer}, {NULL, "HTTP/1.1 404 Not Found\r\n\r\n"}};
    judge_routes(name, routes, false, verdict);
}

static void proves_control(void **state)
{
    (void)state;
    static const struct {
        const char *name, *answer;
    } cases[] = {
        {"v4.example", OK(KEY_AUTHORIZATION)},
        {"v4.example", OK(KEY_AUTHORIZATION "\n")},
        {"v4.example", OK(KEY_AUTHORIZATION " \t\r\n\r\n")},
        {"v4.example", "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" KEY_AUTHORIZATION},
        {"v4.example", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n57\r\n" KEY_AUTHORIZATION "\r\n0\r\n\r\n"},
        {"alias.example", OK(KEY_AUTHORIZATION)},
        {"both.example", OK(KEY_AUTHORIZATION)},      /* nobody listens on ::1 */
        {"broken-v6.example", OK(KEY_AUTHORIZATION)}, /* one of the two lookups is enough */
        {"127.0.0.1", OK(KEY_AUTHORIZATION)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict;
        judge_answer(cases[i].name, cases[i].answer, &verdict);
        expect_valid(&verdict);
    }
}

static void says_what_was_found(void **state)
{
    (void)state;
    static const struct {
        const char *name, *answer;
        enum acme_problem_type type;
        const char *text;
    } cases[] = {
        {"v4.example", OK("something \"else\"\n"), ACME_INCORRECT_RESPONSE,
         HERE " at 127.0.0.1: the body is \"something 'else'?\" instead of the key authorization \"" KEY_AUTHORIZATION
              "\"."},
        {"v4.example", OK("x" KEY_AUTHORIZATION), ACME_INCORRECT_RESPONSE, "the body is \"x" TOKEN},
        {"v4.example", OK(""), ACME_INCORRECT_RESPONSE, "the body is \"\""},
        {"v4.example", OK(" " KEY_AUTHORIZATION), ACME_INCORRECT_RESPONSE, "the body is \" " TOKEN},
        {"v4.example", "HTTP/1.1 404 Not Found\r\n\r\n<h1>no</h1>", ACME_INCORRECT_RESPONSE,
         "HTTP status 404 instead of 200, and the body \"<h1>no</h1>\"."},
        {"v4.example", "HTTP/1.1 500 Oops\r\n\r\n" KEY_AUTHORIZATION, ACME_INCORRECT_RESPONSE, "HTTP status 500"},
        {"v4.example", "HTTP/1.1 302 Found\r\n\r\nno location", ACME_INCORRECT_RESPONSE, "HTTP status 302"},
        {"v4.example", long_body, ACME_INCORRECT_RESPONSE, "the body is \"" TOKEN},
        {"v4.example", long_header, ACME_INCORRECT_RESPONSE, "127.0.0.1 port "},
        {"v4.example", "SSH-2.0-OpenSSH_9.2\r\n\r\n", ACME_INCORRECT_RESPONSE, "what answered does not speak HTTP/1"},
        {"v4.example", "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" KEY_AUTHORIZATION, ACME_INCORRECT_RESPONSE,
         "the answer ended early"},
        {"v4.example", NULL, ACME_CONNECTION, "the connection was closed without an answer"},
        {"absent.example", OK(KEY_AUTHORIZATION), ACME_DNS,
         "absent.example has no address to ask: the name does not exist (NXDOMAIN)."},
        {"text-only.example", OK(KEY_AUTHORIZATION), ACME_DNS, "it has neither an AAAA nor an A record"},
        {"broken.example", OK(KEY_AUTHORIZATION), ACME_DNS, "record: SERVFAIL from the resolver"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict;
        judge_answer(cases[i].name, cases[i].answer, &verdict);
        expect_problem(&verdict, cases[i].type, cases[i].text);
    }
}

static void prefers_ipv6(void **state)
{
    (void)state;
    const struct http_route routes[] = {{NULL, OK("wrong")}};
    struct verdict verdict;
    int probe = tcp_listen(AF_INET6, 0);
    if (probe < 0)
        skip(); /* this machine has no IPv6 */
    close(probe);
    judge_routes("both.example", routes, true, &verdict);
    expect_problem(&verdict, ACME_INCORRECT_RESPONSE, " at ::1: the body is \"wrong\"");
    judge_routes("::1", routes, true, &verdict);
    expect_problem(&verdict, ACME_INCORRECT_RESPONSE, "http://[::1]:");
}

static void names_all_addresses_without_a_connection(void **state)
{
    (void)state;
    struct verdict verdict;
    struct tcp_peer peer = {.serve = http_serve};
    assert_true(tcp_peer_start(&peer, false));
    tcp_peer_stop(&peer); /* its port is closed now */
    config.http_port = peer.port;
    judge(&world, &config, ACME_HTTP_01, "both.example", &verdict);
    expect_problem(&verdict, ACME_CONNECTION, "127.0.0.1 port ");
    expect_problem(&verdict, ACME_CONNECTION, "::1 port ");
    expect_problem(&verdict, ACME_CONNECTION, ": Connection refused.");
}

static void does_not_wait_for_ever(void **state)
{
    (void)state;
    struct verdict verdict;
    config.timeout_ms = 1000;
    judge_answer("v4.example", HTTP_HANG, &verdict);
    expect_problem(&verdict, ACME_CONNECTION, "127.0.0.1 port ");
    expect_problem(&verdict, ACME_CONNECTION, "no complete answer in time");
    judge_answer("silent.example", HTTP_HANG, &verdict);
    expect_problem(&verdict, ACME_DNS, "no answer from the resolver in time");
    config.timeout_ms = 10000;
}

/* Neither the first look nor a redirect leads to where connections may not go. */
static void stays_out_of_denied_networks(void **state)
{
    (void)state;
    static const char *const own[] = {"127.0.0.1/32", NULL}, *const six[] = {"::1", "127.0.0.1", NULL};
    static const char *const nothing[] = {NULL};
    struct egress_rules rules = {nothing, nothing, NULL};
    struct verdict verdict;
    config.rules = &rules;
    judge_answer("v4.example", OK(KEY_AUTHORIZATION), &verdict);
    expect_problem(&verdict, ACME_DNS, "may not connect to its address 127.0.0.1 (validation.deny");
    judge_answer("127.0.0.1", OK(KEY_AUTHORIZATION), &verdict);
    expect_problem(&verdict, ACME_DNS, "may not connect to its address 127.0.0.1");
    rules.allow = own;
    judge_answer("both.example", OK(KEY_AUTHORIZATION), &verdict); /* without ::1 */
    expect_valid(&verdict);
    judge_answer("v4.example", REDIRECT("http://v6.example/"), &verdict);
    expect_problem(&verdict, ACME_DNS, "Fetching http://v6.example/: ");
    expect_problem(&verdict, ACME_DNS, "may not connect to its address ::1");
    rules.deny = own; /* an exception is one from both */
    judge_answer("v4.example", OK(KEY_AUTHORIZATION), &verdict);
    expect_valid(&verdict);
    rules.allow = six;
    judge_answer("both.example", OK(KEY_AUTHORIZATION), &verdict);
    expect_valid(&verdict);
    config.rules = NULL;
}

/* ---- redirects ---- */

/* Nobody reads by a problem what a server says to which only a redirect leads. */
static void shows_nothing_of_other_hosts(void **state)
{
    static const char *const secrets[] = {OK("hunter2"), "HTTP/1.1 401 No\r\n\r\nhunter2",
                                          REDIRECT("ftp://hunter2.example/"), REDIRECT("http://10.1.2.3/hunter2")};
    struct verdict verdict;
    (void)state;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        const struct http_route routes[] = {
            {HERE, REDIRECT("http://alias.example/there")}, {"/there", secrets[i]}, {NULL, NULL}};
        judge_routes("v4.example", routes, false, &verdict);
        expect_problem(&verdict, ACME_INCORRECT_RESPONSE, "(not shown, as another host said it)");
        if (strstr(verdict.detail, "hunter2"))
            fail_msg("%s", verdict.detail);
    }
}

static void follows_redirects(void **state)
{
    (void)state;
    static const char *const statuses[] = {"301", "302", "303", "307", "308"};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char first[8192];
        struct verdict verdict;
        int len = snprintf(first, sizeof first, "HTTP/1.1 %s Elsewhere\r\nLocation: /a?b=c#fragment\r\n\r\n%s",
                           statuses[i], i == 0 ? strstr(long_body, TOKEN) : ""); /* a long body does no harm */
        assert_in_range(len, 1, sizeof first - 1);
        const struct http_route routes[] = {{HERE, first},
                                            {"/a?b=c", REDIRECT("http://alias.example/there")},
                                            {"/there", OK(KEY_AUTHORIZATION)},
                                            {NULL, NULL}};
        judge_routes("v4.example", routes, false, &verdict);
        expect_valid(&verdict);
    }
}

static void refuses_redirects(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum acme_problem_type type;
        const char *text;
    } cases[] = {
        {REDIRECT("ftp://v4.example/"), ACME_INCORRECT_RESPONSE,
         " at 127.0.0.1 redirects to \"ftp://v4.example/\", which is not followed: its scheme is neither http nor "
         "https."},
        {REDIRECT("file:///etc/passwd"), ACME_INCORRECT_RESPONSE, "which is not followed: it"},
        {REDIRECT("http://127.0.0.1/"), ACME_INCORRECT_RESPONSE, "its host is an address, not a name."},
        {REDIRECT("http://0x7f.1/"), ACME_INCORRECT_RESPONSE, "its host is an address, not a name."},
        {REDIRECT("http://[::1]/"), ACME_INCORRECT_RESPONSE, "its host is an address, not a name."},
        {REDIRECT("http://v4.example:22/"), ACME_INCORRECT_RESPONSE, "its port is neither "},
        {REDIRECT("http://user@v4.example/"), ACME_INCORRECT_RESPONSE, "it names a user."},
        {REDIRECT("http://v\303\244.example/"), ACME_INCORRECT_RESPONSE,
         "its host is neither a DNS name nor an address."},
        {REDIRECT("http://absent.example/"), ACME_DNS,
         "Fetching http://absent.example/: absent.example has no address"},
        {to_long_url, ACME_INCORRECT_RESPONSE, "which is not followed: it is too long."},
        {REDIRECT(HERE), ACME_CONNECTION, "more than 10 redirects."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict;
        judge_answer("v4.example", cases[i].answer, &verdict);
        expect_problem(&verdict, cases[i].type, cases[i].text);
    }
}

/* A self-signed certificate for nothing in particular. */
static SSL_CTX *make_tls(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -60); /* expired, too */
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(tls, certificate);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}

/* From a plain server to one with TLS: the ports are the configured ones. */
static void judge_https(const struct http_route *secure, SSL_CTX *tls, struct verdict *verdict)
{
    const struct http_route routes[] = {{HERE, REDIRECT("https://alias.example/there")}, {NULL, NULL}};
    struct tcp_peer plain = {.serve = http_serve, .routes = routes};
    struct tcp_peer other = {.serve = http_serve, .routes = secure, .tls = tls};
    assert_true(tcp_peer_start(&plain, false));
    assert_true(tcp_peer_start(&other, false));
    config.http_port = plain.port;
    config.tls_port = other.port;
    judge(&world, &config, ACME_HTTP_01, "v4.example", verdict);
    tcp_peer_stop(&plain);
    tcp_peer_stop(&other);
}

static void follows_to_https_without_verifying(void **state)
{
    (void)state;
    struct verdict verdict;
    SSL_CTX *tls = make_tls();
    const struct http_route routes[] = {{"/there", OK(KEY_AUTHORIZATION)}, {NULL, NULL}};
    judge_https(routes, tls, &verdict);
    SSL_CTX_free(tls);
    expect_valid(&verdict);
    judge_https(routes, NULL, &verdict);
    expect_problem(&verdict, ACME_TLS, "Fetching https://alias.example/there: 127.0.0.1 port ");
}

/* ---- the request ---- */

static void sends_a_plain_request(void **state)
{
    (void)state;
    const struct http_route routes[] = {{NULL, OK(KEY_AUTHORIZATION)}};
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    struct verdict verdict;
    char host[64];
    setenv("http_proxy", "http://127.0.0.1:1/", 1); /* must not be used */
    assert_true(tcp_peer_start(&peer, false));
    config.http_port = peer.port;
    judge(&world, &config, ACME_HTTP_01, "v4.example", &verdict);
    tcp_peer_stop(&peer);
    unsetenv("http_proxy");
    expect_valid(&verdict);
    snprintf(host, sizeof host, "\r\nHost: v4.example:%u\r\n", peer.port);
    assert_int_equal(strncmp(peer.request, "GET " HERE " HTTP/1.1\r\n", strlen("GET " HERE " HTTP/1.1\r\n")), 0);
    assert_non_null(strstr(peer.request, host));
    assert_non_null(strstr(peer.request, "\r\nUser-Agent: acmegate\r\n"));
    assert_null(strstr(peer.request, "Cookie"));
}

static int start(void **state)
{
    (void)state;
    world_start(&world, rows);
    strcpy(long_body, OK(KEY_AUTHORIZATION)); /* right, but then 6 KiB of blanks */
    memset(long_body + strlen(long_body), ' ', 6 * 1024);
    strcpy(long_header, "HTTP/1.1 200 OK\r\n");
    while (strlen(long_header) < 100 * 1024)
        strcat(long_header, "X-Filler: 0123456789012345678901234567890123456789\r\n");
    strcat(long_header, "\r\n" KEY_AUTHORIZATION);
    strcpy(to_long_url, "HTTP/1.1 302 Found\r\nLocation: /");
    memset(to_long_url + strlen(to_long_url), 'a', 3000);
    strcat(to_long_url, "\r\n\r\n");
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
        cmocka_unit_test(says_what_was_found),
        cmocka_unit_test(prefers_ipv6),
        cmocka_unit_test(names_all_addresses_without_a_connection),
        cmocka_unit_test(does_not_wait_for_ever),
        cmocka_unit_test(shows_nothing_of_other_hosts),
        cmocka_unit_test(follows_redirects),
        cmocka_unit_test(refuses_redirects),
        cmocka_unit_test(follows_to_https_without_verifying),
        cmocka_unit_test(sends_a_plain_request),
        cmocka_unit_test(stays_out_of_denied_networks),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
