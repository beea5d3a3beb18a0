/* key_cache: keys that serve stay, and those that serve nobody any more go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acme/jwk.h"
#include "acme/key_cache.h"

/* RFC 7515, appendix A.3. */
static char jwk_text[] = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                         "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";

static EVP_PKEY *get(struct key_cache *cache, uint8_t number)
{
    struct acme_account account = {.key = jwk_text};
    enum jwk_kind kind;
    const struct key_facts *facts;
    memset(account.thumbprint, number, sizeof account.thumbprint);
    EVP_PKEY *key = key_cache_get(cache, &account, &kind, &facts);
    assert_non_null(key);
    assert_int_equal(kind, JWK_P256);
    return key;
}

static void test_who_serves_stays(void **state)
{
    struct key_cache *cache = key_cache_make();
    (void)state;
    EVP_PKEY *first = get(cache, 1);
    get(cache, 2);
    assert_ptr_equal(get(cache, 1), first);
    assert_int_equal(key_cache_age(cache), 2);
    assert_ptr_equal(get(cache, 1), first);
    assert_int_equal(key_cache_age(cache), 1); /* the other has served nobody since */
    assert_ptr_equal(get(cache, 1), first);
    assert_int_equal(key_cache_age(cache), 1);
    assert_int_equal(key_cache_age(cache), 0);
    get(cache, 1); /* and is made anew */
    key_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_serves_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
