/* http: listeners, framing, limits and the end, by the public and the admin listener. */
#include "http_server.h"

#include <semaphore.h>
#include <sys/stat.h>
#include <time.h>

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void expect_body(struct client *client, const char *body)
{
    struct client_reply *reply = expect(client, 200);
    assert_string_equal(reply->body, body);
    free(reply);
}

static void test_call_carries_the_request(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *client = client_open(w->public);
    assert_non_null(client);
    assert_true(client_send(client, "POST /push/%%7ex?a=b&c HTTP/1.1\r\nHost: x\r\nAuthorization: Basic abc\r\n"
                                    "Content-Type: text/x\r\nContent-Length: 5\r\n\r\nhello"));
    expect_body(client, "POST /push/%7ex?a=b&c auth=Basic abc type=text/x peer=127.0.0.1 len=5 hello");
    get(client, "/again");
    expect_body(client, "GET /again? auth= type= peer=127.0.0.1 len=0 ");
    client_close(client);
}

static void test_reply_headers(void **state)
{
    struct world *w = *state;
    char text[128];
    world_start(w);
    struct client *client = client_open(w->public);
    get(client, "/private");
    struct client_reply *reply = expect(client, 401);
    assert_true(client_header(reply, "www-authenticate", 0, text, sizeof text));
    assert_string_equal(text, "Basic realm=\"test\"");
    assert_true(client_header(reply, "Retry-After", 0, text, sizeof text));
    assert_string_equal(text, "7");
    assert_true(client_header(reply, "Content-Type", 0, text, sizeof text));
    assert_string_equal(text, "text/plain");
    assert_false(client_header(reply, "Server", 0, text, sizeof text));
    assert_true(client_header(reply, "Connection", 0, text, sizeof text));
    assert_string_equal(text, "keep-alive");
    free(reply);
    client_close(client);
}

static void test_no_content_and_head(void **state)
{
    struct world *w = *state;
    char text[32];
    world_start(w);
    struct client *client = client_open(w->public);
    get(client, "/nothing");
    struct client_reply *reply = expect(client, 204);
    assert_false(client_header(reply, "Content-Length", 0, text, sizeof text));
    assert_false(client_header(reply, "Transfer-Encoding", 0, text, sizeof text));
    free(reply);
    assert_true(client_send(client, "HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n"));
    reply = client_read(client, true);
    assert_int_equal(reply->status, 200);
    assert_true(client_header(reply, "Content-Length", 0, text, sizeof text));
    assert_string_not_equal(text, "0");
    free(reply);
    get(client, "/y"); /* nothing is left over from the replies above */
    expect_body(client, "GET /y? auth= type= peer=127.0.0.1 len=0 ");
    client_close(client);
}

