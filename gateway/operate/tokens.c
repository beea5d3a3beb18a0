/* tokens: what lets in at admin.listen, made, listed and revoked; and the sessions that begin with one. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "acme/durations.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/operate/object.h"
#include "gateway/operate/page.h"
#include "gateway/tables.h"

enum { DAYS_DEFAULT = 90, DAYS_MAX = 3650 };

/* Never its hash. */
static json_t *token_json(const struct token *token, uint64_t now_ms)
{
    struct object o;
    object_begin(&o);
    object_text(&o, "name", token->name);
    object_text(&o, "role", role_text(token->role));
    object_text(&o, "state", token_state(token, now_ms));
    object_time(&o, "created_ms", token->created_ms);
    object_time(&o, "expires_ms", token->expires_ms);
    object_time(&o, "used_ms", token->used_ms);
    object_time(&o, "revoked_ms", token->revoked_ms);
    return object_end(&o);
}

/* ---- the list ---- */

static json_t *token_row(struct page *page, struct store_txn *txn, struct store_slice key, struct store_slice value)
{
    struct token token;
    uint64_t now_ms = clock_ms();
    (void)txn;
    if (!token_decode(key, value, &token))
        return page_unreadable(page, token.name);
    if (page->request->state[0] && strcmp(page->request->state, token_state(&token, now_ms)) != 0)
        return NULL;
    return page_row(page, token_json(&token, now_ms));
}

void tokens_list(struct request *request)
{
    static const char *const states[] = {"active", "expired", "revoked", NULL};
    struct page page = {.row = token_row};
    struct scan_from from = {.len = 0};
    if (page_takes_state(request, states))
        page_answer(request, ISSUE_TOKENS, &page, &from);
}

/* ---- a new one ---- */

struct token_creation {
    struct token token;
    const struct audit_by *by;
    uint64_t now_ms;
};

static enum store_status create_token(struct store_txn *txn, void *arg)
{
    const struct token_creation *c = arg;
    json_t *members =
        json_pack("{s:s, s:I}", "role", role_text(c->token.role), "expires_ms", (json_int_t)c->token.expires_ms);
    enum store_status status = members ? token_create(txn, &c->token, c->now_ms) : STORE_IO;
    if (status == STORE_OK)
        status = audit_note(txn, "token created", c->token.name, members, c->by, c->now_ms);
    json_decref(members);
    return status;
}

/* "read-1f3a60c2", where nobody gave a name. */
static bool name_token(struct token *token)
{
    uint32_t random;
    bool good = RAND_bytes((unsigned char *)&random, sizeof random) == 1;
    snprintf(token->name, sizeof token->name, "%s-%08x", role_text(token->role), random);
    return good;
}

/* False: answered. */
static bool read_token_body(struct request *request, const json_t *body, struct token_creation *c)
{
    const json_t *days = json_object_get(body, "days"), *name = json_object_get(body, "name");
    const char *role = json_string_value(json_object_get(body, "role"));
    size_t known = 1u + (days != NULL) + (name != NULL);
    json_int_t count = days ? json_integer_value(days) : DAYS_DEFAULT;
    if (!role || !role_read(role, &c->token.role) || json_object_size(body) != known)
        answer_error(
            request->answer, 400,
            "a token wants {\"role\": \"read\", \"operate\" or \"admin\"}, and may have \"name\" and \"days\"");
    else if (name && (!json_is_string(name) || !token_name_good(json_string_value(name)) ||
                      strlen(json_string_value(name)) != json_string_length(name)))
        answer_error(request->answer, 400,
                     "the name of a token has 1 to %d letters, digits, '-', '_', '.' or '@', and no '-' first",
                     TOKEN_NAME_MAX);
    else if (count < 1 || count > DAYS_MAX)
        answer_error(request->answer, 400, "days of a token is a number from 1 to %d", DAYS_MAX);
    else {
        if (name)
            snprintf(c->token.name, sizeof c->token.name, "%s", json_string_value(name));
        c->token.created_ms = c->now_ms;
        c->token.expires_ms = c->now_ms + (uint64_t)count * DAY_MS;
        return true;
    }
    return false;
}

