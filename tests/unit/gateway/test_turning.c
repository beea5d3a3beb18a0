/* Who is stuck has not gone round: an event loop, the egress thread, the store's writer. */
#include "http_server.h"

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "gateway/egress/egress.h"
#include "temp_store.h"

static sem_t entered, may_go;

static void hang(void)
{
    sem_post(&entered);
    sem_wait(&may_go);
}

static int begin(void **state)
{
    (void)state;
    sem_init(&entered, 0, 0);
    sem_init(&may_go, 0, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sem_destroy(&entered);
    sem_destroy(&may_go);
    return 0;
}

/* Asked until it has gone round twice: the first answer may be about what was before the question. */
#define EXPECT_TURNS(call)                                                                                             \
    for (unsigned turns = 0; turns < 3; turns += (call))                                                               \
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL)
/* It hangs already, so at most one question is about what was before. */
#define EXPECT_STUCK(call)                                                                                             \
    do {                                                                                                               \
        unsigned turned = 0;                                                                                           \
        for (unsigned i = 0; i < 50; i++) {                                                                            \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                                                   \
            turned += (call);                                                                                          \
        }                                                                                                              \
        assert_true(turned <= 1);                                                                                      \
    } while (0)

static void hanging_handler(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    (void)ctx, (void)call;
    hang();
    http_answer_text(answer, 200, "done\n");
}

static void test_an_event_loop(void **state)
{
    struct world *w;
    assert_int_equal(world_prepare((void **)&w), 0);
    (void)state;
    w->config.public_handler = hanging_handler;
    world_start(w);
    EXPECT_TURNS(http_turned(w->server));
    struct client *client = client_open(w->public);
    assert_true(client_send(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    sem_wait(&entered);
    EXPECT_STUCK(http_turned(w->server));
    sem_post(&may_go);
    EXPECT_TURNS(http_turned(w->server));
    free(expect(client, 200));
    client_close(client);
    world_end((void **)&w);
}

static void hanging_post(void *ctx)
{
    (void)ctx;
    hang();
}

static void test_the_egress_thread(void **state)
{
    const char *resolvers[] = {"127.0.0.1@9"};
    char reason[EGRESS_REASON_MAX];
    struct egress *egress = egress_start(&(struct egress_config){.resolvers = resolvers, .resolver_count = 1}, reason);
    struct egress_post post = {.fn = hanging_post};
    (void)state;
    assert_non_null(egress);
    EXPECT_TURNS(egress_turned(egress));
    assert_true(egress_post(egress, &post));
    sem_wait(&entered);
    EXPECT_STUCK(egress_turned(egress));
    sem_post(&may_go);
    EXPECT_TURNS(egress_turned(egress));
    egress_stop(egress, 1000);
    egress_free(egress);
}

static enum store_status hanging_change(struct store_txn *txn, void *arg)
{
    (void)txn, (void)arg;
    hang();
    return STORE_OK;
}

static void *change(void *arg)
{
    store_call(arg, hanging_change, NULL);
    return NULL;
}

static void test_the_writer(void **state)
{
    struct temp_store temp;
    pthread_t changer;
    (void)state;
    temp_store_open(&temp);
    EXPECT_TURNS(store_turned(temp.store));
    assert_int_equal(pthread_create(&changer, NULL, change, temp.store), 0);
    sem_wait(&entered);
    EXPECT_STUCK(store_turned(temp.store));
    sem_post(&may_go);
    EXPECT_TURNS(store_turned(temp.store));
    pthread_join(changer, NULL);
    temp_store_close(&temp);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_event_loop, begin, end),
        cmocka_unit_test_setup_teardown(test_the_egress_thread, begin, end),
        cmocka_unit_test_setup_teardown(test_the_writer, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
