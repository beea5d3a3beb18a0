#include "gateway/pem.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* What OpenSSL said first goes behind; it names a missing file as well as a broken one. */
static bool fail_pem(char reason[static PEM_REASON_MAX], const char *what)
{
    unsigned long code = ERR_get_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    snprintf(reason, PEM_REASON_MAX, "%s%s%s%s", what, why ? " (" : "", why ? why : "", why ? ")" : "");
    ERR_clear_error();
    return false;
}

/* ---- a certificate and its key ---- */

/* A daemon has nobody to ask, and must not ask on a terminal that it happens to have. It stays with the context, whose
 * note of being asked is gone by then. */
static int no_passphrase(char *text, int size, int writing, void *asked)
{
    (void)text, (void)size, (void)writing;
    if (asked)
        *(bool *)asked = true;
    return -1;
}

static bool use_key(SSL_CTX *context, const char *key_file, char reason[static PEM_REASON_MAX])
{
    bool asked = false;
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(context, &asked);
    int used = SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    if (used == 1)
        return true;
    if (asked) {
        ERR_clear_error();
        return fail_pem(reason, "is protected by a passphrase; openssl pkey -in OLD -out NEW writes it without");
    }
    if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH) {
        ERR_clear_error();
        return fail_pem(reason, "is not the key of the certificate");
    }
    return fail_pem(reason, "cannot be read as the PEM private key of the certificate");
}

bool pem_use_pair(SSL_CTX *context, const char *certificate_file, const char *key_file, const char **faulty,
                  char reason[static PEM_REASON_MAX])
{
    ERR_clear_error();
    *faulty = certificate_file;
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1)
        return fail_pem(reason, "cannot be read as a PEM certificate chain");
    *faulty = key_file;
    if (!use_key(context, key_file, reason))
        return false;
    if (SSL_CTX_check_private_key(context) != 1)
        return fail_pem(reason, "is not the key of the certificate");
    *faulty = certificate_file;
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return fail_pem(reason, "the certificate has expired; put a valid one there");
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0)
        return fail_pem(reason, "the certificate is not valid yet; check it and the clock");
    return true;
}

bool pem_is_for(const SSL_CTX *context, const char *host)
{
    X509 *certificate = SSL_CTX_get0_certificate(context);
    return X509_check_ip_asc(certificate, host, 0) == 1 || X509_check_host(certificate, host, 0, 0, NULL) == 1;
}

/* ---- certificates to trust ---- */

/* Every certificate of the file; NULL with a reason where there is none or one is broken. */
static STACK_OF(X509) * read_certificates(const char *file, char reason[static PEM_REASON_MAX])
{
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *bio = BIO_new_file(file, "r");
    X509 *one = NULL;
    ERR_clear_error();
    while (all && bio && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL && sk_X509_push(all, one) > 0)
        one = NULL;
    X509_free(one); /* of which there was no room for */
    BIO_free(bio);
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (all && sk_X509_num(all) > 0 && ended) {
        ERR_clear_error();
        return all;
    }
    if (ended)
        ERR_clear_error(); /* which would only say "no start line" */
    fail_pem(reason, all && sk_X509_num(all) > 0 ? "a certificate in it cannot be read"
                                                 : "no certificate can be read from it; it must be PEM");
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

bool pem_holds_certificates(const char *file, char reason[static PEM_REASON_MAX])
{
    STACK_OF(X509) *all = read_certificates(file, reason);
    sk_X509_pop_free(all, X509_free);
    return all != NULL;
}

static bool is_root(X509 *certificate)
{
    return X509_self_signed(certificate, 0) == 1 && X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

/* False with a reason; *roots counts the good ones. */
static bool judge_anchor(X509 *certificate, unsigned *roots, char reason[static PEM_REASON_MAX])
{
    char subject[160] = "";
    *roots += is_root(certificate);
    if (X509_check_ca(certificate) > 0)
        return true;
    X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
    snprintf(reason, PEM_REASON_MAX, "the certificate of %s in it is no CA's: nothing can chain to it", subject);
    ERR_clear_error();
    return false;
}

X509_STORE *pem_load_anchors(const char *file, char reason[static PEM_REASON_MAX])
{
    unsigned roots = 0;
    X509_STORE *anchors = X509_STORE_new();
    STACK_OF(X509) *all = read_certificates(file, reason);
    bool good = anchors && all;
    if (!anchors)
        fail_pem(reason, "out of memory");
    for (int i = 0; good && i < sk_X509_num(all); i++) {
        X509 *one = sk_X509_value(all, i);
        good = judge_anchor(one, &roots, reason) &&
               (X509_STORE_add_cert(anchors, one) == 1 || fail_pem(reason, "out of memory"));
    }
    if (good && roots == 0)
        good = fail_pem(reason,
                        "it holds no root (a CA's certificate signed by itself) that is valid now, and every chain "
                        "has to end in one");
    sk_X509_pop_free(all, X509_free);
    if (good)
        return anchors;
    X509_STORE_free(anchors);
    return NULL;
}
