#include "gateway/operate/access/caller.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "acme/durations.h"
#include "acme/limiter.h"
#include "gateway/clock.h"

enum { KEY_LEN = 32, WRITE_AGAIN_S = 60, STORE_RETRY_S = 10 };

/* __Host-: browsers take it over TLS alone, for this host and all its paths (RFC 6265bis section 4.1.3.2). */
static const char COOKIE[] = "__Host-acmegate";
static const char ATTRIBUTES[] = "; Path=/; Secure; HttpOnly; SameSite=Strict";

struct access {
    struct store *store;
    struct sessions *sessions;
    struct limiter *wrong;
    atomic_bool users, roles;             /* whether a proxy says them */
    uint8_t key[KEY_LEN];                 /* of CSRF tokens */
    atomic_uint_least64_t write_again_ms; /* boot time: the store takes no notes of use before */
};

void access_change(struct access *access, const char *user_field, const char *role_field)
{
    atomic_store(&access->users, user_field != NULL);
    atomic_store(&access->roles, role_field != NULL);
}

struct access *access_make(struct store *store, const char *user_field, const char *role_field)
{
    struct access *access = calloc(1, sizeof *access);
    if (!access)
        return NULL;
    access->store = store;
    access_change(access, user_field, role_field);
    access->sessions = sessions_make();
    access->wrong = limiter_make();
    if (access->sessions && access->wrong && RAND_bytes(access->key, sizeof access->key) == 1)
        return access;
    access_free(access);
    return NULL;
}

void access_free(struct access *access)
{
    if (!access)
        return;
    sessions_free(access->sessions);
    limiter_free(access->wrong);
    OPENSSL_cleanse(access->key, sizeof access->key);
    free(access);
}

static bool refuse_caller(struct caller_refusal *refusal, int status, const char *reason)
{
    *refusal = (struct caller_refusal){.status = status, .reason = reason};
    return false;
}

/* kind keeps a session's from being a user's. */
static bool make_csrf(const struct access *access, char kind, const char *of, char csrf[static CALLER_CSRF_SIZE])
{
    uint8_t text[1 + CALLER_USER_MAX + SESSION_TEXT_SIZE], mac[KEY_LEN];
    size_t len = strlen(of);
    unsigned mac_len = 0;
    if (len >= sizeof text)
        return false;
    text[0] = (uint8_t)kind;
    memcpy(text + 1, of, len);
    bool good = HMAC(EVP_sha256(), access->key, sizeof access->key, text, len + 1, mac, &mac_len) != NULL;
    if (good)
        base64url_encode(mac, sizeof mac, csrf);
    return good;
}

/* ---- tokens ---- */

/* A wrong token costs its address one of a few a minute. A right one is let in all the same: nobody guesses 256 bits,
 * and whoever shares an address with a program that has an old one is not shut out by it. */
static bool refuse_token(struct access *access, const struct http_call *call, const char *reason,
                         struct caller_refusal *refusal)
{
    uint32_t wait_s = limiter_take_address(access->wrong, call->peer, WRONG_TOKENS_PER_MINUTE, clock_boot_ms());
    refuse_caller(refusal, wait_s ? 429 : 401, wait_s ? "too many wrong tokens come from this address" : reason);
    refusal->retry_after_s = wait_s;
    return false;
}

struct use {
    const char *name;
    uint64_t now_ms;
};

static enum store_status note_use(struct store_txn *txn, void *arg)
{
    const struct use *use = arg;
    return token_note_use(txn, use->name, use->now_ms);
}

/* Where the store takes nothing (it is full, say), asking goes on, and noting is tried again later. */
static void keep_use(struct access *access, const struct token *token, uint64_t now_ms)
{
    struct use use = {.name = token->name, .now_ms = now_ms};
    if ((token->used_ms && now_ms < token->used_ms + HOUR_MS) ||
        clock_boot_ms() < atomic_load_explicit(&access->write_again_ms, memory_order_relaxed))
        return;
    if (store_call(access->store, note_use, &use) != STORE_OK)
        atomic_store_explicit(&access->write_again_ms, clock_boot_ms() + WRITE_AGAIN_S * SECOND_MS,
                              memory_order_relaxed);
}

