#include "sectigo/sandbox/server.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sandbox/call.h"
#include "sectigo/sandbox/control.h"
#include "sectigo/sandbox/peer.h"
#include "sectigo/sandbox/reply.h"
#include "sectigo/sandbox/status.h"

enum { BODY_MAX = 1024 * 1024, CONNECTIONS_MAX = 2000, IDLE_S = 120, STACK_BYTES = 512 * 1024 };

struct listener {
    struct sandbox *sandbox;
    struct MHD_Daemon *daemon;
    bool plain;
    char url[128];
    char *trusted; /* owned: PEM of --client-ca */
    gnutls_datum_t ticket_key;
};
struct server {
    struct listener tls, plain;
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

static uint64_t connection_number(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? (uintptr_t)info->socket_context : 0;
}

/* A request as tests ask about it: its line among the calls; CollectSSL must not be called twice at a time for a login.
 */
struct noted {
    uint64_t number;
    struct account *collecting;
};

static struct noted note_read(struct sandbox *sandbox, const struct endpoint *endpoint, const struct sectigo_form *form,
                              uint64_t connection)
{
    const char *name = sectigo_form_get(form, "loginName");
    struct noted noted = {0};
    pthread_mutex_lock(&sandbox->lock);
    sandbox->requests[endpoint->kind]++;
    noted.number = calls_begin(&sandbox->calls, endpoint->kind, form, connection);
    if (endpoint->kind == SECTIGO_COLLECT_SSL && name)
        noted.collecting = sandbox_account(sandbox, name);
    if (noted.collecting && noted.collecting->collecting++)
        sandbox->concurrent_collects++;
    pthread_mutex_unlock(&sandbox->lock);
    return noted;
}

static void note_answered(struct sandbox *sandbox, const struct noted *noted, const struct endpoint *endpoint,
                          const struct call *call, const struct fault *fault)
{
    pthread_mutex_lock(&sandbox->lock);
    if (noted->collecting)
        noted->collecting->collecting--;
    sandbox->answered[endpoint->kind]++;
    calls_end(&sandbox->calls, noted->number, call->answer, call->found, call->placed ? call->placed->number : NULL,
              fault && reply_is_lost(fault));
    pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->lock);
}

static enum MHD_Result run_endpoint(struct sandbox *sandbox, struct MHD_Connection *connection,
                                    const struct endpoint *endpoint, const char *method, const struct request *request)
{
    struct sectigo_form form = {0};
    struct answer answer;
    struct call call = {.sandbox = sandbox, .form = &form, .answer = &answer, .found = -1};
    struct fault fault;
    enum MHD_Result result;
    bool is_post = strcmp(method, "POST") == 0, parsed, after;
    answer_open(&answer, false);
    if (is_post)
        parsed = sectigo_form_parse(request->body ? request->body : "", request->len, NULL, &form);
    else
        parsed = MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, &form) >= 0;
    if (endpoint->kind != SECTIGO_DECODE_CSR)
        peer_login(sandbox, connection, &form);
    struct noted noted = note_read(sandbox, endpoint, &form, connection_number(connection));
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
    note_answered(sandbox, &noted, endpoint, &call, after ? &fault : NULL);
    result = reply_send(sandbox, connection, &answer, after ? &fault : NULL);
    answer_clear(&answer);
    sectigo_form_clear(&form);
    return result;
}

static enum MHD_Result run_call(const struct listener *listener, struct MHD_Connection *connection, const char *path,
                                const char *method, const struct request *request)
{
    struct sandbox *sandbox = listener->sandbox;
    const struct endpoint *endpoint = endpoint_find(path);
    struct answer answer;
    enum MHD_Result result;
    if (endpoint && !request->too_long && !listener->plain)
        return run_endpoint(sandbox, connection, endpoint, method, request);
    answer_open(&answer, !endpoint || !endpoint->format_default_url);
    if (request->too_long)
        answer_text(&answer, 413, "text/plain", "The request is too long.\n");
    else if (endpoint)
        answer_refuse_as(&answer, endpoint->kind, -1);
    else if (status_run(sandbox, method, path, request->body, request->len, &answer))
        ; /* answered */
    else if (strncmp(path, "/sandbox/", 9) == 0)
        control_run(sandbox, method, path, request->body, request->len, &answer);
    else
        answer_text(&answer, 404, "text/html", "<html><body><h1>Not Found</h1></body></html>\n");
    result = reply_send(sandbox, connection, &answer, NULL);
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
    return run_call(arg, connection, path, method, request);
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
    struct sandbox *sandbox = ((const struct listener *)arg)->sandbox;
    struct fault fault;
    (void)address;
    (void)len;
    pthread_mutex_lock(&sandbox->lock);
    sandbox->connections++;
    pthread_mutex_unlock(&sandbox->lock);
    return faults_take(&sandbox->faults, "*", FAULT_CONNECT, &fault) ? MHD_NO : MHD_YES;
}

