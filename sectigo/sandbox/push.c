#include "sectigo/sandbox/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sectigo/sectigo.h"

enum { TIMEOUT_MS = 15000 };

static void add_field(struct sectigo_form *form, const char *name, const char *value)
{
    if (value)
        sectigo_form_add(form, name, value);
}

static char *encode_push(const struct push *push, bool with_certificate)
{
    const struct notification *notification = &push->notification;
    struct sectigo_form form = {0};
    char *text;
    add_field(&form, "orderNumber", push->order_number);
    add_field(&form, "certificateID", notification->certificate_id);
    add_field(&form, "status", notification->status);
    sectigo_form_addf(&form, "statusCode", "%lld", (long long)notification->status_code);
    add_field(&form, "statusDesc", notification->description);
    add_field(&form, "verificationCode", notification->verification_code);
    add_field(&form, "eventType", notification->event_type);
    add_field(&form, "removedDomains", notification->removed_domains);
    if (with_certificate) {
        add_field(&form, "certificate", push->certificate);
        add_field(&form, "caCertificate", push->ca_certificates);
    }
    text = sectigo_form_encode(&form, false);
    sectigo_form_clear(&form);
    return text;
}

static size_t drop_body(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static char *get_url(const char *url, const char *query)
{
    char *text = NULL;
    return asprintf(&text, "%s%c%s", url, strchr(url, '?') ? '&' : '?', query) < 0 ? NULL : text;
}

static void prepare_transfer(CURL *curl, const struct push_target *target)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "Sectigo push");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body);
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    if (target->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, target->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
}

bool push_send(CURL *curl, const struct push_target *target, const struct push *push,
               char result[static PUSH_RESULT_MAX])
{
    char *form = encode_push(push, target->with_certificate);
    char *url = form && !target->with_certificate ? get_url(target->url, form) : NULL;
    CURLcode sent = CURLE_OUT_OF_MEMORY;
    long status = 0;
    prepare_transfer(curl, target);
    curl_easy_setopt(curl, CURLOPT_URL, url ? url : target->url);
    if (!url)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
    if (form)
        sent = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (sent == CURLE_OK)
        snprintf(result, PUSH_RESULT_MAX, "%s, answered by status %ld", url ? "GET" : "POST", status);
    else
        snprintf(result, PUSH_RESULT_MAX, "%s", curl_easy_strerror(sent));
    curl_easy_reset(curl); /* which knows what is freed here */
    free(form);
    free(url);
    return sent == CURLE_OK && status >= 200 && status < 300;
}

void push_clear(struct push *push)
{
    record_clear(&notification_type, &push->notification);
    free(push->order_number);
    free(push->certificate);
    free(push->ca_certificates);
}
