#include "sectigo/cli/chain.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static X509 *read_one(BIO *pem)
{
    return pem ? PEM_read_bio_X509(pem, NULL, NULL, NULL) : NULL;
}

static STACK_OF(X509) * read_all(const char *text)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *pem = BIO_new_mem_buf(text, -1);
    X509 *one;

    while (all && (one = read_one(pem)))
        if (!sk_X509_push(all, one))
            X509_free(one);
    BIO_free(pem);
    return all;
}

static X509 *issuer_of(X509 *certificate, STACK_OF(X509) * authorities)
{
    for (int i = 0; i < sk_X509_num(authorities); i++)
        if (X509_check_issued(sk_X509_value(authorities, i), certificate) == X509_V_OK)
            return sk_X509_value(authorities, i);
    return NULL;
}

static bool is_root(X509 *certificate)
{
    return X509_check_issued(certificate, certificate) == X509_V_OK;
}

/* As many steps as there are authorities: two that vouch for each other end it too. */
static bool write_chain(BIO *out, X509 *leaf, STACK_OF(X509) * authorities)
{
    bool ok = true;

    for (int steps = sk_X509_num(authorities); ok && leaf && steps >= 0; steps--) {
        ok = PEM_write_bio_X509(out, leaf) == 1;
        leaf = issuer_of(leaf, authorities);
        if (leaf && is_root(leaf))
            leaf = NULL;
    }
    return ok;
}

static char *take_text(BIO *bio)
{
    char *data, *text;
    long len = BIO_get_mem_data(bio, &data);

    text = len > 0 ? malloc((size_t)len + 1) : NULL;
    if (!text)
        return NULL;
    memcpy(text, data, (size_t)len);
    text[len] = '\0';
    return text;
}

char *chain_pem(const char *leaf, const char *authorities)
{
    STACK_OF(X509) *others = NULL;
    BIO *in = NULL, *out = NULL;
    X509 *first = NULL;
    char *text = NULL;

    if (!leaf)
        return authorities ? strdup(authorities) : NULL;
    in = BIO_new_mem_buf(leaf, -1);
    out = BIO_new(BIO_s_mem());
    first = read_one(in);
    others = read_all(authorities ? authorities : "");
    if (first && out && others && write_chain(out, first, others))
        text = take_text(out);
    X509_free(first);
    sk_X509_pop_free(others, X509_free);
    BIO_free(in);
    BIO_free(out);
    return text;
}
