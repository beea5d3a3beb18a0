#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "acme/csr.h"

/* What a request is made of; NULL and 0 mean the usual. */
struct recipe {
    EVP_PKEY *key;           /* a P-256 key of the tests */
    EVP_PKEY *signer;        /* the key */
    const EVP_MD *digest;    /* SHA-256 */
    const char *names;       /* subjectAltName in OpenSSL's configuration syntax */
    const char *names_again; /* a second subjectAltName in the same extension request */
    const char *cn, *cn_again, *organisation;
    const char *section;  /* further extensions, as a section of OpenSSL's configuration */
    bool critical, twice; /* twice: a second extension request, as Microsoft writes it */
};

struct der {
    uint8_t *octets;
    size_t len;
};

static EVP_PKEY *usual_key;

static int set_up(void **state)
{
    (void)state;
    usual_key = EVP_EC_gen("P-256");
    return usual_key ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(usual_key);
    return 0;
}

static void add_subject(X509_REQ *request, const char *field, const char *value)
{
    if (value)
        assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), field, MBSTRING_UTF8,
                                                    (const unsigned char *)value, -1, -1, 0),
                         1);
}

static void add_names(STACK_OF(X509_EXTENSION) * list, const char *names, bool critical)
{
    X509_EXTENSION *extension = names ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names) : NULL;

    if (extension) {
        X509_EXTENSION_set_critical(extension, critical);
        sk_X509_EXTENSION_push(list, extension);
    }
}

static void add_section(STACK_OF(X509_EXTENSION) * list, const char *section)
{
    X509V3_CTX context;
    CONF *conf = NCONF_new(NULL);
    BIO *bio = BIO_new_mem_buf(section, -1);
    long line;

    X509V3_set_ctx(&context, NULL, NULL, NULL, NULL, 0);
    assert_true(NCONF_load_bio(conf, bio, &line) > 0);
    assert_int_equal(X509V3_EXT_add_nconf_sk(conf, &context, "x", &list), 1);
    BIO_free(bio);
    NCONF_free(conf);
}

static struct der request_of(struct recipe recipe)
{
    X509_REQ *request = X509_REQ_new();
    EVP_PKEY *key = recipe.key ? recipe.key : usual_key;
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    bool one_shot = EVP_PKEY_get_id(key) == EVP_PKEY_ED25519;
    struct der der = {0};

    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    add_subject(request, "O", recipe.organisation);
    add_subject(request, "CN", recipe.cn);
    add_subject(request, "CN", recipe.cn_again);
    add_names(extensions, recipe.names, recipe.critical);
    add_names(extensions, recipe.names_again, false);
    if (recipe.section)
        add_section(extensions, recipe.section);
    if (recipe.names) {
        assert_int_equal(X509_REQ_add_extensions(request, extensions), 1);
        if (recipe.twice)
            assert_int_equal(X509_REQ_add_extensions_nid(request, extensions, NID_ms_ext_req), 1);
    }
    assert_true(X509_REQ_sign(request, recipe.signer ? recipe.signer : key,
                              one_shot        ? NULL
                              : recipe.digest ? recipe.digest
                                              : EVP_sha256()) > 0);
    der.len = (size_t)i2d_X509_REQ(request, &der.octets);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(request);
    return der;
}

static struct acme_csr accepted(struct recipe recipe)
{
    struct der der = request_of(recipe);
    struct acme_problem problem = {0};
    struct acme_csr csr;

    if (!csr_parse(der.octets, der.len, &csr, &problem))
        fail_msg("%s", problem.detail);
    assert_int_equal(csr.der_len, der.len);
    assert_memory_equal(csr.der, der.octets, der.len);
    OPENSSL_free(der.octets);
    return csr;
}

static void octets_refused(const uint8_t *octets, size_t len, enum acme_problem_type type, const char *words)
{
    struct acme_problem problem = {0};
    struct acme_csr csr;

    if (csr_parse(octets, len, &csr, &problem))
        fail_msg("accepted, where \"%s\" was expected", words);
    if (problem.type != type || !strstr(problem.detail, words))
        fail_msg("\"%s\" does not say \"%s\", or is of type %d", problem.detail, words, problem.type);
    assert_null(csr.der);
    assert_null(csr.key);
    acme_problem_clear(&problem);
}

static void refused(struct recipe recipe, enum acme_problem_type type, const char *words)
{
    struct der der = request_of(recipe);

    octets_refused(der.octets, der.len, type, words);
    OPENSSL_free(der.octets);
}