static bool take_token(struct access *access, const struct token *token, struct caller *caller)
{
    uint64_t now_ms = clock_ms();
    caller->role = token->role;
    caller->expires_ms = token->expires_ms;
    memcpy(caller->token, token->name, sizeof token->name);
    memcpy(caller->token_hash, token->hash, sizeof token->hash);
    keep_use(access, token, now_ms);
    return true;
}

static bool refuse_unread(struct caller_refusal *refusal)
{
    refuse_caller(refusal, 503, "the store cannot be read now, so nobody can be let in here");
    refusal->retry_after_s = STORE_RETRY_S;
    return false;
}

/* text NULL: by name. */
static enum store_status read_token(struct store *store, const char *text, const char *name, struct token *token)
{
    struct store_txn *txn;
    enum store_status status = store_read(store, &txn);
    if (status != STORE_OK)
        return status;
    status = text ? token_find(txn, text, token) : token_load(txn, name, token);
    store_read_end(txn);
    return status;
}

static const char SCHEME[] = "Bearer ";

/* Proxies pass on what somebody signed in to them with (Basic, or a token of theirs): that is no wrong token of ours.
 */
static bool shows_token(const struct access *access, const struct http_call *call)
{
    bool ours = strncasecmp(call->authorization, SCHEME, sizeof SCHEME - 1) == 0 &&
                token_is_ours(call->authorization + sizeof SCHEME - 1);
    return call->authorization[0] && (ours || !(access->users && call->user[0]));
}

static bool find_by_token(struct access *access, const struct http_call *call, struct caller *caller,
                          struct caller_refusal *refusal)
{
    struct token token;
    caller->kind = CALLER_TOKEN;
    if (strncasecmp(call->authorization, SCHEME, sizeof SCHEME - 1) != 0)
        return refuse_token(access, call, "Authorization wants Bearer and a token", refusal);
    enum store_status status = read_token(access->store, call->authorization + sizeof SCHEME - 1, NULL, &token);
    if (status == STORE_NOT_FOUND)
        return refuse_token(access, call, "nobody has such a token; acmegatectl token list tells which there are",
                            refusal);
    if (status != STORE_OK)
        return refuse_unread(refusal);
    memcpy(caller->token, token.name, sizeof token.name);
    if (token.revoked_ms)
        return refuse_token(access, call, "the token was revoked; acmegatectl token create makes another", refusal);
    if (!token_serves(&token, clock_ms()))
        return refuse_token(access, call, "the token has expired; acmegatectl token create makes another", refusal);
    return take_token(access, &token, caller);
}

/* ---- sessions ---- */

bool caller_cookie(const char *field, char value[static SESSION_TEXT_SIZE])
{
    unsigned found = 0;
    while (*field) {
        size_t len = strcspn(field, ";"), name_len = sizeof COOKIE - 1;
        if (len > name_len && memcmp(field, COOKIE, name_len) == 0 && field[name_len] == '=') {
            size_t value_len = len - name_len - 1;
            if (value_len == 0 || value_len >= SESSION_TEXT_SIZE)
                return false;
            memcpy(value, field + name_len + 1, value_len);
            value[value_len] = '\0';
            found++;
        }
        field += len + (field[len] == ';');
        field += strspn(field, " \t");
    }
    return found == 1;
}

static bool find_by_session(struct access *access, const struct http_call *call, struct caller *caller,
                            struct caller_refusal *refusal)
{
    static const char OVER[] = "the session is over; begin another with a token";
    char cookie[SESSION_TEXT_SIZE];
    struct session session;
    struct token token;
    uint64_t boot_ms = clock_boot_ms();
    caller->kind = CALLER_SESSION;
    if (!caller_cookie(call->cookie, cookie))
        return refuse_caller(refusal, 401,
                             "a token is wanted (Authorization: Bearer), or a session that began with one");
    if (!session_find(access->sessions, cookie, boot_ms, &session))
        return refuse_caller(refusal, 401, OVER);
    enum store_status status = read_token(access->store, NULL, session.token, &token);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return refuse_unread(refusal);
    memcpy(caller->token, session.token, sizeof session.token);
    if (status == STORE_NOT_FOUND || memcmp(token.hash, session.token_hash, sizeof token.hash) != 0 ||
        !token_serves(&token, clock_ms())) {
        session_end(access->sessions, cookie);
        return refuse_caller(refusal, 401, "the token that the session began with has ended, and the session with it");
    }
    if (!make_csrf(access, 's', cookie, caller->csrf))
        return refuse_caller(refusal, 503, ACME_OUT_OF_MEMORY);
    take_token(access, &token, caller);
    uint64_t session_ms = clock_ms() + (session.expires_ms - boot_ms);
    caller->expires_ms = session_ms < token.expires_ms ? session_ms : token.expires_ms;
    return true;
}

