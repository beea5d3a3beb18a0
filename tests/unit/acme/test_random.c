#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "acme/random.h"

enum { LEN = 32, DRAWS = 200 }; /* several fillings */

static int by_octets(const void *a, const void *b)
{
    return memcmp(a, b, LEN);
}

static void assert_all_differ(unsigned char (*draws)[LEN], size_t count)
{
    qsort(draws, count, LEN, by_octets);
    for (size_t i = 1; i < count; i++)
        assert_memory_not_equal(draws[i - 1], draws[i], LEN);
}

static void *draw_all(void *arg)
{
    unsigned char(*draws)[LEN] = arg;
    for (unsigned i = 0; i < DRAWS; i++)
        if (!acme_random(draws[i], LEN))
            return NULL;
    return arg;
}

static void none_comes_twice_in_any_thread(void **state)
{
    static unsigned char draws[2 * DRAWS][LEN];
    pthread_t thread;
    void *drawn = NULL;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, draw_all, draws + DRAWS), 0);
    assert_non_null(draw_all(draws));
    pthread_join(thread, &drawn);
    assert_non_null(drawn);
    assert_all_differ(draws, (size_t)2 * DRAWS);
}

static void a_child_has_others_than_its_parent(void **state)
{
    unsigned char ours[LEN], theirs[LEN];
    int ends[2], status = -1;

    (void)state;
    assert_true(acme_random(ours, LEN)); /* both have what is left of this draw */
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(!acme_random(theirs, LEN) || write(ends[1], theirs, LEN) != LEN);
    assert_true(acme_random(ours, LEN));
    assert_int_equal(read(ends[0], theirs, LEN), LEN);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_not_equal(ours, theirs, LEN);
    close(ends[0]);
    close(ends[1]);
}

static void more_than_a_filling_is_drawn_at_once(void **state)
{
    static unsigned char many[4096];
    static const unsigned char nothing[LEN];

    (void)state;
    assert_true(acme_random(many, sizeof many));
    for (size_t i = 0; i < sizeof many; i += LEN)
        assert_memory_not_equal(many + i, nothing, LEN);
}

static int fillings;

static int draw_number(unsigned char *octets, int len)
{
    memset(octets, ++fillings, (size_t)len);
    return 1;
}

static void what_is_left_can_be_forgotten(void **state)
{
    static const RAND_METHOD numbered = {.bytes = draw_number};
    unsigned char octet = 0;

    (void)state;
    RAND_set_rand_method(&numbered);
    acme_random_forget();
    for (unsigned i = 0; i < LEN; i++) {
        assert_true(acme_random(&octet, 1));
        assert_int_equal(octet, 1);
    }
    acme_random_forget();
    assert_true(acme_random(&octet, 1));
    assert_int_equal(octet, 2);
    RAND_set_rand_method(NULL);
    acme_random_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_comes_twice_in_any_thread),
        cmocka_unit_test(a_child_has_others_than_its_parent),
        cmocka_unit_test(more_than_a_filling_is_drawn_at_once),
        cmocka_unit_test(what_is_left_can_be_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