static void names_come_from_san_and_cn(void **state)
{
    struct acme_csr csr = accepted((struct recipe){
        .names = "DNS:b.example,DNS:*.A.example,IP:192.0.2.1,IP:2001:db8::1,DNS:b.example", .cn = "C.Example"});

    (void)state;
    assert_int_equal(csr.names.count, 5);
    assert_string_equal(csr.names.list[0].value, "*.a.example");
    assert_string_equal(csr.names.list[1].value, "b.example");
    assert_string_equal(csr.names.list[2].value, "c.example");
    assert_string_equal(csr.names.list[3].value, "192.0.2.1");
    assert_string_equal(csr.names.list[4].value, "2001:db8::1");
    assert_string_equal(csr.common_name, "c.example");
    assert_false(csr.other_subject);
    char again[ACME_NAME_MAX + 3];
    assert_true(csr_common_name(csr.der, csr.der_len, again));
    assert_string_equal(again, "c.example");
    csr_clear(&csr);
}

static void a_cn_may_be_absent_or_alone(void **state)
{
    struct acme_csr csr = accepted((struct recipe){.names = "DNS:a.example", .critical = true});

    (void)state;
    char again[ACME_NAME_MAX + 3];
    assert_string_equal(csr.common_name, "");
    assert_false(csr_common_name(csr.der, csr.der_len, again));
    assert_int_equal(csr.names.count, 1);
    csr_clear(&csr);
    csr = accepted((struct recipe){.cn = "a.example", .organisation = "Example"});
    assert_int_equal(csr.names.count, 1);
    assert_true(csr.other_subject);
    csr_clear(&csr);
    csr = accepted((struct recipe){.cn = "192.0.2.1", .names = "IP:192.0.2.1"});
    assert_int_equal(csr.names.count, 1);
    assert_int_equal(csr.names.list[0].type, ACME_IP_ADDRESS);
    csr_clear(&csr);
}

static void hashes_are_over_the_octets(void **state)
{
    struct acme_csr csr = accepted((struct recipe){.names = "DNS:a.example"});
    unsigned char *spki = NULL;
    uint8_t digest[32];

    (void)state;
    SHA256(csr.der, csr.der_len, digest);
    assert_memory_equal(csr.der_sha256, digest, 32);
    int len = i2d_PUBKEY(usual_key, &spki);
    SHA256(spki, (size_t)len, digest);
    assert_memory_equal(csr.spki_sha256, digest, 32);
    assert_non_null(memmem(csr.der, csr.der_len, spki, (size_t)len));
    OPENSSL_free(spki);
    csr_clear(&csr);
}

static void all_kinds_of_keys_that_are_certified(void **state)
{
    EVP_PKEY *keys[] = {EVP_EC_gen("P-384"), EVP_EC_gen("P-521"), EVP_RSA_gen(2048)};
    const EVP_MD *digests[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};

    (void)state;
    for (int k = 0; k < 3; k++) {
        for (int d = 0; d < 3; d++) {
            struct acme_csr csr =
                accepted((struct recipe){.key = keys[k], .digest = digests[d], .names = "DNS:a.example"});
            csr_clear(&csr);
        }
        EVP_PKEY_free(keys[k]);
    }
}

/* A public key alone: it is refused before anything is verified with it. */
static EVP_PKEY *rsa_public(int bits, unsigned long exponent)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_new(), *e = BN_new();
    EVP_PKEY *key = NULL;

    assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
    BN_set_word(e, exponent);
    OSSL_PARAM_BLD_push_BN(build, "n", n);
    OSSL_PARAM_BLD_push_BN(build, "e", e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_fromdata_init(ctx);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    BN_free(e);
    BN_free(n);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *ec_with(const char *parameter, const char *value)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, parameter, value), 1);
    return key;
}

/* The last octet of the key in the request is the last of the point's y. */
static void a_point_beside_its_curve_is_refused(void **state)
{
    static const char *const groups[] = {"P-256", "P-384", "P-521"};

    (void)state;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        EVP_PKEY *key = EVP_EC_gen(groups[i]);
        struct der der = request_of((struct recipe){.key = key, .names = "DNS:a.example"});
        unsigned char *spki = NULL;
        int len = i2d_PUBKEY(key, &spki);
        uint8_t *place = memmem(der.octets, der.len, spki, (size_t)len);
        assert_non_null(place);
        place[len - 1] ^= 1;
        octets_refused(der.octets, der.len, ACME_BAD_CSR, "public key cannot be read");
        OPENSSL_free(spki);
        OPENSSL_free(der.octets);
        EVP_PKEY_free(key);
    }
}

