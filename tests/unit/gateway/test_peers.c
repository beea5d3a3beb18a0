/* peers: who counts as one address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "gateway/http/peers.h"

static bool enter(struct peers *peers, const char *address, unsigned max, struct peer **peer)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return peers_enter(peers, (const struct sockaddr *)&v4, max, peer);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return peers_enter(peers, (const struct sockaddr *)&v6, max, peer);
}

static void test_who_is_one(void **state)
{
    static const struct {
        const char *first, *second;
        bool one;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct peers peers;
        struct peer *first, *second = NULL;
        assert_true(enter(&peers, cases[i].first, 1, &first));
        assert_int_equal(enter(&peers, cases[i].second, 1, &second), !cases[i].one);
        peers_leave(&peers, first);
        peers_leave(&peers, second);
    }
}

static void test_limit_and_leaving(void **state)
{
    static struct peers peers;
    struct peer *held[3], *more;
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(enter(&peers, "192.0.2.1", 3, &held[i]));
    assert_false(enter(&peers, "192.0.2.1", 3, &more));
    assert_null(more);
    peers_leave(&peers, held[0]);
    assert_true(enter(&peers, "192.0.2.1", 3, &held[0]));
    assert_true(enter(&peers, "192.0.2.1", 0, &more)); /* no limit */
    peers_leave(&peers, more);
    for (unsigned i = 0; i < 3; i++)
        peers_leave(&peers, held[i]);
    for (unsigned i = 0; i < PEERS_BUCKETS; i++)
        assert_null(peers.buckets[i]);
}

static void test_a_socket_without_address(void **state)
{
    static struct peers peers;
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct peer *peer;
    (void)state;
    assert_true(peers_enter(&peers, &local, 1, &peer));
    assert_null(peer);
    peers_leave(&peers, peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_one),
        cmocka_unit_test(test_limit_and_leaving),
        cmocka_unit_test(test_a_socket_without_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
