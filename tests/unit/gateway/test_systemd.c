/* What the environment says of a service manager, and sockets that it hands over. */
#include "http_server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/systemd.h"

enum { CONNECTIONS = 64, LOOPS = 2 };

static struct sockaddr_in at; /* of the socket handed over, descriptor 3 */
static int ear;

/* Before anything else has taken descriptor 3. */
static void hand_over(void)
{
    char text[32];
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    socklen_t len = sizeof at;
    at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd != 3) {
        dup2(fd, 3);
        close(fd);
    }
    bind(3, (const struct sockaddr *)&at, sizeof at);
    listen(3, CONNECTIONS);
    getsockname(3, (struct sockaddr *)&at, &len);
    ear = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(ear, (const struct sockaddr *)&where, sizeof(sa_family_t)); /* a name of the abstract kind, by the kernel */
    len = sizeof where;
    getsockname(ear, (struct sockaddr *)&where, &len);
    char name[sizeof where.sun_path + 1] = "@";
    memcpy(name + 1, where.sun_path + 1, len - sizeof(sa_family_t) - 1);
    snprintf(text, sizeof text, "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", "public", 1);
    setenv("WATCHDOG_PID", "1", 1); /* not this process */
    setenv("WATCHDOG_USEC", "2000000", 1);
    setenv("NOTIFY_SOCKET", name, 1);
    systemd_open();
}

static void test_the_environment_is_read_and_gone(void **state)
{
    char text[64] = "";
    (void)state;
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("LISTEN_FDS"));
    assert_int_equal(systemd_watchdog_ms(), 0);
    systemd_tell("READY=%d", 1);
    assert_int_equal(recv(ear, text, sizeof text - 1, MSG_DONTWAIT), 7);
    assert_string_equal(text, "READY=1");
}

static void test_a_socket_is_of_its_kind_and_address(void **state)
{
    struct sockaddr_in other = at;
    char left[SYSTEMD_ADDRESS_MAX], expected[SYSTEMD_ADDRESS_MAX];
    (void)state;
    other.sin_port = htons(1);
    assert_int_equal(systemd_socket("public", (const struct sockaddr *)&other), -1);
    assert_int_equal(systemd_socket("acme", (const struct sockaddr *)&at), -1);
    snprintf(expected, sizeof expected, "127.0.0.1:%u", ntohs(at.sin_port));
    systemd_left_over(0, left);
    assert_string_equal(left, expected);
    assert_int_equal(systemd_socket("public", (const struct sockaddr *)&at), 3);
    systemd_left_over(0, left);
    assert_string_equal(left, "");
}

static pthread_t threads[LOOPS];
static atomic_uint thread_count, served[LOOPS];

/* Two threads at most call this: who is new takes the next place. */
static void count_thread(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    unsigned i = 0;
    (void)ctx, (void)call;
    pthread_mutex_lock(&lock);
    while (i < thread_count && !pthread_equal(threads[i], pthread_self()))
        i++;
    if (i == thread_count)
        threads[thread_count++] = pthread_self();
    served[i]++;
    pthread_mutex_unlock(&lock);
    http_answer_text(answer, 200, "here\n");
}

/* One socket wakes all loops: a burst of connections that stay must not end up on one of them. */
static void test_a_shared_socket_is_shared(void **state)
{
    struct world *w;
    struct client *clients[CONNECTIONS];
    char address[HTTP_ADDRESS_MAX];
    (void)state;
    assert_int_equal(world_prepare((void **)&w), 0);
    snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(at.sin_port));
    const char *addresses[] = {address};
    w->config.threads = LOOPS;
    w->config.public_listen = addresses;
    w->config.public_handler = count_thread;
    world_start(w);
    assert_string_equal(w->public, address);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        assert_non_null(clients[i] = client_open(address));
    for (unsigned i = 0; i < CONNECTIONS; i++)
        assert_true(client_send(clients[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    for (unsigned i = 0; i < CONNECTIONS; i++)
        free(expect(clients[i], 200));
    assert_in_range(served[0], CONNECTIONS / 8, CONNECTIONS - CONNECTIONS / 8);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        client_close(clients[i]);
    world_stop(w);
    /* It listens on, for whoever is next: who connects now waits. */
    struct client *patient = client_open(address);
    assert_non_null(patient);
    assert_true(client_send(patient, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    world_start(w);
    free(expect(patient, 200));
    client_close(patient);
    world_end((void **)&w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_environment_is_read_and_gone),
        cmocka_unit_test(test_a_socket_is_of_its_kind_and_address),
        cmocka_unit_test(test_a_shared_socket_is_shared),
    };
    hand_over();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
