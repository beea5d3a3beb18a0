#include "gateway/operate/access/token.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "acme/base64url.h"
#include "gateway/tables.h"
#include "store/record.h"

enum { SECRET_LEN = 32, RECORD_MAX = 256 };

/* By which people, and programs that look for secrets where they should not be, know one. */
static const char PREFIX[] = "acmegate_";

_Static_assert(sizeof PREFIX - 1 + BASE64URL_SIZE(SECRET_LEN) <= TOKEN_TEXT_SIZE, "a token fits");
_Static_assert(TOKEN_HASH_LEN == SHA256_DIGEST_LENGTH, "it is a SHA-256");

/* ---- roles ---- */

static const char *const roles[] = {[ROLE_READ] = "read", [ROLE_OPERATE] = "operate", [ROLE_ADMIN] = "admin"};

const char *role_text(enum role role)
{
    return roles[role];
}

bool role_read(const char *text, enum role *role)
{
    for (*role = ROLE_READ; *role <= ROLE_ADMIN; ++*role) {
        if (strcmp(roles[*role], text) == 0)
            return true;
    }
    *role = ROLE_READ;
    return false;
}

/* ---- the secret ---- */

bool token_name_good(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@");
    return len > 0 && len <= TOKEN_NAME_MAX && !name[len] && name[0] != '-';
}

static void hash_text(const char *text, uint8_t hash[static TOKEN_HASH_LEN])
{
    SHA256((const uint8_t *)text, strlen(text), hash);
}

bool token_is_ours(const char *text)
{
    return strncmp(text, PREFIX, sizeof PREFIX - 1) == 0;
}

bool token_draw(struct token *token, char text[static TOKEN_TEXT_SIZE])
{
    uint8_t secret[SECRET_LEN];
    bool good = RAND_bytes(secret, sizeof secret) == 1;
    memcpy(text, PREFIX, sizeof PREFIX);
    if (good)
        base64url_encode(secret, sizeof secret, text + sizeof PREFIX - 1);
    hash_text(text, token->hash);
    OPENSSL_cleanse(secret, sizeof secret);
    return good;
}

bool token_serves(const struct token *token, uint64_t now_ms)
{
    return token->revoked_ms == 0 && now_ms < token->expires_ms;
}

const char *token_state(const struct token *token, uint64_t now_ms)
{
    return token->revoked_ms ? "revoked" : token_serves(token, now_ms) ? "active" : "expired";
}

/* ---- records ---- */

bool token_decode(struct store_slice key, struct store_slice value, struct token *token)
{
    struct record_reader r;
    memset(token, 0, sizeof *token);
    if (key.len > TOKEN_NAME_MAX)
        return false;
    memcpy(token->name, key.data, key.len);
    bool known = record_open(&r, value) == 1;
    record_get_fixed(&r, token->hash, sizeof token->hash);
    token->role = record_get_u8(&r);
    token->created_ms = record_get_u64(&r);
    token->expires_ms = record_get_u64(&r);
    token->used_ms = record_get_u64(&r);
    token->revoked_ms = record_get_u64(&r);
    return known && record_complete(&r) && token->role >= ROLE_READ && token->role <= ROLE_ADMIN;
}

static enum store_status save_token(struct store_txn *txn, const struct token *token)
{
    struct record_writer w;
    record_begin(&w, 1, RECORD_MAX);
    record_put_fixed(&w, token->hash, sizeof token->hash);
    record_put_u8(&w, (uint8_t)token->role);
    record_put_u64(&w, token->created_ms);
    record_put_u64(&w, token->expires_ms);
    record_put_u64(&w, token->used_ms);
    record_put_u64(&w, token->revoked_ms);
    enum store_status status =
        w.failed ? STORE_INVALID : store_put(txn, ISSUE_TOKENS, token->name, strlen(token->name), w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status token_load(struct store_txn *txn, const char *name, struct token *token)
{
    struct store_slice value;
    if (!token_name_good(name))
        return STORE_NOT_FOUND;
    enum store_status status = store_get(txn, ISSUE_TOKENS, name, strlen(name), &value);
    if (status == STORE_OK && !token_decode((struct store_slice){(const uint8_t *)name, strlen(name)}, value, token))
        status = STORE_INVALID;
    return status;
}

/* By its hash, of which nobody learns anything by how long that takes but who has the secret; what is found is compared
 * in constant time all the same. */
enum store_status token_find(struct store_txn *txn, const char *text, struct token *token)
{
    uint8_t hash[TOKEN_HASH_LEN];
    char name[TOKEN_NAME_MAX + 1] = "";
    struct store_slice value;
    hash_text(text, hash);
    enum store_status status = store_get(txn, ISSUE_TOKEN_HASHES, hash, sizeof hash, &value);
    if (status != STORE_OK)
        return status;
    if (value.len >= sizeof name)
        return STORE_INVALID;
    memcpy(name, value.data, value.len);
    status = token_load(txn, name, token);
    if (status == STORE_OK && CRYPTO_memcmp(token->hash, hash, sizeof hash) != 0)
        status = STORE_NOT_FOUND;
    return status;
}

enum store_status token_create(struct store_txn *txn, const struct token *token, uint64_t now_ms)
{
    struct token before;
    enum store_status status = token_load(txn, token->name, &before);
    if (status == STORE_OK && token_serves(&before, now_ms))
        return STORE_EXISTS;
    if (status == STORE_OK)
        status = store_delete(txn, ISSUE_TOKEN_HASHES, before.hash, sizeof before.hash);
    if (status == STORE_OK || status == STORE_NOT_FOUND)
        status = save_token(txn, token);
    return status == STORE_OK
               ? store_put(txn, ISSUE_TOKEN_HASHES, token->hash, sizeof token->hash, token->name, strlen(token->name))
               : status;
}

enum store_status token_revoke(struct store_txn *txn, const char *name, uint64_t now_ms, struct token *token)
{
    enum store_status status = token_load(txn, name, token);
    if (status != STORE_OK)
        return status;
    if (!token_serves(token, now_ms))
        return STORE_REFUSED;
    token->revoked_ms = now_ms;
    return save_token(txn, token);
}

enum store_status token_note_use(struct store_txn *txn, const char *name, uint64_t now_ms)
{
    struct token token;
    enum store_status status = token_load(txn, name, &token);
    token.used_ms = now_ms;
    return status == STORE_OK ? save_token(txn, &token) : status;
}
