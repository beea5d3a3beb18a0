/* webhook: a message by POST. Where there is a key it is signed: HMAC-SHA256 over the time, a dot and the body, so that
 * nobody else can send one, nor this one later. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "gateway/notify/transfer.h"
#include "store/hex.h"

static bool sign(struct transfer_of *t, const char *key, uint64_t now_ms)
{
    unsigned char stamped[32], mac[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned len = 0;
    char *text = NULL;
    snprintf((char *)stamped, sizeof stamped, "%" PRIu64, now_ms / 1000);
    if (asprintf(&text, "%s.%s", (const char *)stamped, t->body) < 0)
        return false;
    bool good = HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, strlen(text), mac, &len) != NULL;
    free(text);
    if (good)
        hex_write(mac, len, hex);
    return good && transfer_add_header(t, "X-Acmegate-Timestamp: %s", (const char *)stamped) &&
           transfer_add_header(t, "X-Acmegate-Signature: sha256=%s", hex);
}

static bool prepare(struct transfer_of *t, const struct config_target *target, const struct message *message)
{
    const struct config_webhook *webhook = &target->webhook;
    t->body = message_body(message, webhook->format);
    if (!t->body || !transfer_add_header(t, "Content-Type: application/json") ||
        (webhook->signing_key && !sign(t, webhook->signing_key, message->now_ms)))
        return false;
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "acmegate/" ACMEGATE_VERSION);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
    if (webhook->proxy)
        curl_easy_setopt(t->easy, CURLOPT_PROXY, webhook->proxy);
    return curl_easy_setopt(t->easy, CURLOPT_URL, config_webhook_url(target)) == CURLE_OK;
}

bool webhook_send(struct egress *egress, const struct config_target *target, const struct message *message,
                  send_done_fn *done, void *ctx)
{
    struct transfer_of *t = transfer_make(egress, target, target->webhook.ca_file, done, ctx);
    if (t && prepare(t, target, message))
        return transfer_start(t);
    if (t)
        transfer_free(t);
    return false;
}
