#include "acme/external_key.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "acme/base64url.h"
#include "acme/policy.h"
#include "acme/records.h"
#include "acme/tables.h"

enum { KEY_RECORD_MAX = 1024, NONCE_LEN = 12, TAG_LEN = 16, ID_RANDOM_LEN = 15 };

bool external_key_id_good(const char *id)
{
    size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    return len > 0 && len <= EXTERNAL_KEY_ID_MAX && !id[len] && id[0] != '-';
}

/* ---- sealing ---- */

/* The id is bound to it, so that no sealed key can stand in another's record. */
static bool seal_mac(struct external_key *key, const uint8_t seal[static EXTERNAL_KEY_SEAL_LEN],
                     const uint8_t mac[static EXTERNAL_KEY_MAC_LEN])
{
    uint8_t *nonce = key->sealed, *text = nonce + NONCE_LEN, *tag = text + EXTERNAL_KEY_MAC_LEN;
    int len;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx && RAND_bytes(nonce, NONCE_LEN) == 1 &&
                EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, seal, nonce) == 1 &&
                EVP_EncryptUpdate(ctx, NULL, &len, (const uint8_t *)key->id, (int)strlen(key->id)) == 1 &&
                EVP_EncryptUpdate(ctx, text, &len, mac, EXTERNAL_KEY_MAC_LEN) == 1 &&
                EVP_EncryptFinal_ex(ctx, tag, &len) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

bool external_key_open(const struct external_key *key, const uint8_t seal[static EXTERNAL_KEY_SEAL_LEN],
                       uint8_t mac[static EXTERNAL_KEY_MAC_LEN])
{
    const uint8_t *nonce = key->sealed, *text = nonce + NONCE_LEN;
    uint8_t tag[TAG_LEN], rest[TAG_LEN];
    int len;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    memcpy(tag, text + EXTERNAL_KEY_MAC_LEN, TAG_LEN);
    bool good = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, seal, nonce) == 1 &&
                EVP_DecryptUpdate(ctx, NULL, &len, (const uint8_t *)key->id, (int)strlen(key->id)) == 1 &&
                EVP_DecryptUpdate(ctx, mac, &len, text, EXTERNAL_KEY_MAC_LEN) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
                EVP_DecryptFinal_ex(ctx, rest, &len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!good)
        OPENSSL_cleanse(mac, EXTERNAL_KEY_MAC_LEN);
    return good;
}

bool external_key_make(struct external_key *key, const char *id, const char *policy, uint64_t now_s,
                       const uint8_t seal[static EXTERNAL_KEY_SEAL_LEN])
{
    uint8_t random[ID_RANDOM_LEN] = {0}, mac[EXTERNAL_KEY_MAC_LEN] = {0};
    memset(key, 0, sizeof *key);
    key->enabled = true;
    key->created_s = now_s;
    snprintf(key->id, sizeof key->id, "%s", id);
    snprintf(key->policy, sizeof key->policy, "%s", policy);
    bool good = RAND_bytes(random, sizeof random) == 1 && RAND_bytes(mac, sizeof mac) == 1;
    /* Neither text may begin with '-': commands would take it for an option. So it begins with a letter. */
    random[0] &= 0x7f;
    mac[0] &= 0x7f;
    if (good && !*id)
        base64url_encode(random, sizeof random, key->id);
    good = good && seal_mac(key, seal, mac);
    OPENSSL_cleanse(mac, sizeof mac);
    return good;
}

/* ---- records ---- */

bool external_key_decode(struct store_slice id, struct store_slice value, struct external_key *key)
{
    struct record_reader r;
    memset(key, 0, sizeof *key);
    if (id.len > EXTERNAL_KEY_ID_MAX)
        return false;
    memcpy(key->id, id.data, id.len);
    record_open_v1(&r, value);
    record_get_string(&r, key->policy, sizeof key->policy);
    key->enabled = record_get_bool(&r);
    key->created_s = record_get_u64(&r);
    key->accounts = record_get_u32(&r);
    record_get_string(&r, key->note, sizeof key->note);
    record_get_fixed(&r, key->sealed, sizeof key->sealed);
    return record_complete(&r);
}

static bool encode_key(const struct external_key *key, struct record_writer *w)
{
    record_begin(w, 1, KEY_RECORD_MAX);
    record_put_string(w, key->policy);
    record_put_bool(w, key->enabled);
    record_put_u64(w, key->created_s);
    record_put_u32(w, key->accounts);
    record_put_string(w, key->note);
    record_put_fixed(w, key->sealed, sizeof key->sealed);
    return record_finish(w);
}

enum store_status external_key_load(struct store_txn *txn, const char *id, struct external_key *key)
{
    struct store_slice value;
    memset(key, 0, sizeof *key);
    if (!external_key_id_good(id))
        return STORE_NOT_FOUND;
    enum store_status status = store_get(txn, ACME_EXTERNAL_KEYS, id, strlen(id), &value);
    if (status == STORE_OK && !external_key_decode((struct store_slice){(const uint8_t *)id, strlen(id)}, value, key))
        status = STORE_INVALID;
    return status;
}

static enum store_status store_key(struct store_txn *txn, const struct external_key *key,
                                   enum store_status (*put)(struct store_txn *, unsigned, const void *, size_t,
                                                            const void *, size_t))
{
    struct record_writer w;
    if (!encode_key(key, &w))
        return STORE_IO;
    enum store_status status = put(txn, ACME_EXTERNAL_KEYS, key->id, strlen(key->id), w.data, w.len);
    record_free(&w);
    return status;
}

enum store_status external_key_save(struct store_txn *txn, const struct external_key *key)
{
    return store_key(txn, key, store_put);
}

enum store_status external_key_insert(struct store_txn *txn, const struct external_key *key)
{
    return store_key(txn, key, store_insert);
}

/* ---- what an account may ---- */

bool external_key_policy(struct store_txn *txn, const char *external_key, bool required,
                         char policy[static ACME_POLICY_MAX + 1], struct acme_problem *problem)
{
    struct external_key key;
    if (!external_key[0]) {
        snprintf(policy, ACME_POLICY_MAX + 1, "%s", ACME_POLICY_DEFAULT);
        return !required ||
               acme_problem_set(problem, ACME_UNAUTHORIZED,
                                "This account was made without an external account key, and this server now requires "
                                "one; make a new account with one.");
    }
    enum store_status status = external_key_load(txn, external_key, &key);
    if (status != STORE_OK && status != STORE_NOT_FOUND)
        return acme_problem_set(problem, ACME_SERVER_INTERNAL, "The account's external account key cannot be read.");
    memcpy(policy, key.policy, sizeof key.policy);
    return (status == STORE_OK && key.enabled) ||
           acme_problem_set(problem, ACME_UNAUTHORIZED,
                            "The external account key \"%s\" of this account has been disabled.", external_key);
}
