/* caller: who asks at admin.listen, and what he may do.
 *
 * A token (Authorization: Bearer), a session that began with one (a cookie), or a user whom a trusted proxy in front
 * has signed in. What a browser sends by itself, the latter two, has to prove for each change that a page of ours sent
 * it: by X-CSRF-Token, which pages of others cannot know. Any thread; blocks at most for a read of the store, and once
 * an hour and token for a write.
 */
#ifndef GATEWAY_OPERATE_ACCESS_CALLER_H
#define GATEWAY_OPERATE_ACCESS_CALLER_H

#include "gateway/http/http.h"
#include "gateway/operate/access/session.h"

enum { CALLER_USER_MAX = 128, CALLER_CSRF_SIZE = BASE64URL_SIZE(32), WRONG_TOKENS_PER_MINUTE = 10 };

struct access;

/* NULL when out of memory. user_field, role_field: what http_config has; NULL: no proxy says anything. */
struct access *access_make(struct store *store, const char *user_field, const char *role_field);
/* Another configuration. Any thread. */
void access_change(struct access *access, const char *user_field, const char *role_field);
void access_free(struct access *access);

struct caller {
    enum caller_kind { CALLER_TOKEN = 1, CALLER_SESSION, CALLER_USER } kind;
    enum role role;
    char token[TOKEN_NAME_MAX + 1]; /* the session's, too; "" for a user */
    char user[CALLER_USER_MAX + 1]; /* "" for a token */
    char csrf[CALLER_CSRF_SIZE];    /* what X-CSRF-Token has to be; "" for a token, which needs none */
    uint64_t expires_ms;            /* UNIX time: of token or session; 0: when the proxy says so */
    uint8_t token_hash[TOKEN_HASH_LEN];
};

/* Why nobody is let in: the answer's status and sentence (static). */
struct caller_refusal {
    int status;
    const char *reason;
    uint32_t retry_after_s;
};

/* False: *refusal says why. */
bool caller_find(struct access *access, const struct http_call *call, struct caller *caller,
                 struct caller_refusal *refusal);

/* A session of the token that the caller has shown; *cookie (malloc'd) is the whole Set-Cookie field. csrf and
 * expires_ms of *caller become the session's. False: out of memory. */
bool caller_begin_session(struct access *access, struct caller *caller, char **cookie);
/* The session that the call comes with, and the Set-Cookie field (malloc'd; NULL: out of memory) that forgets it. */
char *caller_end_session(struct access *access, const struct http_call *call);

/* The value of our cookie within a Cookie field (RFC 6265 section 4.2); false: it is not there, there twice, or too
 * long. */
bool caller_cookie(const char *field, char value[static SESSION_TEXT_SIZE]);

#endif
