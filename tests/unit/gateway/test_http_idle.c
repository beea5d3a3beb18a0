/* http: how long a connection stays: those that are silent, idle, or in the middle of a request. */
#include "http_server.h"

/* Who says nothing has to make room for who asks, the oldest first; who was served a moment ago stays. */
static void test_silent_ones_make_room(void **state)
{
    enum { SILENT = 3 };
    struct client *silent[SILENT], *late[SILENT], *served;
    struct world *w = *state;
    w->config.threads = 1;
    w->config.public_limits.connections = SILENT + 1;
    world_start(w);
    served = client_open(w->public);
    get(served, "/first");
    free(expect(served, 200));
    for (unsigned i = 0; i < SILENT; i++)
        silent[i] = client_open(w->public);
    assert_true(client_send(silent[1], "POST /never HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234"));
    for (unsigned i = 0; i < SILENT; i++) {
        late[i] = client_open(w->public);
        get(late[i], "/late");
        free(expect(late[i], 200));
        assert_true(client_at_end(silent[i]));
    }
    get(served, "/again");
    free(expect(served, 200));
    client_close(served);
    for (unsigned i = 0; i < SILENT; i++) {
        client_close(silent[i]);
        client_close(late[i]);
    }
}

/* Nobody can leave at first: all were served a moment ago. After a while the one that is idle longest has to. */
static void test_idle_ones_make_room(void **state)
{
    struct world *w = *state;
    w->config.threads = 1;
    w->config.public_limits.connections = 1;
    world_start(w);
    struct client *idle = client_open(w->public), *late;
    get(idle, "/in");
    free(expect(idle, 200));
    late = client_open(w->public);
    get(late, "/late");
    free(expect(late, 200));
    assert_true(client_at_end(idle));
    client_close(idle);
    client_close(late);
}

/* A client that is told to come back in half a minute finds its connection open, however little time a request has. A
 * connection on which none comes is ended by then: its end is how the test knows that so much time is over. */
static void test_kept_connections_outlast_silent_ones(void **state)
{
    struct world *w = *state;
    w->config.threads = 1;
    w->config.request_timeout_ms = 1500;
    world_start(w);
    struct client *kept = client_open(w->public), *silent;
    get(kept, "/first");
    free(expect(kept, 200));
    silent = client_open(w->public);
    assert_true(client_at_end(silent));
    get(kept, "/again");
    free(expect(kept, 200));
    client_close(silent);
    client_close(kept);
}

/* The rest of a request that was begun is not waited for as long as for its beginning. */
static void test_a_request_has_its_time(void **state)
{
    static const char *const halves[] = {"GET /half HTT",
                                         "POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1",
                                         "POST /half HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"};
    enum { HALVES = sizeof halves / sizeof *halves };
    struct world *w = *state;
    struct client *clients[HALVES], *kept;
    w->config.threads = 1;
    w->config.request_timeout_ms = 1500;
    world_start(w);
    kept = client_open(w->public);
    for (unsigned i = 0; i < HALVES; i++) {
        clients[i] = client_open(w->public);
        get(clients[i], "/whole");
        free(expect(clients[i], 200));
    }
    get(kept, "/first");
    free(expect(kept, 200));
    for (unsigned i = 0; i < HALVES; i++)
        assert_true(client_send(clients[i], "%s", halves[i]));
    for (unsigned i = 0; i < HALVES; i++) {
        assert_true(client_at_end(clients[i]));
        client_close(clients[i]);
    }
    get(kept, "/again");
    free(expect(kept, 200));
    client_close(kept);
}

static void test_idle_ones_end(void **state)
{
    struct world *w = *state;
    w->config.idle_timeout_ms = 1500;
    world_start(w);
    struct client *client = client_open(w->public);
    get(client, "/first");
    free(expect(client, 200));
    assert_true(client_at_end(client));
    client_close(client);
}

#define IDLE_TEST(test) cmocka_unit_test_setup_teardown(test, world_prepare, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(test_silent_ones_make_room),
        IDLE_TEST(test_idle_ones_make_room),
        IDLE_TEST(test_kept_connections_outlast_silent_ones),
        IDLE_TEST(test_a_request_has_its_time),
        IDLE_TEST(test_idle_ones_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
