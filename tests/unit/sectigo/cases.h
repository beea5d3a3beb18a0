/* What several test programs of this folder need. */
#ifndef SECTIGO_CASES_H
#define SECTIGO_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* DER of a request with one P-256 key; names is a subjectAltName value or NULL, subject a list ended by NULL of field
 * and value in turn. malloc'd. */
__attribute__((unused)) static uint8_t *make_csr(const char *const *subject, const char *names, size_t *len)
{
    static EVP_PKEY *key;
    X509_REQ *request = X509_REQ_new();
    uint8_t *der = NULL;

    if (!key)
        key = EVP_EC_gen("P-256");
    for (; subject && *subject; subject += 2)
        assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), subject[0], MBSTRING_UTF8,
                                                    (const unsigned char *)subject[1], -1, -1, 0),
                         1);
    if (names) {
        STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
        sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names));
        assert_int_equal(X509_REQ_add_extensions(request, extensions), 1);
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    }
    X509_REQ_set_pubkey(request, key);
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    int size = i2d_X509_REQ(request, &der);
    assert_true(size > 0);
    *len = (size_t)size;
    X509_REQ_free(request);
    return der;
}

/* Base64 of the DER, which is freed. */
__attribute__((unused)) static char *base64_of(uint8_t *der, size_t len)
{
    char *text = malloc(len * 2 + 8);

    EVP_EncodeBlock((unsigned char *)text, der, (int)len);
    OPENSSL_free(der);
    return text;
}

/* Base64 of a DER object that is no certificate, but whole: what the parsers look at. fill: '+' and '/' appear. */
__attribute__((unused)) static char *object_base64(uint8_t fill, size_t body_len)
{
    uint8_t der[256];
    char *text = malloc(400);

    assert_true(body_len < 128);
    memset(der, fill, sizeof der);
    der[0] = 0x30;
    der[1] = (uint8_t)body_len;
    EVP_EncodeBlock((unsigned char *)text, der, (int)body_len + 2);
    return text;
}

#endif
