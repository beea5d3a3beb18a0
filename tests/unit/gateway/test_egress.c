/* egress: lookups, transfers, descriptors and timers of the one thread, and how it stops. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "egress_world.h"
#include "tcp_peer.h"

static const struct dns_row rows[] = {{"two.example", DNS_A, "192.0.2.1", 0},
                                      {"two.example", DNS_A, "192.0.2.2", 0},
                                      {"alias.example", DNS_CNAME, "two.example", 0},
                                      {"text.example", DNS_TXT, "hello", 0},
                                      {"broken.example", DNS_A, NULL, DNS_SERVFAIL},
                                      {"silent.example", DNS_A, NULL, DNS_SILENCE},
                                      {"www.test", DNS_A, "192.0.2.3", 0},
                                      {"www.localhost", DNS_A, "192.0.2.4", 0},
                                      {"www.home.arpa", DNS_A, "192.0.2.5", 0},
                                      {"www.signed.example", DNS_A, "192.0.2.6", 0},
                                      {NULL, 0, NULL, 0}};

/* ---- lookups ---- */

struct look {
    struct egress *egress;
    const char *name;
    uint32_t timeout_ms;
    struct egress_post post;
    struct ending ending;
    bool starting, early;
    enum egress_dns_status status;
    size_t count;
    uint8_t first[4];
    char reason[256];
};

static void on_answer(void *ctx, const struct egress_dns_answer *answer)
{
    struct look *look = ctx;
    look->early = look->starting;
    look->status = answer->status;
    look->count = answer->record_count;
    if (answer->record_count > 0 && answer->rdata_len[0] == 4)
        memcpy(look->first, answer->rdata[0], 4);
    snprintf(look->reason, sizeof look->reason, "%s", answer->reason);
    ending_come(&look->ending);
}

static void on_look(void *ctx)
{
    struct look *look = ctx;
    look->starting = true;
    if (!egress_resolve(look->egress, look->name, EGRESS_RR_A, look->timeout_ms, on_answer, look))
        ending_come(&look->ending);
    look->starting = false;
}

static void look_up(struct egress *egress, const char *name, uint32_t timeout_ms, struct look *look)
{
    *look = (struct look){.egress = egress, .name = name, .timeout_ms = timeout_ms};
    ending_start(&look->ending);
    look->post = (struct egress_post){.fn = on_look, .ctx = look};
    assert_true(egress_post(egress, &look->post));
    ending_wait(&look->ending);
    assert_int_equal(look->ending.times, 1);
    assert_false(look->early);
}

static void tells_what_dns_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t timeout_ms;
        enum egress_dns_status status;
        size_t count;
        const char *reason;
    } cases[] = {
        {"two.example", 10000, EGRESS_DNS_ANSWER, 2, ""},
        {"two.example.", 10000, EGRESS_DNS_ANSWER, 2, ""},
        {"text.example", 10000, EGRESS_DNS_NODATA, 0, "the name has no such record"},
        {"absent.example", 10000, EGRESS_DNS_NXDOMAIN, 0, "NXDOMAIN: no such name"},
        {"broken.example", 10000, EGRESS_DNS_FAILURE, 0, "SERVFAIL from the resolver"},
        {"silent.example", 100, EGRESS_DNS_TIMEOUT, 0, "no answer from the resolver in time"},
        {"a..b", 10000, EGRESS_DNS_FAILURE, 0, "the lookup failed: syntax error"},
        {"www.onion", 10000, EGRESS_DNS_NXDOMAIN, 0, "NXDOMAIN: no such name"}, /* by the library, before it returns */
        {"www.test", 10000, EGRESS_DNS_ANSWER, 1, ""},
        {"www.localhost", 10000, EGRESS_DNS_ANSWER, 1, ""},
        {"www.home.arpa", 10000, EGRESS_DNS_ANSWER, 1, ""},
    };
    struct world world;
    struct look look;
    world_start(&world, rows);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        look_up(world.egress, cases[i].name, cases[i].timeout_ms, &look);
        assert_string_equal(look.reason, cases[i].reason);
        assert_int_equal(look.status, cases[i].status);
        assert_int_equal(look.count, cases[i].count);
    }
    look_up(world.egress, "alias.example", 10000, &look);
    assert_int_equal(look.count, 2);
    assert_int_equal(look.first[0], 192);
    world_stop(&world);
}

static void caches_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"two.example", "absent.example", "text.example"};
    struct world world;
    struct look look;
    world_start(&world, rows);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        look_up(world.egress, names[i], 10000, &look);
        unsigned before = world.dns.asked;
        look_up(world.egress, names[i], 10000, &look);
        assert_int_equal(world.dns.asked, before + 1);
    }
    world_stop(&world);
}

enum { MANY = 3000 };

