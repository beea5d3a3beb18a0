#include "sectigo/transport.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/ssl.h>

#include "sectigo/client.h"
#include "sectigo/departure.h"
#include "sectigo/value.h"

/* Whether a TLS connection said farewell. The connection holds it by its SSL_CTX, which may outlive the call: libcurl
 * (8.10 and later) ends a connection gracefully after the transfer is done. */
struct farewell {
    atomic_uint holders;
    atomic_bool said;
};
enum { DATE_MAX = 63, SOCKETS_MAX = 8 };

struct sectigo_call {
    struct sectigo_client *client;
    const struct sectigo_call_info *info;
    enum sectigo_call_kind kind;
    CURL *easy;
    char *url, *request; /* request holds the password */
    char *body;
    size_t body_len, body_capacity;
    bool too_long, framed;
    struct farewell *farewell; /* of a changing call's connection; NULL until there is one */
    uint64_t date_s;           /* of the reply; 0: it says none */
    const char *(*may_leave)(void *ctx);
    void *may_leave_ctx;
    uint64_t leave_by_ms; /* as departure.h has it */
    curl_socket_t sockets[SOCKETS_MAX]; /* libcurl tries several at once: the last of them, and how many there were */
    unsigned socket_count;
    const char *withheld; /* why it may not leave; NULL: nobody said so */
    char reason[SECTIGO_MESSAGE_MAX];
    char curl_error[CURL_ERROR_SIZE];
};

static bool grow_body(struct sectigo_call *call, size_t needed)
{
    size_t capacity = call->body_capacity ? call->body_capacity : 4096;

    while (capacity < needed)
        capacity *= 2;
    if (capacity == call->body_capacity)
        return true;
    char *body = realloc(call->body, capacity);
    if (!body)
        return false;
    call->body = body;
    call->body_capacity = capacity;
    return true;
}

/* Answers less than it was given to end the transfer. */
static size_t on_call_body(char *data, size_t size, size_t count, void *ctx)
{
    struct sectigo_call *call = ctx;
    size_t len = size * count;

    call->too_long = len > SECTIGO_REPLY_MAX - call->body_len;
    if (call->too_long || !grow_body(call, call->body_len + len + 1))
        return 0;
    memcpy(call->body + call->body_len, data, len);
    call->body_len += len;
    call->body[call->body_len] = '\0';
    return len;
}

/* "Date: Thu, 26 Nov 2026 14:34:48 GMT\r\n", as an HTTP server with a clock has to say (RFC 9110 section 6.6.1). */
static void read_date(struct sectigo_call *call, const char *text, size_t len)
{
    char date[DATE_MAX + 1];

    len = len < sizeof date ? len : sizeof date - 1;
    memcpy(date, text, len);
    date[len] = '\0';
    time_t seconds = curl_getdate(date, NULL);
    call->date_s = seconds > 0 ? (uint64_t)seconds : 0;
}

/* A reply says itself where it ends; one that does not must end with the TLS connection's own farewell, or else a
 * number cut in the middle would be taken for whole. */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    static const char length[] = "Content-Length:", encoding[] = "Transfer-Encoding:", status[] = "HTTP/";
    static const char date[] = "Date:";
    struct sectigo_call *call = ctx;
    size_t len = size * count;

    departure_disarm();
    if (len >= sizeof status && strncasecmp(line, status, sizeof status - 1) == 0)
        call->framed = false;
    else if ((len >= sizeof length && strncasecmp(line, length, sizeof length - 1) == 0) ||
             (len >= sizeof encoding && strncasecmp(line, encoding, sizeof encoding - 1) == 0))
        call->framed = true;
    else if (len >= sizeof date && strncasecmp(line, date, sizeof date - 1) == 0)
        read_date(call, line + sizeof date - 1, len - sizeof date + 1);
    return len;
}

/* ---- the farewell ---- */

/* For two holders: the connection and the call. */
static struct farewell *make_farewell(void)
{
    struct farewell *farewell = malloc(sizeof *farewell);

    if (farewell) {
        atomic_init(&farewell->holders, 2);
        atomic_init(&farewell->said, false);
    }
    return farewell;
}

static void release_farewell(struct farewell *farewell)
{
    if (farewell && atomic_fetch_sub(&farewell->holders, 1) == 1)
        free(farewell);
}

