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

/* What the outside sees; inside nothing of it exists. */
static const struct dns_row outside_rows[] = {
    {"internal.example", DNS_A, "10.1.2.3", 0},
    {"mixed.example", DNS_A, "10.1.2.3", 0},
    {"mixed.example", DNS_AAAA, "fd00::1", 0},
    {"mixed.example", DNS_A, "127.0.0.1", 0},
    {"ours.example", DNS_CAA, "issue|letsencrypt.org", 0},
    {"ours.example", DNS_CAA, "issue|sectigo.com", 0},
    {"theirs.example", DNS_CAA, "issue|letsencrypt.org", 0},
    {"theirs.example", DNS_CAA, "issuewild|sectigo.com", 0},
    {"a.b.theirs.example", DNS_A, "192.0.2.1", 0},
    {"open.theirs.example", DNS_CAA, "iodef|mailto:pki@example.org", 0},
    {"alias.example", DNS_CNAME, "theirs.example", 0},
    {"account.example", DNS_CAA, "issue|sectigo.com; accounturi=https://sectigo.com/1", 0},
    {"critical.example", DNS_CAA, "!future|x", 0},
    {"broken.example", DNS_CAA, NULL, DNS_SERVFAIL},
    {"moving.example", DNS_A, "127.0.0.2", 0},
    {NULL, 0, NULL, 0}};

static struct world world;
static char loopback[] = "127.0.0.0/8";
static char *prefixes[] = {loopback, NULL};
static struct config_dcv dcv = {.global = {prefixes, 1}};
static uint32_t recent_ms; /* of the looks that follow */

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
    dcv.http_port = port;
    *look = (struct look){
        .want = {
            .dcv = &dcv, .name = name, .path = HERE, .body = WANTED, .timeout_ms = timeout_ms, .recent_ms = recent_ms}};
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
        snprintf(url, sizeof url, "http://www.example:%u" HERE " ", dcv.http_port);
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

static void asks_global_addresses_only(void **state)
{
    (void)state;
    struct look look;
    const struct http_route routes[] = {{HERE, OK(WANTED)}, {NULL, OK("somewhere else")}};
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    look_at("internal.example", 80, 10000, &look);
    assert_string_equal(look.reason, "http://internal.example" HERE " cannot be fetched: internal.example has no "
                                     "address to ask: 10.1.2.3 is not reachable from everywhere");
    assert_true(tcp_peer_start(&peer, false));
    look_at("mixed.example", peer.port, 10000, &look);
    assert_string_equal(look.reason, "");
    dcv.global.count = 0;
    look_at("127.0.0.1", peer.port, 10000, &look);
    assert_non_null(strstr(look.reason, "127.0.0.1 is not reachable from everywhere"));
    dcv.global.count = 1;
    tcp_peer_stop(&peer);
}

/* A proxy sees the world by itself: names that we cannot look up, addresses that we do not judge. */
static void asks_the_proxy(void **state)
{
    (void)state;
    struct look look;
    char url[64];
    const struct http_route routes[] = {{"http://elsewhere.example" HERE, OK(WANTED)}, {NULL, OK("somewhere else")}};
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    assert_true(tcp_peer_start(&peer, false));
    snprintf(url, sizeof url, "http://127.0.0.1:%u", peer.port);
    dcv.http_proxy = url;
    look_at("elsewhere.example", 80, 10000, &look);
    assert_string_equal(look.reason, "");
    look_at("other.example", 80, 10000, &look);
    assert_non_null(strstr(look.reason, "the body is \"somewhere else\""));
    tcp_peer_stop(&peer);
    look_at("elsewhere.example", 80, 10000, &look);
    assert_non_null(strstr(look.reason, "cannot be fetched: http://127.0.0.1:"));
    dcv.http_proxy = NULL;
}

/* ---- what was asked a moment ago ---- */

/* After it both views' server says something else. */
static void answer_from(const struct dns_row *table)
{
    atomic_store(&world.outside.rows, table);
}

/* What our own validation has asked for a moment ago is not asked again; but no look fails by it. */
static void addresses_of_a_moment_ago_do_unless_they_fail(void **state)
{
    (void)state;
    static const struct dns_row moved[] = {{"moving.example", DNS_A, "127.0.0.1", 0}, {NULL, 0, NULL, 0}};
    const struct http_route routes[] = {{HERE, OK(WANTED)}, {NULL, OK("somewhere else")}};
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    struct look look;
    assert_true(tcp_peer_start(&peer, false));
    recent_ms = 0;
    look_at("moving.example", peer.port, 10000, &look);
    assert_non_null(strstr(look.reason, "127.0.0.2 port ")); /* nobody listens there */
    answer_from(moved);
    recent_ms = 3600000;
    unsigned asked = world.outside.asked;
    look_at("moving.example", peer.port, 10000, &look);
    assert_string_equal(look.reason, "");
    assert_int_equal(world.outside.asked, asked + 2);
    look_at("moving.example", peer.port, 10000, &look);
    assert_string_equal(look.reason, "");
    assert_int_equal(world.outside.asked, asked + 2);
    recent_ms = 0;
    look_at("moving.example", peer.port, 10000, &look);
    assert_string_equal(look.reason, "");
    assert_int_equal(world.outside.asked, asked + 4);
    answer_from(outside_rows);
    tcp_peer_stop(&peer);
}