static void answer_token(struct request *request, const struct token_creation *c, const char *text)
{
    json_t *json = token_json(&c->token, c->now_ms);
    if (json && json_object_set_new(json, "token", json_string(text)) != 0) {
        json_decref(json);
        json = NULL;
    }
    log_info("the operator creates a token", "name", c->token.name, "role", role_text(c->token.role));
    answer_json(request->answer, 200, json);
}

void token_post(struct request *request)
{
    struct token_creation c = {.by = &request->by, .now_ms = clock_ms()};
    char text[TOKEN_TEXT_SIZE];
    json_t *body = json_loadb(request->call->body, request->call->body_len, JSON_REJECT_DUPLICATES, NULL);
    bool good = read_token_body(request, body, &c);
    json_decref(body);
    if (!good)
        return;
    enum store_status status = (c.token.name[0] || name_token(&c.token)) && token_draw(&c.token, text)
                                   ? store_call(request->admin->store, create_token, &c)
                                   : STORE_IO;
    if (status == STORE_OK)
        answer_token(request, &c, text);
    else if (status == STORE_EXISTS)
        answer_error(request->answer, 409, "there is a token \"%s\" that still serves; revoke it, or take another name",
                     c.token.name);
    else
        answer_store(request->answer, status, "token");
    OPENSSL_cleanse(text, sizeof text);
}

/* ---- its end ---- */

struct token_end {
    const char *name;
    const struct audit_by *by;
    uint64_t now_ms;
    struct token token;
};

static enum store_status end_token(struct store_txn *txn, void *arg)
{
    struct token_end *e = arg;
    enum store_status status = token_revoke(txn, e->name, e->now_ms, &e->token);
    return status == STORE_OK ? audit_note(txn, "token revoked", e->name, NULL, e->by, e->now_ms) : status;
}

void token_revoke_post(struct request *request)
{
    struct token_end e = {.name = request->argument, .by = &request->by, .now_ms = clock_ms()};
    enum store_status status = store_call(request->admin->store, end_token, &e);
    if (status == STORE_REFUSED) {
        answer_error(request->answer, 409, "the token is %s: nobody is let in by it any more",
                     token_state(&e.token, e.now_ms));
    } else if (status != STORE_OK) {
        answer_store(request->answer, status, "token");
    } else {
        log_info("the operator revokes a token", "name", e.name);
        answer_json(request->answer, 200, token_json(&e.token, e.now_ms));
    }
}

/* ---- sessions ---- */

static json_t *caller_json(const struct caller *caller)
{
    static const char *const kinds[] = {
        [CALLER_TOKEN] = "token", [CALLER_SESSION] = "session", [CALLER_USER] = "proxy"};
    struct object o;
    object_begin(&o);
    object_text(&o, "by", kinds[caller->kind]);
    object_text(&o, "name", caller->kind == CALLER_USER ? caller->user : caller->token);
    object_text(&o, "role", role_text(caller->role));
    object_text(&o, "csrf", caller->csrf);
    object_time(&o, "expires_ms", caller->expires_ms);
    return object_end(&o);
}

void session_get(struct request *request)
{
    answer_json(request->answer, 200, caller_json(request->caller));
}

void session_post(struct request *request)
{
    struct caller *caller = request->caller;
    if (caller->kind != CALLER_TOKEN)
        answer_error(request->answer, 409,
                     "a session begins with a token (Authorization: Bearer), and there is one already");
    else if (!caller_begin_session(request->admin->access, caller, &request->answer->set_cookie))
        answer_error(request->answer, 503, "out of memory");
    else
        answer_json(request->answer, 200, caller_json(caller));
}

void session_delete(struct request *request)
{
    request->answer->set_cookie = caller_end_session(request->admin->access, request->call);
    answer_json(request->answer, 200, json_pack("{s:b}", "ended", request->caller->kind == CALLER_SESSION));
}
