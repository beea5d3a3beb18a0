#include "gateway/egress/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>

static void try_next(struct egress_fetch *fetch);
static void transfer(struct egress_fetch *fetch, const struct egress_address *address);

static void end_fetch(struct egress_fetch *fetch, enum egress_fetch_result result)
{
    fetch->result = result;
    egress_easy_give(fetch->egress, fetch->easy);
    fetch->easy = NULL;
    curl_slist_free_all(fetch->connect_to);
    fetch->connect_to = NULL;
    fetch->fn(fetch->ctx, fetch);
}

/* Adds "ADDRESS port PORT: WHAT" to the reason. */
static void note_attempt(struct egress_fetch *fetch, const char *what)
{
    size_t len = strlen(fetch->reason);
    snprintf(fetch->reason + len, sizeof fetch->reason - len, "%s%s port %u: %s", len > 0 ? "; " : "", fetch->address,
             fetch->port, what);
}

static uint64_t left_ms(const struct egress_fetch *fetch)
{
    uint64_t now = egress_now_ms();
    return fetch->deadline_ms > now ? fetch->deadline_ms - now : 0;
}

/* ---- what comes in ---- */

/* A long body ends the transfer, except a redirect's, where libcurl tells the target only at the end. */
static size_t on_fetched(char *data, size_t one, size_t len, void *ctx)
{
    (void)one;
    struct egress_fetch *fetch = ctx;
    size_t room = EGRESS_FETCH_BODY_MAX - fetch->body_len;
    size_t taken = len < room ? len : room;
    memcpy(fetch->body + fetch->body_len, data, taken);
    fetch->body_len += taken;
    fetch->body[fetch->body_len] = '\0';
    if (taken == len)
        return len;
    long status = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    fetch->cut = true;
    fetch->skipped += len - taken;
    return status / 100 == 3 && fetch->skipped <= EGRESS_FETCH_REDIRECT_BODY_MAX ? len : taken;
}

static size_t on_head(char *data, size_t one, size_t len, void *ctx)
{
    (void)data, (void)one;
    struct egress_fetch *fetch = ctx;
    fetch->head_len += len;
    return fetch->head_len <= EGRESS_FETCH_HEAD_MAX ? len : 0;
}

/* ---- what became of it ---- */

/* The codes that mean something other than a broken connection. */
static const struct {
    CURLcode code;
    enum egress_fetch_result result;
    const char *what; /* NULL: libcurl's own words */
} outcomes[] = {
    {CURLE_SSL_CONNECT_ERROR, EGRESS_FETCH_TLS, NULL},
    {CURLE_SSL_CIPHER, EGRESS_FETCH_TLS, NULL},
    {CURLE_PEER_FAILED_VERIFICATION, EGRESS_FETCH_TLS, NULL},
    {CURLE_UNSUPPORTED_PROTOCOL, EGRESS_FETCH_NOT_HTTP, "what answered does not speak HTTP/1"},
    {CURLE_WEIRD_SERVER_REPLY, EGRESS_FETCH_NOT_HTTP, NULL},
    {CURLE_WRITE_ERROR, EGRESS_FETCH_NOT_HTTP, "the header of the answer is too long"},
    {CURLE_PARTIAL_FILE, EGRESS_FETCH_NOT_HTTP, "the answer ended early"},
    {CURLE_GOT_NOTHING, EGRESS_FETCH_CONNECTION, "the connection was closed without an answer"},
    {CURLE_OPERATION_TIMEDOUT, EGRESS_FETCH_CONNECTION, "no complete answer in time"},
    {CURLE_OUT_OF_MEMORY, EGRESS_FETCH_INTERNAL, "out of memory"},
    {CURLE_ABORTED_BY_CALLBACK, EGRESS_FETCH_INTERNAL, "the gateway is stopping"},
};

static void end_with(struct egress_fetch *fetch, CURLcode code)
{
    const char *words = fetch->error[0] != '\0' ? fetch->error : curl_easy_strerror(code);
    enum egress_fetch_result result = EGRESS_FETCH_CONNECTION;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        if (outcomes[i].code != code)
            continue;
        result = outcomes[i].result;
        words = outcomes[i].what != NULL ? outcomes[i].what : words;
    }
    fetch->reason[0] = '\0'; /* addresses that were passed over explain nothing now */
    note_attempt(fetch, words);
    end_fetch(fetch, result);
}

