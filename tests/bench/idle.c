/* idle: connections that wait, as those of a fleet between two requests do. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 16, TIMEOUT_S = 30, WAIT_MS = 1000 };

static size_t drop(char *data, size_t one, size_t len, void *ctx)
{
    (void)data, (void)one, (void)ctx;
    return len;
}

static bool begin(const struct bench *bench, CURLM *multi)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return false;
    curl_easy_setopt(easy, CURLOPT_URL, bench->options.directory);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L); /* never one of those that wait already */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (bench->options.ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, bench->options.ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    return curl_multi_add_handle(multi, easy) == CURLM_OK;
}

/* Takes what has ended; returns how many failed. */
static unsigned take_ended(CURLM *multi, unsigned *ended)
{
    unsigned failed = 0;
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left)) != NULL;) {
        CURL *easy = message->easy_handle;
        failed += message->data.result != CURLE_OK;
        (*ended)++;
        curl_multi_remove_handle(multi, easy); /* its connection stays with multi */
        curl_easy_cleanup(easy);
    }
    return failed;
}

CURLM *idle_open(const struct bench *bench)
{
    unsigned begun = 0, ended = 0, failed = 0, wanted = bench->options.idle;
    CURLM *multi = curl_multi_init();
    if (multi == NULL)
        return NULL;
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)wanted + AT_ONCE);
    while (ended < wanted && failed == 0) {
        int running;
        while (begun < wanted && begun - ended < AT_ONCE && begin(bench, multi))
            begun++;
        if (begun == ended || curl_multi_perform(multi, &running) != CURLM_OK ||
            curl_multi_poll(multi, NULL, 0, WAIT_MS, NULL) != CURLM_OK)
            break;
        failed += take_ended(multi, &ended);
    }
    if (ended == wanted && failed == 0)
        return multi;
    fprintf(stderr, "acmebench: only %u of %u idle connections could be opened\n", ended - failed, wanted);
    idle_close(multi);
    return NULL;
}

void idle_close(CURLM *multi)
{
    if (multi != NULL)
        curl_multi_cleanup(multi);
}
