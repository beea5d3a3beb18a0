/* session: what a browser has instead of a token: a cookie of 256 random bits, tied to the token that it began with.
 *
 * In memory alone: a restart ends all, and each of several gateways knows its own. The table is bounded: where it is
 * full, or a token has as many as it may, the one that has been idle longest makes room. A session lasts twelve hours
 * at most, and ends when it was idle for one. Any thread.
 */
#ifndef GATEWAY_OPERATE_ACCESS_SESSION_H
#define GATEWAY_OPERATE_ACCESS_SESSION_H

#include "acme/base64url.h"
#include "gateway/operate/access/token.h"

enum { SESSIONS_MAX = 256, SESSIONS_PER_TOKEN = 16, SESSION_LEN = 32, SESSION_TEXT_SIZE = BASE64URL_SIZE(SESSION_LEN) };

struct sessions;

struct session {
    char token[TOKEN_NAME_MAX + 1];
    uint8_t token_hash[TOKEN_HASH_LEN]; /* another token of that name is another */
    uint64_t expires_ms;                /* of the clock that session_begin was given */
};

/* NULL when out of memory. */
struct sessions *sessions_make(void);
void sessions_free(struct sessions *sessions);
/* cookie is for the browser alone. False: no randomness. now_ms is of a clock that nobody sets; *session: what began.
 */
bool session_begin(struct sessions *sessions, const struct token *token, uint64_t now_ms,
                   char cookie[static SESSION_TEXT_SIZE], struct session *session);
/* False: there is none, or it has ended. */
bool session_find(struct sessions *sessions, const char *cookie, uint64_t now_ms, struct session *session);
void session_end(struct sessions *sessions, const char *cookie);

#endif
