/* Nonces of several gateways: good once over all of them, for an hour, wherever they were given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/base64url.h"
#include "acme/shared_nonce.h"

enum { NOW_S = 1800000000, SEEN_MAX = 64, ALONE = 1, SKEW_S = 300 };

static const uint8_t secret[32] = "of all gateways of this store...";

/* What all of them look at. */
struct seen {
    uint64_t numbers[SEEN_MAX], below;
    unsigned count;
    bool away;
};

static enum store_status once(void *ctx, uint64_t number, uint64_t below)
{
    struct seen *seen = ctx;
    assert_true(below <= number);
    seen->below = below;
    if (seen->away)
        return STORE_AWAY;
    for (unsigned i = 0; i < seen->count; i++)
        if (seen->numbers[i] == number)
            return STORE_EXISTS;
    assert_true(seen->count < SEEN_MAX);
    seen->numbers[seen->count++] = number;
    return STORE_OK;
}

static struct shared_nonces *make(struct seen *seen)
{
    struct shared_nonces *nonces = shared_nonces_make("gw1", secret, sizeof secret, once, seen);
    assert_non_null(nonces);
    return nonces;
}

static enum nonce_verdict redeem(struct shared_nonces *nonces, uint64_t now_s, const char *text)
{
    return shared_nonce_redeem(nonces, now_s, text, strlen(text));
}

static void one_gateways_is_good_once_at_another(void **state)
{
    struct seen seen = {0};
    struct shared_nonces *a = make(&seen), *b = make(&seen);
    char text[NONCE_TEXT_MAX], next[NONCE_TEXT_MAX];
    (void)state;
    assert_true(shared_nonce_issue(a, NOW_S, text));
    assert_true(shared_nonce_issue(a, NOW_S, next));
    assert_string_not_equal(text, next);
    shared_nonces_free(a); /* it outlives the one that gave it */
    assert_int_equal(redeem(b, NOW_S, text), NONCE_GOOD);
    assert_int_equal(redeem(b, NOW_S, text), NONCE_USED);
    a = make(&seen);
    assert_int_equal(redeem(a, NOW_S, text), NONCE_USED);
    assert_int_equal(redeem(a, NOW_S, next), NONCE_GOOD);
    shared_nonces_free(a);
    shared_nonces_free(b);
}

/* And what may be forgotten could not be used any more, by a clock that goes otherwise either. */
static void it_is_good_for_an_hour(void **state)
{
    struct seen seen = {0};
    struct shared_nonces *nonces = make(&seen);
    char text[NONCE_TEXT_MAX];
    (void)state;
    assert_true(shared_nonce_issue(nonces, NOW_S, text));
    assert_int_equal(redeem(nonces, NOW_S + SHARED_NONCE_LIFE_S + ALONE, text), NONCE_OLD);
    assert_int_equal(redeem(nonces, NOW_S - SKEW_S - ALONE, text), NONCE_OLD);
    assert_int_equal(seen.count, 0);
    assert_int_equal(redeem(nonces, NOW_S - SKEW_S, text), NONCE_GOOD);
    assert_int_equal(redeem(nonces, NOW_S + SHARED_NONCE_LIFE_S, text), NONCE_USED);
    assert_int_equal(seen.below, (uint64_t)(NOW_S - SKEW_S) << 32);
    shared_nonces_free(nonces);
}

static void who_cannot_ask_says_so(void **state)
{
    struct seen seen = {.away = true};
    struct shared_nonces *nonces = make(&seen);
    char text[NONCE_TEXT_MAX];
    (void)state;
    assert_true(shared_nonce_issue(nonces, NOW_S, text));
    assert_int_equal(redeem(nonces, NOW_S, text), NONCE_UNKNOWN);
    seen.away = false;
    assert_int_equal(redeem(nonces, NOW_S, text), NONCE_GOOD);
    shared_nonces_free(nonces);
}

static void others_are_refused(void **state)
{
    static const uint8_t another[32] = "of the gateways of another store";
    struct seen seen = {0};
    struct shared_nonces *nonces = make(&seen), *theirs = shared_nonces_make("gw1", another, 32, once, &seen),
                         *named = shared_nonces_make("gw2", secret, 32, once, &seen);
    char text[NONCE_TEXT_MAX], changed[NONCE_TEXT_MAX];
    (void)state;
    assert_true(shared_nonce_issue(theirs, NOW_S, text));
    assert_int_equal(redeem(nonces, NOW_S, text), NONCE_FORGED);
    assert_true(shared_nonce_issue(named, NOW_S, text));
    assert_int_equal(redeem(nonces, NOW_S, text), NONCE_FOREIGN);
    assert_int_equal(redeem(nonces, NOW_S, ""), NONCE_FOREIGN);
    assert_true(shared_nonce_issue(nonces, NOW_S, text));
    for (size_t i = 4; i < strlen(text); i++) { /* behind the prefix and what fills it up */
        memcpy(changed, text, sizeof changed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(redeem(nonces, NOW_S, changed), NONCE_FORGED);
    }
    assert_int_equal(seen.count, 0);
    shared_nonces_free(named);
    shared_nonces_free(theirs);
    shared_nonces_free(nonces);
}

/* certbot decodes a nonce and encodes it again. */
static void every_one_is_canonical_base64url(void **state)
{
    static const char *const prefixes[] = {"", "a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh"};
    struct seen seen = {0};
    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct shared_nonces *nonces = shared_nonces_make(prefixes[i], secret, sizeof secret, once, &seen);
        for (int n = 0; n < 50; n++) {
            char text[NONCE_TEXT_MAX], again[NONCE_TEXT_MAX];
            uint8_t octets[NONCE_TEXT_MAX];
            assert_true(shared_nonce_issue(nonces, NOW_S, text));
            ssize_t len = base64url_decode(text, strlen(text), octets, sizeof octets);
            assert_true(len > 0);
            base64url_encode(octets, (size_t)len, again);
            assert_string_equal(text, again);
        }
        shared_nonces_free(nonces);
    }
    assert_null(shared_nonces_make("abcdefghi", secret, sizeof secret, once, &seen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_gateways_is_good_once_at_another), cmocka_unit_test(it_is_good_for_an_hour),
        cmocka_unit_test(who_cannot_ask_says_so),               cmocka_unit_test(others_are_refused),
        cmocka_unit_test(every_one_is_canonical_base64url),
    };
    return cmocka_run_group_tests_name("shared_nonce", tests, NULL, NULL);
}