static int farewell_index;
static pthread_once_t farewell_index_once = PTHREAD_ONCE_INIT;

/* OpenSSL frees an SSL_CTX, and calls this, when nothing uses it any more (SSL_CTX_free(3), CRYPTO_EX_free(3)). */
static void on_tls_context_free(void *context, void *farewell, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)context, (void)data, (void)index, (void)argl, (void)argp;
    release_farewell(farewell);
}

static void make_farewell_index(void)
{
    farewell_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_tls_context_free);
}

static void on_tls_event(const SSL *ssl, int where, int value)
{
    struct farewell *farewell = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), farewell_index);

    if (farewell && where == SSL_CB_READ_ALERT && (value & 0xff) == SSL_AD_CLOSE_NOTIFY)
        atomic_store(&farewell->said, true);
}

/* Called within the call's transfer only. Of several connections (a proxy's by TLS, then Sectigo's through it) the last
 * is the one that carries the reply. */
static CURLcode on_tls_context(CURL *easy, void *context, void *ctx)
{
    struct sectigo_call *call = ctx;
    struct farewell *farewell = make_farewell();

    (void)easy;
    if (!farewell)
        return CURLE_OUT_OF_MEMORY;
    if (SSL_CTX_set_ex_data(context, farewell_index, farewell) != 1) {
        free(farewell);
        return CURLE_OUT_OF_MEMORY;
    }
    release_farewell(call->farewell);
    call->farewell = farewell;
    SSL_CTX_set_info_callback(context, on_tls_event);
    return CURLE_OK;
}

static bool closed_properly(const struct sectigo_call *call)
{
    return call->farewell && atomic_load(&call->farewell->said);
}

/* ---- the request ---- */

/* libcurl sends a request again by itself on a reused connection that died before the first octet of the reply: what
 * changes something never meets one. */
static bool set_fresh_connection(struct sectigo_call *call)
{
    pthread_once(&farewell_index_once, make_farewell_index);
    return farewell_index >= 0 && curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_SSL_CTX_DATA, call) == CURLE_OK;
}

static bool set_request(struct sectigo_call *call)
{
    CURL *easy = call->easy;

    return curl_easy_setopt(easy, CURLOPT_URL, call->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->request) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(call->request)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_call_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_error) == CURLE_OK &&
           (!call->info->changes || set_fresh_connection(call));
}

static bool prepare_call(struct sectigo_call *call)
{
    if (asprintf(&call->url, "%s%s", call->client->url, call->info->path) < 0) {
        call->url = NULL;
        return false;
    }
    call->easy = sectigo_client_take(call->client);
    return call->easy && set_request(call);
}

static bool add_login(const struct sectigo_client *client, const struct sectigo_call_info *info,
                      struct sectigo_form *form)
{
    if (!info->login)
        return true;
    if (sectigo_form_get(form, "loginName") || sectigo_form_get(form, "loginPassword"))
        return false;
    sectigo_form_add(form, "loginName", client->login_name);
    sectigo_form_add_secret(form, "loginPassword", client->login_password);
    return true;
}

struct sectigo_call *sectigo_call_make(struct sectigo_client *client, enum sectigo_call_kind kind,
                                       struct sectigo_form *form)
{
    const struct sectigo_call_info *info = sectigo_call_info(kind);
    struct sectigo_call *call = info ? calloc(1, sizeof *call) : NULL;

    if (call && add_login(client, info, form)) {
        call->client = client;
        call->info = info;
        call->kind = kind;
        call->request = sectigo_form_encode(form, false);
    }
    sectigo_form_clear(form);
    if (call && call->request && prepare_call(call))
        return call;
    sectigo_call_free(call);
    return NULL;
}

static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    struct sectigo_call *call = ctx;

    (void)purpose;
    call->sockets[call->socket_count++ % SOCKETS_MAX] = fd;
    return CURL_SOCKOPT_OK;
}

static int port_of(curl_socket_t fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {.sin6_port = 0}};
    socklen_t len = sizeof address;

    if (getsockname(fd, &address.any, &len) != 0)
        return -1;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* The socket of the connection from this port. */
static void arm_departure(struct sectigo_call *call, int local_port)
{
    for (unsigned i = 0; i < SOCKETS_MAX && i < call->socket_count; i++)
        if (port_of(call->sockets[i]) == local_port)
            departure_arm(call->sockets[i], call->leave_by_ms);
}

