/* http: ACME requests over the wire, with the real ACME room and store behind. */
#include "http_acme.h"

#include <stdatomic.h>

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void assert_header(const struct client_reply *reply, const char *name, const char *value)
{
    char text[256];
    assert_true(client_header(reply, name, 0, text, sizeof text));
    assert_string_equal(text, value);
}

static void test_directory(void **state)
{
    struct acme_world *a = *state;
    char text[64];
    acme_world_start(a);
    struct client *client = client_open_tls(a->w->acme);
    assert_true(client_send(client, "GET /directory?x HTTP/1.1\r\nHost: elsewhere\r\n\r\n"));
    struct client_reply *reply = expect(client, 200);
    assert_header(reply, "Content-Type", "application/json");
    assert_false(client_header(reply, "Cache-Control", 0, text, sizeof text));
    assert_non_null(strstr(reply->body, "\"newNonce\":\"" BASE_URL "/acme/new-nonce\""));
    free(reply);
    client_close(client);
}

static void test_new_nonce(void **state)
{
    struct acme_world *a = *state;
    char first[128], second[128], text[64];
    acme_world_start(a);
    struct client *client = client_open_tls(a->w->acme);
    assert_true(client_send(client, "HEAD /acme/new-nonce HTTP/1.1\r\nHost: x\r\n\r\n"));
    struct client_reply *reply = client_read(client, true);
    assert_int_equal(reply->status, 200);
    assert_header(reply, "Cache-Control", "no-store");
    assert_header(reply, "Link", "<" BASE_URL "/directory>;rel=\"index\"");
    assert_true(client_header(reply, "Replay-Nonce", 0, first, sizeof first));
    free(reply);
    assert_true(client_send(client, "GET /acme/new-nonce HTTP/1.1\r\nHost: x\r\n\r\n"));
    reply = expect(client, 204);
    assert_header(reply, "Cache-Control", "no-store");
    assert_false(client_header(reply, "Content-Length", 0, text, sizeof text));
    assert_true(client_header(reply, "Replay-Nonce", 0, second, sizeof second));
    assert_string_not_equal(first, second);
    free(reply);
    client_close(client);
}

/* Refusals keep the connection, and those of a POST carry a nonce. */
static void test_refusals(void **state)
{
    static const struct {
        const char *request;
        int status;
        bool nonce;
    } refusals[] = {
        {"GET /nothing/here HTTP/1.1\r\nHost: x\r\n\r\n", 404, false},
        {"GET /acme/new-order HTTP/1.1\r\nHost: x\r\n\r\n", 405, false},
        {"DELETE /directory HTTP/1.1\r\nHost: x\r\n\r\n", 405, false},
        {"POST /acme/new-order HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 415, true},
        {"POST /acme/new-order HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose+json\r\nContent-Length: "
         "2\r\n\r\n{}",
         400, true},
        {"POST /acme/new-order HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose+json\r\n\r\n", 400, true},
    };
    struct acme_world *a = *state;
    char text[128];
    acme_world_start(a);
    struct client *client = client_open_tls(a->w->acme);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        assert_true(client_send(client, "%s", refusals[i].request));
        struct client_reply *reply = expect(client, refusals[i].status);
        assert_header(reply, "Content-Type", "application/problem+json");
        assert_non_null(strstr(reply->body, "urn:ietf:params:acme:error:"));
        assert_int_equal(client_header(reply, "Replay-Nonce", 0, text, sizeof text), refusals[i].nonce);
        assert_int_equal(client_header(reply, "Allow", 0, text, sizeof text), refusals[i].status == 405);
        assert_header(reply, "Connection", "keep-alive");
        free(reply);
    }
    client_close(client);
}

static struct client_reply *post_octets(struct client *client, size_t len, bool chunked)
{
    char *octets = calloc(1, len);
    memset(octets, 'x', len);
    assert_true(
        client_send(client, "POST /acme/new-order HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose+json\r\n"));
    if (chunked)
        client_send(client, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
    else
        client_send(client, "Content-Length: %zu\r\n\r\n", len);
    client_write(client, octets, len);
    if (chunked)
        client_send(client, "\r\n0\r\n\r\n");
    free(octets);
    return expect(client, 413);
}

/* Up to h2o's ceiling the ACME room answers, beyond it h2o does: a problem document either way. */
static void test_large_bodies(void **state)
{
    static const size_t lengths[] = {ACME_BODY_MAX + 1, 256 * 1024, 1024 * 1024};
    struct acme_world *a = *state;
    acme_world_start(a);
    for (unsigned i = 0; i < 2 * sizeof lengths / sizeof *lengths; i++) {
        struct client *client = client_open_tls(a->w->acme);
        struct client_reply *reply = post_octets(client, lengths[i / 2], i % 2);
        assert_header(reply, "Content-Type", "application/problem+json");
        assert_non_null(strstr(reply->body, "urn:ietf:params:acme:error:malformed"));
        free(reply);
        client_close(client);
    }
}

static void test_framing_errors_are_problems(void **state)
{
    static const struct {
        const char *header;
        int status;
    } errors[] = {
        {"Transfer-Encoding: gzip", 400}, {"Content-Length: 1x", 400}, {"Expect: cake\r\nContent-Length: 1", 417}};
    struct acme_world *a = *state;
    acme_world_start(a);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct client *client = client_open_tls(a->w->acme);
        assert_true(client_send(client, "POST /acme/new-order HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", errors[i].header));
        struct client_reply *reply = expect(client, errors[i].status);
        assert_header(reply, "Content-Type", "application/problem+json");
        assert_non_null(strstr(reply->body, "urn:ietf:params:acme:error:malformed"));
        free(reply);
        client_close(client);
    }
}

