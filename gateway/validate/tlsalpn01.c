/* tls-alpn-01, RFC 8737, and for IP addresses RFC 8738 section 6: a TLS handshake on a watched descriptor. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "gateway/egress/address.h"
#include "gateway/validate/alpn_certificate.h"
#include "gateway/validate/job.h"
#include "store/shortage.h"

static const unsigned char protocol[] = "\012acme-tls/1";
enum { PROTOCOL_LEN = sizeof protocol - 1, SERVER_NAME_SIZE = ACME_NAME_MAX + 3, TRIED_SIZE = 512 };

struct tlsalpn01 {
    struct validate_job *job;
    struct egress_addresses addresses;
    unsigned next_address;
    const struct egress_address *address; /* being tried */
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    struct egress_watch watch;
    char tried[TRIED_SIZE]; /* addresses without a connection, and why */
    bool shortage;          /* one of them for a want of ours */
};

static void connect_next(struct tlsalpn01 *tls);

static void end_handshake(struct tlsalpn01 *tls)
{
    struct validate_job *job = tls->job;
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->context);
    if (tls->fd >= 0)
        close(tls->fd);
    free(tls);
    validate_end(job);
}

/* "tls-alpn-01 with NAME at ADDRESS port PORT: " begins every detail once there is a connection. */
static void end_with(struct tlsalpn01 *tls, enum acme_problem_type type, const char *what)
{
    acme_problem_set(&tls->job->problem, type, "TLS with %s at %s port %u: %s.", tls->job->validation.identifier.value,
                     tls->address->text, tls->job->config->tls_port, what);
    end_handshake(tls);
}

/* ---- the certificate ---- */

static void judge_certificate(struct tlsalpn01 *tls)
{
    const char *key_authorization = tls->job->validation.key_authorization;
    unsigned char digest[ALPN_DIGEST_LEN];
    char reason[ALPN_REASON_MAX], what[ALPN_REASON_MAX + 64];
    X509 *certificate = SSL_get1_peer_certificate(tls->ssl);
    if (certificate == NULL) {
        end_with(tls, ACME_INCORRECT_RESPONSE, "the server sent no certificate");
        return;
    }
    bool hashed = EVP_Digest(key_authorization, strlen(key_authorization), digest, NULL, EVP_sha256(), NULL) == 1;
    bool good = hashed && alpn_certificate_check(certificate, &tls->job->validation.identifier, digest, reason);
    X509_free(certificate);
    ERR_clear_error();
    if (good) {
        SSL_shutdown(tls->ssl);
        end_handshake(tls);
    } else if (!hashed) {
        end_with(tls, ACME_SERVER_INTERNAL, "the expected digest could not be computed");
    } else {
        snprintf(what, sizeof what, "the certificate is not the challenge's: %s", reason);
        end_with(tls, ACME_INCORRECT_RESPONSE, what);
    }
}

static void judge_handshake(struct tlsalpn01 *tls)
{
    const unsigned char *selected = NULL;
    unsigned selected_len = 0;
    SSL_get0_alpn_selected(tls->ssl, &selected, &selected_len);
    if (selected_len == PROTOCOL_LEN - 1 && memcmp(selected, protocol + 1, selected_len) == 0)
        judge_certificate(tls);
    else
        end_with(tls, ACME_INCORRECT_RESPONSE, "the server did not select the ALPN protocol acme-tls/1");
}

/* ---- the handshake ---- */

static void end_with_tls_error(struct tlsalpn01 *tls, int error)
{
    unsigned long code = ERR_peek_error();
    bool ours = ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE ||
                (error == SSL_ERROR_SYSCALL && egress_is_shortage(tls->address->family, errno));
    char what[256];
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL) {
        end_with(tls, ACME_INCORRECT_RESPONSE, "the server does not offer the ALPN protocol acme-tls/1");
        return;
    }
    const char *words = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (words == NULL)
        words = error == SSL_ERROR_SYSCALL && errno != 0 ? strerror(errno) : "the connection was closed";
    snprintf(what, sizeof what, "the handshake failed: %s", words);
    end_with(tls, ours ? ACME_SERVER_INTERNAL : ACME_TLS, what);
}

static void on_handshake_event(void *ctx, int event);

static void handshake(struct tlsalpn01 *tls)
{
    ERR_clear_error();
    errno = 0;
    int done = SSL_connect(tls->ssl);
    int error = SSL_get_error(tls->ssl, done);
    if (done == 1) {
        judge_handshake(tls);
    } else if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        tls->watch.events = error == SSL_ERROR_WANT_READ ? EGRESS_READABLE : EGRESS_WRITABLE;
        tls->watch.deadline_ms = tls->job->deadline_ms;
        tls->watch.fn = on_handshake_event;
        egress_watch(tls->job->egress, &tls->watch);
    } else {
        end_with_tls_error(tls, error);
        ERR_clear_error();
    }
}

static void on_handshake_event(void *ctx, int event)
{
    struct tlsalpn01 *tls = ctx;
    if (event == EGRESS_DEADLINE)
        end_with(tls, ACME_CONNECTION, "the handshake was not finished in time");
    else if (event == EGRESS_UNWATCHED)
        end_with(tls, ACME_SERVER_INTERNAL, "the connection cannot be watched: out of memory");
    else
        handshake(tls);
}

