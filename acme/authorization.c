#include "acme/authorization.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "acme/base64url.h"
#include "acme/records.h"
#include "acme/tables.h"

/* Version 2 adds "subdomains", and was written only where it is true. Version 3, which is written, is compact, and has
 * tokens as the octets that their text stands for. */
enum { RECORD_PLAIN = 1, RECORD_SUBDOMAINS, RECORD_COMPACT };
enum { RECORD_MAX = 32 * 1024, TOKEN_OCTETS = 32, NAME_KEY_LEN = ACME_ID_LEN + SHA256_DIGEST_LENGTH };

/* Legal moves: row from, column to. RFC 8555 section 7.1.6 draws deactivation from "valid" alone; clients also give up
 * pending authorizations after a failure, which is harmless. */
static const bool authz_moves[ACME_AUTHZ_REVOKED + 1][ACME_AUTHZ_REVOKED + 1] = {
    [ACME_AUTHZ_PENDING] = {[ACME_AUTHZ_VALID] = true, [ACME_AUTHZ_INVALID] = true, [ACME_AUTHZ_DEACTIVATED] = true},
    [ACME_AUTHZ_VALID] = {[ACME_AUTHZ_DEACTIVATED] = true, [ACME_AUTHZ_EXPIRED] = true, [ACME_AUTHZ_REVOKED] = true},
};
static const bool challenge_moves[ACME_CHALLENGE_INVALID + 1][ACME_CHALLENGE_INVALID + 1] = {
    [ACME_CHALLENGE_PENDING] = {[ACME_CHALLENGE_PROCESSING] = true},
    [ACME_CHALLENGE_PROCESSING] = {[ACME_CHALLENGE_VALID] = true, [ACME_CHALLENGE_INVALID] = true},
};

bool acme_authz_set_status(struct acme_authz *authz, enum acme_authz_status to)
{
    if (!authz_moves[authz->status][to])
        return false;
    authz->status = to;
    return true;
}

bool acme_challenge_set_status(struct acme_challenge *challenge, enum acme_challenge_status to)
{
    if (!challenge_moves[challenge->status][to])
        return false;
    challenge->status = to;
    return true;
}

const char *acme_authz_status_text(enum acme_authz_status status)
{
    static const char *const texts[] = {
        [ACME_AUTHZ_PENDING] = "pending",         [ACME_AUTHZ_VALID] = "valid",     [ACME_AUTHZ_INVALID] = "invalid",
        [ACME_AUTHZ_DEACTIVATED] = "deactivated", [ACME_AUTHZ_EXPIRED] = "expired", [ACME_AUTHZ_REVOKED] = "revoked",
    };
    return texts[status];
}

const char *acme_challenge_type_text(enum acme_challenge_type type)
{
    static const char *const texts[] = {
        [ACME_HTTP_01] = "http-01",
        [ACME_DNS_01] = "dns-01",
        [ACME_TLS_ALPN_01] = "tls-alpn-01",
        [ACME_DNS_ACCOUNT_01] = "dns-account-01",
        [ACME_DNS_PERSIST_01] = "dns-persist-01",
    };
    return texts[type];
}

const char *acme_challenge_status_text(enum acme_challenge_status status)
{
    static const char *const texts[] = {
        [ACME_CHALLENGE_PENDING] = "pending",
        [ACME_CHALLENGE_PROCESSING] = "processing",
        [ACME_CHALLENGE_VALID] = "valid",
        [ACME_CHALLENGE_INVALID] = "invalid",
    };
    return texts[status];
}

static void get_token(struct record_reader *r, char token[static ACME_TOKEN_TEXT + 1])
{
    uint8_t octets[TOKEN_OCTETS];
    record_get_fixed(r, octets, sizeof octets);
    base64url_encode(octets, sizeof octets, token);
}

static void put_token(struct record_writer *w, const char *token)
{
    uint8_t octets[TOKEN_OCTETS];
    if (base64url_decode(token, strlen(token), octets, sizeof octets) != sizeof octets)
        w->failed = true;
    else
        record_put_fixed(w, octets, sizeof octets);
}