/* libcurl asks after the connection is there, and before the first octet of the request. */
static int on_ready(void *ctx, char *server_ip, char *local_ip, int server_port, int local_port)
{
    struct sectigo_call *call = ctx;

    (void)server_ip, (void)local_ip, (void)server_port;
    arm_departure(call, local_port);
    call->withheld = call->may_leave(call->may_leave_ctx);
    return call->withheld ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

bool sectigo_call_ask_first(struct sectigo_call *call, const char *(*may_leave)(void *ctx), void *ctx, long within_ms)
{
    long connect_ms = call->client->connect_timeout_ms < within_ms ? call->client->connect_timeout_ms : within_ms;

    call->may_leave = may_leave;
    call->may_leave_ctx = ctx;
    call->leave_by_ms = departure_now_ms() + (uint64_t)within_ms;
    return curl_easy_setopt(call->easy, CURLOPT_PREREQFUNCTION, on_ready) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_PREREQDATA, call) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_SOCKOPTFUNCTION, on_socket) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_SOCKOPTDATA, call) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK;
}

CURL *sectigo_call_handle(struct sectigo_call *call)
{
    return call->easy;
}

/* libcurl notes the time before it sends the first octet of a request; 0: it never came to that. */
static bool nothing_sent(CURL *easy)
{
    curl_off_t before_request = 0;

    return curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &before_request) == CURLE_OK && before_request == 0;
}

static enum sectigo_outcome failed_transfer(struct sectigo_call *call, CURLcode result)
{
    const char *detail = *call->curl_error ? call->curl_error : curl_easy_strerror(result);
    bool left = !call->withheld && !nothing_sent(call->easy);

    if (call->withheld)
        snprintf(call->reason, sizeof call->reason, "%s: %s", call->info->name, call->withheld);
    else if (call->too_long)
        snprintf(call->reason, sizeof call->reason, "%s: the reply from %s is longer than %d octets", call->info->name,
                 call->client->url, SECTIGO_REPLY_MAX);
    else
        snprintf(call->reason, sizeof call->reason, "%s: %s %s: %s", call->info->name,
                 left ? "no whole reply from" : "nothing was sent to", call->client->url, detail);
    return left ? SECTIGO_LOST : SECTIGO_NEVER_LEFT;
}

enum sectigo_outcome sectigo_call_finish(struct sectigo_call *call, CURLcode result)
{
    long status = 0;

    departure_disarm();
    call->reason[0] = '\0';
    if (result != CURLE_OK)
        return failed_transfer(call, result);
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        snprintf(call->reason, sizeof call->reason, "%s: HTTP status %ld from %s", call->info->name, status,
                 call->client->url);
    else if (call->body_len == 0)
        snprintf(call->reason, sizeof call->reason, "%s: an empty reply from %s", call->info->name, call->client->url);
    else if (call->info->changes && !call->framed && !closed_properly(call))
        snprintf(call->reason, sizeof call->reason, "%s: no whole reply from %s: it was cut", call->info->name,
                 call->client->url);
    return *call->reason ? SECTIGO_LOST : SECTIGO_ANSWERED;
}

uint64_t sectigo_call_date_s(const struct sectigo_call *call)
{
    return call->date_s;
}

bool sectigo_call_withheld(const struct sectigo_call *call)
{
    return call->withheld != NULL;
}

const char *sectigo_call_body(const struct sectigo_call *call, size_t *len)
{
    *len = call->body_len;
    return call->body ? call->body : "";
}

const char *sectigo_call_reason(const struct sectigo_call *call)
{
    return call->reason;
}

void sectigo_call_free(struct sectigo_call *call)
{
    if (!call)
        return;
    if (call->easy)
        sectigo_client_give(call->client, call->easy);
    release_farewell(call->farewell);
    sectigo_value_wipe(call->request);
    free(call->url);
    free(call->body);
    free(call);
}

enum sectigo_outcome sectigo_call_perform(struct sectigo_call *call)
{
    bool alone = call->kind == SECTIGO_COLLECT_SSL;

    if (alone)
        pthread_mutex_lock(&call->client->collect_lock);
    CURLcode result = curl_easy_perform(call->easy);
    if (alone)
        pthread_mutex_unlock(&call->client->collect_lock);
    return sectigo_call_finish(call, result);
}
