#include "sectigo/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ssl.h>

#include "sectigo/client.h"
#include "sectigo/value.h"

struct sectigo_call {
    struct sectigo_client *client;
    const struct sectigo_call_info *info;
    enum sectigo_call_kind kind;
    CURL *easy;
    char *url, *request; /* request holds the password */
    char *body;
    size_t body_len, body_capacity;
    bool too_long, framed, closed_properly;
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
static size_t on_body(char *data, size_t size, size_t count, void *ctx)
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

/* A reply says itself where it ends; one that does not must end with the TLS connection's own farewell, or else a
 * number cut in the middle would be taken for whole. */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    static const char length[] = "Content-Length:", encoding[] = "Transfer-Encoding:", status[] = "HTTP/";
    struct sectigo_call *call = ctx;
    size_t len = size * count;

    if (len >= sizeof(status) && strncasecmp(line, status, sizeof(status) - 1) == 0)
        call->framed = false;
    else if ((len >= sizeof(length) && strncasecmp(line, length, sizeof(length) - 1) == 0) ||
             (len >= sizeof(encoding) && strncasecmp(line, encoding, sizeof(encoding) - 1) == 0))
        call->framed = true;
    return len;
}

static int call_index;
static pthread_once_t call_index_once = PTHREAD_ONCE_INIT;

static void make_call_index(void)
{
    call_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static void on_tls_event(const SSL *ssl, int where, int value)
{
    struct sectigo_call *call = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), call_index);

    if (call && where == SSL_CB_READ_ALERT && (value & 0xff) == SSL_AD_CLOSE_NOTIFY)
        call->closed_properly = true;
}

/* Only for connections of one call: the context must not outlive it. */
static CURLcode on_tls_context(CURL *easy, void *ctx, void *call)
{
    (void)easy;
    SSL_CTX_set_info_callback(ctx, on_tls_event);
    return SSL_CTX_set_ex_data(ctx, call_index, call) == 1 ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* libcurl sends a request again by itself on a reused connection that died before the first octet of the reply: what
 * changes something never meets one. */
static bool set_fresh_connection(struct sectigo_call *call)
{
    pthread_once(&call_index_once, make_call_index);
    return call_index >= 0 && curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
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
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_error) == CURLE_OK &&
           (!call->info->changes || set_fresh_connection(call));
}

static bool prepare(struct sectigo_call *call)
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
    struct sectigo_call *call = info ? calloc(1, sizeof(*call)) : NULL;

    if (call && add_login(client, info, form)) {
        call->client = client;
        call->info = info;
        call->kind = kind;
        call->request = sectigo_form_encode(form, false);
    }
    sectigo_form_clear(form);
    if (call && call->request && prepare(call))
        return call;
    sectigo_call_free(call);
    return NULL;
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
    bool left = !nothing_sent(call->easy);

    if (call->too_long)
        snprintf(call->reason, sizeof(call->reason), "%s: the reply from %s is longer than %d octets", call->info->name,
                 call->client->url, SECTIGO_REPLY_MAX);
    else
        snprintf(call->reason, sizeof(call->reason), "%s: %s %s: %s", call->info->name,
                 left ? "no whole reply from" : "nothing was sent to", call->client->url, detail);
    return left ? SECTIGO_LOST : SECTIGO_NEVER_LEFT;
}

enum sectigo_outcome sectigo_call_finish(struct sectigo_call *call, CURLcode result)
{
    long status = 0;

    call->reason[0] = '\0';
    if (result != CURLE_OK)
        return failed_transfer(call, result);
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        snprintf(call->reason, sizeof(call->reason), "%s: HTTP status %ld from %s", call->info->name, status,
                 call->client->url);
    else if (call->body_len == 0)
        snprintf(call->reason, sizeof(call->reason), "%s: an empty reply from %s", call->info->name, call->client->url);
    else if (call->info->changes && !call->framed && !call->closed_properly)
        snprintf(call->reason, sizeof(call->reason), "%s: no whole reply from %s: it was cut", call->info->name,
                 call->client->url);
    return *call->reason ? SECTIGO_LOST : SECTIGO_ANSWERED;
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