static void get_challenge(struct record_reader *r, struct acme_challenge *challenge)
{
    challenge->type = record_get_choice(r, ACME_CHALLENGE_TYPES - 1);
    challenge->status = record_get_choice(r, ACME_CHALLENGE_INVALID);
    if (r->compact)
        get_token(r, challenge->token);
    else
        record_get_string(r, challenge->token, sizeof challenge->token);
    challenge->validated_s = record_get_u64(r);
    challenge->error = record_dup_optional(r);
}

bool authz_decode(struct store_slice value, struct acme_authz *authz)
{
    struct record_reader r;
    uint8_t version = record_open_upto(&r, value, RECORD_COMPACT);
    r.compact = version >= RECORD_COMPACT;
    record_get_id(&r, &authz->account);
    record_get_id(&r, &authz->order);
    authz->status = record_get_choice(&r, ACME_AUTHZ_REVOKED);
    authz->created_s = record_get_u64(&r);
    authz->expires_s = record_get_u64(&r);
    authz->valid_for_s = record_get_u32(&r);
    record_get_identifier(&r, &authz->identifier);
    authz->wildcard = record_get_bool(&r);
    if (version >= RECORD_SUBDOMAINS)
        authz->subdomains = record_get_bool(&r);
    if (version == RECORD_SUBDOMAINS && !authz->subdomains)
        return false; /* version 1 would have done */
    unsigned count = record_get_u8(&r);
    if (count > ACME_CHALLENGE_TYPES)
        return false;
    while (authz->challenge_count < count && !r.failed)
        get_challenge(&r, &authz->challenges[authz->challenge_count++]);
    return record_complete(&r);
}

bool authz_encode(const struct acme_authz *authz, struct record_writer *w)
{
    record_begin(w, RECORD_COMPACT, RECORD_MAX);
    w->compact = true;
    record_put_id(w, &authz->account);
    record_put_id(w, &authz->order);
    record_put_u8(w, (uint8_t)authz->status);
    record_put_u64(w, authz->created_s);
    record_put_u64(w, authz->expires_s);
    record_put_u32(w, authz->valid_for_s);
    record_put_identifier(w, &authz->identifier);
    record_put_bool(w, authz->wildcard);
    record_put_bool(w, authz->subdomains);
    record_put_u8(w, (uint8_t)authz->challenge_count);
    for (unsigned i = 0; i < authz->challenge_count; i++) {
        const struct acme_challenge *challenge = &authz->challenges[i];
        record_put_u8(w, (uint8_t)challenge->type);
        record_put_u8(w, (uint8_t)challenge->status);
        put_token(w, challenge->token);
        record_put_u64(w, challenge->validated_s);
        record_put_string(w, challenge->error);
    }
    return record_finish(w);
}

enum store_status acme_authz_load(struct store_txn *txn, const struct acme_id *id, struct acme_authz *authz)
{
    struct store_slice value;
    memset(authz, 0, sizeof *authz);
    authz->id = *id;
    enum store_status status = store_get(txn, ACME_AUTHZS, id->octets, ACME_ID_LEN, &value);
    if (status == STORE_OK && !authz_decode(value, authz))
        status = STORE_INVALID;
    return status;
}

enum store_status acme_authz_save(struct store_txn *txn, const struct acme_authz *authz)
{
    struct record_writer w;
    return record_store(txn, ACME_AUTHZS, &authz->id, authz_encode(authz, &w), &w);
}

void acme_authz_clear(struct acme_authz *authz)
{
    for (unsigned i = 0; i < authz->challenge_count; i++)
        free(authz->challenges[i].error);
    memset(authz, 0, sizeof *authz);
}

bool acme_authz_has_order(const struct acme_authz *authz)
{
    static const struct acme_id none;
    return memcmp(&authz->order, &none, sizeof none) != 0;
}

void acme_authz_refresh(struct acme_authz *authz, uint64_t now_s)
{
    if (authz->expires_s > now_s)
        return;
    if (authz->status == ACME_AUTHZ_PENDING)
        acme_authz_set_status(authz, ACME_AUTHZ_INVALID);
    else if (authz->status == ACME_AUTHZ_VALID)
        acme_authz_set_status(authz, ACME_AUTHZ_EXPIRED);
}

