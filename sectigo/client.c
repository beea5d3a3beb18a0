#include "sectigo/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "sectigo/value.h"

enum { CONNECT_TIMEOUT_MS = 30 * 1000, TIMEOUT_MS = 120 * 1000 };

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

static bool copy_setting(char **slot, const char *text)
{
    *slot = text ? strdup(text) : NULL;
    return *slot || !text;
}

static bool copy_config(struct sectigo_client *client, const struct sectigo_client_config *config)
{
    client->connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    client->timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
    if (!copy_setting(&client->url, config->url) || !copy_setting(&client->login_name, config->login_name) ||
        !copy_setting(&client->login_password, config->login_password) ||
        !copy_setting(&client->ca_file, config->ca_file) ||
        !copy_setting(&client->client_certificate, config->client_certificate) ||
        !copy_setting(&client->client_key, config->client_key) || !copy_setting(&client->proxy, config->proxy) ||
        !copy_setting(&client->user_agent, config->user_agent ? config->user_agent : "acmegate/" ACMEGATE_VERSION))
        return false;
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): copied above, and never absent */
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
    struct sectigo_client *client = calloc(1, sizeof *client);
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
    sectigo_value_wipe(client->login_password);
    free(client->ca_file);
    free(client->client_certificate);
    free(client->client_key);
    sectigo_value_wipe(client->proxy);
    free(client->user_agent);
    free(client);
}

static CURL *idle_handle(struct sectigo_client *client)
{
    CURL *easy = NULL;

    pthread_mutex_lock(&client->idle_lock);
    if (client->idle_count > 0)
        easy = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->idle_lock);
    return easy ? easy : curl_easy_init();
}

void sectigo_client_give(struct sectigo_client *client, CURL *easy)
{
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_SHARE, NULL);
    pthread_mutex_lock(&client->idle_lock);
    bool room = client->idle_count < SECTIGO_IDLE_HANDLES;
    if (room)
        client->idle[client->idle_count++] = easy;
    pthread_mutex_unlock(&client->idle_lock);
    if (!room)
        curl_easy_cleanup(easy);
}

static bool set_connection(CURL *easy, const struct sectigo_client *client)
{
    /* HTTP/2 knows a refusal that libcurl answers by sending the request again. "" as proxy: none from the environment
     * either. */
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, client->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, client->proxy ? client->proxy : "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK;
}

static bool set_tls(CURL *easy, const struct sectigo_client *client)
{
    if (client->ca_file && curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file) != CURLE_OK)
        return false;
    if (client->client_certificate &&
        (curl_easy_setopt(easy, CURLOPT_SSLCERT, client->client_certificate) != CURLE_OK ||
         curl_easy_setopt(easy, CURLOPT_SSLKEY, client->client_key) != CURLE_OK))
        return false;
    /* Without CAPATH cleared, Debian's folder of authorities would be trusted beside the CA file, and it would be read
     * anew on each connection. */
    return curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SHARE, client->share) == CURLE_OK;
}

CURL *sectigo_client_take(struct sectigo_client *client)
{
    CURL *easy = idle_handle(client);

    if (easy && set_connection(easy, client) && set_tls(easy, client))
        return easy;
    if (easy)
        curl_easy_cleanup(easy);
    return NULL;
}