static void other_keys_are_refused(void **state)
{
    struct {
        EVP_PKEY *key;
        enum acme_problem_type type;
        const char *words;
    } cases[] = {
        {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), ACME_BAD_CSR, "P-256, P-384, P-521"},
        {EVP_EC_gen("secp256k1"), ACME_BAD_CSR, "P-256, P-384 or P-521"},
        {EVP_EC_gen("P-224"), ACME_BAD_CSR, "P-256, P-384 or P-521"},
        {ec_with("encoding", "explicit"), ACME_BAD_CSR, "named curve"},
        {ec_with("point-format", "compressed"), ACME_BAD_CSR, "uncompressed"},
        {ec_with("point-format", "hybrid"), ACME_BAD_CSR, "uncompressed"},
        {rsa_public(1024, 65537), ACME_BAD_CSR, "1024 bits"},
        {rsa_public(2047, 65537), ACME_BAD_CSR, "2047 bits"},
        {rsa_public(2052, 65537), ACME_BAD_CSR, "2052 bits"},
        {rsa_public(8200, 65537), ACME_BAD_CSR, "8200 bits"},
        {rsa_public(16384, 65537), ACME_BAD_CSR, "16384 bits"},
        {rsa_public(2048, 3), ACME_BAD_CSR, "exponent"},
        {rsa_public(2048, 65538), ACME_BAD_CSR, "exponent"},
        {rsa_public(2048, (1ul << 32) + 1), ACME_BAD_CSR, "exponent"},
        {rsa_public(8192, 65537), ACME_BAD_CSR, "does not verify"}, /* the key itself is fine */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EVP_PKEY *signer = EVP_PKEY_get_id(cases[i].key) == EVP_PKEY_RSA ? usual_key : NULL;
        refused((struct recipe){.key = cases[i].key, .signer = signer, .names = "DNS:a.example"}, cases[i].type,
                cases[i].words);
        EVP_PKEY_free(cases[i].key);
    }
}