/* Each has a number. Sessions can be resumed: a client that must not reuse connections still saves the better part of a
 * handshake. */
static void on_connection(void *arg, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    const struct listener *listener = arg;
    const union MHD_ConnectionInfo *info;
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    pthread_mutex_lock(&listener->sandbox->lock);
    *state = (void *)(uintptr_t)++listener->sandbox->numbered;
    pthread_mutex_unlock(&listener->sandbox->lock);
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info && info->tls_session)
        gnutls_session_ticket_enable_server(info->tls_session, &listener->ticket_key);
}

static socklen_t make_address(const char *text, uint16_t port, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    inet_pton(AF_INET6, text, &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof *v6;
}

static void set_url(struct listener *listener, const char *address)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(listener->url, sizeof listener->url, strchr(address, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
             listener->plain ? "http" : "https", address, info ? info->port : 0u);
}

/* Malloc'd; NULL: said on stderr. */
static char *read_pem_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, BODY_MAX + 1);
    size_t len = file && text ? fread(text, 1, BODY_MAX, file) : 0;
    if (file)
        fclose(file);
    if (len)
        return text;
    fprintf(stderr, "sectigo-sandbox: cannot read %s\n", path);
    free(text);
    return NULL;
}

/* False: said on stderr. */
static bool listen_on(struct listener *listener, struct sandbox *sandbox, const char *text, uint16_t port, bool plain)
{
    struct MHD_OptionItem certificate[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, sandbox->ca.tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, sandbox->ca.tls_key},
        {MHD_OPTION_END, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    struct sockaddr_storage address;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                     MHD_USE_SUPPRESS_DATE_NO_CLOCK; /* reply_send says the sandbox's own time */
    *listener = (struct listener){.sandbox = sandbox, .plain = plain};
    if (make_address(text, port, &address) == sizeof(struct sockaddr_in6))
        flags |= MHD_USE_IPv6;
    if (sandbox->options.client_ca && !plain) {
        listener->trusted = read_pem_file(sandbox->options.client_ca);
        if (!listener->trusted)
            return false;
        certificate[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, listener->trusted};
    }
    if (plain)
        certificate[0].option = MHD_OPTION_END;
    else
        flags |= MHD_USE_TLS;
    gnutls_session_ticket_key_generate(&listener->ticket_key);
    listener->daemon = MHD_start_daemon(
        flags, port, on_connect, listener, on_request, listener, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_ARRAY, certificate, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
    if (listener->daemon)
        set_url(listener, text);
    else
        fprintf(stderr, "sectigo-sandbox: cannot listen on %s port %u; is something else there?\n", text, port);
    return listener->daemon != NULL;
}

static void stop_listening(struct listener *listener)
{
    if (listener->daemon)
        MHD_stop_daemon(listener->daemon);
    if (listener->ticket_key.data)
        gnutls_memset(listener->ticket_key.data, 0, listener->ticket_key.size);
    gnutls_free(listener->ticket_key.data);
    free(listener->trusted);
}

struct server *server_start(struct sandbox *sandbox)
{
    const struct options *options = &sandbox->options;
    struct server *server = calloc(1, sizeof *server);
    if (server && listen_on(&server->tls, sandbox, options->address, options->port, false) &&
        (!*options->plain_address ||
         listen_on(&server->plain, sandbox, options->plain_address, options->plain_port, true)))
        return server;
    server_stop(server);
    return NULL;
}

const char *server_url(const struct server *server)
{
    return server->tls.url;
}

const char *server_plain_url(const struct server *server)
{
    return server->plain.url;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    stop_listening(&server->tls);
    stop_listening(&server->plain);
    free(server);
}