static void has_thousands_in_flight(void **state)
{
    (void)state;
    struct world world;
    struct look *looks = calloc(MANY, sizeof *looks);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    assert_non_null(looks);
    world_start(&world, rows);
    for (size_t i = 0; i < MANY; i++) {
        looks[i] = (struct look){.egress = world.egress, .name = "two.example", .timeout_ms = 25000};
        ending_start(&looks[i].ending);
        world_post(&world, &looks[i].post, on_look, &looks[i]);
    }
    for (size_t i = 0; i < MANY; i++)
        ending_wait(&looks[i].ending);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(looks[i].status, EGRESS_DNS_ANSWER);
        assert_int_equal(looks[i].ending.times, 1);
    }
    world_stop(&world);
    free(looks);
}

/* ---- DNSSEC and the configuration ---- */

static void write_file(char path[static 32], const char *text)
{
    strcpy(path, "/tmp/egress-anchor-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void sees_forged_answers(void **state)
{
    (void)state;
    struct dns_peer dns;
    struct look look;
    char anchor[32], resolver[32], reason[EGRESS_REASON_MAX];
    const char *resolvers[] = {resolver}, *insecure[] = {"www.signed.example"};
    write_file(anchor, "signed.example. IN DS 12345 13 2 "
                       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
    assert_true(dns_peer_start(&dns, rows));
    snprintf(resolver, sizeof resolver, "127.0.0.1@%u", dns.port);
    struct egress_config config = {.resolvers = resolvers, .resolver_count = 1, .trust_anchor_file = anchor};

    struct egress *egress = egress_start(&config, reason);
    assert_non_null(egress);
    look_up(egress, "www.signed.example", 10000, &look); /* the answer has no signature */
    assert_int_equal(look.status, EGRESS_DNS_BOGUS);
    assert_non_null(strstr(look.reason, "DNSSEC validation failed: "));
    assert_int_equal(look.count, 0);
    look_up(egress, "two.example", 10000, &look); /* no anchor above it */
    assert_int_equal(look.status, EGRESS_DNS_ANSWER);
    egress_stop(egress, 1000);
    egress_free(egress);

    config.insecure_zones = insecure;
    config.insecure_zone_count = 1;
    egress = egress_start(&config, reason);
    assert_non_null(egress);
    look_up(egress, "www.signed.example", 10000, &look);
    assert_int_equal(look.status, EGRESS_DNS_ANSWER);
    egress_stop(egress, 1000);
    egress_free(egress);
    dns_peer_stop(&dns);
    unlink(anchor);
}

static void refuses_a_bad_configuration(void **state)
{
    (void)state;
    char reason[EGRESS_REASON_MAX], anchor[32];
    const char *good[] = {"127.0.0.1@5300"}, *bad[] = {"127.0.0.1:53"};
    assert_null(egress_start(&(struct egress_config){.resolvers = bad, .resolver_count = 1}, reason));
    assert_non_null(strstr(reason, "resolver 127.0.0.1:53 (ADDRESS or ADDRESS@PORT is wanted)"));
    struct egress_config config = {.resolvers = good, .resolver_count = 1, .trust_anchor_file = "/nowhere/root.key"};
    assert_null(egress_start(&config, reason));
    assert_non_null(strstr(reason, "trust anchor file /nowhere/root.key"));
    write_file(anchor, "this is no trust anchor\n");
    config.trust_anchor_file = anchor;
    assert_null(egress_start(&config, reason));
    assert_non_null(strstr(reason, anchor));
    unlink(anchor);
}

/* ---- transfers ---- */

struct trip {
    struct world *world;
    char url[64];
    CURL *easy;
    struct egress_post post;
    struct ending ending;
    CURLcode result;
    long status;
    bool starting, early, reused;
};

static size_t swallow(char *data, size_t one, size_t len, void *ctx)
{
    (void)data, (void)ctx;
    return one * len;
}

static void on_trip_end(void *ctx, CURL *easy, CURLcode result)
{
    struct trip *trip = ctx;
    trip->early = trip->starting;
    trip->result = result;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &trip->status);
    egress_easy_give(trip->world->egress, easy);
    trip->reused = egress_easy_take(trip->world->egress) == easy;
    egress_easy_give(trip->world->egress, easy);
    ending_come(&trip->ending);
}

static void on_trip(void *ctx)
{
    struct trip *trip = ctx;
    trip->starting = true;
    trip->easy = egress_easy_take(trip->world->egress);
    curl_easy_setopt(trip->easy, CURLOPT_URL, trip->url);
    curl_easy_setopt(trip->easy, CURLOPT_WRITEFUNCTION, swallow);
    if (!egress_transfer(trip->world->egress, trip->easy, on_trip_end, trip))
        ending_come(&trip->ending);
    trip->starting = false;
}

static void set_out(struct world *world, uint16_t port, struct trip *trip)
{
    *trip = (struct trip){.world = world};
    snprintf(trip->url, sizeof trip->url, "http://127.0.0.1:%u/", port);
    ending_start(&trip->ending);
    world_post(world, &trip->post, on_trip, trip);
}

static void travel(struct world *world, uint16_t port, struct trip *trip)
{
    set_out(world, port, trip);
    ending_wait(&trip->ending);
    assert_int_equal(trip->ending.times, 1);
    assert_false(trip->early);
}

static void runs_transfers(void **state)
{
    (void)state;
    const struct http_route routes[] = {{NULL, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"}};
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    struct world world;
    struct trip trip, trips[50];
    world_start(&world, rows);
    assert_true(tcp_peer_start(&peer, false));
    travel(&world, peer.port, &trip);
    assert_int_equal(trip.result, CURLE_OK);
    assert_int_equal(trip.status, 204);
    assert_true(trip.reused);
    for (size_t i = 0; i < 50; i++)
        set_out(&world, peer.port, &trips[i]);
    for (size_t i = 0; i < 50; i++) {
        ending_wait(&trips[i].ending);
        assert_int_equal(trips[i].status, 204);
    }
    tcp_peer_stop(&peer);
    travel(&world, peer.port, &trip);
    assert_int_equal(trip.result, CURLE_COULDNT_CONNECT);
    world_stop(&world);
}

/* ---- descriptors and timers ---- */

enum { TIMERS = 400 };

struct alarms;
struct alarm {
    struct alarms *all;
    struct egress_watch watch;
};
struct alarms {
    struct world *world;
    struct egress_post post;
    struct ending ending;
    struct alarm list[TIMERS];
    unsigned fired;
    bool out_of_order;
};

/* None that is still armed may have been due before. */
static void on_alarm(void *ctx, int event)
{
    struct alarm *alarm = ctx;
    struct alarms *alarms = alarm->all;
    for (size_t i = 0; i < TIMERS; i++)
        if (alarms->list[i].watch.armed && alarms->list[i].watch.deadline_ms < alarm->watch.deadline_ms)
            alarms->out_of_order = true;
    if (event != EGRESS_DEADLINE || egress_now_ms() < alarm->watch.deadline_ms)
        alarms->out_of_order = true;
    if (++alarms->fired == TIMERS - TIMERS / 4)
        ending_come(&alarms->ending);
}

/* Random deadlines in the next 100 ms; every fourth is taken back. */
static void on_set_alarms(void *ctx)
{
    struct alarms *alarms = ctx;
    unsigned seed = 1;
    uint64_t now = egress_now_ms();
    for (size_t i = 0; i < TIMERS; i++) {
        struct alarm *alarm = &alarms->list[i];
        alarm->all = alarms;
        alarm->watch = (struct egress_watch){.fd = -1, .fn = on_alarm, .ctx = alarm};
        alarm->watch.deadline_ms = now + (unsigned)rand_r(&seed) % 100;
        egress_watch(alarms->world->egress, &alarm->watch);
    }
    for (size_t i = 0; i < TIMERS; i += 4) {
        egress_unwatch(alarms->world->egress, &alarms->list[i].watch);
        egress_unwatch(alarms->world->egress, &alarms->list[i].watch); /* harmless */
    }
}

static void fires_timers_in_order(void **state)
{
    (void)state;
    struct world world;
    struct alarms alarms = {.world = &world};
    world_start(&world, rows);
    ending_start(&alarms.ending);
    world_post(&world, &alarms.post, on_set_alarms, &alarms);
    ending_wait(&alarms.ending);
    world_stop(&world);
    assert_int_equal(alarms.fired, TIMERS - TIMERS / 4);
    assert_false(alarms.out_of_order);
}

struct reader {
    struct world *world;
    int fds[2];
    int events;
    uint64_t wait_ms;
    struct egress_post post;
    struct egress_watch watch;
    struct ending ending;
    int event;
};

static void on_event(void *ctx, int event)
{
    struct reader *reader = ctx;
    reader->event = event;
    ending_come(&reader->ending);
}

static void on_read(void *ctx)
{
    struct reader *reader = ctx;
    reader->watch =
        (struct egress_watch){.fd = reader->fds[0], .events = reader->events, .fn = on_event, .ctx = reader};
    reader->watch.deadline_ms = egress_now_ms() + reader->wait_ms;
    egress_watch(reader->world->egress, &reader->watch);
}

static void await(struct reader *reader)
{
    ending_start(&reader->ending);
    world_post(reader->world, &reader->post, on_read, reader);
    ending_wait(&reader->ending);
    assert_int_equal(reader->ending.times, 1);
}

static void watches_descriptors(void **state)
{
    (void)state;
    struct world world;
    struct reader reader = {.world = &world, .events = EGRESS_READABLE, .wait_ms = 50};
    world_start(&world, rows);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, reader.fds), 0);
    await(&reader);
    assert_int_equal(reader.event, EGRESS_DEADLINE);
    reader.wait_ms = 25000;
    assert_int_equal(write(reader.fds[1], "x", 1), 1);
    await(&reader);
    assert_int_equal(reader.event, EGRESS_READABLE);
    await(&reader); /* watched again, still unread */
    assert_int_equal(reader.event, EGRESS_READABLE);
    reader.events = EGRESS_READABLE | EGRESS_WRITABLE;
    await(&reader);
    assert_int_equal(reader.event, EGRESS_READABLE | EGRESS_WRITABLE);
    close(reader.fds[0]);
    await(&reader); /* what cannot be watched ends, too */
    assert_int_equal(reader.event, EGRESS_UNWATCHED);
    close(reader.fds[1]);
    world_stop(&world);
}

/* ---- the end ---- */

static void lets_work_end_when_stopping(void **state)
{
    (void)state;
    const struct http_route routes[] = {{NULL, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"}};
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    struct world world;
    struct trip trip;
    world_start(&world, rows);
    assert_true(tcp_peer_start(&peer, false));
    set_out(&world, peer.port, &trip);
    world_stop(&world);
    assert_int_equal(trip.ending.times, 1);
    assert_int_equal(trip.result, CURLE_OK);
    tcp_peer_stop(&peer);
}

/* Starts a lookup from a callback that says the end is near: it fails as well, and is told. */
struct stubborn {
    struct look first, second;
};

static void on_first_failed(void *ctx, const struct egress_dns_answer *answer)
{
    struct stubborn *stubborn = ctx;
    struct egress *egress = stubborn->first.egress;
    stubborn->first.early = !egress_failing(egress);
    stubborn->first.ending.times++;
    stubborn->first.status = answer->status;
    on_look(&stubborn->second);
}

static void on_stubborn(void *ctx)
{
    struct stubborn *stubborn = ctx;
    egress_resolve(stubborn->first.egress, "silent.example", EGRESS_RR_A, 60000, on_first_failed, stubborn);
}

static void fails_what_is_left(void **state)
{
    (void)state;
    const struct http_route routes[] = {{NULL, HTTP_HANG}};
    struct tcp_peer peer = {.serve = http_serve, .routes = routes};
    struct world world;
    struct trip trip;
    struct egress_post post;
    world_start(&world, rows);
    assert_true(tcp_peer_start(&peer, false));
    struct reader reader = {.world = &world, .events = EGRESS_READABLE, .wait_ms = 60000};
    struct reader timer = {.world = &world, .fds = {-1, -1}, .wait_ms = 60000};
    struct stubborn stubborn = {.first = {.egress = world.egress},
                                .second = {.egress = world.egress, .name = "two.example", .timeout_ms = 60000}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, reader.fds), 0);
    ending_start(&reader.ending);
    ending_start(&timer.ending);
    ending_start(&stubborn.second.ending);
    set_out(&world, peer.port, &trip);
    world_post(&world, &reader.post, on_read, &reader);
    world_post(&world, &timer.post, on_read, &timer);
    world_post(&world, &post, on_stubborn, &stubborn);
    uint64_t start_ms = egress_now_ms();
    egress_stop(world.egress, 100);
    assert_false(egress_post(world.egress, &post)); /* late, but not into freed memory */
    egress_free(world.egress);
    assert_in_range(egress_now_ms() - start_ms, 100, 20000);
    dns_peer_stop(&world.dns);
    assert_in_range(world.dns.asked, 1, 3); /* the end of a deadline here is none for libunbound, which asks again */
    tcp_peer_stop(&peer);
    assert_int_equal(trip.ending.times, 1);
    assert_int_equal(trip.result, CURLE_ABORTED_BY_CALLBACK);
    assert_int_equal(reader.ending.times, 1);
    assert_int_equal(reader.event, EGRESS_DEADLINE);
    assert_int_equal(timer.ending.times, 1);
    assert_int_equal(stubborn.first.ending.times, 1);
    assert_int_equal(stubborn.first.status, EGRESS_DNS_FAILURE);
    assert_false(stubborn.first.early);
    assert_int_equal(stubborn.second.ending.times, 1);
    assert_false(stubborn.second.early);
    assert_string_equal(stubborn.second.reason, "the gateway is stopping");
    close(reader.fds[0]);
    close(reader.fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_dns_says),         cmocka_unit_test(caches_nothing),
        cmocka_unit_test(has_thousands_in_flight),     cmocka_unit_test(sees_forged_answers),
        cmocka_unit_test(refuses_a_bad_configuration), cmocka_unit_test(runs_transfers),
        cmocka_unit_test(fires_timers_in_order),       cmocka_unit_test(watches_descriptors),
        cmocka_unit_test(lets_work_end_when_stopping), cmocka_unit_test(fails_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
