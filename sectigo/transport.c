#include "sectigo/transport.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/crypto.h>

enum { CONNECT_TIMEOUT_MS = 30 * 1000, TIMEOUT_MS = 120 * 1000, IDLE_HANDLES = 8 };

struct sectigo_client {
    char *url, *login_name, *login_password, *ca_file, *client_certificate, *client_key, *proxy, *user_agent;
    long connect_timeout_ms, timeout_ms;
    CURLSH *share; /* TLS sessions: a fresh connection costs no full handshake */
    pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
    pthread_mutex_t collect_lock; /* no two CollectSSL calls of a login at once */
    pthread_mutex_t idle_lock;
    CURL *idle[IDLE_HANDLES]; /* of blocking calls: each keeps the connection of the calls that change nothing */
    size_t idle_count;
};

struct sectigo_call {
    struct sectigo_client *client;
    const struct sectigo_call_info *info;
    enum sectigo_call_kind kind;
    CURL *easy;
    char *url, *request; /* request holds the password */
    char *body;
    size_t body_len, body_capacity;
    bool too_long;
    char reason[SECTIGO_MESSAGE_MAX];
    char curl_error[CURL_ERROR_SIZE];
};

/* ---- client ---- */

static void lock_share(CURL *easy, curl_lock_data data, curl_lock_access access, void *ctx)
{
    (void)easy;
    (void)access;
    pthread_mutex_lock(&((struct sectigo_client *)ctx)->share_locks[data]);
}

static void unlock_share(CURL *easy, curl_lock_data data, void *ctx)
{
    (void)easy;
    pthread_mutex_unlock(&((struct sectigo_client *)ctx)->share_locks[data]);
}

static bool readable(const char *what, const char *file, char reason[static SECTIGO_MESSAGE_MAX])
{
    if (!file || access(file, R_OK) == 0)
        return true;
    snprintf(reason, SECTIGO_MESSAGE_MAX, "the %s \"%s\" cannot be read: %s", what, file, strerror(errno));
    return false;
}

/* Scheme and host only: a path, a query or a login in it would end up where nobody looks for it. */
static bool url_fits(const char *url, char reason[static SECTIGO_MESSAGE_MAX])
{
    const char *host = url && strncasecmp(url, "https://", 8) == 0 ? url + 8 : NULL;
    size_t host_len = host ? strcspn(host, "/?#@ \t\r\n\\") : 0;

    if (!host)
        snprintf(reason, SECTIGO_MESSAGE_MAX, "Sectigo's URL must begin with https://");
    else if (host_len == 0 || (host[host_len] && strcmp(host + host_len, "/") != 0))
        snprintf(reason, SECTIGO_MESSAGE_MAX,
                 "Sectigo's URL must be https:// and a host (with a port where needed), nothing after it");
    return host_len > 0 && (!host[host_len] || strcmp(host + host_len, "/") == 0);
}

static bool config_fits(const struct sectigo_client_config *config, char reason[static SECTIGO_MESSAGE_MAX])
{
    if (!url_fits(config->url, reason) || !readable("CA file", config->ca_file, reason) ||
        !readable("client certificate", config->client_certificate, reason) ||
        !readable("key of the client certificate", config->client_key, reason))
        return false;
    if (!config->client_key == !config->client_certificate)
        return true;
    snprintf(reason, SECTIGO_MESSAGE_MAX, "a client certificate and its key must be given together");
    return false;
}

static bool copy(char **slot, const char *text)
{
    *slot = text ? strdup(text) : NULL;
    return *slot || !text;
}

static bool copy_config(struct sectigo_client *client, const struct sectigo_client_config *config)
{
    client->connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    client->timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
    if (!copy(&client->url, config->url) || !copy(&client->login_name, config->login_name) ||
        !copy(&client->login_password, config->login_password) || !copy(&client->ca_file, config->ca_file) ||
        !copy(&client->client_certificate, config->client_certificate) ||
        !copy(&client->client_key, config->client_key) || !copy(&client->proxy, config->proxy) ||
        !copy(&client->user_agent, config->user_agent ? config->user_agent : "acmegate/" ACMEGATE_VERSION))
        return false;
    size_t len = strlen(client->url);
    if (client->url[len - 1] == '/')
        client->url[len - 1] = '\0';
    return true;
}

static bool make_share(struct sectigo_client *client)
{
    client->share = curl_share_init();
    return client->share && curl_share_setopt(client->share, CURLSHOPT_LOCKFUNC, lock_share) == CURLSHE_OK &&
           curl_share_setopt(client->share, CURLSHOPT_UNLOCKFUNC, unlock_share) == CURLSHE_OK &&
           curl_share_setopt(client->share, CURLSHOPT_USERDATA, client) == CURLSHE_OK &&
           curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
}