/* What the certificate will not have must not be asked for in vain (RFC 8555 section 7.4). */
static void wishes_beside_the_names_are_noted(void **state)
{
    enum { NONE = ACME_CSR_WISHES };
    static const struct {
        const char *section;
        unsigned wish;
    } cases[] = {
        {"[x]\ntlsfeature=status_request\n", ACME_CSR_TLS_FEATURE},
        {"[x]\n1.3.6.1.5.5.7.1.24=DER:30:03:02:01:11\n", ACME_CSR_TLS_FEATURE},
        {"[x]\nbasicConstraints=critical,CA:TRUE\n", ACME_CSR_CA},
        {"[x]\nbasicConstraints=CA:FALSE\n", NONE},
        {"[x]\nkeyUsage=critical,digitalSignature,keyEncipherment,nonRepudiation,keyAgreement\n", NONE},
        {"[x]\nkeyUsage=digitalSignature,keyCertSign\n", ACME_CSR_KEY_USAGE},
        {"[x]\nkeyUsage=cRLSign\n", ACME_CSR_KEY_USAGE},
        {"[x]\nextendedKeyUsage=serverAuth,clientAuth\n", NONE},
        {"[x]\nextendedKeyUsage=serverAuth,codeSigning\n", ACME_CSR_EXTENDED_KEY_USAGE},
        {"[x]\nextendedKeyUsage=1.2.3.4\n", ACME_CSR_EXTENDED_KEY_USAGE},
        {"[x]\nnameConstraints=permitted;DNS:.a.example\n", ACME_CSR_NAME_CONSTRAINTS},
        {"[x]\nsubjectKeyIdentifier=DER:04:01:00\n1.3.6.1.4.1.311.20.2=ASN1:BMPSTRING:WebServer\n", NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct acme_csr csr = accepted((struct recipe){.names = "DNS:a.example", .section = cases[i].section});
        for (unsigned wish = 0; wish < ACME_CSR_WISHES; wish++)
            if (csr.wishes[wish] != (wish == cases[i].wish))
                fail_msg("%s: wish %u is %d", cases[i].section, wish, csr.wishes[wish]);
        csr_clear(&csr);
    }
    refused((struct recipe){.names = "DNS:a.example", .section = "[x]\nkeyUsage=DER:04:00\n"}, ACME_BAD_CSR,
            "keyUsage");
    refused((struct recipe){.names = "DNS:a.example",
                            .section = "[x]\nbasicConstraints=CA:FALSE\n2.5.29.19=DER:30:03:01:01:FF\n"},
            ACME_BAD_CSR, "basicConstraints");
}

static void weak_digests_are_refused(void **state)
{
    (void)state;
    refused((struct recipe){.names = "DNS:a.example", .digest = EVP_sha1()}, ACME_BAD_CSR, "SHA1");
    refused((struct recipe){.names = "DNS:a.example", .digest = EVP_sha224()}, ACME_BAD_CSR, "SHA224");
}

static void the_signature_must_be_its_own_keys(void **state)
{
    EVP_PKEY *other = EVP_EC_gen("P-256");
    struct der der = request_of((struct recipe){.names = "DNS:a.example"});

    (void)state;
    refused((struct recipe){.names = "DNS:a.example", .signer = other}, ACME_BAD_CSR, "does not verify");
    uint8_t *name = memmem(der.octets, der.len, "a.example", 9);
    *name = 'b';
    octets_refused(der.octets, der.len, ACME_BAD_CSR, "does not verify");
    OPENSSL_free(der.octets);
    EVP_PKEY_free(other);
}

static void names_that_cannot_be_certified(void **state)
{
    static const struct {
        const char *names, *words;
    } cases[] = {
        {"email:a@b.example", "e-mail"},   {"DNS:a.example,URI:https://a.example/", "URI"},
        {"RID:1.2.3.4", "registered id"},  {"otherName:1.2.3.4;UTF8:x", "otherName"},
        {"DNS:a_b.example", "underscore"}, {"DNS:localhost", "single label"},
        {"DNS:a.example.", "final dot"},   {"DNS:192.0.2.1", "\"ip\""},
        {"DNS:a.*.example", "wildcard"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refused((struct recipe){.names = cases[i].names}, ACME_BAD_CSR, cases[i].words);
    }
    refused((struct recipe){0}, ACME_BAD_CSR, "no names");
    refused((struct recipe){.organisation = "Example"}, ACME_BAD_CSR, "no names");
    refused((struct recipe){.names = "DNS:a.example", .cn = "Example Ltd"}, ACME_BAD_CSR, "Example Ltd");
    refused((struct recipe){.names = "DNS:a.example", .cn = "a.example", .cn_again = "b.example"}, ACME_BAD_CSR,
            "two common names");
    refused((struct recipe){.names = "DNS:a.example", .cn = "m\xc3\xbcnchen.example"}, ACME_BAD_CSR, "A-label");
}

static void extensions_must_be_unambiguous(void **state)
{
    (void)state;
    refused((struct recipe){.names = "DNS:a.example", .names_again = "DNS:b.example"}, ACME_BAD_CSR,
            "two subjectAltName");
    refused((struct recipe){.names = "DNS:a.example", .twice = true}, ACME_BAD_CSR, "more than one extension request");
}

static void a_nul_in_a_name_is_refused(void **state)
{
    struct der der = request_of((struct recipe){.names = "DNS:aXexample.example"});
    uint8_t *name = memmem(der.octets, der.len, "aXexample", 9);
    const unsigned char *next = der.octets;

    (void)state;
    name[1] = '\0';
    X509_REQ *request = d2i_X509_REQ(NULL, &next, (long)der.len);
    OPENSSL_free(der.octets);
    assert_true(X509_REQ_sign(request, usual_key, EVP_sha256()) > 0);
    uint8_t *octets = NULL;
    int len = i2d_X509_REQ(request, &octets);
    octets_refused(octets, (size_t)len, ACME_BAD_CSR, "only letters");
    OPENSSL_free(octets);
    X509_REQ_free(request);
}

static void too_many_names_are_refused(void **state)
{
    char names[ACME_IDENTIFIERS_MAX * 20 + 100] = "DNS:x.example";

    (void)state;
    for (int i = 0; i < ACME_IDENTIFIERS_MAX + 1; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), ",DNS:h%03d.ex", i);
    refused((struct recipe){.names = names}, ACME_BAD_CSR, "more than 100");
}

static void octets_that_are_no_request(void **state)
{
    struct der der = request_of((struct recipe){.names = "DNS:a.example"});
    uint8_t *longer = malloc(der.len + 1);
    static const uint8_t huge[ACME_CSR_MAX + 1];

    (void)state;
    memcpy(longer, der.octets, der.len);
    longer[der.len] = 0;
    octets_refused(longer, der.len + 1, ACME_BAD_CSR, "further octets");
    octets_refused(longer, 0, ACME_BAD_CSR, "0 octets");
    octets_refused(huge, sizeof huge, ACME_BAD_CSR, "32769 octets");
    octets_refused((const uint8_t *)"-----BEGIN CERTIFICATE REQUEST-----", 35, ACME_BAD_CSR, "not a PKCS #10");
    for (size_t len = 1; len < der.len; len++)
        octets_refused(longer, len, ACME_BAD_CSR, "not a PKCS #10");
    free(longer);
    OPENSSL_free(der.octets);
}

static struct acme_names order_of(const char *const *values)
{
    struct acme_names names = {0};

    for (; *values; values++) {
        struct acme_problem problem = {0};
        struct acme_identifier identifier;
        assert_true(identifier_parse("dns", *values, strlen(*values), &identifier, &problem));
        assert_true(names_add(&names, &identifier));
    }
    return names;
}

static void check_is(const struct acme_csr *csr, const char *const *values, const char *detail)
{
    struct acme_problem problem = {0};
    struct acme_names order = order_of(values);
    EVP_PKEY *account = EVP_EC_gen("P-256");

    assert_int_equal(csr_check(csr, &order, account, &problem), detail == NULL);
    if (detail)
        assert_string_equal(problem.detail, detail);
    EVP_PKEY_free(account);
    names_clear(&order);
}

static void names_must_be_exactly_the_orders(void **state)
{
    struct acme_csr csr = accepted((struct recipe){.names = "DNS:a.example,DNS:b.example", .cn = "A.example"});

    (void)state;
    check_is(&csr, (const char *const[]){"B.example", "a.example", NULL}, NULL);
    check_is(&csr, (const char *const[]){"a.example", "b.example", "c.example", "*.d.example", NULL},
             "The CSR's names are not the order's: it lacks *.d.example, c.example");
    check_is(&csr, (const char *const[]){"a.example", NULL},
             "The CSR's names are not the order's: the order does not have b.example");
    check_is(&csr, (const char *const[]){"*.example.com", "a.example", NULL},
             "The CSR's names are not the order's: it lacks *.example.com; the order does not have b.example");
    csr_clear(&csr);
}

static void a_long_difference_is_cut(void **state)
{
    struct acme_csr csr = accepted((struct recipe){.names = "DNS:a.example"});
    struct acme_problem problem = {0};
    struct acme_names order = {0};

    (void)state;
    for (int i = 0; i < ACME_IDENTIFIERS_MAX; i++) {
        struct acme_identifier identifier = {.type = ACME_DNS_NAME};
        snprintf(identifier.value, sizeof identifier.value, "host%03d.department.example", i);
        assert_true(names_add(&order, &identifier));
    }
    assert_false(csr_check(&csr, &order, usual_key, &problem));
    assert_non_null(strstr(problem.detail, "host000.department.example, host001"));
    assert_non_null(strstr(problem.detail, " more; the order does not have a.example"));
    names_clear(&order);
    csr_clear(&csr);
}

static void the_accounts_key_cannot_be_certified(void **state)
{
    struct acme_csr csr = accepted((struct recipe){.names = "DNS:a.example"});
    struct acme_names order = order_of((const char *const[]){"a.example", NULL});
    struct acme_problem problem = {0};

    (void)state;
    assert_false(csr_check(&csr, &order, usual_key, &problem));
    assert_int_equal(problem.type, ACME_BAD_CSR);
    assert_non_null(strstr(problem.detail, "account's key"));
    names_clear(&order);
    csr_clear(&csr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_from_san_and_cn),
        cmocka_unit_test(a_cn_may_be_absent_or_alone),
        cmocka_unit_test(hashes_are_over_the_octets),
        cmocka_unit_test(all_kinds_of_keys_that_are_certified),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(wishes_beside_the_names_are_noted),
        cmocka_unit_test(a_point_beside_its_curve_is_refused),
        cmocka_unit_test(weak_digests_are_refused),
        cmocka_unit_test(the_signature_must_be_its_own_keys),
        cmocka_unit_test(names_that_cannot_be_certified),
        cmocka_unit_test(extensions_must_be_unambiguous),
        cmocka_unit_test(a_nul_in_a_name_is_refused),
        cmocka_unit_test(too_many_names_are_refused),
        cmocka_unit_test(octets_that_are_no_request),
        cmocka_unit_test(names_must_be_exactly_the_orders),
        cmocka_unit_test(a_long_difference_is_cut),
        cmocka_unit_test(the_accounts_key_cannot_be_certified),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
