/* external_key: keys that bind an account to a policy, RFC 8555 section 7.3.4.
 *
 * The HMAC key is sealed (AES-256-GCM) under a key that is not in the store, and opened only to check a binding or to
 * be shown once. Disabling a key stops its accounts at their next request. Records are read in a snapshot or a
 * store_fn, changed in a store_fn.
 */
#ifndef ACME_EXTERNAL_KEY_H
#define ACME_EXTERNAL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/limits.h"
#include "acme/problem.h"
#include "store/store.h"

enum {
    EXTERNAL_KEY_ID_MAX = 64,   /* octets of a key id */
    EXTERNAL_KEY_MAC_LEN = 32,  /* octets of an HMAC key */
    EXTERNAL_KEY_SEAL_LEN = 32, /* octets of the key that seals */
    EXTERNAL_KEY_NOTE_MAX = 255,
    EXTERNAL_KEY_SEALED_LEN = 12 + EXTERNAL_KEY_MAC_LEN + 16, /* nonce, ciphertext, tag */
};

struct external_key {
    char id[EXTERNAL_KEY_ID_MAX + 1];
    char policy[ACME_POLICY_MAX + 1];
    bool enabled;
    uint64_t created_s;
    uint32_t accounts;                    /* bound with it so far */
    char note[EXTERNAL_KEY_NOTE_MAX + 1]; /* the operator's */
    uint8_t sealed[EXTERNAL_KEY_SEALED_LEN];
};

/* Key ids are 1 to 64 of A-Z, a-z, 0-9, '-' and '_', and do not begin with '-'. */
bool external_key_id_good(const char *id);
/* A new one with a random id (where id is "") and HMAC key, which both begin with a letter in base64url; false when the
 * random generator fails. */
bool external_key_make(struct external_key *key, const char *id, const char *policy, uint64_t now_s,
                       const uint8_t seal[static EXTERNAL_KEY_SEAL_LEN]);
/* The HMAC key, to be wiped by the caller. False where it was sealed under another key. */
bool external_key_open(const struct external_key *key, const uint8_t seal[static EXTERNAL_KEY_SEAL_LEN],
                       uint8_t mac[static EXTERNAL_KEY_MAC_LEN]);

/* STORE_OK, STORE_NOT_FOUND, STORE_INVALID. */
enum store_status external_key_load(struct store_txn *txn, const char *id, struct external_key *key);
enum store_status external_key_save(struct store_txn *txn, const struct external_key *key);
/* STORE_EXISTS where the id is taken. */
enum store_status external_key_insert(struct store_txn *txn, const struct external_key *key);
/* From a stored pair, for lists. */
bool external_key_decode(struct store_slice id, struct store_slice value, struct external_key *key);

/* The policy that an account has now: that of its key, where the key is still enabled. external_key "": the account was
 * made without one, and has the default policy unless a key is required. False sets *problem (unauthorized). */
bool external_key_policy(struct store_txn *txn, const char *external_key, bool required,
                         char policy[static ACME_POLICY_MAX + 1], struct acme_problem *problem);

#endif