/* No connection: one that was, but whose peer then said nothing, is not tried elsewhere. */
static bool not_connected(CURL *easy, CURLcode code)
{
    curl_off_t connect_us = 0;
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_FAILED_INIT)
        return true;
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_us);
    return code == CURLE_OPERATION_TIMEDOUT && connect_us == 0;
}

/* Nothing was reached; where something could not be tried for a want of ours, that is why. */
static enum egress_fetch_result not_reached(const struct egress_fetch *fetch, enum egress_fetch_result result)
{
    return fetch->shortage ? EGRESS_FETCH_INTERNAL : result;
}

static void note_not_connected(struct egress_fetch *fetch, CURLcode code)
{
    long error = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &error);
    if (code == CURLE_OPERATION_TIMEDOUT)
        note_attempt(fetch, "no connection in time");
    else if (code == CURLE_FAILED_INIT)
        note_attempt(fetch, "this server has no descriptor, memory or port left for it");
    else
        note_attempt(fetch, error != 0 && error != EINPROGRESS ? strerror((int)error) : curl_easy_strerror(code));
}

static void take_answer(struct egress_fetch *fetch)
{
    const char *redirect = NULL;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &fetch->status);
    curl_easy_getinfo(fetch->easy, CURLINFO_REDIRECT_URL, &redirect);
    snprintf(fetch->redirect, sizeof fetch->redirect, "%s", redirect != NULL ? redirect : "");
    fetch->reason[0] = '\0';
    end_fetch(fetch, EGRESS_FETCH_ANSWERED);
}

static void on_done(void *ctx, CURL *easy, CURLcode code)
{
    struct egress_fetch *fetch = ctx;
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && fetch->cut)) {
        take_answer(fetch);
    } else if (not_connected(easy, code)) {
        fetch->shortage = fetch->shortage || code == CURLE_FAILED_INIT;
        note_not_connected(fetch, code);
        try_next(fetch);
    } else {
        end_with(fetch, code);
    }
}

/* ---- asking ---- */

/* A body without a length may end with its connection, and many servers then say no farewell: OpenSSL takes that for an
 * error, and libcurl before 8 did not. A body that was cut proves nothing, and one of a known length is still missed.
 */
static CURLcode on_tls_context(CURL *easy, void *context, void *ctx)
{
    (void)easy, (void)ctx;
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    return CURLE_OK;
}

/* Proxies of the environment, cookies, authentication, cached connections and any scheme but these two are nothing that
 * a validation may use. No certificate is verified, so none is loaded. */
static void set_rules(CURL *easy, bool https)
{
    /* A request is one segment, which nothing holds back; a handshake is several. */
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, https ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "acmegate");
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_fetched);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
}

/* By CONNECT_TO, so that URL, Host header and SNI keep the name. */
static bool connect_to(struct egress_fetch *fetch, const struct egress_address *address)
{
    char target[INET6_ADDRSTRLEN + 16];
    snprintf(target, sizeof target, address->family == AF_INET6 ? "::[%s]:%u" : "::%s:%u", address->text, fetch->port);
    curl_slist_free_all(fetch->connect_to);
    fetch->connect_to = curl_slist_append(NULL, target);
    return fetch->connect_to != NULL &&
           curl_easy_setopt(fetch->easy, CURLOPT_CONNECT_TO, fetch->connect_to) == CURLE_OK;
}

