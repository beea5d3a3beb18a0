/* /readyz while the store is slow, says no, or is being stopped. */
#include "http_server.h"

#include <semaphore.h>

#include "temp_store.h"

static struct temp_store temp;
static sem_t entered, may_go;
static enum store_status verdict;

static enum store_status waiting_probe(struct store_txn *txn, void *arg)
{
    (void)txn, (void)arg;
    sem_post(&entered);
    sem_wait(&may_go);
    return verdict;
}

static int begin(void **state)
{
    assert_int_equal(world_prepare(state), 0);
    struct world *w = *state;
    temp_store_open(&temp);
    sem_init(&entered, 0, 0);
    sem_init(&may_go, 0, 0);
    w->config.threads = 1;
    w->config.public_listen_count = 0;
    w->config.metrics_listen = any_port;
    w->config.metrics_listen_count = 1;
    w->config.metrics_handler = world_echo;
    w->config.store = temp.store;
    w->config.probe = waiting_probe;
    world_start(w);
    http_address(w->server, HTTP_METRICS, 0, w->public);
    return 0;
}

static int end(void **state)
{
    world_stop(*state);
    temp_store_close(&temp);
    sem_destroy(&entered);
    sem_destroy(&may_go);
    return world_end(state);
}

static struct client *ask(const struct world *w)
{
    struct client *client = client_open(w->public);
    assert_non_null(client);
    assert_true(client_send(client, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"));
    return client;
}

static void expect_text(struct client *client, int status, const char *text)
{
    struct client_reply *reply = expect(client, status);
    assert_string_equal(reply->body, text);
    free(reply);
    client_close(client);
}

/* All who ask meanwhile share one write. */
static void test_one_write_for_all(void **state)
{
    struct client *clients[5];
    int left;
    verdict = STORE_OK;
    for (unsigned i = 0; i < 5; i++)
        clients[i] = ask(*state);
    sem_wait(&entered);
    sem_post(&may_go);
    for (unsigned i = 0; i < 5; i++)
        expect_text(clients[i], 200, "ready\n");
    expect_text(ask(*state), 200, "ready\n"); /* known for a second */
    sem_getvalue(&entered, &left);
    assert_int_equal(left, 0);
}

static void test_a_store_that_says_no(void **state)
{
    verdict = STORE_FULL;
    struct client *client = ask(*state);
    sem_wait(&entered);
    sem_post(&may_go);
    expect_text(client, 503, "the store takes no write\n");
}

/* Who asks while it hangs is told so, at once where that is known. */
static void test_a_store_that_hangs(void **state)
{
    struct world *w = *state;
    verdict = STORE_OK;
    struct client *first = ask(w);
    sem_wait(&entered);
    expect_text(first, 503, "the store does not answer\n");
    expect_text(ask(w), 503, "the store does not answer\n");
    struct client *healthy = client_open(w->public);
    assert_true(client_send(healthy, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect_text(healthy, 200, "ok\n");
    sem_post(&may_go);
}

/* A client that has gone while the store was busy leaves nothing behind. */
static void test_a_client_that_leaves(void **state)
{
    verdict = STORE_OK;
    struct client *client = ask(*state);
    sem_wait(&entered);
    client_close(client);
    struct client *patient = ask(*state);
    sem_post(&may_go);
    expect_text(patient, 200, "ready\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_write_for_all, begin, end),
        cmocka_unit_test_setup_teardown(test_a_store_that_says_no, begin, end),
        cmocka_unit_test_setup_teardown(test_a_store_that_hangs, begin, end),
        cmocka_unit_test_setup_teardown(test_a_client_that_leaves, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