bool acme_authz_was_validated(const struct acme_authz *authz)
{
    for (unsigned i = 0; i < authz->challenge_count; i++) {
        if (authz->challenges[i].status == ACME_CHALLENGE_VALID && authz->challenges[i].validated_s > 0)
            return authz->status == ACME_AUTHZ_VALID;
    }
    return false;
}

struct acme_challenge *acme_authz_challenge(struct acme_authz *authz, enum acme_challenge_type type)
{
    for (unsigned i = 0; i < authz->challenge_count; i++)
        if (authz->challenges[i].type == type)
            return &authz->challenges[i];
    return NULL;
}

/* Key of the index of valid authorizations: account, SHA-256 of type and name as the order has it; with "." in front
 * for those that serve the names below it. */
static bool name_key(const struct acme_id *account, const struct acme_identifier *name, const char *front,
                     uint8_t key[static NAME_KEY_LEN])
{
    uint8_t text[1 + 2 + sizeof name->value];
    size_t len = 0, value_len = strnlen(name->value, sizeof name->value);
    text[len++] = (uint8_t)name->type;
    for (; *front; front++)
        text[len++] = (uint8_t)*front;
    memcpy(text + len, name->value, value_len);
    memcpy(key, account->octets, ACME_ID_LEN);
    return SHA256(text, len + value_len, key + ACME_ID_LEN) != NULL;
}

static enum store_status find_indexed(struct store_txn *txn, const struct acme_id *account,
                                      const struct acme_identifier *name, const char *front, struct acme_id *authz)
{
    uint8_t key[NAME_KEY_LEN];
    return name_key(account, name, front, key) ? acme_id_get(txn, ACME_VALID_AUTHZS, key, sizeof key, authz) : STORE_IO;
}

enum store_status acme_valid_authz_find(struct store_txn *txn, const struct acme_id *account,
                                        const struct acme_identifier *name, struct acme_id *authz)
{
    return find_indexed(txn, account, name, "", authz);
}

enum store_status acme_valid_ancestor_find(struct store_txn *txn, const struct acme_id *account,
                                           const struct acme_identifier *domain, struct acme_id *authz)
{
    return find_indexed(txn, account, domain, ".", authz);
}

static enum store_status put_indexed(struct store_txn *txn, const struct acme_authz *authz, const char *front)
{
    uint8_t key[NAME_KEY_LEN];
    if (!name_key(&authz->account, &authz->identifier, front, key))
        return STORE_IO;
    return store_put(txn, ACME_VALID_AUTHZS, key, sizeof key, authz->id.octets, ACME_ID_LEN);
}

enum store_status acme_valid_authz_put(struct store_txn *txn, const struct acme_authz *authz)
{
    enum store_status status = put_indexed(txn, authz, authz->wildcard ? "*." : "");
    return status == STORE_OK && authz->subdomains ? put_indexed(txn, authz, ".") : status;
}

enum store_status acme_authz_deactivate(struct store_txn *txn, struct acme_authz *authz)
{
    return acme_authz_set_status(authz, ACME_AUTHZ_DEACTIVATED) ? acme_authz_save(txn, authz) : STORE_OK;
}

/* Where a newer one does not stand there by now. */
static enum store_status remove_indexed(struct store_txn *txn, const struct acme_authz *authz, const char *front)
{
    uint8_t key[NAME_KEY_LEN];
    struct acme_id found;
    if (!name_key(&authz->account, &authz->identifier, front, key))
        return STORE_IO;
    enum store_status status = acme_id_get(txn, ACME_VALID_AUTHZS, key, sizeof key, &found);
    if (status == STORE_OK && memcmp(&found, &authz->id, sizeof found) == 0)
        status = store_delete(txn, ACME_VALID_AUTHZS, key, sizeof key);
    return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status acme_authz_remove(struct store_txn *txn, const struct acme_authz *authz)
{
    enum store_status status = remove_indexed(txn, authz, authz->wildcard ? "*." : "");
    if (status == STORE_OK && authz->subdomains)
        status = remove_indexed(txn, authz, ".");
    return status == STORE_OK ? store_delete(txn, ACME_AUTHZS, authz->id.octets, ACME_ID_LEN) : status;
}
