/* A small TLS server for one test program, which behaves as each case says. All is static. */
#ifndef SECTIGO_TLS_SERVER_H
#define SECTIGO_TLS_SERVER_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "sectigo/transport.h"

/* ---- keys and certificates ---- */

static EVP_PKEY *key, *other_key;
static X509 *certificate, *other_certificate;
static char folder[] = "/tmp/sectigo-transport-XXXXXX";
static char ca_file[64], other_ca_file[64], key_file[64];

static X509 *self_signed(EVP_PKEY *pkey)
{
    X509 *x509 = X509_new();
    X509_NAME *name = X509_get_subject_name(x509);
    X509V3_CTX ctx;

    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"transport test", -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_set_pubkey(x509, pkey);
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
    const char *const extensions[][2] = {{"subjectAltName", "IP:127.0.0.1"}, {"basicConstraints", "critical,CA:TRUE"}};
    for (size_t i = 0; i < 2; i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf(NULL, &ctx, extensions[i][0], extensions[i][1]);
        X509_add_ext(x509, extension, -1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(x509, pkey, EVP_sha256()) > 0);
    return x509;
}

static void write_pem(char path[static 64], const char *name, X509 *x509, EVP_PKEY *pkey)
{
    snprintf(path, 64, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(x509 ? PEM_write_X509(file, x509) : PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL));
    assert_int_equal(fclose(file), 0);
}

static int make_certificates(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* a client may go away at any moment */
    assert_non_null(mkdtemp(folder));
    key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    certificate = self_signed(key);
    other_certificate = self_signed(other_key);
    write_pem(ca_file, "ca.pem", certificate, NULL);
    write_pem(other_ca_file, "other.pem", other_certificate, NULL);
    write_pem(key_file, "key.pem", NULL, key);
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static int drop_certificates(void **state)
{
    (void)state;
    unlink(ca_file);
    unlink(other_ca_file);
    unlink(key_file);
    rmdir(folder);
    X509_free(certificate);
    X509_free(other_certificate);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    curl_global_cleanup();
    return 0;
}

/* ---- the server ---- */

enum behaviour {
    ANSWER,            /* 200 and reply */
    ANSWER_IN_COMPANY, /* the same, after a chance for another request to come in meanwhile */
    ANSWER_LATE,       /* the same, after 600 ms */
    ANSWER_CLOSE,      /* the same, without Content-Length, ended by close_notify */
    CUT_CLOSE,         /* the same, ended without close_notify */
    TRUNCATE,          /* Content-Length says more than comes */
    RESET,             /* TCP reset in the middle of the body */
    NO_REPLY,          /* closed after the request was read */
    DIE_ON_REUSE,      /* answers the first request of a connection, closes at the second */
    SILENT,            /* reads the request, never answers */
    SLOW_HANDSHAKE,    /* accepts and says nothing */
    REDIRECT,          /* 302 to itself */
    STATUS_500,
    EMPTY_BODY,
    ENDLESS, /* a body over SECTIGO_REPLY_MAX */
};

struct server {
    _Atomic enum behaviour behaviour; /* a test may change it, and the reply, while it serves */
    const char *_Atomic reply;
    const char *headers; /* more of them in ANSWER, each with its end of line; NULL: none */
    int listener, stop[2];
    uint16_t port;
    SSL_CTX *ctx;
    pthread_t thread;
    bool client_certificates;
    atomic_int connections, requests, resumed, in_flight, most_in_flight, client_certificates_seen;
    char request[8192];
    pthread_t workers[32];
    struct worker {
        struct server *server;
        int fd;
    } jobs[32];
};

static bool stopped(struct server *server, int fd)
{
    struct pollfd polled[2] = {{.fd = fd, .events = POLLIN}, {.fd = server->stop[0], .events = POLLIN}};
    return poll(polled, 2, 20000) <= 0 || !(polled[0].revents);
}

/* A whole request: headers and as much body as they say. 0 at the end of the connection. */
static size_t read_request(SSL *ssl, char *buffer, size_t size)
{
    size_t len = 0;

    for (;;) {
        char *body = strstr(buffer, "\r\n\r\n");
        const char *length = len ? strcasestr(buffer, "Content-Length:") : NULL;

        if (len && body && length && len >= (size_t)(body + 4 - buffer) + strtoul(length + 15, NULL, 10))
            return len;
        int got = SSL_read(ssl, buffer + len, (int)(size - len - 1));
        if (got <= 0)
            return 0;
        len += (size_t)got;
        buffer[len] = '\0';
    }
}

static void write_text(SSL *ssl, const char *text)
{
    SSL_write(ssl, text, (int)strlen(text));
}

static void write_reply(SSL *ssl, const char *status, const char *headers, const char *body)
{
    char head[512];

    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body), headers);
    write_text(ssl, head);
    write_text(ssl, body);
}

static void write_endless(SSL *ssl)
{
    static char chunk[16384];

    memset(chunk, 'x', sizeof chunk);
    write_text(ssl, "HTTP/1.1 200 OK\r\n\r\n");
    for (size_t sent = 0; sent < 2 * SECTIGO_REPLY_MAX; sent += sizeof chunk)
        if (SSL_write(ssl, chunk, sizeof chunk) <= 0)
            return;
}

