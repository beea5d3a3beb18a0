#include "gateway/public.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "acme/durations.h"
#include "acme/limiter.h"
#include "gateway/address.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/metrics/metrics.h"
#include "store/shortage.h"

static const char WELL_KNOWN[] = SECTIGO_DCV_PATH;

enum { MD5_TEXT = 32, CREDENTIALS_MAX = 512, WRONG_PUSHES_PER_MINUTE = 20 };

/* ---- domain control files ---- */

/* By file name alone, whatever Host the forwarding proxy sends. */
static void serve_file(const struct public *public, const struct http_call *call, struct http_answer *answer)
{
    const char *md5 = call->path + sizeof WELL_KNOWN - 1;
    bool named = strlen(md5) == MD5_TEXT + 4 && strcmp(md5 + MD5_TEXT, ".txt") == 0;
    char *body = NULL;
    enum store_status status = named ? issuer_dcv_file(public->issuer, md5, MD5_TEXT, &body) : STORE_NOT_FOUND;
    if (status != STORE_OK) {
        http_answer_text(answer, status == STORE_NOT_FOUND ? 404 : 503,
                         status == STORE_NOT_FOUND ? "no such file\n" : "the store cannot be read now\n");
        answer->retry_after_s = status == STORE_NOT_FOUND ? 0 : ACME_RETRY_STORE_S;
        return;
    }
    answer->status = 200;
    answer->content_type = "text/plain";
    answer->body = body;
    answer->body_len = strlen(body);
}

/* ---- push ---- */

/* "Basic " and base64 of user:password, compared in constant time. */
static bool has_credentials(const struct config_push *push, const char *authorization)
{
    char plain[CREDENTIALS_MAX];
    unsigned char coded[CREDENTIALS_MAX * 4 / 3 + 8];
    if (!push->user)
        return true;
    size_t user_len = strlen(push->user), password_len = strlen(push->password);
    if (user_len + 1 + password_len > sizeof plain || strncasecmp(authorization, "Basic ", 6) != 0)
        return false;
    memcpy(plain, push->user, user_len);
    plain[user_len] = ':';
    memcpy(plain + user_len + 1, push->password, password_len);
    int coded_len = EVP_EncodeBlock(coded, (unsigned char *)plain, (int)(user_len + 1 + password_len));
    const char *given = authorization + 6;
    bool same = strlen(given) == (size_t)coded_len && CRYPTO_memcmp(given, coded, (size_t)coded_len) == 0;
    OPENSSL_cleanse(plain, sizeof plain);
    OPENSSL_cleanse(coded, sizeof coded);
    return same;
}

/* Sectigo sends again what it is told to; and what a push would have said is found out by polling. */
static void refuse_unread(bool no_memory, const struct http_call *call, struct http_answer *answer)
{
    if (no_memory) {
        http_answer_text(answer, 503, ACME_OUT_OF_MEMORY "\n");
        answer->retry_after_s = ACME_RETRY_MEMORY_S;
        return;
    }
    log_warning("a push cannot be read; compare the form of pushes at Sectigo with that of the README", "peer",
                call->peer);
    metrics_count(METRIC_PUSHES, METRIC_PUSH_UNREADABLE);
    http_answer_text(answer, 400, "this is not a push: orderNumber or certificateID, and statusCode, are needed\n");
}

static void take_push(const struct public *public, const struct http_call *call, struct http_answer *answer)
{
    struct sectigo_push push = {0};
    unsigned before = shortage_count();
    size_t body_len = strcmp(call->method, "POST") == 0 ? call->body_len : 0;

    if (!sectigo_parse_push(call->query, strlen(call->query), call->body, body_len, &push)) {
        if (push.no_memory)
            shortage_note();
        refuse_unread(shortage_count() != before, call, answer);
        return;
    }
    metrics_count(METRIC_PUSHES, METRIC_PUSH_TAKEN);
    log_info("push", "peer", call->peer, "order_number", push.order_number, "certificate_id", push.certificate_id,
             "status", push.status, "description", push.status_desc);
    bool kept = issuer_push(public->issuer, &push);
    sectigo_push_clear(&push);
    http_answer_text(answer, kept ? 200 : 503, kept ? "ok\n" : "the store takes no push now\n");
    answer->retry_after_s = kept ? 0 : ACME_RETRY_STORE_S;
}

/* A password that people made up can be guessed, so where its address has been wrong too often, not even a right one is
 * told from the others for a while. What a push would have said is found out by polling. */
static bool may_push(const struct public *public, const struct config_push *push, const struct http_call *call,
                     struct http_answer *answer)
{
    uint64_t now_ms = clock_boot_ms();
    uint32_t wait_s =
        push->user ? limiter_wait_address(public->wrong, call->peer, WRONG_PUSHES_PER_MINUTE, now_ms) : 0;
    if (wait_s == 0 && has_credentials(push, call->authorization))
        return true;
    metrics_count(METRIC_PUSHES, METRIC_PUSH_CREDENTIALS);
    if (wait_s > 0) {
        http_answer_text(answer, 429, "too many pushes with wrong credentials come from this address\n");
        answer->retry_after_s = wait_s;
        return false;
    }
    log_warning("a push with wrong credentials; give Sectigo the URL with public.push.user and its password", "peer",
                call->peer);
    limiter_take_address(public->wrong, call->peer, WRONG_PUSHES_PER_MINUTE, now_ms);
    http_answer_text(answer, 401, "user and password are needed\n");
    answer->www_authenticate = "Basic realm=\"push\"";
    return false;
}

static void receive_push(const struct public *public, const struct config_push *push, const struct http_call *call,
                         struct http_answer *answer)
{
    if (!address_in_any(call->peer, (const char *const *)push->allow.list)) {
        log_warning("a push from an address that public.push.allow does not list; add it if it is Sectigo's", "peer",
                    call->peer);
        metrics_count(METRIC_PUSHES, METRIC_PUSH_ADDRESS);
        http_answer_text(answer, 403, "this address may not push\n");
    } else if (!may_push(public, push, call, answer)) {
        return;
    } else if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "POST") != 0) {
        http_answer_text(answer, 405, "a push is GET or POST\n");
    } else {
        take_push(public, call, answer);
    }
}

/* With a slash at the end or without, as people copy URLs. */
static bool is_push_path(const struct config_push *push, const char *path, size_t given)
{
    size_t len = strlen(push->path);
    while (len > 1 && push->path[len - 1] == '/')
        len--;
    while (given > 1 && path[given - 1] == '/')
        given--;
    return given == len && memcmp(path, push->path, len) == 0;
}

bool public_takes_push(void *ctx, const char *path, size_t len)
{
    const struct public *public = ctx;
    const struct config *config = config_take(public->configs);
    bool takes = is_push_path(&config->public.push, path, len);
    config_drop(config);
    return takes;
}

void public_handle(void *ctx, const struct http_call *call, struct http_answer *answer)
{
    const struct public *public = ctx;
    const struct config *config = config_take(public->configs);
    const struct config_push *push = &config->public.push;
    if (strncmp(call->path, WELL_KNOWN, sizeof WELL_KNOWN - 1) == 0) {
        answer->resource = "dcv_file";
        serve_file(public, call, answer);
    } else if (is_push_path(push, call->path, strlen(call->path))) {
        answer->resource = "push";
        receive_push(public, push, call, answer);
    } else {
        http_answer_text(answer, 404, "nothing is here\n");
    }
    config_drop(config);
}
