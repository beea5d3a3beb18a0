#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/base64url.h"
#include "acme/nonce.h"

static enum nonce_verdict redeem(struct nonces *nonces, const char *text)
{
    return nonce_redeem(nonces, text, strlen(text));
}

static void is_good_once(void **state)
{
    struct nonces *nonces = nonces_make("gw1", 1 << 10);
    char text[NONCE_TEXT_MAX];

    (void)state;
    assert_true(nonce_issue(nonces, text));
    assert_int_equal(redeem(nonces, text), NONCE_GOOD);
    assert_int_equal(redeem(nonces, text), NONCE_USED);
    assert_int_equal(redeem(nonces, text), NONCE_USED);
    nonces_free(nonces);
}

static void any_order_of_redeeming_works(void **state)
{
    enum { COUNT = 200 };
    struct nonces *nonces = nonces_make("", 1 << 10);
    char texts[COUNT][NONCE_TEXT_MAX];

    (void)state;
    for (int i = 0; i < COUNT; i++)
        assert_true(nonce_issue(nonces, texts[i]));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(redeem(nonces, texts[(i * 37) % COUNT]), NONCE_GOOD);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(redeem(nonces, texts[i]), NONCE_USED);
    nonces_free(nonces);
}

/* certbot decodes a nonce and encodes it again: it must come back the same, whatever the prefix. */
static void every_nonce_is_canonical_base64url(void **state)
{
    static const char *const prefixes[] = {"", "a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh"};

    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct nonces *nonces = nonces_make(prefixes[i], 64);
        for (int n = 0; n < 50; n++) {
            char text[NONCE_TEXT_MAX], again[NONCE_TEXT_MAX];
            uint8_t octets[NONCE_TEXT_MAX];
            assert_true(nonce_issue(nonces, text));
            assert_memory_equal(text, prefixes[i], strlen(prefixes[i]));
            ssize_t len = base64url_decode(text, strlen(text), octets, sizeof octets);
            assert_true(len > 0);
            base64url_encode(octets, (size_t)len, again);
            assert_string_equal(text, again);
        }
        nonces_free(nonces);
    }
}

static void another_instances_is_foreign(void **state)
{
    struct nonces *ours = nonces_make("gw1", 64), *theirs = nonces_make("gw2", 64), *restarted = nonces_make("gw1", 64);
    char text[NONCE_TEXT_MAX];

    (void)state;
    assert_true(nonce_issue(theirs, text));
    assert_int_equal(redeem(ours, text), NONCE_FOREIGN);
    assert_true(nonce_issue(ours, text));
    assert_int_equal(redeem(restarted, text), NONCE_FOREIGN);
    assert_int_equal(redeem(ours, ""), NONCE_FOREIGN);
    assert_int_equal(redeem(ours, "oFvnlFP1wIhRlYS2jTaXbA"), NONCE_FOREIGN);
    assert_int_equal(redeem(ours, text), NONCE_GOOD);
    nonces_free(restarted);
    nonces_free(theirs);
    nonces_free(ours);
}

static void a_changed_one_is_forged(void **state)
{
    struct nonces *nonces = nonces_make("gw1", 64);
    char text[NONCE_TEXT_MAX], changed[NONCE_TEXT_MAX];

    (void)state;
    assert_true(nonce_issue(nonces, text));
    size_t len = strlen(text);
    for (size_t i = len - 22; i < len; i++) {
        memcpy(changed, text, sizeof changed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(redeem(nonces, changed), NONCE_FORGED);
        changed[i] = '=';
        assert_int_equal(redeem(nonces, changed), NONCE_FORGED);
    }
    assert_int_equal(redeem(nonces, text), NONCE_GOOD);
    nonces_free(nonces);
}

static void the_window_slides(void **state)
{
    enum { WINDOW = 64 };
    struct nonces *nonces = nonces_make("gw1", WINDOW);
    char texts[4 * WINDOW][NONCE_TEXT_MAX];

    (void)state;
    for (int i = 0; i < 4 * WINDOW; i++)
        assert_true(nonce_issue(nonces, texts[i]));
    for (int i = 0; i < 3 * WINDOW; i++)
        assert_int_equal(redeem(nonces, texts[i]), NONCE_OLD);
    for (int i = 3 * WINDOW; i < 4 * WINDOW; i++)
        assert_int_equal(redeem(nonces, texts[i]), NONCE_GOOD);
    nonces_free(nonces);
}

/* Words of the bitmap are used again and again: bits of an earlier round must not count in a later one. */
static void rounds_do_not_mix(void **state)
{
    struct nonces *nonces = nonces_make("gw1", 64);
    char text[NONCE_TEXT_MAX];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(nonce_issue(nonces, text));
        assert_int_equal(redeem(nonces, text), NONCE_GOOD);
        assert_int_equal(redeem(nonces, text), NONCE_USED);
    }
    nonces_free(nonces);
}

static void bad_settings_are_refused(void **state)
{
    (void)state;
    assert_null(nonces_make("gw-1", 64));
    assert_null(nonces_make("abcdefghi", 64));
    assert_null(nonces_make("gw1", 0));
    assert_null(nonces_make("gw1", 100));
    nonces_free(NULL);
}

enum { THREADS = 8, NONCES = 4000 };

struct race {
    struct nonces *nonces;
    pthread_barrier_t start;
    char (*texts)[NONCE_TEXT_MAX];
    atomic_int good;
};

/* Every thread issues as well, so that the ciphers are fought over and the window moves. */
static void *run(void *arg)
{
    struct race *race = arg;
    char own[NONCE_TEXT_MAX];
    int good = 0;

    pthread_barrier_wait(&race->start);
    for (int i = 0; i < NONCES; i++) {
        good += redeem(race->nonces, race->texts[i]) == NONCE_GOOD;
        if (!nonce_issue(race->nonces, own) || redeem(race->nonces, own) != NONCE_GOOD)
            return NULL; /* the count will be short */
    }
    atomic_fetch_add(&race->good, good);
    return NULL;
}

static void threads_redeem_each_nonce_once(void **state)
{
    struct race race = {.nonces = nonces_make("gw1", 1 << 20)};
    pthread_t threads[THREADS];

    (void)state;
    race.texts = malloc(NONCES * sizeof *race.texts);
    assert_non_null(race.texts);
    for (int i = 0; i < NONCES; i++)
        assert_true(nonce_issue(race.nonces, race.texts[i]));
    pthread_barrier_init(&race.start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &race), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(race.good, NONCES);
    pthread_barrier_destroy(&race.start);
    free(race.texts);
    nonces_free(race.nonces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_good_once),
        cmocka_unit_test(any_order_of_redeeming_works),
        cmocka_unit_test(every_nonce_is_canonical_base64url),
        cmocka_unit_test(another_instances_is_foreign),
        cmocka_unit_test(a_changed_one_is_forged),
        cmocka_unit_test(the_window_slides),
        cmocka_unit_test(rounds_do_not_mix),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(threads_redeem_each_nonce_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