static void test_chunked_and_expect(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *client = client_open(w->public);
    assert_true(client_send(client, "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
    expect_body(client, "POST /c? auth= type= peer=127.0.0.1 len=5 abcde");
    assert_true(
        client_send(client, "POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    struct client_reply *reply = expect(client, 100);
    free(reply);
    assert_true(client_send(client, "hi"));
    expect_body(client, "POST /e? auth= type= peer=127.0.0.1 len=2 hi");
    client_close(client);
}

/* What two readers could take for different requests is refused, and nothing more is read from its connection. */
static void test_framing(void **state)
{
    static const struct {
        const char *head;
        int status; /* 200: the connection goes on */
    } cases[] = {
        {"GET /f HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"\r\nGET /f HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"GET /f HTTP/1.1\r\nX-Host: y\r\nHOST: x\r\n\r\n", 200},
        {"GET /f HTTP/1.1\r\n\r\n", 400},
        {"GET /f HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n", 400},
        {"POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", 200},
        {"POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nhiGE", 400},
        {"POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400},
        {"POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
         400},
        {"POST /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 17\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
         400},
        {"POST /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 9\r\n\r\n",
         200},
        {"POST /f HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 400},
    };
    struct world *w = *state;
    world_start(w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client *client = client_open(w->public);
        assert_true(client_write(client, cases[i].head, strlen(cases[i].head)));
        struct client_reply *reply = expect(client, cases[i].status);
        free(reply);
        if (cases[i].status == 200) {
            get(client, "/next");
            expect_body(client, "GET /next? auth= type= peer=127.0.0.1 len=0 ");
        } else {
            assert_true(client_at_end(client));
        }
        client_close(client);
    }
}

static void test_absolute_target(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *client = client_open(w->public);
    assert_true(client_send(client, "GET http://x:80/a/b?c=http://y/ HTTP/1.1\r\nHost: x\r\n\r\n"));
    expect_body(client, "GET /a/b?c=http://y/ auth= type= peer=127.0.0.1 len=0 ");
    assert_true(client_send(client, "GET HTTPS://x/only HTTP/1.1\r\nHost: x\r\n\r\n"));
    expect_body(client, "GET /only? auth= type= peer=127.0.0.1 len=0 ");
    client_close(client);
}

static void post_octets(struct client *client, size_t len)
{
    char *octets = calloc(1, len);
    assert_non_null(octets);
    memset(octets, 'x', len);
    assert_true(client_send(client, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", len));
    assert_true(client_write(client, octets, len)); /* the peer takes it all, though it may not want it */
    free(octets);
}

static void test_body_limits(void **state)
{
    enum { LIMIT = 256 * 1024 };
    struct world *w = *state;
    world_start(w);
    struct client *client = client_open(w->public);
    post_octets(client, LIMIT);
    expect_body(client, "POST /big? auth= type= peer=127.0.0.1 len=262144 xxxxxxxxxxxxxxxx");
    post_octets(client, LIMIT + 1);
    free(expect(client, 413));
    get(client, "/still");
    free(expect(client, 200));
    post_octets(client, 4 * LIMIT); /* all of it is sent, and the answer still arrives */
    free(expect(client, 413));
    assert_true(client_at_end(client));
    client_close(client);
}

static void test_chunked_body_limit(void **state)
{
    struct world *w = *state;
    char chunk[16 * 1024];
    world_start(w);
    struct client *client = client_open(w->public);
    memset(chunk, 'x', sizeof chunk);
    assert_true(client_send(client, "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (unsigned i = 0; i < 64; i++) {
        if (!client_send(client, "%zx\r\n", sizeof chunk) || !client_write(client, chunk, sizeof chunk) ||
            !client_send(client, "\r\n"))
            break;
    }
    free(expect(client, 413));
    client_close(client);
}

static void test_http2_preface_is_refused(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *client = client_open(w->public);
    assert_true(client_send(client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    free(expect(client, 400));
    assert_true(client_at_end(client));
    client_close(client);
}

static void test_garbage_is_refused(void **state)
{
    static const char *const garbage[] = {
        "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        "GET\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    struct world *w = *state;
    world_start(w);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct client *client = client_open(w->public);
        assert_true(client_write(client, garbage[i], strlen(garbage[i])));
        free(expect(client, 400));
        assert_true(client_at_end(client));
        client_close(client);
    }
}

static void test_both_address_families(void **state)
{
    static char v4[HTTP_ADDRESS_MAX], v6[HTTP_ADDRESS_MAX];
    static const char *const listen[] = {"127.0.0.1:0", "[::1]:0"};
    struct world *w = *state;
    w->config.public_listen = listen;
    w->config.public_listen_count = 2;
    w->config.threads = 0;
    world_start(w);
    http_address(w->server, HTTP_PUBLIC, 0, v4);
    http_address(w->server, HTTP_PUBLIC, 1, v6);
    struct client *client = client_open(v4);
    get(client, "/4");
    expect_body(client, "GET /4? auth= type= peer=127.0.0.1 len=0 ");
    client_close(client);
    client = client_open(v6);
    get(client, "/6");
    expect_body(client, "GET /6? auth= type= peer=::1 len=0 ");
    client_close(client);
    http_address(w->server, HTTP_PUBLIC, 2, v6);
    assert_string_equal(v6, "");
}

/* Every loop has a socket of its own: with enough connections each serves some, and all at once. */
static void test_many_connections(void **state)
{
    enum { COUNT = 100 };
    struct client *clients[COUNT];
    struct world *w = *state;
    w->config.threads = 4;
    world_start(w);
    for (unsigned i = 0; i < COUNT; i++) {
        clients[i] = client_open(w->public);
        assert_non_null(clients[i]);
        get(clients[i], "/m");
    }
    for (unsigned i = 0; i < COUNT; i++)
        free(expect(clients[i], 200));
    for (unsigned i = 0; i < COUNT; i++)
        client_close(clients[i]);
}

static void test_connection_cap(void **state)
{
    enum { CAP = 3 };
    struct client *clients[CAP], *waiting;
    struct world *w = *state;
    w->config.threads = 1;
    w->config.public_limits.connections = CAP;
    world_start(w);
    for (unsigned i = 0; i < CAP; i++) {
        clients[i] = client_open(w->public);
        get(clients[i], "/in");
        free(expect(clients[i], 200));
    }
    waiting = client_open(w->public); /* the kernel takes it, the server does not */
    get(waiting, "/wait");
    for (unsigned i = 0; i < 20; i++) {
        get(clients[0], "/in");
        free(expect(clients[0], 200));
    }
    assert_false(client_readable(waiting));
    client_close(clients[0]);
    free(expect(waiting, 200));
    client_close(waiting);
    for (unsigned i = 1; i < CAP; i++)
        client_close(clients[i]);
}

/* With every place of the public listener taken, the operator is answered. */
static void test_admin_has_its_own_places(void **state)
{
    enum { CAP = 3 };
    struct client *clients[CAP];
    struct world *w = *state;
    w->config.threads = 1;
    w->config.public_limits.connections = CAP;
    w->config.admin_socket = w->socket;
    world_start(w);
    for (unsigned i = 0; i < CAP; i++) {
        clients[i] = client_open(w->public);
        get(clients[i], "/in");
        free(expect(clients[i], 200));
    }
    struct client *operator= client_open(w->socket), *waiting = client_open(w->public);
    get(waiting, "/wait");
    get(operator, "/status");
    free(expect(operator, 200));
    assert_false(client_readable(waiting));
    client_close(operator);
    client_close(waiting);
    for (unsigned i = 0; i < CAP; i++)
        client_close(clients[i]);
}

static void test_limit_of_an_address(void **state)
{
    enum { CAP = 2 };
    struct client *clients[CAP];
    struct world *w = *state;
    w->config.threads = 1;
    w->config.public_limits = (struct http_limits){.connections = 100, .per_address = CAP};
    world_start(w);
    for (unsigned i = 0; i < CAP; i++) {
        clients[i] = client_open(w->public);
        get(clients[i], "/in");
        free(expect(clients[i], 200));
    }
    struct client *more = client_open(w->public);
    assert_true(client_at_end(more));
    client_close(more);
    client_close(clients[0]);
    get(clients[1], "/in"); /* its reply shows that the end of the other was seen */
    free(expect(clients[1], 200));
    more = client_open(w->public);
    get(more, "/in");
    free(expect(more, 200));
    client_close(more);
    client_close(clients[1]);
}

static void test_admin_socket(void **state)
{
    struct world *w = *state;
    struct stat found;
    w->config.admin_socket = w->socket;
    world_start(w);
    assert_int_equal(stat(w->socket, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0660);
    struct client *client = client_open(w->socket);
    assert_non_null(client);
    get(client, "/status?x");
    expect_body(client, "GET /status?x auth= type= peer= len=0 ");
    client_close(client);
    world_stop(w);
    assert_int_equal(stat(w->socket, &found), -1);
}

static void test_stale_admin_socket_is_replaced(void **state)
{
    struct world *w = *state;
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof where.sun_path, "%.100s", w->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
    close(fd);
    w->config.admin_socket = w->socket;
    world_start(w);
    struct client *client = client_open(w->socket);
    assert_non_null(client);
    client_close(client);
}

static void test_live_admin_socket_is_left_alone(void **state)
{
    struct world *w = *state;
    w->config.admin_socket = w->socket;
    world_start(w);
    struct http_server *first = w->server;
    assert_false(world_try_start(w));
    assert_non_null(strstr(w->reason, "another process serves this socket"));
    struct client *client = client_open(w->socket);
    assert_non_null(client);
    client_close(client);
    http_stop(first, 1000);
    http_free(first);
}

static void test_bad_admin_sockets(void **state)
{
    struct world *w = *state;
    char path[128];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 10] = '\0';
    w->config.admin_socket = path;
    assert_false(world_try_start(w));
    assert_non_null(strstr(w->reason, "107 octets"));
    w->config.admin_socket = w->certificate;
    assert_false(world_try_start(w));
    assert_non_null(strstr(w->reason, "not a socket"));
    assert_int_equal(access(w->certificate, F_OK), 0);
    snprintf(path, sizeof path, "%s/absent/admin.sock", w->folder);
    w->config.admin_socket = path;
    assert_false(world_try_start(w));
    assert_non_null(strstr(w->reason, path));
}

static void test_bad_addresses(void **state)
{
    static const char *const bad[] = {"",        "127.0.0.1", "127.0.0.1:", "localhost:80",    ":80",
                                      "[::1:80", "[]:80",     "1.2.3.4:x",  "1.2.3.4:70000000"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        w->config.public_listen = &bad[i];
        assert_false(world_try_start(w));
        assert_non_null(strstr(w->reason, "cannot listen on "));
    }
}

/* SO_REUSEPORT alone would let the second in. */
static void test_second_server_is_refused(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct http_server *first = w->server;
    const char *const same[] = {w->public};
    w->config.public_listen = same;
    assert_false(world_try_start(w));
    assert_non_null(strstr(w->reason, w->public));
    assert_non_null(strstr(w->reason, "in use"));
    http_stop(first, 1000);
    http_free(first);
    world_start(w); /* and the port is free at once */
}

static void test_stop_ends_idle_connections(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *used = client_open(w->public), *fresh = client_open(w->public);
    get(used, "/x");
    free(expect(used, 200));
    get(fresh, "/x");
    free(expect(fresh, 200));
    uint64_t began_ms = now_ms();
    http_stop(w->server, 10000);
    http_free(w->server);
    w->server = NULL;
    assert_true(now_ms() - began_ms < 5000);
    assert_true(client_at_end(used));
    assert_true(client_at_end(fresh));
    client_close(used);
    client_close(fresh);
}

static void *stop_server(void *arg)
{
    http_stop(arg, 10000);
    return NULL;
}

/* Most clients do not send a POST again that met a closing connection. */
static void test_stop_serves_who_asks_again(void **state)
{
    struct world *w = *state;
    pthread_t stopping;
    world_start(w);
    struct client *client = client_open(w->public);
    get(client, "/x");
    free(expect(client, 200));
    assert_int_equal(pthread_create(&stopping, NULL, stop_server, w->server), 0);
    /* Asks, thinks, asks again, until it is told that this was the last one. */
    for (bool last = false; !last;) {
        char word[16];
        get(client, "/x");
        struct client_reply *reply = expect(client, 200);
        last = client_header(reply, "Connection", 0, word, sizeof word) && strcmp(word, "close") == 0;
        free(reply);
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
    pthread_join(stopping, NULL);
    assert_true(client_at_end(client));
    http_free(w->server);
    w->server = NULL;
    client_close(client);
}

static void test_stop_cuts_at_the_deadline(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *client = client_open(w->public);
    get(client, "/x");
    free(expect(client, 200));
    assert_true(client_send(client, "POST /never HTTP/1.1\r\nHost: x\r\nContent-Le"));
    /* Another connection's reply shows that the loops have had their turn. */
    struct client *other = client_open(w->public);
    get(other, "/x");
    free(expect(other, 200));
    uint64_t began_ms = now_ms();
    http_stop(w->server, 500);
    http_free(w->server);
    w->server = NULL;
    assert_true(now_ms() - began_ms < 5000);
    assert_true(client_at_end(client));
    client_close(client);
    client_close(other);
}

static sem_t entered;

/* Keeps its loop for a while. */
static void linger(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    if (strcmp(call->path, "/slow") == 0) {
        sem_post(&entered);
        nanosleep(&(struct timespec){.tv_nsec = 300 * 1000 * 1000}, NULL);
    }
    world_echo(ctx, call, answer);
}

/* Who connected while the server served is served, though it has not come to take the connection yet. */
static void test_stop_serves_who_waits_at_the_door(void **state)
{
    struct world *w = *state;
    struct client *waiting[100], *slow;
    sem_init(&entered, 0, 0);
    w->config.threads = 1;
    w->config.public_handler = linger;
    world_start(w);
    slow = client_open(w->public);
    get(slow, "/slow");
    sem_wait(&entered);
    for (unsigned i = 0; i < 100; i++) {
        waiting[i] = client_open(w->public);
        get(waiting[i], "/x");
    }
    http_stop(w->server, 10000);
    http_free(w->server);
    w->server = NULL;
    for (unsigned i = 0; i < 100; i++) {
        free(expect(waiting[i], 200));
        client_close(waiting[i]);
    }
    client_close(slow);
    sem_destroy(&entered);
}

#define HTTP_TEST(test) cmocka_unit_test_setup_teardown(test, world_prepare, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HTTP_TEST(test_call_carries_the_request),
        HTTP_TEST(test_reply_headers),
        HTTP_TEST(test_no_content_and_head),
        HTTP_TEST(test_chunked_and_expect),
        HTTP_TEST(test_framing),
        HTTP_TEST(test_absolute_target),
        HTTP_TEST(test_body_limits),
        HTTP_TEST(test_chunked_body_limit),
        HTTP_TEST(test_http2_preface_is_refused),
        HTTP_TEST(test_garbage_is_refused),
        HTTP_TEST(test_both_address_families),
        HTTP_TEST(test_many_connections),
        HTTP_TEST(test_connection_cap),
        HTTP_TEST(test_admin_has_its_own_places),
        HTTP_TEST(test_limit_of_an_address),
        HTTP_TEST(test_admin_socket),
        HTTP_TEST(test_stale_admin_socket_is_replaced),
        HTTP_TEST(test_live_admin_socket_is_left_alone),
        HTTP_TEST(test_bad_admin_sockets),
        HTTP_TEST(test_bad_addresses),
        HTTP_TEST(test_second_server_is_refused),
        HTTP_TEST(test_stop_ends_idle_connections),
        HTTP_TEST(test_stop_serves_who_asks_again),
        HTTP_TEST(test_stop_cuts_at_the_deadline),
        HTTP_TEST(test_stop_serves_who_waits_at_the_door),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
