/* preflight: is our DCV answer in place, and if not, what an operator is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/dcv/preflight.h"

#include "egress_world.h"
#include "tcp_peer.h"

#define HERE "/.well-known/pki-validation/0CC175B9C0F1B6A831C399E269772661.txt"
#define WANTED "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\nsectigo.com\nabc123"
#define OK(body) "HTTP/1.1 200 OK\r\n\r\n" body

static const struct dns_row rows[] = {
    {"www.example", DNS_A, "127.0.0.1", 0}, {"silent.example", DNS_A, NULL, DNS_SILENCE}, {NULL, 0, NULL, 0}};

static struct world world;

struct look {
    struct preflight_http want;
    struct egress_post post;
    struct ending ending;
    bool starting, early, refused, ok;
    char reason[PREFLIGHT_REASON_MAX];
};

static void on_done(void *ctx, bool ok, const char *reason)
{
    struct look *look = ctx;
    look->early = look->starting;
    look->ok = ok;
    snprintf(look->reason, sizeof look->reason, "%s", reason);
    ending_come(&look->ending);
}

static void on_start(void *ctx)
{
    struct look *look = ctx;
    look->starting = true;
    look->refused = !preflight_http(world.egress, &look->want, on_done, look);
    look->starting = false;
    if (look->refused)
        ending_come(&look->ending);
}

static void look_at(const char *name, uint16_t port, uint32_t timeout_ms, struct look *look)
{
    *look = (struct look){.want = {.name = name, .port = port, .path = HERE, .body = WANTED, .timeout_ms = timeout_ms}};
    ending_start(&look->ending);
    world_post(&world, &look->post, on_start, look);
    ending_wait(&look->ending);
    assert_int_equal(look->ending.times, 1);
    assert_false(look->early || look->refused);
}

static void look_at_answer(const char *answer, struct look *look)
{
    const struct http_route routes[] = {{HERE, answer}, {NULL, OK("somewhere else")}};
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    assert_true(tcp_peer_start(&peer, false));
    look_at("www.example", peer.port, answer != NULL && answer[0] == '\0' ? 1000 : 10000, look);
    tcp_peer_stop(&peer);
}

static void sees_the_answer(void **state)
{
    (void)state;
    static const char *const answers[] = {
        OK(WANTED), OK(WANTED "\n"), OK(WANTED " \r\n\r\n \t\n"),
        OK("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb \r\nsectigo.com\t\r\nabc123\r\n")};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct look look;
        look_at_answer(answers[i], &look);
        assert_string_equal(look.reason, "");
        assert_true(look.ok);
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *text;
    } cases[] = {
        {OK("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\nsectigo.com"),
         "the body is \"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb?sectigo.com\" instead of "
         "\"ca97"},
        {OK(WANTED "\nmore"), "the body is \"ca978112"},
        {OK(" " WANTED), "the body is \" ca978112"},
        {OK("\n" WANTED), "the body is \"?ca978112"},
        {OK(""), "the body is \"\" instead of"},
        {"HTTP/1.1 404 Not Found\r\n\r\nnothing", "HTTP status 404 instead of 200, and the body \"nothing\""},
        {"HTTP/1.1 301 Moved\r\nLocation: https://www.example/there\r\n\r\n",
         "redirects (HTTP status 301) to https://www.example/there, which Sectigo does not follow"},
        {NULL, " cannot be fetched: 127.0.0.1 port "},
        {HTTP_HANG, "no complete answer in time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct look look;
        char url[256];
        look_at_answer(cases[i].answer, &look);
        snprintf(url, sizeof url, "http://www.example:%u" HERE " ", look.want.port);
        assert_false(look.ok);
        assert_int_equal(strncmp(look.reason, url, strlen(url)), 0);
        assert_non_null(strstr(look.reason, "127.0.0.1 port "));
        if (strstr(look.reason, cases[i].text) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", cases[i].text, look.reason);
    }
}

static void says_why_there_is_no_address(void **state)
{
    (void)state;
    struct look look;
    look_at("absent.example", 80, 10000, &look);
    assert_string_equal(look.reason,
                        "http://absent.example" HERE " cannot be fetched: absent.example has no address to "
                        "ask: the name does not exist (NXDOMAIN)");
    look_at("silent.example", 80, 200, &look);
    assert_non_null(strstr(look.reason, "no answer from the resolver in time"));
}

static int start(void **state)
{
    (void)state;
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
        cmocka_unit_test(sees_the_answer),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(says_why_there_is_no_address),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
