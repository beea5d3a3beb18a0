#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "clock.h"

enum { ATTEMPTS_MAX = 5, MESSAGES_MAX = 5, HELD_LEAST_US = 500000, POLL_DEFAULT_MS = 1000 };

static const uint64_t order_limit_us = 300 * 1000000ull;

static const struct {
    const char *name;
    long expected, or_else; /* HTTP status */
} steps[STEPS] = {
    [NEW_NONCE] = {"newNonce", 200, 204},      [NEW_ACCOUNT] = {"newAccount", 201, 200},
    [NEW_ORDER] = {"newOrder", 201, 201},      [AUTHORIZATION] = {"authorization", 200, 200},
    [CHALLENGE] = {"challenge", 200, 200},     [AUTHORIZATION_POLL] = {"authorization poll", 200, 200},
    [FINALIZE] = {"finalize", 200, 200},       [ORDER_POLL] = {"order poll", 200, 200},
    [CERTIFICATE] = {"certificate", 200, 200},
};

static void begin_order(struct client *client);

/* ---- making and ending ---- */

bool client_make(struct client *client, struct bench *bench)
{
    *client = (struct client){.bench = bench};
    return account_make(&client->account) && exchange_make(&client->exchange, bench->options.ca_file);
}

static void forget_order(struct client *client)
{
    for (unsigned i = 0; i < client->authorization_count; i++)
        free(client->authorizations[i]);
    free(client->authorizations);
    free(client->order);
    free(client->finalize);
    client->authorizations = NULL;
    client->authorization = client->order = client->finalize = NULL;
    client->authorization_count = client->authorization_next = 0;
}

void client_free(struct client *client)
{
    forget_order(client);
    account_free(&client->account);
    exchange_free(&client->exchange);
    free(client->url);
    free(client->payload);
}

static void rest(struct client *client)
{
    client->wake_us = 0;
    client->bench->active--;
}

/* The first few failures are told, all are counted. */
static void fail(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct client *client, const char *format, ...)
{
    struct bench *bench = client->bench;
    bench->failed++;
    if (bench->messages++ < MESSAGES_MAX) {
        va_list args;
        va_start(args, format);
        fprintf(stderr, "acmebench: %s: ", steps[client->step].name);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        va_end(args);
    }
    client->nonce[0] = '\0'; /* it may have been spent */
    if (client->account.kid == NULL)
        rest(client);
    else
        begin_order(client);
}

/* ---- requests ---- */

static void start_transfer(struct client *client)
{
    if (curl_multi_add_handle(client->bench->multi, client->exchange.easy) != CURLM_OK)
        fail(client, "the transfer cannot be started");
}

static void go(struct client *client)
{
    client->fetching_nonce = client->nonce[0] == '\0';
    if (client->fetching_nonce) {
        exchange_set(&client->exchange, client->bench->new_nonce, NULL);
        start_transfer(client);
        return;
    }
    char *jws = account_sign(&client->account, client->url, client->nonce, client->payload);
    if (jws == NULL) {
        fail(client, "out of memory");
        return;
    }
    client->nonce[0] = '\0';
    exchange_set(&client->exchange, client->url, jws);
    start_transfer(client);
}

/* payload "": POST-as-GET. */
static void request(struct client *client, enum step step, const char *url, const char *payload)
{
    char *own_url = strdup(url), *own_payload = strdup(payload);
    free(client->url);
    free(client->payload);
    client->url = own_url;
    client->payload = own_payload;
    client->step = step;
    client->attempts = 0;
    if (own_url == NULL || own_payload == NULL)
        fail(client, "out of memory");
    else
        go(client);
}

/* Before a poll. */
static void sleep_then(struct client *client, void (*on_wake)(struct client *))
{
    unsigned ms = client->bench->options.poll_ms, retry_after_s = client->exchange.retry_after_s;
    if (ms == 0)
        ms = retry_after_s > 0 ? retry_after_s * 1000 : POLL_DEFAULT_MS;
    uint64_t now = clock_us();
    if (now > client->begun_us + order_limit_us) {
        fail(client, "the order is not done after five minutes");
        return;
    }
    client->wake_us = now + ms * 1000ull;
    client->on_wake = on_wake;
}

/* ---- the life of an order ---- */

static void send_order(struct client *client)
{
    client->begun_us = clock_us();
    if (client->bench->options.rate > 0)
        tally_add(&client->bench->late, client->begun_us - client->due_us);
    request(client, NEW_ORDER, client->bench->new_order, client->bench->plans[client->plan].identifiers);
}