static void reset_connection(SSL *ssl)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    write_text(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nerrorCode=0");
    setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void write_unframed(SSL *ssl, const char *body)
{
    write_text(ssl, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    write_text(ssl, body);
}

static void truncate_reply(SSL *ssl)
{
    write_text(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nerrorCode=0&orderNumber=12345");
    SSL_shutdown(ssl);
}

/* Replies after which the connection ends. */
static void answer_last(struct server *server, SSL *ssl)
{
    switch ((enum behaviour)server->behaviour) {
    case ANSWER_CLOSE:
        write_unframed(ssl, server->reply);
        SSL_shutdown(ssl);
        break;
    case CUT_CLOSE:
        write_unframed(ssl, server->reply);
        break;
    case TRUNCATE:
        truncate_reply(ssl);
        break;
    case RESET:
        reset_connection(ssl);
        break;
    case ENDLESS:
        write_endless(ssl);
        break;
    case SILENT:
        stopped(server, -1);
        break;
    default:
        break;
    }
}

/* Until another request is in flight, or long enough for it to have come. */
static void await_company(struct server *server)
{
    struct pollfd polled = {.fd = server->stop[0], .events = POLLIN};

    for (int i = 0; i < 20 && atomic_load(&server->in_flight) < 2; i++)
        poll(&polled, 1, 5);
}

/* True: the connection goes on. */
static bool answer(struct server *server, SSL *ssl, int nth)
{
    switch ((enum behaviour)server->behaviour) {
    case ANSWER_LATE:
    case ANSWER_IN_COMPANY:
        write_reply(ssl, "200 OK", "", server->reply);
        return true;
    case ANSWER:
        write_reply(ssl, "200 OK", server->headers ? server->headers : "", server->reply);
        return true;
    case DIE_ON_REUSE:
        if (nth == 1)
            write_reply(ssl, "200 OK", "", server->reply);
        return nth == 1;
    case REDIRECT:
        write_reply(ssl, "302 Found", "Location: /elsewhere\r\n", "errorCode=0");
        return true;
    case STATUS_500:
        write_reply(ssl, "500 Internal Server Error", "", "errorCode=0&orderNumber=1");
        return true;
    case EMPTY_BODY:
        write_reply(ssl, "200 OK", "", "");
        return true;
    default:
        answer_last(server, ssl);
        return false;
    }
}

static void count_in_flight(struct server *server)
{
    int now = atomic_fetch_add(&server->in_flight, 1) + 1, most = atomic_load(&server->most_in_flight);

    while (now > most && !atomic_compare_exchange_weak(&server->most_in_flight, &most, now))
        ;
}

static void converse(struct server *server, SSL *ssl)
{
    char request[8192];

    if (SSL_accept(ssl) <= 0)
        return;
    X509 *peer = SSL_get1_peer_certificate(ssl);
    atomic_fetch_add(&server->client_certificates_seen, peer != NULL);
    X509_free(peer);
    atomic_fetch_add(&server->resumed, SSL_session_reused(ssl));
    for (int nth = 1;; nth++) {
        request[0] = '\0';
        if (!SSL_pending(ssl) && stopped(server, SSL_get_fd(ssl)))
            return;
        if (read_request(ssl, request, sizeof request) == 0)
            return;
        count_in_flight(server);
        if (atomic_fetch_add(&server->requests, 1) == 0)
            memcpy(server->request, request, sizeof request);
        if (server->behaviour == ANSWER_IN_COMPANY)
            await_company(server);
        if (server->behaviour == ANSWER_LATE)
            poll(NULL, 0, 600);
        /* The client may send its next request as soon as it has the reply. */
        atomic_fetch_sub(&server->in_flight, 1);
        if (!answer(server, ssl, nth))
            return;
    }
}

static void *serve_connection(void *ctx)
{
    struct worker *job = ctx;
    SSL *ssl = SSL_new(job->server->ctx);

    if (job->server->behaviour == SLOW_HANDSHAKE) {
        stopped(job->server, -1);
    } else {
        SSL_set_fd(ssl, job->fd);
        converse(job->server, ssl);
    }
    SSL_free(ssl);
    close(job->fd);
    return NULL;
}

static void *serve(void *ctx)
{
    struct server *server = ctx;

    while (!stopped(server, server->listener)) {
        int nth = atomic_load(&server->connections);
        int fd = accept(server->listener, NULL, NULL);

        assert_true(fd >= 0 && nth < 32);
        server->jobs[nth] = (struct worker){.server = server, .fd = fd};
        assert_int_equal(pthread_create(&server->workers[nth], NULL, serve_connection, &server->jobs[nth]), 0);
        atomic_fetch_add(&server->connections, 1);
    }
    return NULL;
}

/* A port that nobody else gets, and where nobody listens yet. */
static uint16_t bind_on_loopback(int *listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*listener, (struct sockaddr *)&address, size), 0);
    getsockname(*listener, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

static uint16_t listen_on_loopback(int *listener)
{
    uint16_t port = bind_on_loopback(listener);

    assert_int_equal(listen(*listener, 32), 0);
    return port;
}

static int accept_any(int ok, X509_STORE_CTX *ctx)
{
    (void)ok;
    (void)ctx;
    return 1;
}

static void start_server(struct server *server, enum behaviour behaviour, const char *reply)
{
    server->behaviour = behaviour;
    server->reply = reply;
    server->port = listen_on_loopback(&server->listener);
    assert_int_equal(pipe(server->stop), 0);
    server->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(server->ctx, certificate);
    SSL_CTX_use_PrivateKey(server->ctx, key);
    if (server->client_certificates)
        SSL_CTX_set_verify(server->ctx, SSL_VERIFY_PEER, accept_any);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop_server(struct server *server)
{
    close(server->stop[1]);
    pthread_join(server->thread, NULL);
    for (int i = 0; i < atomic_load(&server->connections); i++)
        pthread_join(server->workers[i], NULL);
    close(server->stop[0]);
    close(server->listener);
    SSL_CTX_free(server->ctx);
}

#endif
