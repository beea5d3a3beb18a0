#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TIMEOUT_S = 60 };

static size_t on_body(char *data, size_t one, size_t len, void *ctx)
{
    struct exchange *e = ctx;
    (void)one;
    if (e->len + len > BODY_MAX)
        return 0;
    if (e->len + len + 1 > e->capacity) {
        size_t capacity = 2 * (e->len + len + 1);
        char *grown = realloc(e->body, capacity);
        if (grown == NULL)
            return 0;
        e->body = grown;
        e->capacity = capacity;
    }
    memcpy(e->body + e->len, data, len);
    e->len += len;
    e->body[e->len] = '\0';
    return len;
}

/* The value where line is this header. */
static bool header_is(const char *line, size_t len, const char *name, char out[static HEADER_MAX])
{
    size_t name_len = strlen(name);
    if (len <= name_len || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
        return false;
    const char *value = line + name_len + 1, *end = line + len;
    while (value < end && *value == ' ')
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    snprintf(out, HEADER_MAX, "%.*s", (int)(end - value), value);
    return true;
}

static size_t on_header(char *line, size_t one, size_t len, void *ctx)
{
    struct exchange *e = ctx;
    char value[HEADER_MAX];
    (void)one;
    if (!header_is(line, len, "Replay-Nonce", e->nonce) && !header_is(line, len, "Location", e->location) &&
        header_is(line, len, "Retry-After", value))
        e->retry_after_s = (unsigned)strtoul(value, NULL, 10);
    return len;
}

bool exchange_make(struct exchange *e, const char *ca_file)
{
    *e = (struct exchange){.easy = curl_easy_init()};
    e->headers = curl_slist_append(NULL, "Content-Type: application/jose+json");
    if (e->easy == NULL || e->headers == NULL)
        return false;
    curl_easy_setopt(e->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e->easy, CURLOPT_WRITEDATA, e);
    curl_easy_setopt(e->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e->easy, CURLOPT_HEADERDATA, e);
    curl_easy_setopt(e->easy, CURLOPT_PRIVATE, e);
    curl_easy_setopt(e->easy, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(e->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(e->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e->easy, CURLOPT_USERAGENT, "acmebench");
    if (ca_file != NULL) {
        curl_easy_setopt(e->easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(e->easy, CURLOPT_CAPATH, NULL); /* else the system's CAs are trusted, and loaded, beside it */
    }
    return true;
}

void exchange_free(struct exchange *e)
{
    curl_easy_cleanup(e->easy);
    curl_slist_free_all(e->headers);
    free(e->body);
    free(e->sending);
    *e = (struct exchange){0};
}

static void reset(struct exchange *e, const char *url)
{
    e->len = 0;
    if (e->body != NULL)
        e->body[0] = '\0';
    e->nonce[0] = e->location[0] = '\0';
    e->retry_after_s = 0;
    e->status = 0;
    free(e->sending);
    e->sending = NULL;
    curl_easy_setopt(e->easy, CURLOPT_URL, url);
}

void exchange_set_get(struct exchange *e, const char *url)
{
    reset(e, url);
    curl_easy_setopt(e->easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(e->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, NULL);
}

void exchange_set(struct exchange *e, const char *url, char *body)
{
    reset(e, url);
    e->sending = body;
    if (body == NULL) {
        curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(e->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(e->easy, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(e->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(e->easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(e->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, e->headers);
}

void exchange_finish(struct exchange *e)
{
    curl_off_t took = 0;
    curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &e->status);
    curl_easy_getinfo(e->easy, CURLINFO_TOTAL_TIME_T, &took);
    e->took_us = (uint64_t)took;
}
