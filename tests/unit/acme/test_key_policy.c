/* key_policy: which keys are refused although they are whole, and where. */
#include "client.h"

#include <openssl/bn.h>

#include "acme/key_policy.h"

static const char *const one_name[] = {"www.example.com", NULL};

/* A number as the faulty library made moduli: a multiple of the primorial of 126 primes, and a power of 65537. */
static BIGNUM *roca_modulus(unsigned long exponent)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *primorial = BN_new(), *power = BN_new(), *e = BN_new(), *n = BN_new();
    unsigned found = 0;
    BN_one(primorial);
    for (unsigned candidate = 2; found < 126; candidate++) {
        bool prime = true;
        for (unsigned d = 2; d * d <= candidate; d++)
            prime &= candidate % d != 0;
        if (prime) {
            BN_mul_word(primorial, candidate);
            found++;
        }
    }
    BN_set_word(e, exponent);
    BN_set_word(power, 65537);
    assert_int_equal(BN_mod_exp(power, power, e, primorial, ctx), 1);
    BN_one(n);
    BN_lshift(n, n, 1076);
    BN_add_word(n, 12345);
    BN_mul(n, n, primorial, ctx); /* an even multiple of an even number: n stays odd */
    BN_add(n, n, power);
    BN_free(e);
    BN_free(power);
    BN_free(primorial);
    BN_CTX_free(ctx);
    return n;
}

static void the_fingerprint(void **state)
{
    (void)state;
    for (unsigned long exponent = 1; exponent < 2000; exponent += 97) {
        BIGNUM *n = roca_modulus(exponent);
        assert_true(key_is_roca(n));
        BN_add_word(n, 2);
        assert_false(key_is_roca(n));
        BN_free(n);
    }
    for (int i = 0; i < 2000; i++) {
        BIGNUM *n = BN_new();
        BN_rand(n, 2048, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
        assert_false(key_is_roca(n));
        BN_free(n);
    }
}

/* The public key alone is enough to be known by. */
static EVP_PKEY *rsa_key_of(BIGNUM *n)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    uint8_t octets[512], e[] = {1, 0, 1};
    EVP_PKEY *key = NULL;
    int len = BN_bn2nativepad(n, octets, BN_num_bytes(n));
    OSSL_PARAM params[] = {{OSSL_PKEY_PARAM_RSA_N, OSSL_PARAM_UNSIGNED_INTEGER, octets, (size_t)len, 0},
                           {OSSL_PKEY_PARAM_RSA_E, OSSL_PARAM_UNSIGNED_INTEGER, e, sizeof e, 0},
                           OSSL_PARAM_END};
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void facts(void **state)
{
    (void)state;
    struct acme_config config = {0};
    struct acme_problem problem = {0};
    struct key_facts facts;
    BIGNUM *n = roca_modulus(65);
    EVP_PKEY *key = rsa_key_of(n);
    assert_true(key_facts_of(key, NULL, &facts));
    assert_true(facts.rsa && facts.roca);
    assert_false(key_allowed(&config, key, NULL, "The CSR's key", ACME_BAD_CSR, &problem));
    assert_int_equal(problem.type, ACME_BAD_CSR);
    assert_non_null(strstr(problem.detail, "The CSR's key was made by a faulty library (CVE-2017-15361, ROCA)"));
    char *hex = BN_bn2hex(n), line[2048];
    uint8_t digest[20];
    snprintf(line, sizeof line, "Modulus=%s\n", hex);
    EVP_Digest(line, strlen(line), digest, NULL, EVP_sha1(), NULL);
    assert_memory_equal(facts.modulus_sha1, digest, sizeof digest);
    OPENSSL_free(hex);
    EVP_PKEY_free(key);
    BN_free(n);
    key = EVP_EC_gen("P-256");
    assert_true(key_facts_of(key, NULL, &facts));
    assert_false(facts.rsa || facts.roca);
    assert_true(key_allowed(&config, key, NULL, "The CSR's key", ACME_BAD_CSR, &problem));
    EVP_PKEY_free(key);
}

/* ---- with a server ---- */

struct listed {
    uint8_t spki_sha256[32];
};

static const char *find(void *lists, const uint8_t spki_sha256[static 32], const uint8_t *modulus_sha1)
{
    const struct listed *listed = lists;
    assert_null(modulus_sha1); /* these keys are on a curve */
    return memcmp(listed->spki_sha256, spki_sha256, 32) == 0 ? "it is on a list" : NULL;
}

static void list_key(struct listed *listed, EVP_PKEY *key)
{
    struct key_facts facts;
    assert_true(key_facts_of(key, NULL, &facts));
    memcpy(listed->spki_sha256, facts.spki_sha256, 32);
}

static void a_listed_key_is_nobodys(void **state)
{
    (void)state;
    struct world w;
    struct client c, other;
    struct listed listed = {0};
    char url[ACME_URL_MAX];
    world_open(&w);
    w.config.key_listed = find;
    w.config.key_lists = &listed;
    world_restart(&w);
    client_make(&other);
    list_key(&listed, other.key);
    struct reply r = post(&w, &other, "/acme/new-account", "{}");
    assert_problem(&r, 400, ACME_BAD_PUBLIC_KEY, "The account's key is refused: it is on a list. Make another one.");
    register_client(&w, &c);
    r = new_order(&w, &c, one_name, url);
    assert_status(&r, 201);
    reply_free(&r);
    list_key(&listed, c.key); /* from now on, also for the account that has it */
    r = post(&w, &c, url, NULL);
    assert_problem(&r, 400, ACME_BAD_PUBLIC_KEY, "The account's key is refused");
    client_free(&c);
    client_free(&other);
    world_close(&w);
}

static void a_listed_key_gets_no_certificate(void **state)
{
    (void)state;
    struct world w;
    struct client c;
    struct listed listed = {0};
    char url[ACME_URL_MAX], finalize[ACME_URL_MAX + 16];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *payload = csr_payload_for(key, one_name);
    world_open(&w);
    w.config.key_listed = find;
    w.config.key_lists = &listed;
    world_restart(&w);
    register_client(&w, &c);
    ready_order(&w, &c, one_name, url);
    snprintf(finalize, sizeof finalize, "%s/finalize", url);
    list_key(&listed, key);
    struct reply r = post(&w, &c, finalize, payload);
    assert_problem(&r, 400, ACME_BAD_CSR, "The CSR's key is refused: it is on a list. Make another one.");
    memset(&listed, 0, sizeof listed);
    r = post(&w, &c, finalize, payload);
    assert_status(&r, 200);
    reply_free(&r);
    free(payload);
    EVP_PKEY_free(key);
    client_free(&c);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_fingerprint), cmocka_unit_test(facts),
                                       cmocka_unit_test(a_listed_key_is_nobodys),
                                       cmocka_unit_test(a_listed_key_gets_no_certificate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