/* ---- CAA ---- */

static void on_caa_start(void *ctx)
{
    struct look *look = ctx;
    static const struct config_strings documented = {NULL, 0};
    struct preflight_caa want = {
        .identities = &documented, .name = look->want.name, .timeout_ms = 10000, .recent_ms = recent_ms};
    look->starting = true;
    look->refused = !preflight_caa(world.egress, &want, on_done, look);
    look->starting = false;
    if (look->refused)
        ending_come(&look->ending);
}

/* words "": Sectigo may issue. */
static void assert_caa(const char *name, const char *words)
{
    struct look look = {.want = {.name = name}};
    ending_start(&look.ending);
    world_post(&world, &look.post, on_caa_start, &look);
    ending_wait(&look.ending);
    assert_int_equal(look.ending.times, 1);
    assert_false(look.early || look.refused);
    assert_int_equal(look.ok, words[0] == '\0');
    if (words[0] == '\0')
        assert_string_equal(look.reason, "");
    else if (strstr(look.reason, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, look.reason);
}

static void caa_climbs_to_the_closest_set(void **state)
{
    (void)state;
    assert_caa("ours.example", "");
    assert_caa("*.www.ours.example", "");
    assert_caa("none.at.all.example", "");
    assert_caa("a.b.theirs.example",
               "a.b.theirs.example: the CAA record of theirs.example, issue \"letsencrypt.org\", does not let Sectigo");
    assert_caa("*.b.theirs.example", "");
    assert_caa("x.open.theirs.example", ""); /* a set without issue restricts nothing */
    assert_caa("alias.example", "the CAA record of alias.example, issue \"letsencrypt.org\"");
}

static void caa_without_an_answer_is_no_leave(void **state)
{
    (void)state;
    assert_caa("account.example", "which only Sectigo can judge");
    assert_caa("critical.example", "has the critical property future");
    assert_caa("www.broken.example",
               "the CAA records of broken.example (for www.broken.example) cannot be looked up: SERVFAIL");
}

/* Those above a name are asked once for many names, the name itself each time; a refusal is asked anew from the start.
 */
static void caa_above_a_name_is_asked_once_unless_it_refuses(void **state)
{
    (void)state;
    static const struct dns_row restricted[] = {{"above.shared.example", DNS_CAA, "issue|letsencrypt.org", 0},
                                                {NULL, 0, NULL, 0}};
    recent_ms = 3600000;
    assert_caa("a.above.shared.example", "");
    unsigned asked = world.outside.asked;
    assert_caa("b.above.shared.example", "");
    assert_caa("a.above.shared.example", "");
    assert_int_equal(world.outside.asked, asked + 2);
    answer_from(restricted);
    assert_caa("c.above.shared.example", ""); /* for so long a leave is believed */
    recent_ms = 0;
    assert_caa("c.above.shared.example", "issue \"letsencrypt.org\"");
    recent_ms = 3600000;
    assert_caa("c.above.shared.example", "issue \"letsencrypt.org\"");
    answer_from(outside_rows);
    assert_caa("c.above.shared.example", "");
    recent_ms = 0;
}

/* An answer without the signature that the anchor demands. */
static void bogus_answers_fail(void **state)
{
    (void)state;
    static const struct dns_row unsigned_rows[] = {{"www.signed.example", DNS_A, "127.0.0.1", 0},
                                                   {"www.signed.example", DNS_CAA, "issue|sectigo.com", 0},
                                                   {NULL, 0, NULL, 0}};
    static const char anchor_text[] = "signed.example. IN DS 12345 13 2 "
                                      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
    char anchor[] = "/tmp/anchor.XXXXXX";
    struct look look;
    int fd = mkstemp(anchor);
    assert_int_equal(write(fd, anchor_text, sizeof anchor_text - 1), sizeof anchor_text - 1);
    close(fd);
    world_start_with_outside(&world, rows, unsigned_rows, anchor);
    look_at("www.signed.example", 80, 10000, &look);
    assert_non_null(strstr(look.reason, "www.signed.example has no address to ask: "));
    assert_non_null(strstr(look.reason, "DNSSEC validation failed: "));
    assert_caa("www.signed.example", "DNSSEC validation failed: ");
    world_stop(&world);
    unlink(anchor);
}

static int start_with_outside(void **state)
{
    (void)state;
    world_start_with_outside(&world, rows, outside_rows, NULL);
    return 0;
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
    const struct CMUnitTest own[] = {
        cmocka_unit_test(sees_the_answer),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(says_why_there_is_no_address),
    };
    const struct CMUnitTest outside[] = {
        cmocka_unit_test(asks_global_addresses_only),
        cmocka_unit_test(asks_the_proxy),
        cmocka_unit_test(caa_climbs_to_the_closest_set),
        cmocka_unit_test(caa_without_an_answer_is_no_leave),
        cmocka_unit_test(addresses_of_a_moment_ago_do_unless_they_fail),
        cmocka_unit_test(caa_above_a_name_is_asked_once_unless_it_refuses),
    };
    const struct CMUnitTest alone[] = {cmocka_unit_test(bogus_answers_fail)};
    int failed = cmocka_run_group_tests_name("own", own, start, stop);
    failed += cmocka_run_group_tests_name("outside", outside, start_with_outside, stop);
    return failed + cmocka_run_group_tests_name("alone", alone, NULL, NULL);
}
