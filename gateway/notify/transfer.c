#include "gateway/notify/transfer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the other side says is of no use; it may not be endless. */
enum { REPLY_MAX = 64 * 1024, HEADER_MAX = 8192 };

static size_t on_reply(char *data, size_t size, size_t count, void *ctx)
{
    curl_off_t got = 0;
    struct transfer_of *t = ctx;
    (void)data;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &got);
    return got > REPLY_MAX ? 0 : size * count;
}

struct transfer_of *transfer_make(struct egress *egress, const struct config_target *target, const char *ca_file,
                                  send_done_fn *done, void *ctx)
{
    struct transfer_of *t = calloc(1, sizeof *t);
    CURL *easy = t ? egress_easy_take(egress) : NULL;
    if (!easy) {
        free(t);
        return NULL;
    }
    *t = (struct transfer_of){.egress = egress, .easy = easy, .done = done, .ctx = ctx};
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)target->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)target->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_reply);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    if (ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    return t;
}

void transfer_free(struct transfer_of *t)
{
    struct curl_slist *headers = t->headers, *to = t->to;
    curl_mime *mime = t->mime;
    char *body = t->body;
    egress_easy_give(t->egress, t->easy); /* which knows what is freed below */
    curl_slist_free_all(headers);
    curl_slist_free_all(to);
    curl_mime_free(mime);
    free(body);
    free(t);
}

bool transfer_add_header(struct transfer_of *t, const char *format, ...)
{
    char line[HEADER_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    struct curl_slist *longer = len > 0 && (size_t)len < sizeof line ? curl_slist_append(t->headers, line) : NULL;
    t->headers = longer ? longer : t->headers;
    return longer != NULL;
}

static bool describe(const struct transfer_of *t, CURLcode code, char reason[static SEND_REASON_MAX])
{
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        snprintf(reason, SEND_REASON_MAX, "%.300s%s", t->error[0] ? t->error : curl_easy_strerror(code),
                 t->mail && status >= 400 ? " (look at the mail server's log)" : "");
    else if (!t->mail && status >= 300 && status < 400)
        snprintf(reason, SEND_REASON_MAX, "it answers %ld, a redirect, and none is followed: name the place itself",
                 status);
    else if (!t->mail && (status < 200 || status > 299))
        snprintf(reason, SEND_REASON_MAX, "it answers %ld", status);
    else
        return true;
    return false;
}

static void on_ended(void *ctx, CURL *easy, CURLcode code)
{
    struct transfer_of *t = ctx;
    char reason[SEND_REASON_MAX];
    (void)easy;
    bool good = describe(t, code, reason);
    send_done_fn *done = t->done;
    void *done_ctx = t->ctx;
    transfer_free(t);
    done(done_ctx, good ? NULL : reason);
}

bool transfer_start(struct transfer_of *t)
{
    if (egress_transfer(t->egress, t->easy, on_ended, t))
        return true;
    transfer_free(t);
    return false;
}
