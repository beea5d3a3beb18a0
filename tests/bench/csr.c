#include "csr.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "acme/base64url.h"

/* "a,b" becomes "DNS:a,DNS:b"; malloc'd. */
static char *alternative_names(const char *names)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    fputs("DNS:", out);
    for (; *names != '\0'; names++)
        *names == ',' ? fputs(",DNS:", out) : fputc(*names, out);
    return fclose(out) == 0 ? text : NULL;
}

static bool add_names(X509_REQ *request, const char *names)
{
    bool good = false;
    char *text = alternative_names(names);
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    X509_EXTENSION *extension = text != NULL ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text) : NULL;
    if (extensions != NULL && extension != NULL && sk_X509_EXTENSION_push(extensions, extension) > 0) {
        good = X509_REQ_add_extensions(request, extensions) == 1;
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    } else {
        X509_EXTENSION_free(extension);
        sk_X509_EXTENSION_free(extensions);
    }
    free(text);
    return good;
}

static char *encode(X509_REQ *request)
{
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(request, &der);
    char *text = len > 0 ? malloc(BASE64URL_SIZE((size_t)len)) : NULL;
    if (text != NULL)
        base64url_encode(der, (size_t)len, text);
    OPENSSL_free(der);
    return text;
}

char *csr_make(const char *names)
{
    char *text = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    if (key != NULL && request != NULL && X509_REQ_set_pubkey(request, key) == 1 && add_names(request, names) &&
        X509_REQ_sign(request, key, EVP_sha256()) > 0)
        text = encode(request);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return text;
}
