/* client: one login at Sectigo and the libcurl handles of its calls. Internal to sectigo/. Any thread. */
#ifndef SECTIGO_CLIENT_H
#define SECTIGO_CLIENT_H

#include <pthread.h>

#include "sectigo/transport.h"

enum { SECTIGO_IDLE_HANDLES = 8 };

struct sectigo_client {
    char *url, *login_name, *login_password, *ca_file, *client_certificate, *client_key, *proxy, *user_agent;
    long connect_timeout_ms, timeout_ms;
    CURLSH *share; /* TLS sessions: a fresh connection costs no full handshake */
    pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
    pthread_mutex_t collect_lock; /* no two CollectSSL calls of a login at once */
    pthread_mutex_t idle_lock;
    CURL
        *idle[SECTIGO_IDLE_HANDLES]; /* of blocking calls: each keeps the connection of the calls that change nothing */
    size_t idle_count;
};

/* An easy handle with everything set that is the same for all calls; NULL when out of memory. Give it back. */
CURL *sectigo_client_take(struct sectigo_client *client);
void sectigo_client_give(struct sectigo_client *client, CURL *easy);

#endif
