/* accept: what a push or CollectSSL brings is delivered only when it is exactly what was ordered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "gateway/issue/upstream/accept.h"
#include "gateway/issue/upstream/authorities.h"

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};

static struct authority root, intermediate, stranger, impostor;
static EVP_PKEY *client_key;
static uint8_t spki_sha256[32];
static X509_STORE *anchors;
static struct accept_cache *cache;
static long lasts_s = 30 * 86400; /* from now, of what is made next */

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

struct make {
    const char *subject, *san; /* san NULL: an authority */
    EVP_PKEY *key;
    const struct authority *issuer; /* NULL: self-signed */
    long not_before_s;              /* from now */
};

static X509 *make(const struct make *want)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0x1234);
    X509_gmtime_adj(X509_getm_notBefore(certificate), want->not_before_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), lasts_s);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)want->subject, -1, -1, 0);
    X509_set_issuer_name(certificate, want->issuer ? X509_get_subject_name(want->issuer->certificate) : subject);
    X509_set_pubkey(certificate, want->key);
    if (want->san)
        extend(certificate, NID_subject_alt_name, want->san);
    else
        extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(certificate, want->issuer ? want->issuer->key : want->key, EVP_sha256()) > 0);
    return certificate;
}

static char *pem_of(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    PEM_write_bio_X509(bio, certificate);
    long len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

static void authority(struct authority *a, const char *name, const struct authority *issuer)
{
    a->key = EVP_EC_gen("P-256");
    a->certificate = make(&(struct make){.subject = name, .key = a->key, .issuer = issuer, .not_before_s = -86400});
}

static int set_up(void **state)
{
    unsigned char *der = NULL;
    unsigned len;
    (void)state;
    authority(&root, "root", NULL);
    authority(&intermediate, "intermediate", &root);
    authority(&stranger, "stranger", NULL);
    authority(&impostor, "intermediate", &stranger);
    client_key = EVP_EC_gen("P-256");
    int der_len = i2d_PUBKEY(client_key, &der);
    EVP_Digest(der, (size_t)der_len, spki_sha256, &len, EVP_sha256(), NULL);
    OPENSSL_free(der);
    anchors = X509_STORE_new();
    cache = accept_cache_make();
    X509_STORE_add_cert(anchors, root.certificate);
    return 0;
}

static void drop(struct authority *a)
{
    EVP_PKEY_free(a->key);
    X509_free(a->certificate);
}

static int tear_down(void **state)
{
    (void)state;
    drop(&root);
    drop(&intermediate);
    drop(&stranger);
    drop(&impostor);
    EVP_PKEY_free(client_key);
    X509_STORE_free(anchors);
    accept_cache_free(cache);
    return 0;
}

static void add(struct acme_names *names, const char *value)
{
    struct acme_identifier name = {.type = ACME_DNS_NAME};
    strcpy(name.value, value);
    assert_true(names_add(names, &name));
}

struct judged {
    enum accept_verdict verdict;
    char reason[ACCEPT_REASON_MAX];
    struct acme_certificate certificate;
};

static struct judged judge(const struct make *leaf, const char *order, bool base_of_wildcard, bool without_ca)
{
    struct judged judged = {0};
    struct acme_names names = {0};
    char list[256], *rest = list;
    strcpy(list, order);
    for (char *name; (name = strsep(&rest, ",")) != NULL;)
        add(&names, name);
    struct accept_want want = {.spki_sha256 = spki_sha256,
                               .names = &names,
                               .base_of_wildcard = base_of_wildcard,
                               .sent_ms = (uint64_t)time(NULL) * 1000,
                               .anchors = anchors,
                               .cache = cache};
    X509 *certificate = make(leaf);
    char *pem = pem_of(certificate), *first = pem_of(root.certificate), *second = pem_of(intermediate.certificate);
    char cas[8192];
    snprintf(cas, sizeof cas, "%s%s", first, second); /* root first, as Sectigo sends them */
    judged.verdict = accept_certificate(&want, pem, without_ca ? NULL : cas, &judged.certificate, judged.reason);
    free(pem);
    free(first);
    free(second);
    X509_free(certificate);
    names_clear(&names);
    return judged;
}

static void test_good(void **state)
{
    struct make leaf = {"a", "DNS:A.example,DNS:b.example", client_key, &intermediate, 0};
    (void)state;
    struct judged judged = judge(&leaf, "a.example,b.example", true, false);
    assert_int_equal(judged.verdict, ACCEPT_GOOD);
    assert_memory_equal(judged.certificate.serial, "\x12\x34", 2);
    assert_int_equal(judged.certificate.serial_len, 2);
    /* Leaf, intermediate, no root. */
    int blocks = 0;
    for (const char *at = judged.certificate.chain; (at = strstr(at, "BEGIN CERTIFICATE")) != NULL; at++)
        blocks++;
    assert_int_equal(blocks, 2);
    acme_certificate_clear(&judged.certificate);
}

/* What an earlier leaf has shown of the intermediate serves the next one, and nobody else. */
static void test_what_was_verified_is_remembered(void **state)
{
    struct make good = {"a", "DNS:a.example", client_key, &intermediate, 0};
    struct make forged = {"a", "DNS:a.example", client_key, &impostor, 0};
    X509_STORE *real = anchors;
    (void)state;
    struct judged first = judge(&good, "a.example", true, false), second = judge(&good, "a.example", true, false);
    assert_int_equal(first.verdict, ACCEPT_GOOD);
    assert_int_equal(second.verdict, ACCEPT_GOOD);
    /* Their leaves differ, what is above them does not. */
    assert_string_equal(strstr(first.certificate.chain + 1, "-----BEGIN"),
                        strstr(second.certificate.chain + 1, "-----BEGIN"));
    acme_certificate_clear(&first.certificate);
    acme_certificate_clear(&second.certificate);
    first = judge(&forged, "a.example", true, false); /* the intermediate's name, another key */
    assert_int_equal(first.verdict, ACCEPT_UNTRUSTED);
    anchors = X509_STORE_new();
    X509_STORE_add_cert(anchors, stranger.certificate);
    first = judge(&good, "a.example", true, false); /* of another login */
    assert_int_equal(first.verdict, ACCEPT_UNTRUSTED);
    X509_STORE_free(anchors);
    anchors = real;
}

/* The root ends before the others: so does all that it vouched for. */
static void test_what_was_verified_ends_with_what_is_above(void **state)
{
    struct make leaf = {"a", "DNS:a.example", client_key, &intermediate, 0};
    X509 *certificate = make(&leaf), *long_root = root.certificate;
    X509_STORE *real = anchors;
    time_t now = time(NULL);
    (void)state;
    lasts_s = 3600;
    root.certificate = make(&(struct make){.subject = "root", .key = root.key, .not_before_s = -86400});
    lasts_s = 30 * 86400;
    anchors = X509_STORE_new();
    X509_STORE_add_cert(anchors, root.certificate);
    struct judged judged = judge(&leaf, "a.example", true, false);
    assert_int_equal(judged.verdict, ACCEPT_GOOD);
    acme_certificate_clear(&judged.certificate);
    char *first = pem_of(root.certificate), *second = pem_of(intermediate.certificate), cas[8192];
    snprintf(cas, sizeof cas, "%s%s", first, second);
    char *chain = authorities_chain(cache, cas, anchors, certificate, now + 60);
    assert_non_null(chain);
    assert_null(authorities_chain(cache, cas, anchors, certificate, now + 7200));
    assert_null(authorities_chain(cache, cas, anchors, certificate, now - 2 * 86400));
    assert_null(authorities_chain(cache, cas, real, certificate, now + 60));
    X509_STORE_free(anchors);
    X509_free(root.certificate);
    X509_free(certificate);
    root.certificate = long_root;
    anchors = real;
    free(chain);
    free(first);
    free(second);
}

static void test_verdicts(void **state)
{
    EVP_PKEY *other = EVP_EC_gen("P-256");
    const struct {
        struct make leaf;
        const char *order;
        bool base_of_wildcard, without_ca;
        enum accept_verdict verdict;
        const char *reason;
    } cases[] = {
        {{"a", "DNS:a.example", other, &intermediate, 0},
         "a.example",
         true,
         false,
         ACCEPT_OTHER_KEY,
         "another public key"},
        {{"a", "DNS:a.example", client_key, &intermediate, -26 * 3600}, "a.example", true, false, ACCEPT_OLD, "older"},
        {{"a", "DNS:a.example", client_key, &intermediate, -24 * 3600}, "a.example", true, false, ACCEPT_GOOD, NULL},
        {{"a", "DNS:a.example", client_key, &intermediate, 0},
         "a.example,b.example",
         true,
         false,
         ACCEPT_NAMES_MISSING,
         "lacks b.example"},
        {{"a", "DNS:a.example", client_key, &stranger, 0},
         "a.example,b.example",
         true,
         false,
         ACCEPT_UNTRUSTED,
         "does not chain"},
        {{"a", "DNS:a.example,DNS:c.example", client_key, &intermediate, 0},
         "a.example",
         true,
         false,
         ACCEPT_OTHER_NAMES,
         "c.example too"},
        {{"a", "DNS:a.example,email:x@a.example", client_key, &intermediate, 0},
         "a.example",
         true,
         false,
         ACCEPT_UNREADABLE,
         "cannot be read"},
        {{"a", "DNS:*.a.example,DNS:a.example", client_key, &intermediate, 0},
         "*.a.example",
         true,
         false,
         ACCEPT_GOOD,
         NULL},
        {{"a", "DNS:*.a.example,DNS:a.example", client_key, &intermediate, 0},
         "*.a.example",
         false,
         false,
         ACCEPT_OTHER_NAMES,
         "a.example too"},
        {{"a", "DNS:a.example", client_key, &stranger, 0},
         "a.example",
         true,
         false,
         ACCEPT_UNTRUSTED,
         "does not chain"},
        {{"a", "DNS:a.example", client_key, &intermediate, 0},
         "a.example",
         true,
         true,
         ACCEPT_UNTRUSTED,
         "does not chain"},
        {{"a", "DNS:a.example", client_key, NULL, 0}, "a.example", true, false, ACCEPT_UNTRUSTED, "does not chain"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct judged judged = judge(&cases[i].leaf, cases[i].order, cases[i].base_of_wildcard, cases[i].without_ca);
        if (judged.verdict != cases[i].verdict)
            print_error("case %zu: %s\n", i, judged.reason);
        assert_int_equal(judged.verdict, cases[i].verdict);
        if (cases[i].reason)
            assert_non_null(strstr(judged.reason, cases[i].reason));
        acme_certificate_clear(&judged.certificate);
    }
    EVP_PKEY_free(other);
}

/* An authority that two roots signed: a chain to each, whichever is found first. */
static void test_alternates(void **state)
{
    struct authority second;
    struct acme_names names = {0};
    char reason[ACCEPT_REASON_MAX], cas[8192];
    (void)state;
    authority(&second, "second root", NULL);
    add(&names, "a.example");
    X509 *cross = make(
        &(struct make){.subject = "intermediate", .key = intermediate.key, .issuer = &second, .not_before_s = -86400});
    X509 *leaf = make(&(struct make){"a", "DNS:a.example", client_key, &intermediate, 0});
    char *pem = pem_of(leaf), *one = pem_of(intermediate.certificate), *two = pem_of(cross);
    snprintf(cas, sizeof cas, "%s%s", one, two);
    for (int roots = 1; roots <= 2; roots++) {
        struct acme_certificate certificate = {0};
        X509_STORE *both = X509_STORE_new();
        X509_STORE_add_cert(both, root.certificate);
        if (roots == 2)
            X509_STORE_add_cert(both, second.certificate);
        struct accept_want want = {
            .spki_sha256 = spki_sha256, .names = &names, .sent_ms = (uint64_t)time(NULL) * 1000, .anchors = both};
        assert_int_equal(accept_certificate(&want, pem, cas, &certificate, reason), ACCEPT_GOOD);
        assert_int_equal(certificate.alternate_count, roots - 1);
        if (roots == 2) {
            assert_true(strstr(certificate.chain, one) || strstr(certificate.alternates[0], one));
            assert_true(strstr(certificate.chain, two) || strstr(certificate.alternates[0], two));
            assert_string_not_equal(certificate.chain, certificate.alternates[0]);
            assert_int_equal(strncmp(certificate.alternates[0], pem, strlen(pem)), 0);
        }
        acme_certificate_clear(&certificate);
        X509_STORE_free(both);
    }
    free(pem);
    free(one);
    free(two);
    X509_free(leaf);
    X509_free(cross);
    drop(&second);
    names_clear(&names);
}

static void test_rubbish(void **state)
{
    static const char *const texts[] = {"", "x", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
                                        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    struct acme_names names = {0};
    char reason[ACCEPT_REASON_MAX];
    (void)state;
    add(&names, "a.example");
    struct accept_want want = {.spki_sha256 = spki_sha256, .names = &names, .anchors = anchors};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct acme_certificate certificate = {0};
        assert_int_equal(accept_certificate(&want, texts[i], texts[i], &certificate, reason), ACCEPT_UNREADABLE);
        acme_certificate_clear(&certificate);
    }
    names_clear(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_what_was_verified_is_remembered),
        cmocka_unit_test(test_what_was_verified_ends_with_what_is_above),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_alternates),
        cmocka_unit_test(test_rubbish),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