/* The browser forgets it no later than we do. */
static char *cookie_field(const char *value, uint64_t seconds)
{
    char *field = NULL;
    int len = asprintf(&field, "%s=%s%s; Max-Age=%llu", COOKIE, value, ATTRIBUTES, (unsigned long long)seconds);
    return len < 0 ? NULL : field;
}

bool caller_begin_session(struct access *access, struct caller *caller, char **cookie)
{
    char value[SESSION_TEXT_SIZE];
    struct session session;
    struct token token = {.name = ""};
    uint64_t now_ms = clock_ms(), boot_ms = clock_boot_ms();
    memcpy(token.name, caller->token, sizeof token.name);
    memcpy(token.hash, caller->token_hash, sizeof token.hash);
    if (!session_begin(access->sessions, &token, boot_ms, value, &session) ||
        !make_csrf(access, 's', value, caller->csrf))
        return false;
    uint64_t lasts_ms = session.expires_ms - boot_ms;
    if (caller->expires_ms - now_ms < lasts_ms)
        lasts_ms = caller->expires_ms - now_ms;
    caller->kind = CALLER_SESSION;
    caller->expires_ms = now_ms + lasts_ms;
    *cookie = cookie_field(value, lasts_ms / SECOND_MS);
    OPENSSL_cleanse(value, sizeof value);
    return *cookie != NULL;
}

char *caller_end_session(struct access *access, const struct http_call *call)
{
    char cookie[SESSION_TEXT_SIZE];
    if (caller_cookie(call->cookie, cookie))
        session_end(access->sessions, cookie);
    return cookie_field("", 0);
}

/* ---- users of a proxy ---- */

/* Audit and log are UTF-8, and a terminal shows them. */
static bool is_user_name(const char *text)
{
    json_t *utf8 = json_string(text);
    bool good = utf8 && strlen(text) <= CALLER_USER_MAX;
    json_decref(utf8);
    for (; good && *text; text++)
        good = (unsigned char)*text >= ' ' && *text != 127;
    return good;
}

static bool find_by_proxy(struct access *access, const struct http_call *call, struct caller *caller,
                          struct caller_refusal *refusal)
{
    caller->kind = CALLER_USER;
    caller->role = ROLE_READ;
    if (!is_user_name(call->user))
        return refuse_caller(refusal, 400, "the proxy in front names a user who cannot be written down");
    snprintf(caller->user, sizeof caller->user, "%s", call->user);
    if (access->roles && !role_read(call->role, &caller->role))
        return refuse_caller(refusal, 403,
                             "the proxy in front gives this user none of the roles read, operate and admin");
    return make_csrf(access, 'u', call->user, caller->csrf) || refuse_caller(refusal, 503, ACME_OUT_OF_MEMORY);
}

/* ---- all of them ---- */

static bool is_change(const struct http_call *call)
{
    return strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0;
}

static bool has_csrf(const struct http_call *call, const struct caller *caller)
{
    size_t len = strlen(caller->csrf);
    return strlen(call->csrf) == len && CRYPTO_memcmp(call->csrf, caller->csrf, len) == 0;
}

bool caller_find(struct access *access, const struct http_call *call, struct caller *caller,
                 struct caller_refusal *refusal)
{
    bool found;
    *caller = (struct caller){.role = 0};
    if (call->ambiguous)
        return refuse_caller(refusal, 400, "a header field that says who asks stands there more than once");
    if (shows_token(access, call))
        return find_by_token(access, call, caller, refusal);
    found = access->users && call->user[0] ? find_by_proxy(access, call, caller, refusal)
                                           : find_by_session(access, call, caller, refusal);
    if (found && is_change(call) && !has_csrf(call, caller))
        return refuse_caller(refusal, 403, "a change wants X-CSRF-Token, which GET /session tells");
    return found;
}