/* The name to ask for: an IP address's is its reverse name (RFC 8738 section 6). */
static void server_name(const struct acme_identifier *identifier, char name[static SERVER_NAME_SIZE])
{
    struct egress_address address;
    if (identifier->type != ACME_IP_ADDRESS || !egress_address_parse(identifier->value, &address)) {
        snprintf(name, SERVER_NAME_SIZE, "%s", identifier->value);
        return;
    }
    const unsigned char *o = address.octets;
    if (address.family == AF_INET) {
        snprintf(name, SERVER_NAME_SIZE, "%u.%u.%u.%u.in-addr.arpa", o[3], o[2], o[1], o[0]);
        return;
    }
    for (size_t i = 0; i < 16; i++)
        snprintf(name + 4 * i, SERVER_NAME_SIZE - 4 * i, "%x.%x.", o[15 - i] & 15, o[15 - i] >> 4);
    snprintf(name + 64, SERVER_NAME_SIZE - 64, "ip6.arpa");
}

/* The certificate is self-signed as a rule: the handshake takes any, the checks are ours. */
static bool make_ssl(struct tlsalpn01 *tls)
{
    char name[SERVER_NAME_SIZE];
    server_name(&tls->job->validation.identifier, name);
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
        return false;
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
    tls->ssl = SSL_new(tls->context);
    return tls->ssl != NULL && SSL_set_fd(tls->ssl, tls->fd) == 1 && SSL_set_tlsext_host_name(tls->ssl, name) == 1 &&
           SSL_set_alpn_protos(tls->ssl, protocol, PROTOCOL_LEN) == 0;
}

/* ---- the connection ---- */

/* Adds "ADDRESS port PORT: WHAT" to what is told if no address takes the connection; then the next one. */
static void pass_over(struct tlsalpn01 *tls, int error, const char *what)
{
    size_t len = strlen(tls->tried);
    snprintf(tls->tried + len, sizeof tls->tried - len, "%s%s port %u: %s", len > 0 ? "; " : "", tls->address->text,
             tls->job->config->tls_port, what);
    tls->shortage = tls->shortage || egress_is_shortage(tls->address->family, error);
    if (tls->fd >= 0)
        close(tls->fd);
    tls->fd = -1;
    connect_next(tls);
}

static void on_connected(void *ctx, int event)
{
    struct tlsalpn01 *tls = ctx;
    int error = 0;
    socklen_t len = sizeof error;
    if (event == EGRESS_UNWATCHED)
        pass_over(tls, ENOMEM, "the connection cannot be watched: out of memory");
    else if (event == EGRESS_DEADLINE)
        pass_over(tls, 0, "no connection in time");
    else if (getsockopt(tls->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
        pass_over(tls, error != 0 ? error : errno, strerror(error != 0 ? error : errno));
    else if (make_ssl(tls))
        handshake(tls);
    else
        end_with(tls, ACME_SERVER_INTERNAL, "the handshake could not be started");
}

/* Each address gets its share of the time that is left. */
static void connect_next(struct tlsalpn01 *tls)
{
    struct sockaddr_storage to;
    if (tls->next_address == tls->addresses.count) {
        acme_problem_set(&tls->job->problem, tls->shortage ? ACME_SERVER_INTERNAL : ACME_CONNECTION,
                         "No TLS connection to %s: %s.", tls->job->validation.identifier.value, tls->tried);
        end_handshake(tls);
        return;
    }
    unsigned left = tls->addresses.count - tls->next_address;
    tls->address = &tls->addresses.list[tls->next_address++];
    socklen_t len = egress_address_socket(tls->address, tls->job->config->tls_port, &to);
    tls->fd = socket(tls->address->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (tls->fd < 0 || (connect(tls->fd, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS)) {
        int error = errno;
        pass_over(tls, error, strerror(error));
        return;
    }
    tls->watch = (struct egress_watch){.fd = tls->fd, .events = EGRESS_WRITABLE, .fn = on_connected, .ctx = tls};
    tls->watch.deadline_ms = egress_now_ms() + validate_left_ms(tls->job) / left;
    egress_watch(tls->job->egress, &tls->watch);
}

static void on_addresses(void *ctx, struct egress_addresses *addresses)
{
    struct tlsalpn01 *tls = ctx;
    tls->shortage = addresses->shortage;
    if (addresses->count > 0) {
        connect_next(tls);
        return;
    }
    acme_problem_set(&tls->job->problem, tls->shortage ? ACME_SERVER_INTERNAL : ACME_DNS,
                     "%s has no address to connect to: %s.", addresses->host, addresses->reason);
    end_handshake(tls);
}

void tlsalpn01_start(struct validate_job *job)
{
    struct tlsalpn01 *tls = shortage_calloc(1, sizeof *tls);
    if (tls == NULL) {
        acme_problem_set(&job->problem, ACME_SERVER_INTERNAL, "The validation could not be started: out of memory.");
        validate_end_later(job);
        return;
    }
    tls->job = job;
    tls->fd = -1;
    tls->addresses.host = job->validation.identifier.value;
    tls->addresses.timeout_ms = validate_left_ms(job);
    tls->addresses.rules = job->config->rules;
    tls->addresses.fn = on_addresses;
    tls->addresses.ctx = tls;
    egress_addresses(job->egress, &tls->addresses);
}
