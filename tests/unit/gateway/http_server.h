/* http_server: a server under test on free loopback ports, its folder and its certificates. */
#ifndef TESTS_UNIT_GATEWAY_HTTP_SERVER_H
#define TESTS_UNIT_GATEWAY_HTTP_SERVER_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "gateway/http/http.h"
#include "http_client.h"

struct world {
    char folder[64];
    char certificate[128], key[128], socket[128];
    struct http_config config;
    struct http_server *server;
    char reason[HTTP_REASON_MAX];
    char acme[HTTP_ADDRESS_MAX], public[HTTP_ADDRESS_MAX]; /* addresses bound */
};

static const char *const any_port[] = {"127.0.0.1:0"};

/* Writes a self-signed P-256 certificate of this name, valid from and to so many seconds from now. */
static inline void world_certificate(const struct world *w, const char *name, long from_s, long to_s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    FILE *file;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                               -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_non_null(file = fopen(w->certificate, "w"));
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    assert_non_null(file = fopen(w->key, "w"));
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* Says what it was asked: "METHOD path?query auth=... type=... peer=... len=..." and the body's first octets. Some
 * paths ask for a special answer. */
static inline void world_echo(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    (void)ctx;
    answer->status = 200;
    answer->content_type = "text/plain";
    if (strcmp(call->path, "/nothing") == 0) {
        answer->status = 204;
        answer->content_type = NULL;
        return;
    }
    if (strcmp(call->path, "/private") == 0) {
        answer->status = 401;
        answer->www_authenticate = "Basic realm=\"test\"";
        answer->retry_after_s = 7;
    }
    int len = asprintf(&answer->body, "%s %s?%s auth=%s type=%s peer=%s len=%zu %.16s", call->method, call->path,
                       call->query, call->authorization, call->content_type, call->peer, call->body_len, call->body);
    assert_true(len > 0);
    answer->body_len = (size_t)len;
}

static inline int world_prepare(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    snprintf(w->folder, sizeof w->folder, "/tmp/acmegate-http-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->certificate, sizeof w->certificate, "%s/certificate.pem", w->folder);
    snprintf(w->key, sizeof w->key, "%s/key.pem", w->folder);
    snprintf(w->socket, sizeof w->socket, "%s/admin.sock", w->folder);
    world_certificate(w, "first.example", 0, 3600);
    w->config = (struct http_config){
        .threads = 2,
        .public_listen = any_port,
        .public_listen_count = 1,
        .public_handler = world_echo,
        .admin_handler = world_echo,
    };
    *state = w;
    return 0;
}

static inline bool world_try_start(struct world *w)
{
    w->reason[0] = '\0';
    w->server = http_start(&w->config, w->reason);
    if (!w->server)
        return false;
    http_address(w->server, HTTP_ACME, 0, w->acme);
    http_address(w->server, HTTP_PUBLIC, 0, w->public);
    return true;
}

static inline void world_start(struct world *w)
{
    bool ok = world_try_start(w);
    if (!ok)
        print_error("%s\n", w->reason);
    assert_true(ok);
}

/* Goes by w->config from now on; false: w->reason. */
static inline bool world_change(struct world *w)
{
    struct http_change *change = http_prepare(w->server, &w->config, w->reason);
    if (change)
        http_adopt(w->server, change);
    return change != NULL;
}

static inline void world_stop(struct world *w)
{
    if (w->server)
        http_stop(w->server, 5000);
    http_free(w->server);
    w->server = NULL;
}

static inline int world_remove(const char *path, const struct stat *found, int kind, struct FTW *at)
{
    (void)found, (void)kind, (void)at;
    return remove(path);
}

static inline int world_end(void **state)
{
    struct world *w = *state;
    world_stop(w);
    nftw(w->folder, world_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

static inline void get(struct client *client, const char *path)
{
    assert_true(client_send(client, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path));
}

/* Reads a reply, checks its status, and returns it for a closer look; the caller frees it. */
static inline struct client_reply *expect(struct client *client, int status)
{
    struct client_reply *reply = client_read(client, false);
    if (reply->status != status)
        print_error("%s%s\n", reply->head, reply->body);
    assert_int_equal(reply->status, status);
    return reply;
}

#endif
