#include "gateway/http/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <h2o.h>

/* OpenSSL's words for what went wrong first; they name a missing file as well as a broken one. */
static SSL_CTX *fail(SSL_CTX *context, char *reason, const char *file, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    if (why)
        snprintf(reason, HTTP_REASON_MAX, "%s: %s (%s)", file, what, why);
    else
        snprintf(reason, HTTP_REASON_MAX, "%s: %s", file, what);
    ERR_clear_error();
    SSL_CTX_free(context);
    return NULL;
}

/* HTTP/1.1 alone: Debian's h2o predates the fixes for HTTP/2's rapid reset. Sessions are resumed by tickets; a second
 * ticket and the server's cache cost a fifth of a handshake. */
static bool configure(SSL_CTX *context)
{
    static const h2o_iovec_t protocols[] = {{H2O_STRLIT("http/1.1")}, {NULL, 0}};
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    h2o_ssl_register_alpn_protocols(context, protocols);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(context, 1) == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1;
}

SSL_CTX *tls_load(const char *certificate_file, const char *key_file, char reason[static HTTP_REASON_MAX])
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    ERR_clear_error();
    if (!context || !configure(context))
        return fail(context, reason, certificate_file, "OpenSSL cannot make a TLS context");
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1)
        return fail(context, reason, certificate_file, "cannot be read as a PEM certificate chain");
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1)
        return fail(context, reason, key_file, "cannot be read as the PEM private key of the certificate");
    if (SSL_CTX_check_private_key(context) != 1)
        return fail(context, reason, key_file, "is not the key of the certificate");
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return fail(context, reason, certificate_file, "the certificate has expired; put a valid one there");
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0)
        return fail(context, reason, certificate_file, "the certificate is not valid yet; check it and the clock");
    return context;
}