static void begin_order(struct client *client)
{
    struct bench *bench = client->bench;
    forget_order(client);
    if (bench->next_plan == bench->options.orders) {
        rest(client);
        return;
    }
    client->plan = bench->next_plan++;
    client->due_us = bench->began_us;
    if (bench->options.rate > 0)
        client->due_us += (uint64_t)(client->plan * 1e6 / bench->options.rate);
    if (client->due_us <= clock_us()) {
        send_order(client);
        return;
    }
    client->wake_us = client->due_us;
    client->on_wake = send_order;
}

static void next_step(struct client *client)
{
    if (client->authorization_next < client->authorization_count) {
        client->authorization = client->authorizations[client->authorization_next++];
        request(client, AUTHORIZATION, client->authorization, "");
        return;
    }
    client->finalized_us = clock_us();
    request(client, FINALIZE, client->finalize, client->bench->plans[client->plan].csr);
}

static void poll_authorization(struct client *client)
{
    request(client, AUTHORIZATION_POLL, client->authorization, "");
}

static void poll_order(struct client *client)
{
    request(client, ORDER_POLL, client->order, "");
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool status_is(const json_t *object, const char *status)
{
    return strcmp(text_of(object, "status"), status) == 0;
}

static void fail_with_body(struct client *client)
{
    struct exchange *e = &client->exchange;
    fail(client, "%s: HTTP status %ld: %.300s", client->url, e->status, e->body != NULL ? e->body : "");
}

static bool keep_authorizations(struct client *client, const json_t *list)
{
    size_t i;
    json_t *entry;
    client->authorizations = calloc(json_array_size(list) + 1, sizeof *client->authorizations);
    if (client->authorizations == NULL)
        return false;
    json_array_foreach(list, i, entry)
    {
        char *url = json_string_value(entry) != NULL ? strdup(json_string_value(entry)) : NULL;
        if (url == NULL)
            return false;
        client->authorizations[client->authorization_count++] = url;
    }
    return true;
}

static void on_account(struct client *client, const json_t *object)
{
    (void)object;
    client->account.kid = strdup(client->exchange.location);
    if (client->account.kid == NULL || client->account.kid[0] == '\0')
        fail_with_body(client);
    else
        rest(client);
}

static void on_new_order(struct client *client, const json_t *object)
{
    client->order = strdup(client->exchange.location);
    client->finalize = strdup(text_of(object, "finalize"));
    if (client->order == NULL || client->order[0] == '\0' || client->finalize == NULL || client->finalize[0] == '\0' ||
        !keep_authorizations(client, json_object_get(object, "authorizations"))) {
        fail_with_body(client);
        return;
    }
    if (status_is(object, "ready"))
        client->authorization_next = client->authorization_count;
    next_step(client);
}

static const json_t *http01_of(const json_t *authorization)
{
    size_t i;
    json_t *challenge;
    json_array_foreach(json_object_get(authorization, "challenges"), i, challenge)
    {
        if (strcmp(text_of(challenge, "type"), "http-01") == 0)
            return challenge;
    }
    return NULL;
}

static void on_authorization(struct client *client, const json_t *object)
{
    const json_t *challenge = http01_of(object);
    if (status_is(object, "valid"))
        next_step(client);
    else if (!status_is(object, "pending") || challenge == NULL ||
             !responder_add(client->bench->responder, text_of(challenge, "token"), client->account.thumbprint))
        fail_with_body(client);
    else
        request(client, CHALLENGE, text_of(challenge, "url"), "{}");
}

/* As lego does: a challenge that is valid needs no look at its authorization. */
static void on_challenge(struct client *client, const json_t *object)
{
    if (status_is(object, "valid"))
        next_step(client);
    else if (status_is(object, "pending") || status_is(object, "processing"))
        sleep_then(client, poll_authorization);
    else
        fail_with_body(client);
}

static void end_order(struct client *client)
{
    struct bench *bench = client->bench;
    uint64_t now = clock_us();
    bench->done++;
    tally_add(&bench->wait, now - client->finalized_us);
    tally_add(&bench->order, now - client->begun_us);
    begin_order(client);
}

static void on_order(struct client *client, const json_t *object)
{
    if (status_is(object, "valid"))
        request(client, CERTIFICATE, text_of(object, "certificate"), "");
    else if (!status_is(object, "processing"))
        fail_with_body(client);
    else if (client->bench->options.leave)
        end_order(client);
    else
        sleep_then(client, poll_order);
}

static void on_finalize(struct client *client, const json_t *object)
{
    const struct bench *bench = client->bench;
    if (bench->times != NULL)
        fprintf(bench->times, "%s %llu %llu\n", bench->plans[client->plan].name,
                (unsigned long long)client->finalized_us, (unsigned long long)clock_us());
    on_order(client, object);
}

static void on_certificate(struct client *client, const json_t *object)
{
    (void)object;
    if (client->exchange.body == NULL || strstr(client->exchange.body, "-----BEGIN CERTIFICATE-----") == NULL)
        fail_with_body(client);
    else
        end_order(client);
}

/* ---- replies ---- */

static void (*const handlers[STEPS])(struct client *, const json_t *) = {
    [NEW_ACCOUNT] = on_account, [NEW_ORDER] = on_new_order,     [AUTHORIZATION] = on_authorization,
    [CHALLENGE] = on_challenge, [FINALIZE] = on_finalize,       [AUTHORIZATION_POLL] = on_challenge,
    [ORDER_POLL] = on_order,    [CERTIFICATE] = on_certificate,
};

/* A server may hold the reply to a challenge or finalize back until it is done. It has done so where the reply brings
 * the end, or took as long as no other reply does. */
static bool was_held(const struct client *client, const json_t *object)
{
    if (client->step != CHALLENGE && client->step != FINALIZE)
        return false;
    return status_is(object, "valid") || status_is(object, "invalid") || client->exchange.took_us >= HELD_LEAST_US;
}

static void on_reply(struct client *client)
{
    struct exchange *e = &client->exchange;
    json_t *object = NULL;
    if (client->step != CERTIFICATE && e->len > 0)
        object = json_loadb(e->body, e->len, JSON_REJECT_DUPLICATES, NULL);
    bool held = was_held(client, object);
    tally_add(held ? &client->bench->held[client->step] : &client->bench->plain[client->step], e->took_us);
    handlers[client->step](client, object);
    json_decref(object);
}

static bool is_bad_nonce(const struct exchange *e)
{
    return e->status == 400 && e->nonce[0] != '\0' && e->body != NULL &&
           strstr(e->body, "urn:ietf:params:acme:error:badNonce") != NULL;
}

void client_on_done(struct client *client, CURLcode code)
{
    struct exchange *e = &client->exchange;
    exchange_finish(e);
    if (code != CURLE_OK) {
        fail(client, "%s: %s", client->fetching_nonce ? client->bench->new_nonce : client->url,
             curl_easy_strerror(code));
        return;
    }
    memcpy(client->nonce, e->nonce, sizeof client->nonce);
    if (client->fetching_nonce) {
        tally_add(&client->bench->plain[NEW_NONCE], e->took_us);
        if (client->nonce[0] == '\0')
            fail(client, "newNonce brought no nonce: HTTP status %ld", e->status);
        else
            go(client);
    } else if (is_bad_nonce(e) && client->attempts++ < ATTEMPTS_MAX) {
        client->bench->bad_nonces++;
        go(client);
    } else if (e->status != steps[client->step].expected && e->status != steps[client->step].or_else) {
        fail_with_body(client);
    } else {
        on_reply(client);
    }
}

void client_on_wake(struct client *client)
{
    client->wake_us = 0;
    client->on_wake(client);
}

/* malloc'd; NULL when the key is none. */
static char *account_payload(const struct client *client)
{
    const struct bench *bench = client->bench;
    char *payload = NULL, *binding;
    if (bench->eab_key == NULL)
        return strdup("{\"termsOfServiceAgreed\":true}");
    binding = account_bind(&client->account, bench->new_account, bench->options.eab_kid, bench->eab_key);
    if (binding == NULL ||
        asprintf(&payload, "{\"termsOfServiceAgreed\":true,\"externalAccountBinding\":%s}", binding) < 0)
        payload = NULL;
    free(binding);
    return payload;
}

void client_begin_account(struct client *client)
{
    char *payload = account_payload(client);
    client->bench->active++;
    client->step = NEW_ACCOUNT;
    if (payload == NULL)
        fail(client, "no binding can be made with the key in %s", client->bench->options.eab_key_file);
    else
        request(client, NEW_ACCOUNT, client->bench->new_account, payload);
    free(payload);
}

void client_begin_orders(struct client *client)
{
    client->bench->active++;
    begin_order(client);
}
