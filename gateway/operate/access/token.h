/* token: what an operator shows at admin.listen: 256 random bits, of which the store has the SHA-256 alone.
 *
 * A token has a name and a role, and ends by itself or by revocation. One that has ended stays in the list, until a new
 * one takes its name. The functions that take a transaction are for a store_fn, or for a snapshot where they only read.
 */
#ifndef GATEWAY_OPERATE_ACCESS_TOKEN_H
#define GATEWAY_OPERATE_ACCESS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/* Each may do what those before it may. */
enum role { ROLE_READ = 1, ROLE_OPERATE, ROLE_ADMIN };
const char *role_text(enum role role); /* "read"; static */
/* False: it is no role's name. */
bool role_read(const char *text, enum role *role);

enum { TOKEN_NAME_MAX = 64, TOKEN_HASH_LEN = 32, TOKEN_TEXT_SIZE = 64 };

struct token {
    char name[TOKEN_NAME_MAX + 1];
    enum role role;
    uint8_t hash[TOKEN_HASH_LEN];
    uint64_t created_ms, expires_ms;
    uint64_t used_ms;    /* at most an hour before it was last used; 0: never */
    uint64_t revoked_ms; /* 0: it is not */
};

/* 1 to 64 letters, digits, '-', '_', '.' or '@', no '-' first. */
bool token_name_good(const char *name);
/* Whether the text may be a token's at all, by how it begins. */
bool token_is_ours(const char *text);
/* Draws a secret and sets token->hash. The caller shows the text once, and wipes it. False: no randomness. */
bool token_draw(struct token *token, char text[static TOKEN_TEXT_SIZE]);
/* STORE_EXISTS: one of that name still serves. */
enum store_status token_create(struct store_txn *txn, const struct token *token, uint64_t now_ms);
enum store_status token_load(struct store_txn *txn, const char *name, struct token *token);
/* The one whose secret this is, whether it serves or not. */
enum store_status token_find(struct store_txn *txn, const char *text, struct token *token);
/* STORE_REFUSED: it has ended already; *token says how. */
enum store_status token_revoke(struct store_txn *txn, const char *name, uint64_t now_ms, struct token *token);
/* Notes that it was used now. */
enum store_status token_note_use(struct store_txn *txn, const char *name, uint64_t now_ms);
/* A row of the table; false: it cannot be read. */
bool token_decode(struct store_slice key, struct store_slice value, struct token *token);
/* "active", "expired" or "revoked"; static. */
const char *token_state(const struct token *token, uint64_t now_ms);
bool token_serves(const struct token *token, uint64_t now_ms);

#endif