struct sectigo_client *sectigo_client_make(const struct sectigo_client_config *config,
                                           char reason[static SECTIGO_MESSAGE_MAX])
{
    if (!config_fits(config, reason))
        return NULL;
    struct sectigo_client *client = calloc(1, sizeof(*client));
    if (client) {
        for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
            pthread_mutex_init(&client->share_locks[i], NULL);
        pthread_mutex_init(&client->collect_lock, NULL);
        pthread_mutex_init(&client->idle_lock, NULL);
    }
    if (client && copy_config(client, config) && make_share(client))
        return client;
    sectigo_client_free(client);
    snprintf(reason, SECTIGO_MESSAGE_MAX, "out of memory");
    return NULL;
}

static void wipe_free(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void sectigo_client_free(struct sectigo_client *client)
{
    if (!client)
        return;
    while (client->idle_count > 0)
        curl_easy_cleanup(client->idle[--client->idle_count]);
    if (client->share)
        curl_share_cleanup(client->share);
    for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_destroy(&client->share_locks[i]);
    pthread_mutex_destroy(&client->collect_lock);
    pthread_mutex_destroy(&client->idle_lock);
    free(client->url);
    free(client->login_name);
    wipe_free(client->login_password);
    free(client->ca_file);
    free(client->client_certificate);
    free(client->client_key);
    wipe_free(client->proxy);
    free(client->user_agent);
    free(client);
}

static CURL *take_handle(struct sectigo_client *client)
{
    CURL *easy = NULL;

    pthread_mutex_lock(&client->idle_lock);
    if (client->idle_count > 0)
        easy = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->idle_lock);
    return easy ? easy : curl_easy_init();
}

static void give_handle(struct sectigo_client *client, CURL *easy)
{
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_SHARE, NULL);
    pthread_mutex_lock(&client->idle_lock);
    bool room = client->idle_count < IDLE_HANDLES;
    if (room)
        client->idle[client->idle_count++] = easy;
    pthread_mutex_unlock(&client->idle_lock);
    if (!room)
        curl_easy_cleanup(easy);
}

/* ---- call ---- */

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

struct options {
    CURL *easy;
    bool failed; /* sticky */
};

static void set_text(struct options *options, CURLoption option, const char *text)
{
    options->failed |= curl_easy_setopt(options->easy, option, text) != CURLE_OK;
}

static void set_long(struct options *options, CURLoption option, long value)
{
    options->failed |= curl_easy_setopt(options->easy, option, value) != CURLE_OK;
}

static void set_request(struct options *options, struct sectigo_call *call)
{
    set_text(options, CURLOPT_URL, call->url);
    set_long(options, CURLOPT_POST, 1);
    set_text(options, CURLOPT_POSTFIELDS, call->request);
    set_long(options, CURLOPT_POSTFIELDSIZE, (long)strlen(call->request));
    set_text(options, CURLOPT_USERAGENT, call->client->user_agent);
    curl_easy_setopt(options->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(options->easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(options->easy, CURLOPT_ERRORBUFFER, call->curl_error);
    /* libcurl sends a request again by itself on a reused connection that died before the first octet of the reply. */
    set_long(options, CURLOPT_FRESH_CONNECT, call->info->changes);
    set_long(options, CURLOPT_FORBID_REUSE, call->info->changes);
    set_long(options, CURLOPT_FOLLOWLOCATION, 0);
}

static void set_connection(struct options *options, const struct sectigo_client *client)
{
    set_text(options, CURLOPT_PROTOCOLS_STR, "https");
    /* HTTP/2 knows a refusal that libcurl answers by sending the request again. */
    set_long(options, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_long(options, CURLOPT_NOSIGNAL, 1);
    set_long(options, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
    set_long(options, CURLOPT_TIMEOUT_MS, client->timeout_ms);
    set_long(options, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (client->ca_file)
        set_text(options, CURLOPT_CAINFO, client->ca_file);
    /* Without this, Debian's folder of authorities would be trusted beside the CA file, and read on each connection. */
    set_text(options, CURLOPT_CAPATH, NULL);
    if (client->client_certificate) {
        set_text(options, CURLOPT_SSLCERT, client->client_certificate);
        set_text(options, CURLOPT_SSLKEY, client->client_key);
    }
    /* "": no proxy from the environment either. */
    set_text(options, CURLOPT_PROXY, client->proxy ? client->proxy : "");
    options->failed |= curl_easy_setopt(options->easy, CURLOPT_SHARE, client->share) != CURLE_OK;
}

static bool prepare(struct sectigo_call *call)
{
    if (asprintf(&call->url, "%s%s", call->client->url, call->info->path) < 0) {
        call->url = NULL;
        return false;
    }
    call->easy = take_handle(call->client);
    if (!call->easy)
        return false;
    struct options options = {.easy = call->easy};
    set_request(&options, call);
    set_connection(&options, call->client);
    return !options.failed;
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
    curl_off_t before_request = 0, uploaded = 0;

    return curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &before_request) == CURLE_OK &&
           curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded) == CURLE_OK && before_request == 0 &&
           uploaded == 0;
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
        give_handle(call->client, call->easy);
    wipe_free(call->request);
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
