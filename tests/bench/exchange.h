/* exchange: HTTP over libcurl's multi interface, one request at a time for each exchange; connections are kept. */
#ifndef BENCH_EXCHANGE_H
#define BENCH_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

enum { HEADER_MAX = 512, BODY_MAX = 1 << 20 };

struct exchange {
    CURL *easy;
    struct curl_slist *headers;
    char *body; /* what came, with a final NUL */
    size_t len, capacity;
    char nonce[HEADER_MAX], location[HEADER_MAX]; /* "" where the header is absent */
    unsigned retry_after_s;                       /* 0: absent */
    long status;
    uint64_t took_us;
    char *sending; /* the body on its way, malloc'd */
};

bool exchange_make(struct exchange *exchange, const char *ca_file);
void exchange_free(struct exchange *exchange);
/* Prepares a request: HEAD where body is NULL, else POST of a JWS, which is taken over (also on failure). The handle is
 * ready to be given to curl_multi_add_handle or curl_easy_perform. */
void exchange_set(struct exchange *exchange, const char *url, char *body);
void exchange_set_get(struct exchange *exchange, const char *url);
/* After the transfer: fills status and took_us. */
void exchange_finish(struct exchange *exchange);

#endif
