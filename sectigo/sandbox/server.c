#include "sectigo/sandbox/server.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/call.h"
#include "sectigo/sandbox/control.h"
#include "sectigo/sandbox/reply.h"

enum { BODY_MAX = 1024 * 1024, CONNECTIONS_MAX = 2000, IDLE_S = 120, STACK_BYTES = 512 * 1024 };

struct server {
    struct sandbox *sandbox;
    struct MHD_Daemon *tls;
    gnutls_datum_t ticket_key;
    char url[128];
};

/* A request while its body comes in. */
struct request {
    char *body;
    size_t len;
    bool too_long;
};

static bool take_body(struct request *request, const char *data, size_t len)
{
    char *body;
    if (request->too_long || len > BODY_MAX - request->len) {
        request->too_long = true;
        return true;
    }
    body = realloc(request->body, request->len + len + 1);
    if (!body)
        return false;
    memcpy(body + request->len, data, len);
    request->body = body;
    request->len += len;
    body[request->len] = 0;
    return true;
}

static enum MHD_Result add_query(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    sectigo_form_add(arg, name, value ? value : "");
    return MHD_YES;
}

/* CollectSSL must not be called twice at a time for a login: kept count of, for tests. */
static struct account *collect_begin(struct sandbox *sandbox, const struct endpoint *endpoint,
                                     const struct sectigo_form *form)
{
    const char *name = sectigo_form_get(form, "loginName");
    struct account *account = NULL;
    pthread_mutex_lock(&sandbox->lock);
    sandbox->requests[endpoint->kind]++;
    if (endpoint->kind == SECTIGO_COLLECT_SSL && name)
        account = sandbox_account(sandbox, name);
    if (account && account->collecting++)
        sandbox->concurrent_collects++;
    pthread_mutex_unlock(&sandbox->lock);
    return account;
}

static void collect_end(struct sandbox *sandbox, const struct endpoint *endpoint, struct account *account)
{
    pthread_mutex_lock(&sandbox->lock);
    if (account)
        account->collecting--;
    sandbox->answered[endpoint->kind]++;
    pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->lock);
}

static enum MHD_Result run_endpoint(struct sandbox *sandbox, struct MHD_Connection *connection,
                                    const struct endpoint *endpoint, const char *method, const struct request *request)
{
    struct sectigo_form form = {0};
    struct answer answer;
    struct call call = {.sandbox = sandbox, .form = &form, .answer = &answer};
    struct fault fault;
    struct account *collecting;
    enum MHD_Result result;
    bool is_post = strcmp(method, "POST") == 0, parsed, after;
    answer_open(&answer, false);
    if (is_post)
        parsed = sectigo_form_parse(request->body ? request->body : "", request->len, NULL, &form);
    else
        parsed = MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, &form) >= 0;
    collecting = collect_begin(sandbox, endpoint, &form);
    if (!reply_before(sandbox, endpoint, &answer)) {
        if (parsed && !form.failed)
            call_run(endpoint, &call, is_post);
        else
            answer_refuse(&answer, -14, "An unknown error occurred!");
    }
    after = answer.code >= 0 && answer.http_status == 200 &&
            faults_take(&sandbox->faults, endpoint->name, FAULT_AFTER, &fault);
    if (after)
        reply_after(sandbox, call.placed, &fault, &answer);
    collect_end(sandbox, endpoint, collecting);
    result = reply_send(connection, &answer, after ? &fault : NULL);
    answer_clear(&answer);
    sectigo_form_clear(&form);
    return result;
}

static enum MHD_Result run(struct sandbox *sandbox, struct MHD_Connection *connection, const char *path,
                           const char *method, const struct request *request)
{
    const struct endpoint *endpoint = endpoint_find(path);
    struct answer answer;
    enum MHD_Result result;
    if (endpoint && !request->too_long)
        return run_endpoint(sandbox, connection, endpoint, method, request);
    answer_open(&answer, false);
    if (request->too_long)
        answer_text(&answer, 413, "text/plain", "The request is too long.\n");
    else if (strncmp(path, "/sandbox/", 9) == 0)
        control_run(sandbox, method, path, request->body, request->len, &answer);
    else
        answer_text(&answer, 404, "text/html", "<html><body><h1>Not Found</h1></body></html>\n");
    result = reply_send(connection, &answer, NULL);
    answer_clear(&answer);
    return result;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *len, void **state)
{
    struct request *request = *state;
    (void)version;
    if (!request) {
        *state = calloc(1, sizeof *request);
        return *state ? MHD_YES : MHD_NO;
    }
    if (*len) {
        bool ok = take_body(request, data, *len);
        *len = 0;
        return ok ? MHD_YES : MHD_NO;
    }
    return run(arg, connection, path, method, request);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *state;
    (void)arg;
    (void)connection;
    (void)code;
    if (request) {
        if (request->body)
            explicit_bzero(request->body, request->len); /* there was a password in it */
        free(request->body);
        free(request);
    }
    *state = NULL;
}

static enum MHD_Result on_connect(void *arg, const struct sockaddr *address, socklen_t len)
{
    struct sandbox *sandbox = arg;
    struct fault fault;
    (void)address;
    (void)len;
    pthread_mutex_lock(&sandbox->lock);
    sandbox->connections++;
    pthread_mutex_unlock(&sandbox->lock);
    return faults_take(&sandbox->faults, "*", FAULT_CONNECT, &fault) ? MHD_NO : MHD_YES;
}

/* Sessions can be resumed: a client that must not reuse connections still saves the better part of a handshake. */
static void on_connection(void *arg, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    const struct server *server = arg;
    const union MHD_ConnectionInfo *info;
    (void)state;
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info && info->tls_session)
        gnutls_session_ticket_enable_server(info->tls_session, &server->ticket_key);
}

static socklen_t make_address(const struct options *options, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, options->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(options->port);
        return sizeof *v4;
    }
    inet_pton(AF_INET6, options->address, &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(options->port);
    return sizeof *v6;
}

static void set_url(struct server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->tls, MHD_DAEMON_INFO_BIND_PORT);
    const char *address = server->sandbox->options.address;
    snprintf(server->url, sizeof server->url, strchr(address, ':') ? "https://[%s]:%u" : "https://%s:%u", address,
             info ? info->port : 0u);
}

struct server *server_start(struct sandbox *sandbox)
{
    struct sockaddr_storage address;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_TLS;
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->sandbox = sandbox;
    gnutls_session_ticket_key_generate(&server->ticket_key);
    if (make_address(&sandbox->options, &address) == sizeof(struct sockaddr_in6))
        flags |= MHD_USE_IPv6;
    server->tls = MHD_start_daemon(flags, sandbox->options.port, on_connect, sandbox, on_request, sandbox,
                                   MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_HTTPS_MEM_CERT,
                                   sandbox->ca.tls_certificate, MHD_OPTION_HTTPS_MEM_KEY, sandbox->ca.tls_key,
                                   MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
                                   on_connection, server, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                   MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_THREAD_STACK_SIZE,
                                   (size_t)STACK_BYTES, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (!server->tls) {
        fprintf(stderr, "sectigo-sandbox: cannot listen on %s port %u; is something else there?\n",
                sandbox->options.address, sandbox->options.port);
        gnutls_free(server->ticket_key.data);
        free(server);
        return NULL;
    }
    set_url(server);
    return server;
}

const char *server_url(const struct server *server)
{
    return server->url;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    MHD_stop_daemon(server->tls);
    gnutls_memset(server->ticket_key.data, 0, server->ticket_key.size);
    gnutls_free(server->ticket_key.data);
    free(server);
}