/* address NULL: by the proxy. */
static bool set_up(struct egress_fetch *fetch, const struct egress_address *address)
{
    unsigned addresses_left = fetch->addresses.count - fetch->next_address + 1;
    uint64_t left = left_ms(fetch) + 1; /* 0 would be no limit */
    fetch->error[0] = '\0';
    fetch->head_len = fetch->body_len = fetch->skipped = 0;
    set_rules(fetch->easy, fetch->url->https);
    if (address != NULL ? !connect_to(fetch, address)
                        : curl_easy_setopt(fetch->easy, CURLOPT_PROXY, fetch->proxy) != CURLE_OK)
        return false;
    curl_easy_setopt(fetch->easy, CURLOPT_TIMEOUT_MS, (long)left);
    curl_easy_setopt(fetch->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(left / addresses_left) + 1);
    curl_easy_setopt(fetch->easy, CURLOPT_ERRORBUFFER, fetch->error);
    curl_easy_setopt(fetch->easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_HEADERDATA, fetch);
    return curl_easy_setopt(fetch->easy, CURLOPT_URL, fetch->url->text) == CURLE_OK;
}

static void try_next(struct egress_fetch *fetch)
{
    if (fetch->next_address == fetch->addresses.count) {
        end_fetch(fetch, not_reached(fetch, EGRESS_FETCH_CONNECTION));
        return;
    }
    const struct egress_address *address = &fetch->addresses.list[fetch->next_address++];
    fetch->address = address->text;
    transfer(fetch, address);
}

static void transfer(struct egress_fetch *fetch, const struct egress_address *address)
{
    if (fetch->easy == NULL)
        fetch->easy = egress_easy_take(fetch->egress);
    if (fetch->easy == NULL || !set_up(fetch, address) ||
        !egress_transfer(fetch->egress, fetch->easy, on_done, fetch)) {
        note_attempt(fetch, "out of memory");
        end_fetch(fetch, EGRESS_FETCH_INTERNAL);
    }
}

/* Leaves those that may be asked. Where none is left the reason names the last that may not. */
static void keep_allowed(struct egress_fetch *fetch, struct egress_addresses *addresses)
{
    unsigned count = addresses->count;
    addresses->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (fetch->may_ask == NULL || fetch->may_ask(fetch->ctx, &addresses->list[i]))
            addresses->list[addresses->count++] = addresses->list[i];
        else
            snprintf(addresses->reason, sizeof addresses->reason, "%s is not reachable from everywhere",
                     addresses->list[i].text);
    }
    fetch->none_allowed = count > 0 && addresses->count == 0 && !addresses->shortage;
}

static void on_addresses(void *ctx, struct egress_addresses *addresses)
{
    struct egress_fetch *fetch = ctx;
    fetch->shortage = addresses->shortage;
    if (!addresses->bogus)
        keep_allowed(fetch, addresses);
    if (addresses->count > 0 && !addresses->bogus) {
        try_next(fetch);
        return;
    }
    snprintf(fetch->reason, sizeof fetch->reason, "%s has no address to ask: %s", addresses->host, addresses->reason);
    end_fetch(fetch, addresses->bogus ? EGRESS_FETCH_DNS : not_reached(fetch, EGRESS_FETCH_DNS));
}

static void on_later(void *ctx, int event)
{
    (void)event;
    transfer(ctx, NULL);
}

void egress_fetch(struct egress *egress, struct egress_fetch *fetch)
{
    fetch->egress = egress;
    fetch->easy = NULL;
    fetch->connect_to = NULL;
    fetch->next_address = 0;
    fetch->address = "";
    fetch->reason[0] = fetch->body[0] = fetch->redirect[0] = '\0';
    fetch->body_len = 0;
    fetch->status = 0;
    fetch->cut = fetch->none_allowed = fetch->shortage = false;
    fetch->addresses.view = fetch->view;
    fetch->addresses.recent_ms = fetch->recent_ms;
    fetch->addresses.recent = false;
    fetch->addresses.host = fetch->url->host;
    fetch->addresses.timeout_ms = (uint32_t)left_ms(fetch);
    fetch->addresses.rules = fetch->rules;
    fetch->addresses.fn = on_addresses;
    fetch->addresses.ctx = fetch;
    if (fetch->proxy == NULL) {
        egress_addresses(egress, &fetch->addresses);
        return;
    }
    fetch->address = fetch->proxy;
    fetch->addresses.count = 0;
    fetch->later = (struct egress_watch){.fd = -1, .fn = on_later, .ctx = fetch};
    egress_watch(egress, &fetch->later); /* nothing may call back from here */
}
