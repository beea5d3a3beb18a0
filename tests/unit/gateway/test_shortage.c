/* What this machine lacks (descriptors, memory to watch them with) is not what a peer did: every validation that meets
 * it is to be done again, and the same peer is judged as it deserves when there is room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "gateway/egress/fetch.h"
#include "gateway/egress/internal.h"

#include "tcp_peer.h"
#include "validate_world.h"

static const struct dns_row rows[] = {{"v4.example", DNS_A, "127.0.0.1", 0},
                                      {"_acme-challenge.v4.example", DNS_TXT, "another", 0},
                                      {"broken.example", DNS_TXT, NULL, DNS_SERVFAIL},
                                      {NULL, 0, NULL, 0}};
static const struct http_route routes[] = {{NULL, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"}};

static struct world world;
static struct tcp_peer peer;
static struct validate_config config = {.timeout_ms = 5000, .redirects_max = 10, .account_urls = "https://a.test/"};
static struct rlimit before;

/* Nobody gets another descriptor from here on. */
static void take_descriptors(void)
{
    struct rlimit none = {.rlim_cur = 3};
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void give_descriptors(void)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static const struct {
    enum acme_challenge_type type;
    const char *value;
    enum acme_problem_type then; /* with room */
} cases[] = {
    {ACME_HTTP_01, "127.0.0.1", ACME_INCORRECT_RESPONSE}, {ACME_HTTP_01, "v4.example", ACME_INCORRECT_RESPONSE},
    {ACME_TLS_ALPN_01, "127.0.0.1", ACME_CONNECTION},     {ACME_TLS_ALPN_01, "v4.example", ACME_CONNECTION},
    {ACME_DNS_01, "v4.example", ACME_INCORRECT_RESPONSE}, {ACME_DNS_ACCOUNT_01, "v4.example", ACME_DNS},
};

/* As the gateway does: until it says something about the client. A moment ago descriptors were short. */
static void judge_again(enum acme_challenge_type type, const char *value, struct verdict *verdict)
{
    uint64_t until_ms = egress_now_ms() + 15000;
    do {
        poll(NULL, 0, 100);
        judge(&world, &config, type, value, verdict);
    } while (verdict->type == ACME_SERVER_INTERNAL && egress_now_ms() < until_ms);
}

static void ends_no_validation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict;
        take_descriptors();
        judge(&world, &config, cases[i].type, cases[i].value, &verdict);
        give_descriptors();
        if (verdict.type != ACME_SERVER_INTERNAL)
            fail_msg("case %zu ends with %s", i, verdict.detail);
        judge_again(cases[i].type, cases[i].value, &verdict);
        if (verdict.type != cases[i].then)
            fail_msg("case %zu then ends with %d: %s", i, (int)verdict.type, verdict.detail);
    }
}

/* ---- a descriptor that cannot be watched ---- */

struct blinded {
    struct world *world;
    int epoll;
    struct egress_url url;
    struct egress_fetch fetch;
    struct egress_post post;
    struct ending ending;
};

static void on_fetched(void *ctx, struct egress_fetch *fetch)
{
    struct blinded *b = ctx;
    (void)fetch;
    if (b->epoll >= 0)
        b->world->egress->loop.epoll = b->epoll;
    ending_come(&b->ending);
}

static void fetch(void *ctx)
{
    struct blinded *b = ctx;
    assert_true(egress_url_http(&b->url, "127.0.0.1", peer.port, "/x"));
    b->fetch = (struct egress_fetch){
        .url = &b->url, .port = peer.port, .deadline_ms = egress_now_ms() + 5000, .fn = on_fetched, .ctx = b};
    egress_fetch(b->world->egress, &b->fetch);
}

/* epoll refuses everything until the fetch has ended. */
static void fetch_blindly(void *ctx)
{
    struct blinded *b = ctx;
    b->epoll = b->world->egress->loop.epoll;
    b->world->egress->loop.epoll = -1;
    fetch(ctx);
}

static void ends_no_other_transfer(void **state)
{
    struct blinded b = {.world = &world, .epoll = -1};
    (void)state;
    ending_start(&b.ending);
    world_post(&world, &b.post, fetch_blindly, &b);
    ending_wait(&b.ending);
    assert_int_equal(b.fetch.result, EGRESS_FETCH_INTERNAL);
    b.epoll = -1;
    ending_start(&b.ending);
    world_post(&world, &b.post, fetch, &b);
    ending_wait(&b.ending);
    assert_int_equal(b.fetch.result, EGRESS_FETCH_ANSWERED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_no_validation),
        cmocka_unit_test(ends_no_other_transfer),
    };
    peer.serve = http_serve;
    peer.routes = routes;
    if (!tcp_peer_start(&peer, false))
        return 1;
    world_start(&world, rows);
    config.http_port = peer.port;
    config.tls_port = 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_stop(&world);
    tcp_peer_stop(&peer);
    return failed;
}