/* Everything on one connection: a 201 keeps it. */
static void test_account_and_order(void **state)
{
    struct acme_world *a = *state;
    char challenge[256], order[256], text[256];
    acme_world_start(a);
    struct acme_client *c = acme_client_make(a);
    struct client_reply *reply =
        acme_call(c, "/acme/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example.com\"}]}", 201);
    assert_header(reply, "Connection", "keep-alive");
    assert_header(reply, "Cache-Control", "no-store");
    assert_true(client_header(reply, "Location", 0, order, sizeof order));
    assert_true(client_header(reply, "Link", 0, text, sizeof text));
    free(reply);
    reply = acme_call(c, order + strlen(BASE_URL), NULL, 200);
    assert_non_null(strstr(reply->body, "\"status\":\"pending\""));
    free(reply);
    order_challenge(c, "b.example.com", challenge, sizeof challenge);
    assert_non_null(strstr(challenge, "/http-01"));
    acme_client_end(c);
}

/* A held reply leaves when its topic is notified, at whatever moment that happens. */
static void test_held_reply_is_notified(void **state)
{
    enum { ROUNDS = 30 };
    struct acme_world *a = *state;
    char challenge[256], name[64];
    acme_world_start(a);
    struct acme_client *c = acme_client_make(a);
    uint64_t began_ms = now_ms();
    for (unsigned i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof name, "n%u.example.com", i);
        order_challenge(c, name, challenge, sizeof challenge);
        acme_send(c, challenge, "{}");
        await_validation(a);
        settle_and_notify(a);
        struct client_reply *reply = acme_receive(c, 200);
        assert_non_null(strstr(reply->body, "\"status\":\"valid\""));
        free(reply);
    }
    assert_true(now_ms() - began_ms < 15000); /* one lost wake-up alone costs 20 s */
    acme_client_end(c);
}

/* Several clients wait at once, on connections of several loops. */
static void test_many_held_replies(void **state)
{
    enum { COUNT = 24 };
    struct acme_world *a = *state;
    struct acme_client *clients[COUNT];
    char challenge[256], name[64];
    acme_world_start(a);
    for (unsigned i = 0; i < COUNT; i++) {
        clients[i] = acme_client_make(a);
        snprintf(name, sizeof name, "m%u.example.com", i);
        order_challenge(clients[i], name, challenge, sizeof challenge);
        acme_send(clients[i], challenge, "{}");
        await_validation(a);
        if (i % 2)
            settle_and_notify(a);
    }
    for (unsigned i = 1; i < COUNT; i += 2) {
        struct client_reply *reply = acme_receive(clients[i], 200);
        assert_non_null(strstr(reply->body, "\"status\":\"valid\""));
        free(reply);
    }
    for (unsigned i = 0; i < COUNT; i += 2)
        assert_false(client_readable(clients[i]->connection));
    world_stop(a->w); /* answers the others as they are, though their 20 s are not over */
    for (unsigned i = 0; i < COUNT; i++) {
        if (i % 2 == 0) {
            struct client_reply *reply = acme_receive(clients[i], 200);
            assert_non_null(strstr(reply->body, "\"status\":\"processing\""));
            free(reply);
        }
        acme_client_end(clients[i]);
    }
}

static void test_held_reply_expires(void **state)
{
    struct acme_world *a = *state;
    char challenge[256];
    a->config.hold_challenge_ms = 300;
    acme_world_start(a);
    struct acme_client *c = acme_client_make(a);
    order_challenge(c, "late.example.com", challenge, sizeof challenge);
    uint64_t began_ms = now_ms();
    struct client_reply *reply = acme_call(c, challenge, "{}", 200);
    uint64_t took_ms = now_ms() - began_ms;
    assert_non_null(strstr(reply->body, "\"status\":\"processing\""));
    assert_true(took_ms >= 300 && took_ms < 5000);
    free(reply);
    /* The connection goes on. */
    order_challenge(c, "next.example.com", challenge, sizeof challenge);
    acme_client_end(c);
}

