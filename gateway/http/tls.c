#include "gateway/http/tls.h"

#include <stdio.h>

#include <openssl/err.h>

#include <h2o.h>

#include "gateway/http/internal.h"
#include "gateway/pem.h"

/* h2o's own object, which it shows to nobody. */
static int on_client_hello(SSL *ssl, int *alert, void *ctx)
{
    const h2o_socket_t *sock = BIO_get_data(SSL_get_rbio(ssl));
    struct connection *connection = sock->on_close.data;
    (void)alert;
    (void)ctx;
    connection->ssl = ssl;
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* HTTP/1.1 alone: Debian's h2o predates the fixes for HTTP/2's rapid reset. Sessions are resumed by tickets; a second
 * ticket and the server's cache cost a fifth of a handshake. */
static bool configure_tls(SSL_CTX *context)
{
    static const h2o_iovec_t protocols[] = {{H2O_STRLIT("http/1.1")}, {NULL, 0}};
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    h2o_ssl_register_alpn_protocols(context, protocols);
    SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(context, 1) == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1;
}

SSL_CTX *tls_load(const char *certificate_file, const char *key_file, char reason[static HTTP_REASON_MAX])
{
    char why[PEM_REASON_MAX] = "OpenSSL cannot make a TLS context";
    const char *faulty = certificate_file;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context && configure_tls(context) && pem_use_pair(context, certificate_file, key_file, &faulty, why))
        return context;
    snprintf(reason, HTTP_REASON_MAX, "%.240s: %s", faulty, why);
    ERR_clear_error();
    SSL_CTX_free(context);
    return NULL;
}