/* HTTP/1 does not notice who left; the reply is written into the void, and nothing of it stays behind. */
static void test_client_vanishes_while_held(void **state)
{
    enum { COUNT = 8 };
    struct acme_world *a = *state;
    char challenge[256], name[64];
    a->config.hold_challenge_ms = 2000;
    acme_world_start(a);
    for (unsigned i = 0; i < COUNT; i++) {
        struct acme_client *c = acme_client_make(a);
        snprintf(name, sizeof name, "v%u.example.com", i);
        order_challenge(c, name, challenge, sizeof challenge);
        acme_send(c, challenge, "{}");
        if (i % 2) {
            struct linger reset = {.l_onoff = 1, .l_linger = 0};
            setsockopt(c->connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        await_validation(a);
        acme_client_end(c);
        if (i % 4 < 2)
            settle_and_notify(a);
    }
    struct acme_client *c = acme_client_make(a); /* the server is well */
    order_challenge(c, "well.example.com", challenge, sizeof challenge);
    acme_client_end(c);
}

static void test_notify_without_anybody(void **state)
{
    struct acme_world *a = *state;
    struct acme_id topic = {{1, 2, 3}};
    acme_world_start(a);
    for (unsigned i = 0; i < 1000; i++) {
        topic.octets[ACME_ID_LEN - 1] = (uint8_t)i;
        http_notify(a->w->server, &topic);
    }
    acme_client_end(acme_client_make(a));
}

struct busy {
    struct acme_world *a;
    unsigned index;
};

static void *order_in_a_row(void *arg)
{
    const struct busy *busy = arg;
    char challenge[256], name[64];
    struct acme_client *c = acme_client_make(busy->a);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "c%u-%u.example.com", busy->index, i);
        order_challenge(c, name, challenge, sizeof challenge);
    }
    acme_client_end(c);
    return NULL;
}

static void test_many_clients_commit(void **state)
{
    enum { COUNT = 8 };
    struct acme_world *a = *state;
    struct busy busy[COUNT];
    pthread_t threads[COUNT];
    acme_world_start(a);
    for (unsigned i = 0; i < COUNT; i++) {
        busy[i] = (struct busy){a, i};
        assert_int_equal(pthread_create(&threads[i], NULL, order_in_a_row, &busy[i]), 0);
    }
    for (unsigned i = 0; i < COUNT; i++)
        pthread_join(threads[i], NULL);
}

struct gate {
    sem_t entered, open;
};

static enum store_status wait_at(struct store_txn *txn, void *arg)
{
    struct gate *gate = arg;
    (void)txn;
    sem_post(&gate->entered);
    while (sem_wait(&gate->open) != 0)
        ;
    return STORE_OK;
}

static void on_gate_done(struct store_op *op, enum store_status status)
{
    (void)op, (void)status;
}

/* The store does not answer before the deadline: the stop comes back all the same, and the late answer finds what it
 * needs. */
static void test_stop_while_the_store_is_stuck(void **state)
{
    static struct http_server *abandoned; /* reachable: what is left unfreed on purpose is no leak */
    struct acme_world *a = *state;
    struct gate gate;
    sem_init(&gate.entered, 0, 0);
    sem_init(&gate.open, 0, 0);
    acme_world_start(a);
    struct acme_client *c = acme_client_make(a);
    struct store_op op = {.fn = wait_at, .arg = &gate, .done = on_gate_done};
    store_submit(a->store, &op);
    while (sem_wait(&gate.entered) != 0)
        ;
    acme_send(c, "/acme/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example.com\"}]}");
    struct client *other = client_open(a->w->public); /* one that the deadline cuts off */
    assert_true(client_send(other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    free(expect(other, 200));
    uint64_t began_ms = now_ms();
    abandoned = a->w->server;
    http_stop(abandoned, 500);
    http_free(abandoned);
    a->w->server = NULL;
    assert_true(now_ms() - began_ms < 5000);
    assert_true(client_at_end(other));
    sem_post(&gate.open);
    store_close(a->store); /* runs what is queued, the order's change too */
    a->store = NULL;
    client_close(other);
    acme_client_end(c);
    sem_destroy(&gate.entered);
    sem_destroy(&gate.open);
}

struct noisy {
    struct acme_world *a;
    struct acme_id topic;
    atomic_bool quiet;
};

static void *notify_all_the_time(void *arg)
{
    struct noisy *noisy = arg;
    while (!atomic_load(&noisy->quiet))
        http_notify(noisy->a->w->server, &noisy->topic);
    return NULL;
}

/* Looking again and again disturbs nothing, and notices may go on beyond the stop. */
static void test_storm_of_notices(void **state)
{
    struct acme_world *a = *state;
    struct noisy noisy = {.a = a};
    char challenge[256];
    pthread_t thread;
    acme_world_start(a);
    struct acme_client *c = acme_client_make(a);
    order_challenge(c, "busy.example.com", challenge, sizeof challenge);
    acme_send(c, challenge, "{}");
    await_validation(a);
    memcpy(&noisy.topic, a->subject, sizeof noisy.topic);
    assert_int_equal(pthread_create(&thread, NULL, notify_all_the_time, &noisy), 0);
    struct acme_client *other = acme_client_make(a);
    order_challenge(other, "idle.example.com", challenge, sizeof challenge);
    http_stop(a->w->server, 5000);
    free(acme_receive(c, 200));
    atomic_store(&noisy.quiet, true);
    pthread_join(thread, NULL);
    http_free(a->w->server);
    a->w->server = NULL;
    acme_client_end(c);
    acme_client_end(other);
}

static struct gate reading;

static bool may_order_later(void *ctx, struct store_txn *txn, const char *policy, const struct acme_names *names,
                            char profile[static ACME_POLICY_MAX + 1], struct acme_problem *problem)
{
    (void)ctx, (void)txn, (void)policy, (void)names, (void)profile, (void)problem;
    sem_post(&reading.entered);
    while (sem_wait(&reading.open) != 0)
        ;
    return true;
}

/* Sends a request whose reading does not end before the gate is opened. */
static struct acme_client *begin_slow_order(struct acme_world *a)
{
    sem_init(&reading.entered, 0, 0);
    sem_init(&reading.open, 0, 0);
    a->config.hooks.may_order = may_order_later;
    a->w->config.threads = 1;
    acme_world_start(a);
    struct acme_client *c = acme_client_make(a);
    acme_send(c, "/acme/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example.com\"}]}");
    while (sem_wait(&reading.entered) != 0)
        ;
    return c;
}

/* The loop goes on with everybody else's requests. */
static void test_slow_reading_delays_nobody_else(void **state)
{
    struct acme_world *a = *state;
    struct acme_client *slow = begin_slow_order(a);
    struct client *other = client_open_tls(a->w->acme);
    assert_true(client_send(other, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    free(expect(other, 200));
    assert_true(client_send(other, "GET /directory HTTP/1.1\r\nHost: x\r\n\r\n"));
    free(expect(other, 200));
    sem_post(&reading.open);
    free(acme_receive(slow, 201));
    client_close(other);
    acme_client_end(slow);
}

struct counted {
    unsigned orders;
};

static bool count_record(void *ctx, struct store_slice key, struct store_slice value)
{
    (void)key, (void)value;
    ((struct counted *)ctx)->orders++;
    return true;
}

/* What was asked is done, as it is where the loop itself reads, and nothing of the request is read after its end. */
static void test_client_vanishes_while_it_is_read_for(void **state)
{
    struct acme_world *a = *state;
    struct counted counted = {0};
    struct store_txn *txn;
    struct acme_client *c = begin_slow_order(a);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    acme_client_end(c);
    struct client *other = client_open(a->w->public); /* after the reset, on the same loop */
    assert_true(client_send(other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    free(expect(other, 200));
    client_close(other);
    sem_post(&reading.open);
    world_stop(a->w);
    assert_int_equal(store_read(a->store, &txn), STORE_OK);
    store_visit(txn, ACME_ORDERS, NULL, 0, count_record, &counted);
    store_read_end(txn);
    assert_int_equal(counted.orders, 1);
}

#define ACME_TEST(test) cmocka_unit_test_setup_teardown(test, acme_world_prepare, acme_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ACME_TEST(test_directory),
        ACME_TEST(test_new_nonce),
        ACME_TEST(test_refusals),
        ACME_TEST(test_large_bodies),
        ACME_TEST(test_framing_errors_are_problems),
        ACME_TEST(test_account_and_order),
        ACME_TEST(test_held_reply_is_notified),
        ACME_TEST(test_many_held_replies),
        ACME_TEST(test_held_reply_expires),
        ACME_TEST(test_client_vanishes_while_held),
        ACME_TEST(test_notify_without_anybody),
        ACME_TEST(test_many_clients_commit),
        ACME_TEST(test_stop_while_the_store_is_stuck),
        ACME_TEST(test_storm_of_notices),
    };
    const struct CMUnitTest read_elsewhere[] = {
        ACME_TEST(test_slow_reading_delays_nobody_else),
        ACME_TEST(test_client_vanishes_while_it_is_read_for),
    };
    int failed = cmocka_run_group_tests_name("http_acme", tests, NULL, NULL);
    acme_world_workers = 3;
    failed += cmocka_run_group_tests_name("http_acme with workers", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("http_acme read elsewhere", read_elsewhere, NULL, NULL);
}
